"""A DICOM dataset from a file that may be anything: bounded, quiet, and with known exceptions.

pydicom does the parsing. This module is the one place that knows what it raises on damaged files,
stops it from inflating a small file into all memory, and remembers where the pixel data lie, so
that nobody has to load them to judge them.
"""

from __future__ import annotations

import logging
import threading
import warnings
import zlib
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from pydicom import config
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_file_meta_info, read_partial
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from core.dicom.elements import VALUE_ERRORS, Parsed, PixelElement, also_raised
from core.errors import FileRefusedError

# Values that break the standard's rules on length and characters are used as they are.
config.settings.reading_validation_mode = config.IGNORE
# pydicom logs the offending values, and those can be a patient's name.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

#: What pydicom and its decoders raise on damaged input; they promise nothing narrower. Only calls
#: into them stand inside a ``try`` with this.
PARSE_ERRORS = (*VALUE_ERRORS, InvalidDicomError, BytesLengthException)
also_raised(InvalidDicomError, BytesLengthException)

#: Deflated datasets are inflated up to this size. A CT slice has 0.5 MB; a legacy multi-frame
#: object of a thousand of them still fits.
MAX_INFLATED = 1 << 30

_UNDEFINED = 0xFFFFFFFF
_PIXEL_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_LONG_VR = ("OB", "OD", "OF", "OL", "OV", "OW", "UN")

_quiet_lock = threading.Lock()
_quiet_depth = 0
_quiet_filters: list[warnings.catch_warnings[None]] = []


@contextmanager
def quiet() -> Generator[None]:
    """Silence the warnings of pydicom, whose texts can quote patient data.

    ``warnings.catch_warnings`` changes the whole process, so concurrent readers share one.
    """
    global _quiet_depth  # noqa: PLW0603 - process-wide, as the filters are
    with _quiet_lock:
        _quiet_depth += 1
        if not _quiet_filters:
            filters = warnings.catch_warnings()
            filters.__enter__()
            _quiet_filters.append(filters)
            warnings.simplefilter("ignore")
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_depth -= 1
            if _quiet_depth == 0:
                _quiet_filters.pop().__exit__(None, None, None)


def parse(path: Path, keywords: Iterable[str] | None = None) -> Parsed:
    """The dataset of ``path`` up to its pixel data; only the elements ``keywords`` when given.

    Raises FileRefusedError with the cause when it cannot be read.
    """
    try:
        with path.open("rb") as handle:
            inflated = _inflate(path, handle)
            stream: BinaryIO = handle if inflated is None else BytesIO(inflated)
            with quiet():
                return _parse(stream, keywords, inflated)
    except RecursionError as error:
        raise FileRefusedError(path, "its sequences are nested too deeply") from error
    except MemoryError as error:
        raise FileRefusedError(path, "its header claims more memory than there is") from error
    except OSError as error:
        if error.strerror:
            raise FileRefusedError(path, f"it could not be opened ({error.strerror})") from error
        raise FileRefusedError(path, "it is damaged") from error
    except PARSE_ERRORS as error:
        raise FileRefusedError(path, "its DICOM header is damaged", "Copy it again.") from error


def _parse(stream: BinaryIO, keywords: Iterable[str] | None, inflated: bytes | None) -> Parsed:
    found: list[tuple[int, str | None, int]] = []

    def at_pixels(tag: Any, vr: str | None, length: int) -> bool:
        if tag in _PIXEL_TAGS:
            found.append((int(tag), vr, length))
            return True
        return False

    dataset = read_partial(
        stream,
        stop_when=at_pixels,
        force=True,
        specific_tags=None if keywords is None else [Tag(k) for k in keywords],
    )
    implicit, little = dataset.original_encoding
    syntax = UID(str(dataset.file_meta.get("TransferSyntaxUID") or ""))
    if not syntax or syntax == DeflatedExplicitVRLittleEndian:
        plain = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        syntax = ImplicitVRLittleEndian if implicit else plain
    pixels = None
    if found:
        tag, vr, length = found[0]
        offset = stream.tell() + (8 if implicit or vr not in _LONG_VR else 12)
        pixels = PixelElement(tag, offset, None if length == _UNDEFINED else length, vr or "OW")
    size = stream.seek(0, 2)
    return Parsed(dataset, dataset.file_meta, syntax, pixels, size, inflated)


def _inflate(path: Path, handle: BinaryIO) -> bytes | None:
    """The file with its deflated dataset inflated and its syntax renamed, or None if not deflated.

    pydicom would inflate without a limit: a file of 1 MB can hold 1 GB of zeros.
    """
    head = handle.read(4096)
    handle.seek(0)
    if head[128:132] != b"DICM" or DeflatedExplicitVRLittleEndian.encode() not in head:
        return None
    with quiet():
        meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return None
    # Preamble, "DICM", the group length element (12 bytes), then as many bytes as that one says.
    start = 132 + 12 + int(meta.FileMetaInformationGroupLength)
    handle.seek(start)
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    body = engine.decompress(handle.read(), MAX_INFLATED)
    if engine.unconsumed_tail:
        raise FileRefusedError(path, "it would inflate to more than 1 GB")
    handle.seek(0)
    return _renamed(handle.read(start)) + body


def _renamed(head: bytes) -> bytes:
    """The file meta information with the deflated syntax renamed to the plain one, same length."""
    old = DeflatedExplicitVRLittleEndian.encode()
    new = ExplicitVRLittleEndian.encode()
    return head.replace(old, new.ljust(len(old), b"\0"))
