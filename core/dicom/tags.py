"""Every element of a DICOM file as rows of text, for a person who wants to look: bounded.

What a row may hold is limited before anything is converted, so that a contour of a million numbers
or a sequence nested a thousand deep costs as little as a name. Values are shown as they are stored,
names of patients too, because somebody asked for this one file; nothing here logs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.charset import convert_encodings
from pydicom.datadict import (
    dictionary_description,
    dictionary_has_tag,
    dictionary_VR,
    keyword_for_tag,
)
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID

from core.dicom.headers import sniff
from core.dicom.parsing import PARSE_ERRORS, Parsed, parse, quiet
from core.errors import Cancelled, FileRefusedError

#: Sequences within sequences are followed so far; a content tree of a report has about as many.
MAX_DEPTH = 12
#: Rows of one listing. An enhanced CT of 1000 frames has some 30,000 elements.
MAX_ROWS = 50_000
#: Bytes of a stored value that are looked at, and letters of it that are shown.
_BYTES = 2048
MAX_LETTERS = 512

_BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB or OW", "US or OW"))
_UNDEFINED = 0xFFFFFFFF
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, slots=True)
class TagRow:
    """One element, or one item of a sequence.

    depth: 0 for the file's own elements. tag: "(0010,0010)", empty for an item. keyword: empty for
    private elements. value: at most :data:`MAX_LETTERS` letters, without control characters;
    "132 bytes" for binary data, "2 items" for a sequence.
    """

    depth: int
    tag: str
    keyword: str
    name: str
    vr: str
    value: str


@dataclass(frozen=True, slots=True)
class TagListing:
    """The elements of one file in its order, items below their sequence.

    syntax: name of the transfer syntax. hays: for each row what a search looks at, in lower case.
    truncated: there were more than :data:`MAX_ROWS`.
    """

    path: Path
    syntax: str
    rows: tuple[TagRow, ...]
    hays: tuple[str, ...]
    truncated: bool = False


def read_tags(path: Path, cancelled: Callable[[], bool] | None = None) -> TagListing:
    """All elements of ``path``; of pixel data only where they lie.

    Raises FileRefusedError when it is not DICOM or damaged before the first element, and Cancelled.
    """
    sniff(path)
    parsed = parse(path)
    rows: list[TagRow] = []
    truncated = False
    with quiet():
        for row in _all_rows(parsed):
            if len(rows) == MAX_ROWS:
                truncated = True
                break
            if len(rows) % 256 == 0 and cancelled is not None and cancelled():
                raise Cancelled
            rows.append(row)
    if not rows:
        raise FileRefusedError(path, "no DICOM element could be read from it", "Copy it again.")
    hays = tuple(_haystack(row) for row in rows)
    return TagListing(path, UID(parsed.syntax).name, tuple(rows), hays, truncated)


def matching(listing: TagListing, text: str) -> list[int]:
    """Indices of the rows that hold every word of ``text``, and of the sequences they lie in."""
    words = text.casefold().split()
    if not words:
        return list(range(len(listing.rows)))
    kept: list[int] = []
    above: list[int] = []  # the row at each depth that the present one lies in
    for index, row in enumerate(listing.rows):
        del above[row.depth :]
        above.append(index)
        hay = listing.hays[index]
        if all(word in hay for word in words):
            done = kept[-1] if kept else -1
            kept += [at for at in above if at > done]
    return kept


def as_text(rows: Iterable[TagRow]) -> str:
    """Rows as lines with tabs, indented by depth, to be pasted elsewhere."""
    return "\n".join(
        "\t".join(("  " * row.depth + row.tag, row.vr, row.keyword or row.name, row.value)).rstrip()
        for row in rows
    )


def _haystack(row: TagRow) -> str:
    """Tag with and without its brackets and comma, names and value."""
    plain = row.tag.strip("()").replace(",", "")
    return "\n".join((row.tag, plain, row.keyword, row.name, row.vr, row.value)).casefold()


def _all_rows(parsed: Parsed) -> Iterator[TagRow]:
    meta = getattr(parsed.dataset, "file_meta", None)
    if isinstance(meta, Dataset):
        yield from _rows(meta, 0)
    yield from _rows(parsed.dataset, 0)
    if parsed.pixels is not None:
        tag = BaseTag(parsed.pixels.tag)
        length = parsed.pixels.length
        value = "compressed" if length is None else _bytes(length)
        yield TagRow(0, _number(tag), keyword_for_tag(tag), _name(tag), "OW", value)


def _rows(dataset: Dataset, depth: int) -> Iterator[TagRow]:
    encodings = convert_encodings(dataset.original_character_set or "iso8859")
    for tag in sorted(dataset.keys()):
        raw = dataset.get_item(tag)
        vr = _vr(raw, tag)
        keyword = keyword_for_tag(tag)
        if vr == "SQ":
            yield from _sequence(dataset, tag, depth)
            continue
        value = _short(raw, vr, encodings)
        yield TagRow(depth, _number(tag), keyword, _name(tag), vr, value)


def _sequence(dataset: Dataset, tag: BaseTag, depth: int) -> Iterator[TagRow]:
    head = (depth, _number(tag), keyword_for_tag(tag), _name(tag), "SQ")
    try:
        value = dataset[tag].value
        items = list(value) if isinstance(value, Sequence) else []
    except PARSE_ERRORS:
        yield TagRow(*head, "damaged")
        return
    count = f"{len(items)} item" + ("" if len(items) == 1 else "s")
    if items and depth + 2 > MAX_DEPTH:
        yield TagRow(*head, f"{count}, nested too deeply to be listed")
        return
    yield TagRow(*head, count)
    for number, item in enumerate(items, start=1):
        yield TagRow(depth + 1, "", "", f"Item {number}", "", "")
        yield from _rows(item, depth + 2)


def _vr(raw: DataElement | RawDataElement | None, tag: BaseTag) -> str:
    if raw is None:
        return "UN"
    if raw.VR:
        return str(raw.VR)
    if tag.is_private_creator:
        return "LO"
    return str(dictionary_VR(tag)) if dictionary_has_tag(tag) else "UN"


def _short(raw: DataElement | RawDataElement | None, vr: str, encodings: list[str]) -> str:
    """A value as text; of a long one only the beginning is ever converted."""
    if isinstance(raw, RawDataElement):
        stored = raw.value or b""
        length = raw.length if raw.length != _UNDEFINED else len(stored)
        if vr in _BINARY:
            return _printable(stored, length) if vr == "UN" else _bytes(length)
        cut = len(stored) > _BYTES
        if cut:
            raw = raw._replace(value=_beginning(stored), length=_BYTES)
        try:
            element = convert_raw_data_element(raw._replace(VR=vr), encoding=encodings)
            shown = _words(element.value)
        except PARSE_ERRORS:
            return f"damaged, {_bytes(length)}"
        return f"{_elided(shown, MAX_LETTERS - 24)} … {_bytes(length)}" if cut else _elided(shown)
    value = None if raw is None else raw.value
    if isinstance(value, bytes):
        return _bytes(len(value))
    return _elided(_words(value))


def _beginning(stored: bytes) -> bytes:
    """The first values: cut at a separator of text, or at a multiple of eight bytes."""
    start = stored[:_BYTES]
    at = start.rfind(b"\\")
    return start[:at] if at > 0 else start


def _words(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, MultiValue | list | tuple):
        return "\\".join(str(part) for part in value)
    if isinstance(value, UID):
        name = value.name
        return str(value) if name == str(value) else f"{value} ({name})"
    return str(value)


def _printable(stored: bytes, length: int) -> str:
    """Private data of unknown kind: as text where it is short and reads as such."""
    text = stored.rstrip(b"\0 ")
    if 0 < len(text) <= 64 and all(32 <= byte < 127 for byte in text):
        return text.decode("ascii")
    return _bytes(length)


def _elided(text: str, limit: int = MAX_LETTERS) -> str:
    plain = _CONTROL.sub(" ", text).strip()
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count} bytes"


def _number(tag: BaseTag) -> str:
    return f"({tag.group:04X},{tag.element:04X})"


def _name(tag: BaseTag) -> str:
    if tag.is_private_creator:
        return "Private creator"
    if tag.is_private:
        return "Private element"
    if tag.element == 0:
        return "Group length"
    return dictionary_description(tag) if dictionary_has_tag(tag) else "Unknown element"
