"""HU of the frames of one file, whatever transfer syntax they are in."""

from __future__ import annotations

import threading
from copy import copy
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.dicom import quick
from core.dicom.codestream import Claim, claim_of, frame_places, is_whole
from core.dicom.decoders import Codestream, decoders
from core.dicom.elements import Parsed, whole
from core.dicom.frames import Frame, frames_of, position_of
from core.dicom.modality import ModalityTable, table_of
from core.dicom.pixels import native_bytes, needed_bytes, pixel_problem
from core.dicom.rescale import Losses, Stored, hu_in_place, note_padding, to_hu, used_bits
from core.errors import FileRefusedError

_KEYWORDS = (
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "BitsStored"),
    *("HighBit", "PixelRepresentation", "PhotometricInterpretation", "PixelPaddingValue"),
    *("RescaleSlope", "RescaleIntercept", "ImagePositionPatient", "ImageOrientationPatient"),
    *("PixelSpacing", "SliceThickness", "SpacingBetweenSlices", "ModalityLUTSequence"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)

_FLOATS = {0x7FE00008: "f4", 0x7FE00009: "f8"}
_J2K = tuple(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 201, 202, 203))
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
_RLE = "1.2.840.10008.1.2.5"


class PixelFile:
    """The pixels of one DICOM file, opened when first asked for; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._opened: _Opened | None = None

    @property
    def frames(self) -> tuple[Frame, ...]:
        """Place and rescale of each frame. Raises FileRefusedError."""
        return self.open().frames

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns. Raises FileRefusedError."""
        opened = self.open()
        return opened.rows, opened.columns

    def read(self, index: int, out: NDArray[np.int16], losses: Losses) -> None:
        """Put the HU of frame ``index`` into ``out`` [y, x], contiguous and of :attr:`shape`.

        Raises FileRefusedError when it cannot be read or decoded.
        """
        opened = self.open()
        if not 0 <= index < len(opened.frames):
            raise FileRefusedError(self.path, f"it has no frame {index + 1}")
        opened.read(index, out, losses)

    def open(self) -> _Opened:
        """The parsed file. Raises FileRefusedError."""
        with self._lock:
            if self._opened is None:
                self._opened = _open(self.path)
            return self._opened


def _open(path: Path) -> _Opened:
    try:
        parsed = quick.parse(path)
        if parsed is not None:
            return _sibling(path, parsed)
    except quick.Unsure:
        pass
    if not path.is_file():
        raise FileRefusedError(
            path,
            "it is no longer where it was",
            "Put it back, or tell the project where the folder is now.",
        )
    # Loaded late: most files do not need it.
    from core.dicom.parsing import parse, quiet  # noqa: PLC0415

    with quiet():
        return _Opened(path, parse(path, _KEYWORDS))


def _sibling(path: Path, parsed: Parsed) -> _Opened:
    """A file read quickly; most are like the one before but for their place and numbers."""
    shared = (parsed.syntax, parsed.dataset.shared())
    known = _known.get(shared)
    if known is not None and parsed.pixels is not None and native_bytes(parsed) >= known.need:
        opened = copy(known)
        opened.path, opened.parsed, opened.pixels = path, parsed, parsed.pixels
        opened.frames = (replace(known.frames[0], position=position_of(parsed.dataset)),)
        return opened
    opened = _Opened(path, parsed)
    if parsed.native and len(opened.frames) == 1:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[shared] = opened
    return opened


class _Opened:
    """A parsed file whose header was believed. need: bytes of its pixels as plain numbers."""

    def __init__(self, path: Path, parsed: Parsed) -> None:
        self.path, self.parsed = path, parsed
        problem = pixel_problem(path, parsed)
        if problem or parsed.pixels is None:
            raise FileRefusedError(path, problem or "it has no pixel data")
        dataset = parsed.dataset
        self.pixels, self.need = parsed.pixels, needed_bytes(dataset)
        self.rows, self.columns = whole(dataset, "Rows") or 0, whole(dataset, "Columns") or 0
        self.count = whole(dataset, "NumberOfFrames") or 1
        self.frames = frames_of(dataset, self.count)
        bits = whole(dataset, "BitsAllocated") or 16
        used = whole(dataset, "BitsStored") or bits
        high = whole(dataset, "HighBit")
        signed = whole(dataset, "PixelRepresentation") == 1
        self.stored = Stored(bits, used, used - 1 if high is None else high, signed)
        self.stored = replace(self.stored, padding=_padding(dataset, self.stored))
        self.table: ModalityTable | None = None
        if any(frame.table for frame in self.frames):
            self.table = table_of(path, parsed)
        self._lock = threading.Lock()
        self._places: list[list[tuple[int, int]]] = []

    def read(self, index: int, out: NDArray[np.int16], losses: Losses) -> None:
        frame = self.frames[index]
        wide = self.stored.bits != 16 or self.pixels.tag in _FLOATS
        if self.parsed.native and not wide:
            self._fill(self._start(index), out)
            if not self.parsed.little_endian:
                out.byteswap(inplace=True)
            stored = self.stored
        elif self.parsed.native:
            self._from_stored(self._plain(index), frame, out, losses)
            return
        else:
            values, stored = self._decoded(index, out)
            if not np.may_share_memory(values, out):
                self._from_stored(used_bits(values, stored), frame, out, losses)
                return
        if self.table is not None and frame.table:
            self._from_stored(used_bits(out.copy(), stored), frame, out, losses)
            return
        hu_in_place(out, stored, frame.slope, frame.intercept, losses)

    def _from_stored(
        self, values: NDArray[Any], frame: Frame, out: NDArray[np.int16], losses: Losses
    ) -> None:
        """HU by way of an array of stored values, for what does not fit the place of its HU."""
        if self.table is not None and frame.table:
            out[...] = to_hu(self.table.apply(values), None, None, losses)
            return
        try:
            out[...] = to_hu(values, frame.slope, frame.intercept, losses)
        except ValueError as error:
            raise FileRefusedError(self.path, str(error)) from error
        if values.dtype.kind in "iu":
            ends = (int(values.min()), int(values.max()))
            rescale = (1.0, 0.0) if frame.slope is None else (frame.slope, frame.intercept or 0.0)
            note_padding(self.stored, ends, rescale, losses)

    def _start(self, index: int) -> int:
        return self.pixels.offset + index * self.rows * self.columns * self.stored.bits // 8

    def _plain(self, index: int) -> NDArray[Any]:
        """Stored values of plain numbers that are not 16-bit integers."""
        order = "<" if self.parsed.little_endian else ">"
        kind = f"{'i' if self.stored.signed else 'u'}{self.stored.bits // 8}"
        dtype = np.dtype(order + _FLOATS.get(self.pixels.tag, kind))
        if dtype.itemsize == 1 and order == ">" and self.pixels.vr == "OW":
            return self._swapped_bytes(index, dtype)
        values = np.empty((self.rows, self.columns), dtype)
        self._fill(self._start(index), values)
        values = values.astype(dtype.newbyteorder("="), copy=False)
        return values if dtype.kind == "f" else used_bits(values, self.stored)

    def _swapped_bytes(self, index: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Bytes in big-endian words: each pair is the other way round (PS3.5 annex A.3)."""
        start = self._start(index) - self.pixels.offset
        size = self.rows * self.columns
        first, last = start & ~1, (start + size + 1) & ~1
        words = np.empty(last - first, np.uint8)
        self._fill(self.pixels.offset + first, words)
        values = words.reshape(-1, 2)[:, ::-1].ravel()[start - first :][:size]
        return used_bits(values.reshape(self.rows, self.columns).view(dtype), self.stored)

    def _fill(self, start: int, out: NDArray[Any]) -> None:
        """Bytes of the file, or of what was inflated from it, straight into ``out``."""
        target = out.reshape(-1).view(np.uint8).data
        inflated = self.parsed.inflated
        if inflated is not None:
            found = inflated[start : start + out.nbytes]
            have = len(found)
            if have == out.nbytes:
                target[:] = found
        else:
            try:
                with self.path.open("rb", buffering=0) as handle:
                    handle.seek(start)
                    have = _read_into(handle, target)
            except OSError as error:
                reason = f"it could not be read ({error.strerror})"
                raise FileRefusedError(self.path, reason) from error
        if have != out.nbytes:
            raise FileRefusedError(self.path, "its pixel data are cut short", "Copy it again.")

    def _decoded(self, index: int, out: NDArray[np.int16]) -> tuple[NDArray[Any], Stored]:
        """Values of a compressed frame (in the memory of ``out`` if they fit it), and how to read
        their bits.
        """
        data = self._compressed(index)
        syntax, bits = self.parsed.syntax, self.stored.bits
        claim = self._believed(data)
        stream = Codestream(self.path, syntax, self.rows, self.columns, bits, data)
        values = decoders().decode(stream, out if bits == 16 else None)
        if values.itemsize * 8 < bits:
            values = values.astype(f"{values.dtype.kind}{bits // 8}")
        return values, _as_coded(self.stored, syntax, claim)

    def _compressed(self, index: int) -> bytes:
        """The codestream of one frame."""
        inflated = self.parsed.inflated
        try:
            with self.path.open("rb") if inflated is None else BytesIO(inflated) as handle:
                with self._lock:
                    if not self._places:
                        self._places = frame_places(handle, self.pixels.offset, self.count)
                parts: list[bytes] = []
                for start, size in self._places[index]:
                    handle.seek(start)
                    parts.append(handle.read(size))
                return b"".join(parts)
        except (ValueError, IndexError) as error:
            reason = "its compressed pixel data are damaged"
            raise FileRefusedError(self.path, reason, "Copy it again.") from error
        except OSError as error:
            reason = f"it could not be read ({error.strerror})"
            raise FileRefusedError(self.path, reason) from error

    def _believed(self, data: bytes) -> Claim | None:
        """A decoder allocates what the codestream claims, so its claim must match the header's."""
        claim = claim_of(data)
        if self.parsed.syntax != _RLE and (claim is None or not is_whole(data)):
            reason = "its compressed pixel data are damaged or cut short"
            raise FileRefusedError(self.path, reason, "Copy it again.")
        if claim is not None and (claim.rows, claim.columns) != (self.rows, self.columns):
            raise FileRefusedError(
                self.path,
                f"its compressed data hold {claim.columns} × {claim.rows} pixels and its header "
                f"says {self.columns} × {self.rows}",
            )
        return claim


#: The last file opened of each kind of slice: plain numbers, one frame, so nothing in it changes.
_known: dict[Any, _Opened] = {}
_MOST_KNOWN = 64


def _as_coded(stored: Stored, syntax: str, claim: Claim | None) -> Stored:
    """How the decoded bits are to be read.

    The header decides what is signed. JPEG-LS cannot say it, and JPEG 2000 codestreams exist that
    contradict it; there the sign lies in the highest bit of the codestream's precision, not of the
    bits stored (as pydicom and GDCM read them).
    """
    if claim is None or claim.precision > stored.used:
        return stored
    contradicted = syntax in _J2K and claim.signed != stored.signed
    if contradicted or (syntax in _JPEG_LS and stored.signed):
        return replace(stored, used=claim.precision, high=claim.precision - 1)
    return stored


def _padding(dataset: Any, stored: Stored) -> int | None:
    """PixelPaddingValue as a stored value; its VR and sign are often wrong, its bits are not."""
    value = whole(dataset, "PixelPaddingValue")
    if value is None:
        return None
    floor, ceiling = stored.limits
    value &= 0xFFFF
    if value > ceiling and stored.signed:
        value -= 0x10000
    return value if floor <= value <= ceiling else None


def _read_into(handle: Any, target: memoryview) -> int:
    have = 0
    while have < len(target):
        count = handle.readinto(target[have:])
        if not count:
            break
        have += count
    return have
