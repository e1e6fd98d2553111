"""Whether pixel data can be what the header says, judged without decoding or allocating them."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from core.dicom.elements import Elements, Parsed, text, whole

#: Largest matrix: four times the widest clinical CT (2048) in each direction.
MAX_SIDE = 8192

#: Lossless coders reach perhaps 1000 : 1 on an empty slice. Above this ratio, and above a size
#: worth caring about, the header is not believed.
MAX_RATIO = 2000
MAX_UNBELIEVED = 1 << 26

#: Bits of a number by where it is: whole numbers, floating point of single and double precision.
_BITS = {0x7FE00010: (8, 16, 32), 0x7FE00008: (32,), 0x7FE00009: (64,)}
_ITEM = 0xE000
_END = 0xE0DD
_UNDEFINED = 0xFFFFFFFF


def pixel_problem(path: Path, parsed: Parsed) -> str:
    """Why the pixel data cannot be used, to end "it cannot be used: …"; empty when they can."""
    dataset, pixels = parsed.dataset, parsed.pixels
    if pixels is None:
        return "it has no pixel data"
    problem = _size_problem(dataset) or _format_problem(dataset, pixels.tag)
    if problem:
        return problem
    need = needed_bytes(dataset)
    if not parsed.native:
        return _encapsulated_problem(path, parsed, need)
    have = native_bytes(parsed)
    if have < need:
        return f"its pixel data are cut short ({have:,} of {need:,} bytes)"
    return ""


def needed_bytes(dataset: Elements) -> int:
    """Bytes that all frames take up as plain numbers, by the header."""
    frames = whole(dataset, "NumberOfFrames") or 1
    bits = whole(dataset, "BitsAllocated") or 0
    return (whole(dataset, "Rows") or 0) * (whole(dataset, "Columns") or 0) * frames * bits // 8


def native_bytes(parsed: Parsed) -> int:
    """Bytes of plain numbers that the file holds."""
    if parsed.pixels is None:
        return 0
    return max(0, min(parsed.pixels.length or 0, parsed.stream_size - parsed.pixels.offset))


def _size_problem(dataset: Elements) -> str:
    rows, columns = whole(dataset, "Rows") or 0, whole(dataset, "Columns") or 0
    if min(rows, columns, whole(dataset, "NumberOfFrames") or 1) < 1:
        return "its header gives no image size"
    if max(rows, columns) > MAX_SIDE:
        return f"its header claims {columns} × {rows} pixels"
    return ""


def _format_problem(dataset: Elements, tag: int) -> str:
    palette = text(dataset, "PhotometricInterpretation").startswith("PALETTE")
    if palette or (whole(dataset, "SamplesPerPixel") or 1) != 1:
        return "it is a colour picture"
    bits = whole(dataset, "BitsAllocated") or 0
    if bits not in _BITS.get(tag, ()):
        return f"its pixels have an unusual format ({bits} bits)"
    return ""


def _encapsulated_problem(path: Path, parsed: Parsed, need: int) -> str:
    pixels = parsed.pixels
    if pixels is None or pixels.length is not None:
        return "its compressed pixel data are not stored in fragments"
    with path.open("rb") if parsed.inflated is None else BytesIO(parsed.inflated) as stream:
        have = fragment_bytes(stream, pixels.offset, parsed.stream_size)
    if have is None:
        return "its compressed pixel data are cut short"
    if need > max(MAX_UNBELIEVED, have * MAX_RATIO):
        return f"its header claims {need:,} bytes of pixels, which {have:,} bytes cannot hold"
    return ""


def fragment_bytes(stream: BinaryIO, offset: int, size: int) -> int | None:
    """Bytes in the fragments of encapsulated pixel data, or None when the last one is cut short.

    offset: of the first item in ``stream``. size: of the stream. Only item headers are read.
    Encapsulated data are little endian in every transfer syntax (PS3.5 A.4).
    """
    total, first = 0, True
    while True:
        stream.seek(offset)
        head = stream.read(8)
        if len(head) < 8:
            # Files without the closing delimiter exist; they are whole if a fragment ended here.
            return total if total and offset == size else None
        group, element, length = struct.unpack("<HHI", head)
        if group != 0xFFFE or length == _UNDEFINED:
            return None
        if element == _END:
            return total or None
        if element != _ITEM or offset + 8 + length > size:
            return None
        # The first item is the table of offsets, not pixels.
        total += 0 if first else length
        first = False
        offset += 8 + length
