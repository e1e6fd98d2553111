"""Stored values of one frame, whatever transfer syntax they are in."""

from __future__ import annotations

import struct
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from core.dicom.elements import whole
from core.dicom.frames import Frame, frames_of
from core.dicom.parsing import PARSE_ERRORS, parse, quiet
from core.dicom.pixels import pixel_problem
from core.errors import FileRefusedError

_KEYWORDS = (
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "BitsStored"),
    *("HighBit", "PixelRepresentation", "PhotometricInterpretation", "PlanarConfiguration"),
    *("RescaleSlope", "RescaleIntercept", "ImagePositionPatient", "ImageOrientationPatient"),
    *("PixelSpacing", "SliceThickness", "SpacingBetweenSlices", "SOPClassUID"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)


class PixelFile:
    """The pixels of one DICOM file, opened when first asked for; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._opened: _Opened | None = None

    @property
    def frames(self) -> tuple[Frame, ...]:
        """Place and rescale of each frame. Raises FileRefusedError."""
        return self._open().frames

    def stored(self, index: int) -> NDArray[np.integer]:
        """Stored values [y, x] of frame ``index``, before rescale.

        Raises FileRefusedError when they cannot be decoded.
        """
        opened = self._open()
        if not 0 <= index < len(opened.frames):
            raise FileRefusedError(self.path, f"it has no frame {index + 1}")
        values = opened.native(index) if opened.plain else opened.decoded(index)
        return opened.used_bits(values)

    def _open(self) -> _Opened:
        with self._lock:
            if self._opened is None:
                if not self.path.is_file():
                    raise FileRefusedError(
                        self.path,
                        "it is no longer where it was",
                        "Put it back, or tell the project where the folder is now.",
                    )
                self._opened = _Opened(self.path)
            return self._opened


class _Opened:
    """A parsed file whose header was believed."""

    @quiet()
    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._streams: list[bytes] = []
        parsed = parse(path, _KEYWORDS)
        problem = pixel_problem(path, parsed)
        if problem or parsed.pixels is None:
            raise FileRefusedError(path, problem or "it has no pixel data")
        dataset = parsed.dataset
        self.parsed = parsed
        self.offset = parsed.pixels.offset
        self.rows, self.columns = whole(dataset, "Rows") or 0, whole(dataset, "Columns") or 0
        self.count = whole(dataset, "NumberOfFrames") or 1
        self.frames = frames_of(dataset, self.count)
        self.bits = whole(dataset, "BitsAllocated") or 16
        self.bits_stored = whole(dataset, "BitsStored") or self.bits
        high = whole(dataset, "HighBit")
        self.high = self.bits_stored - 1 if high is None else high
        self.signed = whole(dataset, "PixelRepresentation") == 1
        # 8-bit words in big endian are stored in swapped pairs; pydicom knows, and it is rare.
        self.plain = parsed.native and (parsed.little_endian or self.bits > 8)

    def native(self, index: int) -> NDArray[np.integer]:
        """Plain numbers straight from the file."""
        order = "<" if self.parsed.little_endian else ">"
        dtype = np.dtype(f"{order}{'i' if self.signed else 'u'}{self.bits // 8}")
        size = self.rows * self.columns * dtype.itemsize
        start = self.offset + index * size
        inflated = self.parsed.inflated
        data = self._bytes(start, size) if inflated is None else inflated[start : start + size]
        if len(data) != size:
            raise FileRefusedError(self.path, "its pixel data are cut short", "Copy it again.")
        values = np.frombuffer(data, dtype=dtype).reshape(self.rows, self.columns)
        return values.astype(dtype.newbyteorder("="))

    def decoded(self, index: int) -> NDArray[np.integer]:
        """One frame through pydicom and its decoders."""
        try:
            with quiet():
                dataset = self._frame_dataset(index)
                values, _ = get_decoder(self.parsed.syntax).as_array(dataset, index=0, raw=True)
        except FileRefusedError:
            raise
        except MemoryError as error:
            raise FileRefusedError(self.path, "there is not enough memory for it") from error
        except PARSE_ERRORS as error:
            raise FileRefusedError(
                self.path,
                f"its pixel data ({UID(self.parsed.syntax).name}) could not be decoded",
                "Copy it again, or export it uncompressed.",
            ) from error
        if values.ndim != 2 or not np.issubdtype(values.dtype, np.integer):
            raise FileRefusedError(self.path, "it is no greyscale image of whole numbers")
        return values

    def used_bits(self, values: NDArray[Any]) -> NDArray[np.integer]:
        """Values without what lies outside the stored bits (old overlays), sign extended."""
        if self.bits_stored >= self.bits or not 0 < self.bits_stored <= self.high + 1 <= self.bits:
            return values
        width = values.itemsize * 8
        left, right = width - 1 - self.high, width - self.bits_stored
        # Shifting as signed numbers carries the sign down; as unsigned ones, zeros.
        kind = np.dtype(f"{'i' if self.signed else 'u'}{values.itemsize}")
        return np.right_shift(np.left_shift(values.view(kind), left), right)

    def _frame_dataset(self, index: int) -> Dataset:
        """A dataset of this frame alone, since a decoder would otherwise need the whole file."""
        dataset = single_frame(self.parsed.dataset, self.parsed.syntax)
        if self.parsed.native:
            size = self.rows * self.columns * self.bits // 8
            dataset.PixelData = self._bytes(self.offset + index * size, size)
            dataset["PixelData"].VR = "OW"
            return dataset
        frame = self._compressed(index)
        self._check_codestream(frame)
        # Encapsulate anew: an empty offset table, the frame as one fragment, the delimiter.
        frame += b"\0" * (len(frame) % 2)
        head = struct.pack("<HHIHHI", 0xFFFE, 0xE000, 0, 0xFFFE, 0xE000, len(frame))
        dataset.PixelData = head + frame + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        return dataset

    def _compressed(self, index: int) -> bytes:
        """The codestream of one frame; all are found in one pass and kept, compressed as they are.

        Raises what pydicom raises on a damaged structure.
        """
        with self._lock:
            if not self._streams:
                data = self._bytes(self.offset, -1)
                self._streams = list(generate_frames(data, number_of_frames=self.count))
            return self._streams[index]

    def _bytes(self, start: int, size: int) -> bytes:
        with self.path.open("rb") as handle:
            handle.seek(start)
            return handle.read(size)

    def _check_codestream(self, frame: bytes) -> None:
        """A decoder allocates what the codestream claims, so its claim must match the header's."""
        size = codestream_size(frame)
        if size is not None and size != (self.rows, self.columns):
            raise FileRefusedError(
                self.path,
                f"its compressed data hold {size[1]} × {size[0]} pixels and its header says "
                f"{self.columns} × {self.rows}",
            )


def single_frame(source: Dataset, syntax: str) -> Dataset:
    """The pixel description of ``source`` for one frame in transfer syntax ``syntax``."""
    dataset = Dataset()
    for element in source:
        if element.tag.group == 0x0028 and element.VR != "SQ":
            dataset.add(element)
    dataset.NumberOfFrames = 1
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    return dataset


def codestream_size(data: bytes) -> tuple[int, int] | None:
    """Rows and columns a JPEG, JPEG-LS or JPEG 2000 codestream claims, or None if it is another."""
    if data[:4] == b"\xff\x4f\xff\x51" and len(data) >= 24:
        width, height, left, top = struct.unpack(">IIII", data[8:24])
        return height - top, width - left
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        # Start of frame: C0-CF but for tables (C4), extensions (C8) and arithmetic (CC); F7 is
        # JPEG-LS.
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return height, width
        if marker == 0xFF:
            at += 1
            continue
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return None
