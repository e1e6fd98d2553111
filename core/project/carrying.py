"""A label map from one grid of a series to another, by place in the patient.

Both grids share the scanned slices' axes, so a plane of one lies on a plane of the other or between
two. On one: its pixels are copied, moved by whole pixels where the slices of one grid lie aside.
Between two: shape-based interpolation, the signed distances (mm) to the outlines of each class
blended (Raya and Udupa, IEEE Trans Med Imaging 9:32, 1990) and cut where the area is that of the
two outlines, blended alike: the trapezoidal rule, so that the volume is neither shrunk nor swollen
and goes with the grey values, which are interpolated linearly, too.
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

#: mm by which the outermost pixels of a class lie inside it: more than 0, less than any pixel.
_LEAST = 1e-6


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
    def of(cls, scanned: Scanned, made: Outcome | None) -> Lay:
        """The planes of a volume on the grid a remedy made, or as scanned."""
        if made is None:
            count, *shape = scanned.geometry.shape
            shifts = scanned.shifts if scanned.sheared else ((0.0, 0.0),) * count
            return cls(scanned.offsets, shifts, (shape[0], shape[1]), scanned.geometry.spacing[1:])
        grid = made.geometry
        offsets = tuple(i * grid.spacing[0] for i in range(grid.shape[0]))
        return cls(offsets, (made.offset,) * grid.shape[0], grid.shape[1:], grid.spacing[1:])

    def pixels(self) -> list[tuple[int, int]]:
        """:attr:`shifts` in whole pixels. What rounding leaves over is handed on to the next plane,
        so that a tilt of half a pixel a slice moves a lesion by none on the whole.
        """
        found: list[tuple[int, int]] = []
        over = np.zeros(2)
        for shift in np.asarray(self.shifts) / np.asarray(self.pixel):
            whole = np.rint(shift + over)
            over += shift - whole
            found.append((int(whole[0]), int(whole[1])))
        return found


def carry(labels: NDArray[np.uint8], source: Lay, target: Lay) -> NDArray[np.uint8]:
    """``labels`` [z, y, x] of ``source`` on ``target``; 0 where the source has no plane."""
    out = np.zeros((len(target.offsets), *target.shape), dtype=np.uint8)
    offsets = np.asarray(source.offsets)
    drawn: NDArray[np.bool_] = np.asarray(labels.any(axis=(1, 2)))
    here, there = source.pixels(), target.pixels()
    step = float(np.diff(offsets).min()) if len(offsets) > 1 else 1.0

    def moved(at: int, to: int) -> Plane:
        shift = (here[at][0] - there[to][0], here[at][1] - there[to][1])
        return _moved(labels[at], shift, target.shape)

    for index, place in enumerate(target.offsets):
        nearest = int(np.abs(offsets - place).argmin())
        if abs(offsets[nearest] - place) <= lattice_mm(step):
            if drawn[nearest]:
                out[index] = moved(nearest, index)
            continue
        low = int(np.searchsorted(offsets, place)) - 1
        if low < 0 or low + 1 >= len(offsets) or not (drawn[low] or drawn[low + 1]):
            continue
        share = float((place - offsets[low]) / (offsets[low + 1] - offsets[low]))
        out[index] = _between(moved(low, index), moved(low + 1, index), share, target.pixel)
    return out


def _moved(plane: Plane, shift: tuple[int, int], shape: tuple[int, int]) -> Plane:
    """A plane moved by pixels (down, right), cut or filled with 0 to ``shape``."""
    out = np.zeros(shape, dtype=np.uint8)
    rows = _overlap(plane.shape[0], shape[0], shift[0])
    columns = _overlap(plane.shape[1], shape[1], shift[1])
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
    """How deep, in mm, a pixel lies in a class between two planes; not more than 0 outside. Where
    the class is outlined on one of them only, it shrinks towards the other.
    """
    area = round((1 - share) * np.count_nonzero(low) + share * np.count_nonzero(high))
    if area == 0:
        return np.zeros(low.shape)
    depth = np.zeros(low.shape)
    if low.any():
        depth += (1 - share) * _signed(low, pixel)
    if high.any():
        depth += share * _signed(high, pixel)
    # Pixels of one depth at the edge are taken in the order of the plane, as many as are missing.
    order = np.argsort(-depth, axis=None, kind="stable")
    edge = float(depth.flat[order[area - 1]])
    inside = np.zeros(low.shape, dtype=bool)
    inside.flat[order[:area]] = True
    return np.where(inside, depth - edge + _LEAST, 0.0)


def _signed(mask: NDArray[np.bool_], pixel: tuple[float, float]) -> NDArray[np.float64]:
    inside = ndimage.distance_transform_edt(mask, sampling=pixel)
    if mask.all():
        return np.asarray(inside)
    return np.asarray(inside) - np.asarray(ndimage.distance_transform_edt(~mask, sampling=pixel))
