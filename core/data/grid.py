"""From a series' own grid to the plan's and back: patient axes first, then the plan's spacing.

The plan's grid runs along the image's own axes, put in the order and direction closest to LPS
(z to the head, y to the back, x to the left) and centred on the image, so oblique series are not
turned. Resampling is separable: one small matrix an axis, linear, and with the triangle widened
when the grid gets coarser, so that noise is averaged instead of picked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.data.plan import Plan
from core.geometry import Geometry, Triple, Zyx
from core.labels.schema import IGNORE
from core.volume import Volume

Scalar = TypeVar("Scalar", bound=np.generic)

#: Slices resampled at once: bounds the float copy of a 512 x 512 series to some 30 MB.
SLAB = 32


@dataclass(frozen=True, slots=True)
class GridInfo:
    """How the plan's grid lies in a series: everything the way back needs.

    geometry: of the series. order: array axes of the series that become z, y, x. flip: whether the
    index runs the other way. shape, spacing: of the plan's grid.
    """

    geometry: Geometry
    order: Zyx
    flip: tuple[bool, bool, bool]
    shape: Zyx
    spacing: Triple

    @classmethod
    def of(cls, geometry: Geometry, spacing: Triple) -> GridInfo:
        """The grid of ``spacing`` mm (z, y, x in patient order) over a series of this geometry."""
        order, flip = _patient_axes(geometry)
        shape = [
            max(1, round(geometry.shape[axis] * geometry.spacing[axis] / step))
            for axis, step in zip(order, spacing, strict=True)
        ]
        return cls(geometry, order, flip, (shape[0], shape[1], shape[2]), spacing)

    @property
    def canonical_spacing(self) -> Triple:
        """The series' own spacing in patient order z, y, x."""
        z, y, x = (self.geometry.spacing[axis] for axis in self.order)
        return (z, y, x)

    def canonical(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        """A view of an array on the series' grid with its axes in patient order; writable."""
        steps = tuple(slice(None, None, -1 if flip else 1) for flip in self.flip)
        return array.transpose(self.order)[steps]


def _patient_axes(geometry: Geometry) -> tuple[Zyx, tuple[bool, bool, bool]]:
    """For patient z, y, x the array axis closest to it and whether it is flipped."""
    axes = geometry.axes  # [lps, index x y z]
    best = max(
        permutations(range(3)), key=lambda p: sum(abs(axes[lps, p[lps]]) for lps in range(3))
    )
    # best[lps] is an index axis in x, y, z order; array axes count the other way round.
    order = [2 - best[lps] for lps in (2, 1, 0)]
    flip = [bool(axes[lps, best[lps]] < 0) for lps in (2, 1, 0)]
    return (order[0], order[1], order[2]), (flip[0], flip[1], flip[2])


def weights(count: int, spacing: float, new_count: int, new_spacing: float) -> NDArray[np.float32]:
    """Matrix ``[new_count, count]`` that resamples one axis; both grids share their centre.

    Linear interpolation when the new grid is finer; a triangle as wide as the new voxels when it is
    coarser. Rows sum to 1; beyond the ends the last voxel goes on.
    """
    ratio = new_spacing / spacing
    place = (count - 1) / 2 + (np.arange(new_count) - (new_count - 1) / 2) * ratio
    place = np.clip(place, 0, count - 1)
    width = max(1.0, ratio)
    distance = np.abs(place[:, None] - np.arange(count)[None, :]) / width
    matrix = np.clip(1 - distance, 0, None)
    matrix /= matrix.sum(1, keepdims=True)
    # Sampled at whole voxels a wide triangle leans to one side by up to a tenth of a voxel; tilting
    # it puts its centre back, so that straight edges do not move. Not at the ends, where it is cut.
    index = np.arange(count)
    centre = matrix @ index
    spread = matrix @ index**2 - centre**2
    whole = (place - width >= -1) & (place + width <= count) & (spread > 1e-9)
    tilt = np.where(whole, (place - centre) / np.maximum(spread, 1e-9), 0.0)
    matrix *= np.clip(1 + tilt[:, None] * (index[None, :] - centre[:, None]), 0, None)
    return (matrix / matrix.sum(1, keepdims=True)).astype(np.float32)


def resample(
    array: NDArray[Any], spacing: Triple, shape: Zyx, new_spacing: Triple
) -> NDArray[np.float32]:
    """float32 ``[z, y, x]`` of ``shape`` from any array in patient order, slab by slab.

    spacing, new_spacing: mm of the array and of the result; both grids share their centre.
    """
    across_z, across_y, across_x = (
        weights(n, s, m, t)
        for n, s, m, t in zip(array.shape, spacing, shape, new_spacing, strict=True)
    )
    result = np.zeros(shape, np.float32)
    for start in range(0, array.shape[0], SLAB):
        slab = np.asarray(array[start : start + SLAB], dtype=np.float32)
        plane = across_y @ (slab @ across_x.T)
        result += np.tensordot(across_z[:, start : start + SLAB], plane, axes=1)
    return result


def to_plan_grid(volume: Volume, plan: Plan) -> tuple[NDArray[np.int16], GridInfo]:
    """HU on the plan's grid, int16 ``[z, y, x]`` in patient order, and the way back."""
    info = GridInfo.of(volume.geometry, plan.spacing)
    values = resample(info.canonical(volume.hu), info.canonical_spacing, info.shape, plan.spacing)
    return np.rint(values).astype(np.int16), info


def labels_to_plan_grid(
    labels: NDArray[np.uint8], geometry: Geometry, plan: Plan
) -> NDArray[np.uint8]:
    """Output channels (0 background, then the plan's classes) on its grid, uint8 ``[z, y, x]``.

    Each voxel goes to the channel with the largest share of it; values of no class of the plan are
    background. :data:`IGNORE` stands where the plan's ignored value has the largest share.
    """
    info = GridInfo.of(geometry, plan.spacing)
    source = info.canonical(labels)
    result = np.zeros(info.shape, np.uint8)
    best = np.ones(info.shape, np.float32)
    shares: list[NDArray[np.float32]] = []
    wanted = {channel: label.value for channel, label in enumerate(plan.classes, start=1)}
    if plan.ignore_value is not None:
        wanted[IGNORE] = plan.ignore_value
    for value in wanted.values():
        share = resample(source == value, info.canonical_spacing, info.shape, plan.spacing)
        shares.append(share)
        best -= share
    for channel, share in zip(wanted, shares, strict=True):
        # >= lets a half-covered voxel be lesion: with it a thin lesion keeps its volume.
        taken = share >= best
        result[taken] = channel
        best = np.where(taken, share, best)
    return result


def to_series_grid(
    probabilities: NDArray[np.float32], info: GridInfo
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Probabilities ``[channels, z, y, x]`` on the plan's grid, linearly, on the series' own.

    Yields ``(rows, [channels, rows, y, x])`` slab by slab along patient z, in patient order: write
    them into ``info.canonical(result)[rows]``. So a 512 x 512 x 1000 series needs no float copy.
    """
    canonical = tuple(info.geometry.shape[axis] for axis in info.order)
    across_z, across_y, across_x = (
        weights(n, s, m, t)
        for n, s, m, t in zip(
            info.shape, info.spacing, canonical, info.canonical_spacing, strict=True
        )
    )
    for start in range(0, canonical[0], SLAB):
        rows = slice(start, min(start + SLAB, canonical[0]))
        slab = np.einsum("rz,czyx->cryx", across_z[rows], probabilities, optimize=True)
        yield rows, np.ascontiguousarray(across_y @ (slab @ across_x.T))
