"""The frames of a segmentation, one bit or more a pixel, in every encoding seen."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import generate_frames
from pydicom.uid import RLELossless

from core.dicom.codestream import claim_of
from core.dicom.decoders import Codestream, decoders
from core.dicom.elements import Parsed, whole
from core.dicom.parsing import PARSE_ERRORS, quiet
from core.dicom.pixels import MAX_RATIO, MAX_SIDE, MAX_UNBELIEVED
from core.errors import FileRefusedError

#: Deflated Image Frame Compression (Supplement 244), which pydicom 3.0 does not decode.
_DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"


class SegPixels:
    """Frame by frame values of the segmentation ``parsed`` from ``path``.

    Raises FileRefusedError when the header claims more than the file holds.
    """

    def __init__(self, path: Path, parsed: Parsed) -> None:
        self._path, self._parsed = path, parsed
        dataset = parsed.dataset
        self._rows, self._columns = whole(dataset, "Rows") or 0, whole(dataset, "Columns") or 0
        self._count = whole(dataset, "NumberOfFrames") or 1
        self._bits = whole(dataset, "BitsAllocated") or 0
        if parsed.pixels is None:
            raise FileRefusedError(path, "it has no pixel data")
        if self._bits not in (1, 8, 16) or max(self._rows, self._columns) > MAX_SIDE:
            raise FileRefusedError(path, "its pixels have an unusual format")
        with path.open("rb") as handle:
            handle.seek(parsed.pixels.offset)
            start = parsed.pixels.offset
            inflated = parsed.inflated
            self._data = handle.read() if inflated is None else inflated[start:]
        need = (self._rows * self._columns * self._count * self._bits + 7) // 8
        if parsed.native and len(self._data) < need:
            raise FileRefusedError(path, "its pixel data are cut short", "Copy it again.")
        # Compressed planes of nothing are tiny, yet each unpacks to a byte a pixel.
        unpacked = self._rows * self._columns * self._count
        if unpacked > max(MAX_UNBELIEVED, len(self._data) * MAX_RATIO):
            raise FileRefusedError(path, f"its header claims {unpacked:,} pixels")
        self._streams = [] if parsed.native else self._fragments()

    def frame(self, index: int) -> NDArray[np.unsignedinteger]:
        """Values [y, x] of frame ``index``. Raises FileRefusedError when it cannot be decoded."""
        if self._parsed.native:
            return self._native(index)
        if index >= len(self._streams):
            raise FileRefusedError(self._path, f"its frame {index + 1} is missing")
        try:
            with quiet():
                return self._compressed(self._streams[index])
        except PARSE_ERRORS as error:
            raise FileRefusedError(
                self._path, f"its frame {index + 1} could not be decoded", "Export it uncompressed."
            ) from error

    def _fragments(self) -> list[bytes]:
        try:
            with quiet():
                return list(generate_frames(self._data, number_of_frames=self._count))
        except PARSE_ERRORS as error:
            raise FileRefusedError(self._path, "its compressed frames are damaged") from error

    def _native(self, index: int) -> NDArray[np.unsignedinteger]:
        size = self._rows * self._columns
        if self._bits == 1:
            # Frames follow each other bit by bit, without filling up the last byte.
            first, last = index * size, (index + 1) * size
            return self._from_bits(self._data[first // 8 : (last + 7) // 8], first % 8)
        order = "<" if self._parsed.little_endian else ">"
        dtype = np.dtype(f"{order}u{self._bits // 8}")
        values = np.frombuffer(self._data, dtype, size, index * size * dtype.itemsize)
        return values.reshape(self._rows, self._columns).astype(dtype.newbyteorder("="))

    def _from_bits(self, data: bytes, skip: int = 0) -> NDArray[np.unsignedinteger]:
        bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8), bitorder="little")
        size = self._rows * self._columns
        return bits[skip : skip + size].reshape(self._rows, self._columns)

    def _compressed(self, stream: bytes) -> NDArray[np.unsignedinteger]:
        size = self._rows * self._columns
        limit = size * max(1, self._bits // 8)
        if self._parsed.syntax == _DEFLATED_FRAME:
            engine = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._from_bytes(engine.decompress(stream, limit))
        if self._parsed.syntax == RLELossless and self._bits == 1:
            return self._from_bytes(unpack_rle(stream, limit))
        claim = claim_of(stream)
        if claim is None and self._parsed.syntax != RLELossless:
            raise ValueError("it is no codestream")
        if claim is not None and (claim.rows, claim.columns) != (self._rows, self._columns):
            raise ValueError("the codestream has another size than the header")
        wanted = (self._path, self._parsed.syntax, self._rows, self._columns, self._bits, stream)
        return decoders().decode(Codestream(*wanted))

    def _from_bytes(self, data: bytes) -> NDArray[np.unsignedinteger]:
        """Decoded bytes of one frame: bits where there are only enough for bits."""
        size = self._rows * self._columns
        if self._bits == 1 and len(data) < size:
            return self._from_bits(data)
        dtype = np.dtype("<u2" if self._bits == 16 else "u1")
        return np.frombuffer(data, dtype, size).reshape(self._rows, self._columns)


def unpack_rle(stream: bytes, limit: int) -> bytes:
    """The first segment of a DICOM RLE frame (PS3.5 annex G), at most ``limit`` bytes.

    pydicom decodes RLE of whole bytes only; segmentations of one bit have a single segment.
    """
    start = struct.unpack("<I", stream[4:8])[0]
    data, at, out = stream[start:], 0, bytearray()
    while at + 1 < len(data) and len(out) < limit:
        code = data[at]
        if code < 128:
            out += data[at + 1 : at + 2 + code]
            at += 2 + code
        elif code > 128:
            out += data[at + 1 : at + 2] * (257 - code)
            at += 2
        else:
            at += 1
    return bytes(out[:limit])
