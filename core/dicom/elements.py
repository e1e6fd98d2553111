"""The elements of a DICOM file as plain values, whichever parser found them.

Two parsers answer here: pydicom (:mod:`core.dicom.parsing`), which reads anything, and
:mod:`core.dicom.quick`, which reads what is usual, fast, and leaves the rest to pydicom. This
module knows neither, so that a process that only reads headers need not load pydicom.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
NATIVE = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG)

#: What pydicom raises when a damaged value is asked for, which is when it is converted.
VALUE_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    MemoryError,
    RuntimeError,  # includes NotImplementedError and RecursionError
    struct.error,
    zlib.error,
)


class Elements(Protocol):
    """A pydicom Dataset or what stands in for one: values by keyword."""

    def get(self, key: str, /) -> Any:
        """The value, None where absent."""
        ...

    def __contains__(self, key: str, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where pixel data lie. offset: of the value in the file. length: bytes, None if encapsulated.

    tag: 0x7FE00010 for integers, 0x7FE00008 and 0x7FE00009 for floating point. vr: as the file
    says it, OW where it says none.
    """

    tag: int
    offset: int
    length: int | None
    vr: str = "OW"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A dataset without its pixel data.

    dataset: :class:`Elements`; a pydicom Dataset where :func:`core.dicom.parsing.parse` made it.
    meta: the file meta information. syntax: transfer syntax UID of the stream. stream_size: bytes
    of the stream ``pixels.offset`` counts in, which is the file, or ``inflated`` where the file was
    deflated.
    """

    dataset: Any
    meta: Elements
    syntax: str
    pixels: PixelElement | None
    stream_size: int
    inflated: bytes | None = None

    @property
    def native(self) -> bool:
        """Whether pixel data are stored as plain numbers."""
        return self.syntax in NATIVE

    @property
    def little_endian(self) -> bool:
        """Byte order of plain numbers."""
        return self.syntax != EXPLICIT_BIG


def text(dataset: Elements, keyword: str) -> str:
    """An element as trimmed text; several values joined by a backslash; empty when absent."""
    value = _value(dataset, keyword)
    if type(value) is str:  # most are
        return value.replace("\0", "").strip()
    if value is None:
        return ""
    try:
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            if any(hasattr(item, "get") for item in value):
                return ""  # a sequence where text belongs; its items' text would be all they hold
            return "\\".join(str(v).strip() for v in value)
        return str(value).replace("\0", "").strip()
    except _raised:
        return ""


def number(dataset: Elements, keyword: str) -> float | None:
    """An element's (first) value as a finite number, or None."""
    values = numbers(dataset, keyword)
    return values[0] if values else None


def numbers(dataset: Elements, keyword: str) -> tuple[float, ...]:
    """An element's values as finite numbers; empty when absent or any is not a number."""
    value = _value(dataset, keyword)
    if value is None or value == "":
        return ()
    many: bool = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    listed: Any = value if many else (value,)
    try:
        found = tuple(float(v) for v in listed)
    except (TypeError, ValueError, OverflowError):
        return ()
    return found if all(map(math.isfinite, found)) else ()


def whole(dataset: Elements, keyword: str) -> int | None:
    """An element's (first) value as a whole number, or None."""
    value = number(dataset, keyword)
    return None if value is None else int(value)


def items(dataset: Elements, keyword: str) -> list[Any]:
    """The items of a sequence; empty when it is absent or damaged."""
    value = _value(dataset, keyword)
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return []
    return [item for item in value if hasattr(item, "get")]


def _value(dataset: Elements, keyword: str) -> Any:
    # Conversion is lazy in pydicom, so a damaged value shows up here.
    try:
        return dataset.get(keyword)
    except _raised:
        return None


#: What conversions raise: :data:`VALUE_ERRORS`, and what :func:`also_raised` added.
_raised: tuple[type[Exception], ...] = VALUE_ERRORS


def also_raised(*kinds: type[Exception]) -> None:
    """Exceptions of a library that is loaded late, and that this module does not load."""
    global _raised  # noqa: PLW0603 - one process has one pydicom
    _raised = (*VALUE_ERRORS, *kinds)
