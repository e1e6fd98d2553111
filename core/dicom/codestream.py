"""What compressed frames claim of themselves, and where they lie in a file; nothing is decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

_UNDEFINED = 0xFFFFFFFF

#: Fragments of one file that are believed. A thousand frames in fragments of 64 KB are as many.
_MOST_FRAGMENTS = 1 << 20


@dataclass(frozen=True, slots=True)
class Claim:
    """The size, the bits of a value and (JPEG 2000 only) the sign a codestream says it has."""

    rows: int
    columns: int
    precision: int
    signed: bool | None = None


def claim_of(data: bytes) -> Claim | None:
    """What a JPEG, JPEG-LS or JPEG 2000 codestream claims, or None if it is another."""
    if data[4:8] == b"jP  ":  # wrapped as a JP2 file, which the standard forbids and some do
        at = data.find(b"jp2c")
        data = data[at + 4 :] if at > 0 else b""
    if data[:4] == b"\xff\x4f\xff\x51":
        return _jpeg_2000(data)
    return _jpeg(data) if data[:2] == b"\xff\xd8" else None


def is_whole(data: bytes) -> bool:
    """Whether a JPEG, JPEG-LS or JPEG 2000 codestream has its end; padding may follow it.

    Decoders make an image of what is there, and the rest of it up.
    """
    return data.rstrip(b"\0\xff").endswith(b"\xff\xd9")


def _jpeg_2000(data: bytes) -> Claim | None:
    # The marker SIZ (T.800 A.5.1): extent and offset of the image, of its tiles, components.
    if len(data) < 43:
        return None
    width, height, left, top = struct.unpack(">IIII", data[8:24])
    return Claim(height - top, width - left, (data[42] & 0x7F) + 1, bool(data[42] & 0x80))


def _jpeg(data: bytes) -> Claim | None:
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        # Start of frame: C0-CF but for tables (C4), extensions (C8) and arithmetic (CC); F7 is
        # JPEG-LS.
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return Claim(height, width, data[at + 4])
        if marker == 0xFF:
            at += 1
            continue
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return None


def frame_places(stream: BinaryIO, offset: int, count: int) -> list[list[tuple[int, int]]]:
    """For each of ``count`` frames the (offset, bytes) of its fragments in ``stream``.

    offset: of the first item of encapsulated pixel data. Raises ValueError when the structure is
    damaged or does not say which fragment belongs to which frame.
    """
    table, fragments = _items(stream, offset)
    if count == 1:
        return [fragments]
    if len(fragments) == count:
        return [[fragment] for fragment in fragments]
    starts = _by_table(table, fragments) if len(table) == count else _by_head(stream, fragments)
    if len(starts) != count or starts[0] != 0:
        raise ValueError("the fragments do not say which frame they belong to")
    return [fragments[a:b] for a, b in pairwise([*starts, len(fragments)])]


def _by_table(table: tuple[int, ...], fragments: list[tuple[int, int]]) -> list[int]:
    """The first fragment of each frame by the offset table, which counts from the first byte
    behind itself to the header of a fragment's item.
    """
    base = fragments[0][0] - 8
    known = {at - 8 - base: number for number, (at, _) in enumerate(fragments)}
    if list(table) != sorted(set(table)) or not known.keys() >= set(table):
        raise ValueError("the offset table points between the fragments")
    return [known[start] for start in table]


def _by_head(stream: BinaryIO, fragments: list[tuple[int, int]]) -> list[int]:
    """The fragments with which a codestream begins."""
    starts: list[int] = []
    for number, (at, _) in enumerate(fragments):
        stream.seek(at)
        head = stream.read(4)
        if head == b"\xff\x4f\xff\x51" or head[:3] == b"\xff\xd8\xff":
            starts.append(number)
    return starts


def _items(stream: BinaryIO, offset: int) -> tuple[tuple[int, ...], list[tuple[int, int]]]:
    """The basic offset table and the place of every fragment."""
    table: tuple[int, ...] = ()
    places: list[tuple[int, int]] = []
    first = True
    while True:
        stream.seek(offset)
        head = stream.read(8)
        if len(head) < 8:
            break  # files without the closing delimiter exist
        group, element, length = struct.unpack("<HHI", head)
        if (group, element) != (0xFFFE, 0xE000):
            break
        if length == _UNDEFINED or len(places) >= _MOST_FRAGMENTS:
            raise ValueError("a fragment without a length")
        if first:
            data = stream.read(length)
            table = struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])
        else:
            places.append((offset + 8, length))
        first = False
        offset += 8 + length
    if not places:
        raise ValueError("there is no fragment")
    return table, places
