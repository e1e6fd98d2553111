"""Stored values to whole HU, in the memory of the volume where that is possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.volume import HU_MAX, HU_MIN, Check


@dataclass(frozen=True, slots=True)
class Stored:
    """How the numbers of a file are stored. bits: allocated. used: bits stored. high: their
    highest bit. padding: the stored value that fills what was not scanned, or None.
    """

    bits: int
    used: int
    high: int
    signed: bool
    padding: int | None = None

    @property
    def shifted(self) -> bool:
        """Whether the bits stored are others than the lowest ones."""
        return self.sensible and self.high != self.used - 1

    @property
    def sensible(self) -> bool:
        """Whether fewer bits are stored than allocated, in a place that exists."""
        return self.used < self.bits and 0 < self.used <= self.high + 1 <= self.bits

    @property
    def limits(self) -> tuple[int, int]:
        """The lowest and the highest value of the bits stored."""
        if self.signed:
            return -(1 << (self.used - 1)), (1 << (self.used - 1)) - 1
        return 0, (1 << self.used) - 1


@dataclass(slots=True)
class Losses:
    """What did not fit whole int16 HU, and what is no measurement. padded: HU of padding met."""

    rounded: bool = False
    clipped: int = 0
    padded: int | None = None

    def add(self, other: Losses) -> None:
        """Take over what another slice lost."""
        self.rounded |= other.rounded
        self.clipped += other.clipped
        if self.padded is None:
            self.padded = other.padded

    def checks(self) -> tuple[Check, ...]:
        """One check for each kind."""
        found: list[Check] = []
        if self.rounded:
            found.append(Check("rounded", "HU with fractions were rounded to whole numbers."))
        if self.clipped:
            text = f"{self.clipped} voxels lie outside {HU_MIN} to {HU_MAX} HU and were cut."
            found.append(Check("clipped", text))
        if self.padded is not None:
            text = f"What was not scanned is filled with {self.padded} HU, as the files say."
            found.append(Check("padding", text))
        return tuple(found)


def used_bits(values: NDArray[Any], stored: Stored) -> NDArray[np.integer]:
    """Values without what lies outside the stored bits (old overlays), sign extended.

    Also what makes signed numbers of a codestream that was declared unsigned.
    """
    width = values.itemsize * 8
    kind = np.dtype(f"{'i' if stored.signed else 'u'}{values.itemsize}")
    values = values.view(kind)
    if not stored.sensible or stored.high >= width:
        return values
    left, right = width - 1 - stored.high, width - stored.used
    # Shifting as signed numbers carries the sign down; as unsigned ones, zeros.
    return np.right_shift(np.left_shift(values, left), right)


def hu_in_place(
    out: NDArray[np.int16],
    stored: Stored,
    slope: float | None,
    intercept: float | None,
    losses: Losses,
) -> None:
    """``out`` [y, x] holds the bytes of 16-bit stored values, and then HU.

    Integer rescales are done modulo 2^16, which is exact where the result fits; whether it fits is
    known from the lowest and the highest value. No memory is asked for unless a value is lost.
    """
    values = out if stored.signed else out.view(np.uint16)
    # No unsigned value is below 0, and that is all that has to be known of the lowest.
    look = stored.signed or stored.padding is not None
    low, high = int(values.min()) if look else 0, int(values.max())
    floor, ceiling = stored.limits
    if stored.sensible and (stored.shifted or low < floor or high > ceiling):
        np.left_shift(values, 15 - stored.high, out=values)
        np.right_shift(values, 16 - stored.used, out=values)
        low, high = int(values.min()), int(values.max())
    a, b = (1.0, 0.0) if slope is None else (slope, intercept or 0.0)
    if not _whole(a, b) or not _fits(low, high, int(a), int(b)):
        out[...] = to_hu(values.copy(), slope, intercept, losses)
    else:
        words = out.view(np.uint16)
        if a != 1.0:
            np.multiply(words, np.uint16(int(a) & 0xFFFF), out=words)
        if b != 0.0:
            np.add(words, np.uint16(int(b) & 0xFFFF), out=words)
    note_padding(stored, (low, high), (a, b), losses)


def to_hu(
    stored: NDArray[Any],
    slope: float | None,
    intercept: float | None,
    losses: Losses,
) -> NDArray[np.int16]:
    """HU of stored values; no slope means that they are HU already. Notes what was lost.

    Raises ValueError when a value is not finite.
    """
    a, b = (1.0, 0.0) if slope is None else (slope, intercept or 0.0)
    if stored.dtype.kind in "iu" and _whole(a, b):
        values: NDArray[Any] = stored.astype(np.int64) * int(a) + int(b)
    else:
        exact = stored.astype(np.float64) * a + b
        if not np.isfinite(exact).all():
            raise ValueError("it holds values that are not finite (NaN or infinity)")
        values = np.rint(exact)
        losses.rounded |= bool(np.any(np.abs(values - exact) > 1e-3))
    if values.min() < HU_MIN or values.max() > HU_MAX:
        losses.clipped += int(np.count_nonzero((values < HU_MIN) | (values > HU_MAX)))
        values = np.clip(values, HU_MIN, HU_MAX)
    return values.astype(np.int16)


def note_padding(
    stored: Stored, ends: tuple[int, int], rescale: tuple[float, float], losses: Losses
) -> None:
    """Note padding that is the lowest value of a slice and below air: no measurement.

    Padding is kept as it is stored. Where it equals air (-1000, -1024) there is nothing to say.
    """
    if stored.padding is None or stored.padding not in ends:
        return
    hu = round(stored.padding * rescale[0] + rescale[1])
    if HU_MIN <= hu < -1024:
        losses.padded = hu


def _whole(a: float, b: float) -> bool:
    return a.is_integer() and b.is_integer() and abs(a) < 2**15 and abs(b) < 2**31


def _fits(low: int, high: int, a: int, b: int) -> bool:
    ends = (low * a + b, high * a + b)
    return min(ends) >= HU_MIN and max(ends) <= HU_MAX
