"""The header of a usual CT file, some ten times as fast as by pydicom, or nothing at all.

Reads explicit and implicit VR, little endian, with preamble and file meta information, as nearly
every CT file is written, and in it only what headers and pixels need. Whatever else it meets it
does not judge: it gives up (None, or :class:`Unsure` where a value is not written as usual), and
pydicom reads the file. What it does say is what pydicom says; ``tests/core/dicom/test_quick.py``
and ``tests/real`` hold the two beside each other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from struct import Struct, error
from typing import Any

from core.dicom.elements import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Parsed, PixelElement

#: Bytes read at first, and at most: a header of one slice has 2 to 8 KB, but private elements of
#: some makers are larger, and what lies behind them is read when it is asked for.
_FIRST = 16384
_MOST = 1 << 20

#: Sequences of undefined length are followed so deep; deeper ones are pydicom's.
_DEPTH = 16

#: Transfer syntaxes whose dataset is explicit VR little endian: the plain one and all that
#: encapsulate: JPEG, JPEG-LS, JPEG 2000, HTJ2K, RLE. Deflated and big endian ones are pydicom's.
_ENCAPSULATED = re.compile(rb"1\.2\.840\.10008\.1\.2\.(4\.\d+|5)")

_UNDEFINED = 0xFFFFFFFF
_GROUP_2 = 0x0002
_DELIMITERS = 0xFFFE
_SHORT_VR = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG_VR = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())

_explicit = Struct("<I2sH").unpack_from
_implicit = Struct("<II").unpack_from
_length = Struct("<I").unpack_from
_u16 = Struct("<H").unpack

_BINARY = getattr(os, "O_BINARY", 0)  # Windows would translate line ends


#: Values by keyword, and where the pixels are.
_Walked = tuple[dict[str, bytes], PixelElement | None]


class Unsure(Exception):  # noqa: N818 - nothing is wrong: pydicom is asked instead
    """A value is not written in the usual way."""


def _integer(raw: bytes) -> int:
    if len(raw) != 2:
        raise Unsure
    return _u16(raw)[0]


_WHOLE = re.compile(rb" *-?\d{1,10} *\Z").match
_DECIMALS = re.compile(rb"[-+0-9.eE \\]+\Z").match


def _is(raw: bytes) -> str:
    # Leading zeros and signs are kept in texts, which pydicom does too.
    if not _WHOLE(raw):
        raise Unsure
    return raw.decode("ascii").strip()


def _ds(raw: bytes) -> tuple[float, ...]:
    if not _DECIMALS(raw):
        raise Unsure
    try:
        return tuple(map(float, raw.split(b"\\")))
    except ValueError as problem:
        raise Unsure from problem


_UID = re.compile(rb"[0-9.]*\0?\Z").match


def _ui(raw: bytes) -> str:
    if not _UID(raw):
        raise Unsure
    return raw.rstrip(b"\0").decode("ascii")


#: Plain ASCII without the escapes of character sets, and without the "=" that parts a name's
#: scripts. Every character set of DICOM has these in common but for the Japanese ISO_IR 13.
_PLAIN = re.compile(rb"[\x20-\x3c\x3e-\x7e]*\0*\Z").match


def _st(raw: bytes) -> str | list[str]:
    if not _PLAIN(raw):
        raise Unsure
    value = raw.decode("ascii").rstrip("\0 ")
    return value.split("\\") if "\\" in value else value


def _charset(raw: bytes) -> str:
    if b"IR 13" in raw or b"IR_13" in raw or not _PLAIN(raw):
        raise Unsure
    return ""


_KINDS: dict[bytes, Callable[[bytes], Any]] = {
    b"US": _integer,
    b"IS": _is,
    b"DS": _ds,
    b"UI": _ui,
    **dict.fromkeys((b"AS", b"CS", b"DA", b"LO", b"PN", b"SH"), _st),
}

_ELEMENTS = """
00080016 UI SOPClassUID              00080018 UI SOPInstanceUID
0020000E UI SeriesInstanceUID        0020000D UI StudyInstanceUID
00200052 UI FrameOfReferenceUID      00080060 CS Modality
00080008 CS ImageType                00100020 LO PatientID
00100010 PN PatientName              00100040 CS PatientSex
00101010 AS PatientAge               00080020 DA StudyDate
00080021 DA SeriesDate               00080022 DA AcquisitionDate
00080023 DA ContentDate              0008103E LO SeriesDescription
00081030 LO StudyDescription         00181030 LO ProtocolName
00080070 LO Manufacturer             00081090 LO ManufacturerModelName
00181210 SH ConvolutionKernel        00180060 DS KVP
00181120 DS GantryDetectorTilt       00200012 IS AcquisitionNumber
00200013 IS InstanceNumber           00200100 IS TemporalPositionIdentifier
00201041 DS SliceLocation            00280010 US Rows
00280011 US Columns                  00280008 IS NumberOfFrames
00280002 US SamplesPerPixel          00280100 US BitsAllocated
00280101 US BitsStored               00280102 US HighBit
00280103 US PixelRepresentation      00280004 CS PhotometricInterpretation
00200032 DS ImagePositionPatient     00200037 DS ImageOrientationPatient
00280030 DS PixelSpacing             00180050 DS SliceThickness
00180088 DS SpacingBetweenSlices     00281053 DS RescaleSlope
00180086 IS EchoNumbers              00080064 CS ConversionType
00281052 DS RescaleIntercept         00280120 US PixelPaddingValue
""".split()  # noqa: SIM905 - as a table it can be checked by eye


def _as_read(tag: str) -> int:
    """A tag like 7FE00010 as its four bytes read as one little-endian number."""
    return int(tag[4:] + tag[:4], 16)


#: By tag as read: VR and keyword.
_WANTED = {
    _as_read(tag): (vr.encode(), keyword)
    for tag, vr, keyword in zip(*(iter(_ELEMENTS),) * 3, strict=True)
}

#: What differs between the slices of a series.
OF_SLICE = ("SOPInstanceUID", "InstanceNumber", "SliceLocation", "ImagePositionPatient")
_SHARED = tuple(keyword for _, keyword in _WANTED.values() if keyword not in OF_SLICE)
_META = {
    _as_read("00020002"): "MediaStorageSOPClassUID",
    _as_read("00020003"): "MediaStorageSOPInstanceUID",
    _as_read("00020010"): "TransferSyntaxUID",
}
_CONVERT = {k: _KINDS[vr] for vr, k in _WANTED.values()} | dict.fromkeys(_META.values(), _ui)
_CHARSET = _as_read("00080005")
_PADDING = _as_read("00280120")
_PIXELS = {_as_read(tag): int(tag, 16) for tag in ("7FE00008", "7FE00009", "7FE00010")}

#: Sequences that say what a file is: functional groups, tables, references. pydicom reads them.
_SEQUENCES = frozenset(
    map(_as_read, ("52009229", "52009230", "30060010", "00081115", "00041220", "00283000"))
)
#: Everything a walk must look at; the rest it steps over.
_NOTED = frozenset(_WANTED) | frozenset(_PIXELS) | _SEQUENCES | {_CHARSET}


class Quick:
    """Values by keyword, converted when asked for; stands in for a pydicom Dataset."""

    __slots__ = ("_raw",)

    def __init__(self, raw: dict[str, bytes]) -> None:
        self._raw = raw

    def get(self, key: str, /) -> Any:
        """The value as pydicom would give it, None where absent or empty. Raises Unsure."""
        raw = self._raw.get(key)
        return _CONVERT[key](raw) if raw else None

    def shared(self) -> tuple[bytes | None, ...]:
        """All values as they are in the file but for those of :data:`OF_SLICE`."""
        return tuple(map(self._raw.get, _SHARED))

    def __contains__(self, key: str, /) -> bool:
        return key in self._raw


def parse(path: Path) -> Parsed | None:
    """The elements of ``path`` that headers and pixels need; None when pydicom must read it."""
    try:
        handle = os.open(path, os.O_RDONLY | _BINARY)
    except OSError:
        return None
    try:
        size = os.fstat(handle).st_size
        data = os.read(handle, _FIRST)
        if data[128:132] != b"DICM":
            return None
        while True:
            try:
                return _parse(data, size)
            except _Short as short:
                want = max(short.need, 2 * len(data))
                if short.need > min(size, _MOST):
                    return None
                data += os.read(handle, want - len(data))
                if len(data) < short.need:
                    return None
    except OSError:
        return None
    finally:
        os.close(handle)


class _Short(Exception):  # noqa: N818 - it asks for more
    """The bytes read so far end before ``need``."""

    def __init__(self, need: int) -> None:
        super().__init__()
        self.need = need


def _parse(data: bytes, size: int) -> Parsed | None:
    meta: dict[str, bytes] = {}
    at = 132
    try:
        while True:
            tag, vr, length = _explicit(data, at)
            if tag & 0xFFFF != _GROUP_2:
                break
            start = at + 8
            if vr in _LONG_VR:
                (length,) = _length(data, at + 8)
                start += 4
            elif vr not in _SHORT_VR:
                return None
            at = start + length
            if tag in _META:
                if vr != b"UI":
                    return None
                meta[_META[tag]] = data[start:at]
        syntax = meta.get("TransferSyntaxUID", b"").rstrip(b"\0")
        # pydicom goes by the first element where it contradicts the transfer syntax.
        explicit = vr.isalpha() and vr.isupper()
        if syntax == IMPLICIT_LITTLE.encode():
            walked = None if explicit else _implicit_walk(data, at)
        elif syntax == EXPLICIT_LITTLE.encode() or _ENCAPSULATED.fullmatch(syntax):
            walked = _explicit_walk(data, at) if explicit else None
        else:
            return None
    except error:
        raise _Short(max(at + 12, len(data) + 1)) from None
    if walked is None or walked[1] is None:
        return None
    return Parsed(Quick(walked[0]), Quick(meta), syntax.decode(), walked[1], size)


def _explicit_walk(data: bytes, at: int) -> _Walked | None:
    raw: dict[str, bytes] = {}
    short, noted = _SHORT_VR, _NOTED
    while True:
        tag, vr, length = _explicit(data, at)
        start = at + 8
        if vr not in short:
            if vr not in _LONG_VR:
                return None
            (length,) = _length(data, start)
            start += 4
        if tag in noted:
            if tag in _PIXELS:
                return raw, _pixels(tag, vr, start, length)
            if tag in _SEQUENCES or not _note(raw, tag, vr, data, (start, length)):
                return None
        if length == _UNDEFINED:
            if vr != b"SQ":
                return None
            at = _end_of_items(data, start, True, _DEPTH)
            if at < 0:
                return None
        else:
            at = start + length
        if tag & 0xFFFF in (0, _DELIMITERS):
            return None


def _implicit_walk(data: bytes, at: int) -> _Walked | None:
    raw: dict[str, bytes] = {}
    noted = _NOTED
    while True:
        tag, length = _implicit(data, at)
        start = at + 8
        if tag in noted:
            if tag in _PIXELS:
                return raw, _pixels(tag, b"OW", start, length)
            if tag in _SEQUENCES or not _note(raw, tag, None, data, (start, length)):
                return None
        if length == _UNDEFINED:
            at = _end_of_items(data, start, False, _DEPTH)
            if at < 0:
                return None
        else:
            at = start + length
        if tag & 0xFFFF in (0, _DELIMITERS):
            return None


def _note(
    raw: dict[str, bytes], tag: int, vr: bytes | None, data: bytes, place: tuple[int, int]
) -> bool:
    """Keep a value; False when it is none this module can answer for. place: start, length."""
    start, length = place
    end = start + length
    if length > _MOST:
        return False
    if end > len(data):
        raise _Short(end)
    if tag == _CHARSET:
        _charset(data[start:end])
        return True
    expected, keyword = _WANTED[tag]
    # A padding value is of either kind, and two bytes in both.
    if vr is not None and vr != expected and (tag, vr) != (_PADDING, b"SS"):
        return False
    raw[keyword] = data[start:end]
    return True


def _end_of_items(data: bytes, at: int, explicit: bool, depth: int) -> int:
    """Where a sequence of undefined length ends; -1 when it is not written as it should be."""
    if depth == 0:
        return -1
    while True:
        tag, length = _implicit(data, at)
        at += 8
        if tag == 0xE0DDFFFE:
            return at if length == 0 else -1
        if tag != 0xE000FFFE:
            return -1
        if length != _UNDEFINED:
            at += length
            continue
        at = _end_of_item(data, at, explicit, depth)
        if at < 0:
            return -1


def _end_of_item(data: bytes, at: int, explicit: bool, depth: int) -> int:
    while True:
        tag, length = _implicit(data, at)
        if tag == 0xE00DFFFE:
            return at + 8 if length == 0 else -1
        if tag & 0xFFFF == _DELIMITERS:
            return -1
        vr, start = b"SQ", at + 8
        if explicit:
            tag, vr, length = _explicit(data, at)
            if vr in _LONG_VR:
                (length,) = _length(data, start)
                start += 4
            elif vr not in _SHORT_VR:
                return -1
        if length != _UNDEFINED:
            at = start + length
            continue
        if vr != b"SQ":
            return -1
        at = _end_of_items(data, start, explicit, depth - 1)
        if at < 0:
            return -1


def _pixels(tag: int, vr: bytes, start: int, length: int) -> PixelElement | None:
    if vr not in (b"OB", b"OW"):
        return None
    return PixelElement(_PIXELS[tag], start, None if length == _UNDEFINED else length, vr.decode())
