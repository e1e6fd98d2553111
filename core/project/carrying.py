"""A label map from one grid of a series to another, by place in the patient.

Both grids share the scanned slices' axes, so a plane of one lies on a plane of the other or between
two. On one: its pixels are copied, moved by whole pixels where the grids are shifted. Between two:
shape-based interpolation, the signed distances (mm) to the outlines of each class blended and cut
at 0 (Raya and Udupa, IEEE Trans Med Imaging 9:32, 1990); where a class is outlined on one of the
two only, the nearer one decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.dicom.outcomes import Outcome
from core.dicom.scanned import Scanned
from core.dicom.tolerances import lattice_mm
from core.volume import label_box

Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Lay:
    """Where the planes of a grid lie, in mm from the first pixel of a common slice.

    offsets: along the normal, ascending. shifts: (down, right) of each plane's first pixel.
    shape: rows, columns. pixel: mm (down, right).
    """

    offsets: tuple[float, ...]
    shifts: tuple[tuple[float, float], ...]
    shape: tuple[int, int]
    pixel: tuple[float, float]

    @classmethod
    def of(cls, scanned: Scanned, made: Outcome) -> Lay:
        """The planes of a volume after a remedy, or as scanned where it leaves the grid."""
        grid = made.geometry
        shape, pixel = grid.shape[1:], grid.spacing[1:]
        if grid == scanned.geometry and not made.made:
            shifts = scanned.shifts if scanned.sheared else ((0.0, 0.0),) * grid.shape[0]
            return cls(scanned.offsets, shifts, shape, pixel)
        offsets = tuple(i * grid.spacing[0] for i in range(grid.shape[0]))
        return cls(offsets, (made.offset,) * grid.shape[0], shape, pixel)

    def raised(self, along: float, down: float, right: float) -> Lay:
        """The same planes seen from a slice that lies that much below, in mm."""
        return Lay(
            tuple(o + along for o in self.offsets),
            tuple((d + down, r + right) for d, r in self.shifts),
            self.shape,
            self.pixel,
        )


def carry(labels: NDArray[np.uint8], source: Lay, target: Lay) -> NDArray[np.uint8]:
    """``labels`` [z, y, x] of ``source`` on ``target``; 0 where the source has no plane."""
    out = np.zeros((len(target.offsets), *target.shape), dtype=np.uint8)
    offsets = np.asarray(source.offsets)
    drawn: NDArray[np.bool_] = np.asarray(labels.any(axis=(1, 2)))
    for index, place in enumerate(target.offsets):
        nearest = int(np.abs(offsets - place).argmin())
        step = float(np.diff(offsets).min()) if len(offsets) > 1 else 1.0
        if abs(offsets[nearest] - place) <= lattice_mm(step):
            if drawn[nearest]:
                out[index] = _moved(labels[nearest], source, nearest, target, index)
            continue
        low = int(np.searchsorted(offsets, place)) - 1
        if low < 0 or low + 1 >= len(offsets) or not (drawn[low] or drawn[low + 1]):
            continue
        below = _moved(labels[low], source, low, target, index)
        above = _moved(labels[low + 1], source, low + 1, target, index)
        share = float((place - offsets[low]) / (offsets[low + 1] - offsets[low]))
        out[index] = _between(below, above, share, target.pixel)
    return out


def _moved(plane: Plane, source: Lay, at: int, target: Lay, to: int) -> Plane:
    """A plane on the pixels of another, by whole pixels."""
    (down, right), (there_down, there_right) = source.shifts[at], target.shifts[to]
    row = round((down - there_down) / target.pixel[0])
    column = round((right - there_right) / target.pixel[1])
    out = np.zeros(target.shape, dtype=np.uint8)
    rows, columns = (
        _overlap(plane.shape[0], out.shape[0], row),
        _overlap(plane.shape[1], out.shape[1], column),
    )
    out[rows[1], columns[1]] = plane[rows[0], columns[0]]
    return out


def _overlap(source: int, target: int, shift: int) -> tuple[slice, slice]:
    """Indices of a line of ``source`` pixels and of one of ``target``, ``shift`` further on."""
    start, stop = max(0, shift), max(0, shift, min(target, source + shift))
    return slice(start - shift, stop - shift), slice(start, stop)


def _between(below: Plane, above: Plane, share: float, pixel: tuple[float, float]) -> Plane:
    """The classes of a plane ``share`` (0 to 1) of the way from ``below`` to ``above``."""
    box = label_box(np.stack([below, above]))
    out = np.zeros_like(below)
    if box is None:
        return out
    # One more pixel round the outlines: a distance needs an outside.
    window = tuple(
        slice(max(0, a - 1), min(n, b + 1)) for (a, b), n in zip(box[1:], out.shape, strict=True)
    )
    low, high = below[window], above[window]
    best = np.zeros(low.shape)
    found = np.zeros(low.shape, dtype=np.uint8)
    for value in np.unique(np.concatenate([low.ravel(), high.ravel()])).tolist():
        if value == 0:
            continue
        depth = _depth(low == value, high == value, share, pixel)
        deeper = depth > best
        found[deeper], best[deeper] = value, depth[deeper]
    out[window] = found
    return out


def _depth(
    low: NDArray[np.bool_], high: NDArray[np.bool_], share: float, pixel: tuple[float, float]
) -> NDArray[np.float64]:
    """mm inside the outline of one class (negative outside) between two planes."""
    if not high.any():
        return _signed(low, pixel) if share <= 0.5 else np.full(low.shape, -np.inf)
    if not low.any():
        return _signed(high, pixel) if share > 0.5 else np.full(low.shape, -np.inf)
    return (1 - share) * _signed(low, pixel) + share * _signed(high, pixel)


def _signed(mask: NDArray[np.bool_], pixel: tuple[float, float]) -> NDArray[np.float64]:
    inside = ndimage.distance_transform_edt(mask, sampling=pixel)
    if mask.all():
        return np.asarray(inside)
    return np.asarray(inside) - np.asarray(ndimage.distance_transform_edt(~mask, sampling=pixel))
