"""A CT volume in memory: int16 HU ``[z, y, x]`` with its grid; windowing, statistics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.geometry import Geometry

HU_MIN, HU_MAX = -32768, 32767


@dataclass(frozen=True, slots=True)
class Check:
    """One doubt about a series, for the table, the details panel and the JSON of the CLI.

    code: a stable word such as ``missing-slice``. message: one sentence with the numbers.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Volume:
    """int16 HU ``[z, y, x]``, C-contiguous, and the grid it lies on."""

    hu: NDArray[np.int16]
    geometry: Geometry
    checks: tuple[Check, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.hu.dtype != np.int16 or self.hu.shape != self.geometry.shape:
            raise ValueError(
                f"volume must be int16 of shape {self.geometry.shape}, "
                f"not {self.hu.dtype} of shape {self.hu.shape}"
            )

    def statistics(self) -> dict[str, Any]:
        """Minimum, maximum and mean HU over the whole volume."""
        return {
            "min": int(self.hu.min()),
            "max": int(self.hu.max()),
            "mean": float(self.hu.mean(dtype=np.float64)),
        }


def to_int16(values: NDArray[Any], checks: list[Check]) -> NDArray[np.int16]:
    """HU [z, y, x] as int16; see :func:`planes_to_int16`."""
    if values.dtype == np.int16:
        return np.ascontiguousarray(values)
    return planes_to_int16(values, values.shape, checks)


def planes_to_int16(
    planes: Iterable[NDArray[Any]], shape: tuple[int, ...], checks: list[Check]
) -> NDArray[np.int16]:
    """Round HU to the nearest integer and fit them in int16, saying so where that loses anything.

    planes: [y, x] each, in order, of a volume of ``shape`` [z, y, x]; one at a time, because a
    volume in double precision is four times its int16. Appends a check ``rounded`` when values had
    fractions and ``clipped`` when some lay outside [-32768, 32767]. Raises ValueError when a value
    is not finite.
    """
    hu = np.empty(shape, dtype=np.int16)
    rounded, outside = False, 0
    for target, plane in zip(hu, planes, strict=True):
        values = plane
        if np.issubdtype(values.dtype, np.floating):
            if not np.isfinite(values).all():
                raise ValueError("it holds values that are not finite (NaN or infinity)")
            values = np.rint(plane)
            rounded = rounded or bool(np.any(np.abs(values - plane) > 1e-3))
        if values.size and (values.min() < HU_MIN or values.max() > HU_MAX):
            outside += int(np.count_nonzero((values < HU_MIN) | (values > HU_MAX)))
            values = np.clip(values, HU_MIN, HU_MAX)
        target[...] = values
    if rounded:
        checks.append(Check("rounded", "HU with fractions were rounded to whole numbers."))
    if outside:
        checks.append(
            Check("clipped", f"{outside} voxels lie outside {HU_MIN} to {HU_MAX} HU and were cut.")
        )
    return hu


def window_lut(width: float, level: float) -> NDArray[np.uint8]:
    """Lookup table of 65,536 greys for HU -32768 … 32767 (index = HU + 32768).

    Linear window of DICOM PS3.3 C.11.2.1.2.1: black at level - 0.5 - (width - 1) / 2, white at
    level - 0.5 + (width - 1) / 2. Raises ValueError unless width >= 1.
    """
    if not width >= 1:
        raise ValueError(f"window width must be at least 1, not {width}")
    hu = np.arange(HU_MIN, HU_MAX + 1, dtype=np.float64)
    span = max(width - 1.0, 1e-6)
    grey = ((hu - (level - 0.5)) / span + 0.5) * 255.0
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def apply_window(hu: NDArray[np.int16], lut: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Greys of a slice through a table of :func:`window_lut`; same shape, C-contiguous."""
    # A uint16 view shifts the sign for free: HU -32768 is 0x8000, so roll the table instead.
    return np.take(np.roll(lut, HU_MIN), np.ascontiguousarray(hu).view(np.uint16))


def count_values(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many voxels have each of the 256 values, slice by slice.

    ``np.bincount`` widens its input to eight bytes a voxel: 630 MB for 512 x 512 x 300 at once.
    """
    counts = np.zeros(256, np.int64)
    for cut in labels:
        counts += np.bincount(cut.ravel(), minlength=256)
    return counts


def label_box(
    labels: NDArray[np.uint8], values: Iterable[int] | None = None
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]] | None:
    """Half-open ``((z0, z1), (y0, y1), (x0, x1))`` round the labelled voxels, or None."""
    mask = labels > 0 if values is None else np.isin(labels, list(values))
    box: list[tuple[int, int]] = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        hit = np.flatnonzero(mask.any(axis=others))
        if hit.size == 0:
            return None
        box.append((int(hit[0]), int(hit[-1]) + 1))
    return (box[0], box[1], box[2])
