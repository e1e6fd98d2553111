"""Slices of a series: in order along their normal, and the grid on which they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.dicom.checks import DEFAULT_ORIENTATION
from core.dicom.frames import Frame
from core.dicom.headers import Header
from core.dicom.scanned import usual_distance
from core.geometry import Geometry


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice: its file's header and which of the file's frames it is."""

    header: Header
    frame: Frame
    index: int


def axes_of(frame: Frame) -> NDArray[np.float64]:
    """3 x 3, columns x, y, z of the grid; decimals of the file made exactly orthonormal."""
    cosines = np.asarray(frame.orientation or DEFAULT_ORIENTATION, dtype=np.float64)
    row = cosines[:3] / np.linalg.norm(cosines[:3])
    column = cosines[3:] - row * (cosines[3:] @ row)
    column /= np.linalg.norm(column)
    axes = np.stack([row, column, np.cross(row, column)], axis=1)
    return np.where(np.abs(axes) < 1e-12, 0.0, axes)


def ordered(slices: Sequence[Slice]) -> list[Slice]:
    """Slices of one orientation by their place along the normal; by slice location, and at last by
    image number, only where the files give no position.
    """
    if slices[0].frame.position is not None:
        normal = axes_of(slices[0].frame)[:, 2]
        return sorted(
            slices,
            key=lambda s: (
                float(np.asarray(s.frame.position) @ normal),
                s.header.instance,
                s.index,
            ),
        )
    locations = {s.header.location for s in slices}
    if None not in locations and len(locations) == len(slices):
        return sorted(slices, key=lambda s: s.header.location or 0.0)
    return sorted(slices, key=lambda s: (s.header.instance, s.index))


def positions_of(slices: Sequence[Slice]) -> NDArray[np.float64]:
    """LPS mm [n, 3]; slices without a position are stacked from the origin along the normal."""
    if slices[0].frame.position is not None:
        return np.asarray([s.frame.position for s in slices], dtype=np.float64)
    locations = [s.header.location for s in slices]
    if len(set(locations)) == len(slices) and None not in locations:
        steps = np.asarray(locations, dtype=np.float64)
        steps -= steps[0]
    else:
        steps = np.arange(len(slices)) * _nominal(slices[0].frame)
    return steps[:, None] * axes_of(slices[0].frame)[:, 2]


def stack_geometry(
    frames: Sequence[Frame],
    shape: tuple[int, int, int],
    positions: NDArray[np.float64] | None = None,
) -> tuple[Geometry, tuple[float, ...]]:
    """The grid of ordered, parallel ``frames`` and the mm of each along the normal from the first.

    shape: (frames, rows, columns). positions: LPS mm [n, 3]; by default those of the frames, which
    must then have one.
    """
    first = frames[0]
    if positions is None:
        positions = np.asarray([f.position for f in frames], dtype=np.float64)
    axes = axes_of(first)
    offsets = (positions - positions[0]) @ axes[:, 2]
    spacing = first.spacing or (1.0, 1.0)
    x, y, z = positions[0].tolist()
    direction = tuple(axes.ravel().tolist())
    between = usual_distance(offsets, _nominal(first))
    geometry = Geometry(shape, (between, spacing[0], spacing[1]), (x, y, z), direction)
    return geometry, tuple(offsets.tolist())


def _nominal(frame: Frame) -> float:
    """Slice distance by the tags, for a slice without a neighbour."""
    return frame.between or frame.thickness or 1.0
