"""NRRD, attached (.nrrd) and detached (.nhdr); https://teem.sourceforge.net/nrrd/format.html."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import FileRefusedError
from core.formats.fields import Fields
from core.formats.layout import CONVERT, NO_ORIENTATION, Coding, Layout, beside, grid, three
from core.formats.stream import file_size, head
from core.geometry import Geometry
from core.volume import Check

#: Headers of segmentations with hundreds of segments have some hundred kilobytes.
_MOST = 1 << 22

_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long",
           "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}  # fmt: skip
_CODES = {name: code for code, names in _TYPES.items() for name in names}

_WORDS = {
    "right": (0, -1.0), "left": (0, 1.0), "anterior": (1, -1.0), "posterior": (1, 1.0),
    "inferior": (2, -1.0), "superior": (2, 1.0),
}  # fmt: skip
_UNITS = {"": 1.0, "mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "µm": 0.001}
_SPATIAL = ("domain", "space", "???", "none", "")


@dataclass(frozen=True, slots=True)
class _Header(Fields):
    """keys: key/value pairs, names as written."""

    kind = "NRRD"
    keys: dict[str, str]

    def words(self, name: str) -> list[str]:
        return self.text(name).split()


@np.errstate(all="ignore")  # what is not finite is no grid, and refused as that
def read_nrrd(path: Path) -> Layout:
    """The header of a .nrrd or .nhdr file. Raises FileRefusedError."""
    header = _parse(path)
    axes = _sizes(header)
    components, spatial = _axes(header, axes)
    size = three(path, [axes[i] for i in spatial])
    geometry, checks = _geometry(header, spatial[:3], size)
    code = _CODES.get(header.fields.get("type", "").lower())
    if code is None:
        raise FileRefusedError(path, f"its values have an unusual type ({_type(header)})")
    dtype = np.dtype(code)
    if dtype.itemsize > 1:
        endian = header.fields.get("endian", "").lower()
        if endian not in ("little", "big"):
            raise header.damaged("endian")
        dtype = dtype.newbyteorder("<" if endian == "little" else ">")
    data, start = _place(header)
    coding: Coding = _coding(header)
    skip = header.whole("byteskip")
    if skip == -1 and coding == "raw":
        need = int(np.prod(axes, dtype=object)) * dtype.itemsize
        skip = max(0, file_size(data) - start - need)
    if skip < 0 or header.whole("lineskip") or (skip > _MOST and coding != "raw"):
        raise FileRefusedError(
            path, "its header leaves out lines or bytes before the pixel data", CONVERT
        )
    return Layout(
        path=path,
        data=data,
        start=start,
        skip=skip,
        coding=coding,
        dtype=dtype,
        geometry=geometry,
        components=components,
        segments=tuple(_segments(header.keys)),
        checks=checks,
    )


def _type(header: _Header) -> str:
    return header.fields.get("type", "")[:24] or "none given"


def _parse(path: Path) -> _Header:
    for most in (1 << 16, _MOST):
        data, packed = head(path, most)
        if packed or not data.startswith(b"NRRD000"):
            raise FileRefusedError(path, "it is no NRRD file (damaged, or of another kind)")
        found = _fields(path, data, whole=len(data) < most)
        if found is not None:
            return found
    raise FileRefusedError(path, "its NRRD header has no end", "Copy or export it again.")


def _fields(path: Path, data: bytes, whole: bool) -> _Header | None:
    """The header at the start of ``data``, None when it does not end there. whole: a whole file."""
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    at = data.find(b"\n") + 1
    while 0 < at < len(data):
        stop = data.find(b"\n", at)
        line = data[at : stop if stop >= 0 else len(data)].rstrip(b"\r").decode("utf-8", "replace")
        at = stop + 1 if stop >= 0 else len(data)
        if not line:
            return _Header(path, fields, at, keys)
        if line.startswith("#"):
            continue
        key, equals, value = line.partition(":=")
        name, colon, text = line.partition(": ")
        if equals and (not colon or len(key) <= len(name)):
            keys[key] = value
        elif colon or line.endswith(":"):
            fields[name.rstrip(":").replace(" ", "").lower()] = text.strip()
    # A detached header may end without a blank line.
    return _Header(path, fields, at, keys) if whole and "datafile" in fields else None


def _sizes(header: _Header) -> list[int]:
    words = header.words("sizes")
    if not words or any(not re.fullmatch(r"\d{1,18}", w, re.ASCII) for w in words):
        raise header.damaged("sizes")
    if header.whole("dimension") != len(words) or len(words) > 16:
        raise header.damaged("dimension")
    return [int(word) for word in words]


def _axes(header: _Header, sizes: list[int]) -> tuple[int, list[int]]:
    """Values a voxel, and the axes that are places (with those of length one at the end)."""
    kinds = [kind.lower() for kind in header.words("kinds")] or ["domain"] * len(sizes)
    if len(kinds) != len(sizes):
        raise header.damaged("kinds")
    vectors = _vectors(header.fields.get("spacedirections", ""))
    if vectors and len(vectors) != len(sizes):
        raise header.damaged("space directions")
    other = [
        index
        for index, kind in enumerate(kinds)
        if kind not in _SPATIAL or (vectors and vectors[index] is None)
    ]
    if not other:
        return 1, list(range(len(sizes)))
    long = [index for index in other if sizes[index] != 1]
    if long and long != [0]:
        raise FileRefusedError(
            header.path, f"it holds {sizes[long[0]]} volumes, not one", "Export one of them."
        )
    return (sizes[0] if long else 1), [i for i in range(len(sizes)) if i not in other]


def _vectors(text: str) -> list[list[float] | None]:
    """The vectors of ``(1,0,0) none (0,1,0)``; None for an axis without one."""
    found: list[list[float] | None] = []
    for part in re.findall(r"none|\([^()]*\)", text, re.IGNORECASE):
        if part.lower() == "none":
            found.append(None)
            continue
        try:
            found.append([float(number) for number in part[1:-1].split(",")])
        except ValueError:
            found.append([])
    return found


def _geometry(
    header: _Header, spatial: list[int], size: tuple[int, int, int]
) -> tuple[Geometry, tuple[Check, ...]]:
    vectors = _vectors(header.fields.get("spacedirections", ""))
    if not vectors:
        spacings = header.numbers("spacings")
        if not spacings:
            text = "The file gives no pixel spacing; 1 mm was assumed and no length is reliable."
            checks = (Check("no-spacing", text), NO_ORIENTATION)
            return grid(header.path, size, np.eye(3), np.zeros(3)), checks
        if len(spacings) <= max(spatial):
            raise header.damaged("spacings")
        steps = np.abs([spacings[i] for i in spatial])
        return grid(header.path, size, np.diag(steps), np.zeros(3)), (NO_ORIENTATION,)
    chosen = [vectors[i] for i in spatial]
    # A fourth dimension (of length one) gives every vector a fourth number.
    if any(v is None or len(v) not in (3, len(vectors)) for v in chosen) or len(vectors) < 3:
        raise header.damaged("space directions")
    turn, named = _space(header)
    unit = _unit(header)
    rows = [(vector or [])[:3] for vector in chosen]
    axes = turn @ np.asarray(rows, dtype=np.float64).T * unit
    text = header.fields.get("spaceorigin", "")
    corner: Any = _vectors(text)[0] if _vectors(text) else [0.0, 0.0, 0.0]
    if corner is None or len(corner) not in (3, len(vectors)):
        raise header.damaged("space origin")
    origin = turn @ np.asarray(corner[:3], dtype=np.float64) * unit
    return grid(header.path, size, axes, origin), () if named else (NO_ORIENTATION,)


def _space(header: _Header) -> tuple[NDArray[np.float64], bool]:
    """The turn from the file's space to LPS, and whether the file names a patient's space."""
    name = header.fields.get("space", "").lower()
    words = name.split("-")
    if re.fullmatch("[rlapsi]{3}", name):
        words = [next(w for w in _WORDS if w.startswith(letter)) for letter in name]
    if len(words) == 3 and all(word in _WORDS for word in words):
        turn = np.zeros((3, 3))
        for column, word in enumerate(words):
            row, sign = _WORDS[word]
            turn[row, column] = sign
        if abs(np.linalg.det(turn)) == 1:
            return turn, True
    return np.eye(3), False


def _unit(header: _Header) -> float:
    units = {u for u in re.findall(r'"([^"]*)"', header.fields.get("spaceunits", "")) if u}
    factors = {_UNITS.get(unit.strip().lower()) for unit in units} or {1.0}
    (factor, *more) = factors
    if factor is None or more:
        raise FileRefusedError(header.path, f"its unit of length is unknown ({sorted(units)})")
    return factor


def _place(header: _Header) -> tuple[Path, int]:
    name = header.fields.get("datafile", "")
    if not name:
        if header.path.suffix.lower() == ".nhdr":
            raise FileRefusedError(header.path, "it does not name the file with its pixel data")
        return header.path, header.end
    if name.upper().startswith("LIST") or "%" in name or "skiplist" in header.fields:
        raise FileRefusedError(header.path, "its pixel data lie in several files", CONVERT)
    return beside(header.path, name), 0


def _coding(header: _Header) -> Coding:
    encoding = header.fields.get("encoding", "").lower()
    if encoding == "raw":
        return "raw"
    if encoding in ("gzip", "gz"):
        return "gzip"
    raise FileRefusedError(header.path, "its encoding is neither raw nor gzip", CONVERT)


def _segments(keys: dict[str, str]) -> list[dict[str, str]]:
    """The ``SegmentN_*`` fields of a .seg.nrrd, one dictionary a segment, in order of N."""
    found: dict[int, dict[str, str]] = {}
    for key, value in keys.items():
        match = re.fullmatch(r"Segment(\d{1,6})_(Name|LabelValue|Layer|Color)", key, re.ASCII)
        if match:
            found.setdefault(int(match.group(1)), {})[match.group(2)] = value.strip()
    ordered = [found[n] for n in sorted(found)]
    for segment in ordered:
        for field, usual in (("LabelValue", "1"), ("Layer", "0")):
            text = segment.get(field, "")
            good = re.fullmatch(r"\d{1,9}", text, re.ASCII)
            segment[field] = text if good else usual
    return ordered
