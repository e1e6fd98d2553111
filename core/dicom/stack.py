"""Labels between grids whose slices need not be evenly spaced: everything by physical position.

A :class:`~core.geometry.Geometry` has one slice distance. A series with a missing slice has not,
and a label must not slide along with the slices behind the gap. So labels travel between stacks of
parallel planes, each plane at its own offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import FileRefusedError
from core.geometry import Geometry

#: Positions are rounded in files; on the border between two planes one of them must be found.
_ROUNDING_MM = 0.01

#: Two grids are called parallel when their normals differ by less than this (about 0.8 degrees).
_PARALLEL = 1e-4


@dataclass(frozen=True, slots=True)
class Raster:
    """Labels uint8 [z, y, x] on a series, the structure's name by value, and, where a part of the
    file did not lie on the series, a sentence about it.
    """

    labels: NDArray[np.uint8]
    names: dict[int, str]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stack:
    """Parallel planes of one matrix. geometry: its grid, with the usual slice distance. offsets:
    mm of each plane along the normal from the first one, ascending. shifts: mm (down, right) of
    each plane's first pixel from that of the first one, where the gantry was tilted; else empty.
    """

    geometry: Geometry
    offsets: tuple[float, ...]
    shifts: tuple[tuple[float, float], ...] = ()

    @classmethod
    def even(cls, geometry: Geometry) -> Stack:
        """The stack of a grid without gaps."""
        step = geometry.spacing[0]
        return cls(geometry, tuple(i * step for i in range(geometry.shape[0])))

    @property
    def reach(self) -> float:
        """How far from a plane, in mm, its pixels still count: half the usual distance."""
        return 0.5 * self.geometry.spacing[0] + _ROUNDING_MM

    @property
    def origin(self) -> NDArray[np.float64]:
        """LPS mm of the first pixel of the first plane."""
        return np.asarray(self.geometry.origin)

    def in_plane(self, points: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """For LPS points [..., 3]: fractional (row, column) [..., 2] on the first plane, and mm
        along the normal. See :meth:`aside` for the other planes.
        """
        axes, spacing = self.geometry.axes, self.geometry.spacing
        relative = np.asarray(points, dtype=np.float64) - self.origin
        columns = relative @ axes[:, 0] / spacing[2]
        rows = relative @ axes[:, 1] / spacing[1]
        return np.stack([rows, columns], axis=-1), relative @ axes[:, 2]

    def aside(self, planes: Any) -> NDArray[np.float64]:
        """Pixels (rows, columns) [..., 2] by which planes [...] lie aside of the first: to be taken
        from what :meth:`in_plane` says of a point on them.
        """
        if not self.shifts:
            return np.zeros((*np.shape(planes), 2))
        return (np.asarray(self.shifts) / np.asarray(self.geometry.spacing[1:]))[planes]

    def nearest_plane(self, along: float) -> int | None:
        """The plane at ``along`` mm, None when none is nearer than half the usual distance."""
        distances = np.abs(np.asarray(self.offsets) - along)
        index = int(np.argmin(distances))
        return index if distances[index] <= self.reach else None

    def pixel_positions(self, plane: int) -> NDArray[np.float64]:
        """LPS mm [y, x, 3] of the pixel centres of a plane."""
        axes, spacing = self.geometry.axes, self.geometry.spacing
        rows = np.arange(self.geometry.shape[1])[:, None, None] * spacing[1] * axes[:, 1]
        columns = np.arange(self.geometry.shape[2])[None, :, None] * spacing[2] * axes[:, 0]
        first = self.origin + self.offsets[plane] * axes[:, 2]
        if self.shifts:
            first = first + axes[:, [1, 0]] @ np.asarray(self.shifts[plane])
        return first + rows + columns


def transfer(labels: NDArray[np.uint8], source: Stack, target: Stack) -> NDArray[np.uint8]:
    """Labels [z, y, x] of ``source`` on ``target``: the nearest pixel of the nearest plane.

    Where the source has no pixel or no plane within half its slice distance there is 0.
    """
    if source == target:
        return labels.copy()
    out = np.zeros(target.geometry.shape, dtype=np.uint8)
    offsets = np.asarray(source.offsets)
    reach = source.reach
    turned = abs(1 - abs(source.geometry.axes[:, 2] @ target.geometry.axes[:, 2])) > _PARALLEL
    for index in range(target.geometry.shape[0]):
        pixels, along = source.in_plane(target.pixel_positions(index))
        if along.max() < offsets[0] - reach or along.min() > offsets[-1] + reach:
            continue
        # Parallel planes have one distance for all their pixels.
        places = along if turned else along[:1, :1]
        planes = _nearest(offsets, places)
        near = np.abs(offsets[planes] - places) <= reach
        if near.any():
            pixels = pixels - source.aside(planes)
            out[index] = _lookup(labels, np.broadcast_to(planes, along.shape), pixels, near)
    return out


def _nearest(offsets: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.intp]:
    """Index of the offset (ascending) nearest to each place."""
    right = np.clip(np.searchsorted(offsets, places), 0, len(offsets) - 1)
    left = np.maximum(right - 1, 0)
    nearer_left = np.abs(offsets[left] - places) <= np.abs(offsets[right] - places)
    return np.where(nearer_left, left, right)


def _lookup(
    labels: NDArray[np.uint8],
    planes: NDArray[np.intp],
    pixels: NDArray[np.float64],
    near: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    nearest = np.rint(pixels).astype(np.intp)
    rows, columns = nearest[..., 0], nearest[..., 1]
    inside = near & (rows >= 0) & (rows < labels.shape[1])
    inside &= (columns >= 0) & (columns < labels.shape[2])
    found = np.zeros(planes.shape, dtype=np.uint8)
    found[inside] = labels[planes[inside], rows[inside], columns[inside]]
    return found


def on_series(
    path: Path, labels: NDArray[np.uint8], source: Stack, target: Stack, names: dict[int, str]
) -> Raster:
    """``labels`` of the file ``path`` on ``target``, with a note when a tenth or more is lost.

    Raises FileRefusedError when nothing of it lies on the series.
    """
    moved = transfer(labels, source, target)
    present = set(np.unique(moved).tolist()) - {0}
    if not present:
        raise FileRefusedError(path, "nothing of it lies on the series")
    before = np.count_nonzero(labels) * source.geometry.voxel_ml
    after = np.count_nonzero(moved) * target.geometry.voxel_ml
    note = ""
    if after < 0.9 * before:
        note = f"Only {after:.4g} of {before:.4g} mL of {path.name} lie on the series."
    return Raster(moved, {v: n for v, n in names.items() if v in present}, note)
