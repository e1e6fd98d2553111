"""Brush, eraser and polygon as pure functions: each gives the new content of one box.

A tool returns ``(box, after)`` for :func:`core.labels.edits.make_edit` and never writes the map.
What it costs is its box, whatever the size of the volume. Points are array indices (z, y, x) with
fractions, where whole numbers are voxel centres; lengths are mm, so that voxels need not be cubes.

One rule for all: classes in ``locked`` are neither overwritten nor given new voxels; all others
are, and where ``hu_range`` is given, only voxels within it (both ends included) change.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.geometry import Geometry, Triple, Zyx
from core.labels.edits import EMPTY, Box, Labels, box_shape, clip_box, is_empty, slices, union

Shape = Literal["2d", "3d"]
HuRange = tuple[float, float]
Change = tuple[Box, Labels]
Mask = NDArray[np.bool_]

NOTHING: Change = (EMPTY, np.zeros((0, 0, 0), dtype=np.uint8))


def paint(
    labels: Labels,
    geometry: Geometry,
    path: Sequence[Triple],
    radius_mm: float,
    value: int,
    *,
    shape: Shape = "3d",
    normal: int = 0,
    locked: Collection[int] = (),
    hu: NDArray[np.int16] | None = None,
    hu_range: HuRange | None = None,
) -> Change:
    """Sweep a brush along ``path`` and give what it covers the class ``value``.

    labels: uint8 [z, y, x]. path: mouse points (z, y, x); between two of them the brush covers a
    capsule, so a fast stroke has no gaps. One point is a click. shape: a ball of ``radius_mm``, or
    a disc in the one slice of axis ``normal`` (0 z, 1 y, 2 x) that holds the first point. The
    voxel under each point is always covered, however small the brush. hu with hu_range: paint
    only voxels in that range.
    """
    box, mask = _sweep(labels, geometry, path, radius_mm, shape=shape, normal=normal)
    if is_empty(box) or value in locked:
        return NOTHING
    return box, recolour(labels, box, mask, value, locked, hu=hu, hu_range=hu_range)


def erase(
    labels: Labels,
    geometry: Geometry,
    path: Sequence[Triple],
    radius_mm: float,
    *,
    value: int | None = None,
    shape: Shape = "3d",
    normal: int = 0,
    locked: Collection[int] = (),
    hu: NDArray[np.int16] | None = None,
    hu_range: HuRange | None = None,
) -> Change:
    """Like :func:`paint`, giving 0. value: erase only that class; None: all that are not locked."""
    box, mask = _sweep(labels, geometry, path, radius_mm, shape=shape, normal=normal)
    if is_empty(box):
        return NOTHING
    if value is not None:
        mask &= labels[slices(box)] == value
    return box, recolour(labels, box, mask, 0, locked, hu=hu, hu_range=hu_range)


def fill_polygon(
    labels: Labels,
    geometry: Geometry,
    vertices: Sequence[Triple],
    value: int,
    *,
    normal: int = 0,
    locked: Collection[int] = (),
    hu: NDArray[np.int16] | None = None,
    hu_range: HuRange | None = None,
) -> Change:
    """Fill the closed polygon ``vertices`` (z, y, x) in the slice of its first vertex.

    Even-odd rule at voxel centres: a crossing outline leaves a hole where it overlaps itself.
    value 0 erases. normal: axis the slice is cut across.
    """
    if len(vertices) < 3 or value in locked:
        return NOTHING
    points = np.asarray(vertices, dtype=np.float64)
    rows, columns = (axis for axis in range(3) if axis != normal)
    index = round(float(points[0, normal]))
    spans = [(math.ceil(points[:, a].min()), math.floor(points[:, a].max()) + 1) for a in range(3)]
    spans[normal] = (index, index + 1)
    box = clip_box((spans[0], spans[1], spans[2]), geometry.shape)
    if is_empty(box):
        return NOTHING
    flat = _even_odd(points[:, (rows, columns)], box[rows], box[columns])
    mask = np.expand_dims(flat, normal)
    return box, recolour(labels, box, mask, value, locked, hu=hu, hu_range=hu_range)


def around(geometry: Geometry, centre: Triple, radius_mm: float) -> Box:
    """The box of a ball of ``radius_mm`` round the index ``centre``, cut to the grid."""
    return _box_of(np.asarray([centre], dtype=np.float64), radius_mm, geometry)


def recolour(
    labels: Labels,
    box: Box,
    mask: Mask,
    value: int,
    locked: Collection[int] = (),
    *,
    hu: NDArray[np.int16] | None = None,
    hu_range: HuRange | None = None,
) -> Labels:
    """New content of ``box``: ``value`` where ``mask`` (of its shape), the lock and HU allow."""
    after = np.array(labels[slices(box)], order="C")
    if locked:
        mask = mask & ~np.isin(after, list(locked))
    if hu_range is not None:
        if hu is None:
            raise ValueError("a HU range needs the volume")
        mask = mask & in_range(hu[slices(box)], hu_range)
    after[mask] = value
    return after


def in_range(hu: NDArray[np.int16], hu_range: HuRange) -> Mask:
    """Where HU lie within the range, both ends included."""
    low, high = hu_range
    return (hu >= low) & (hu <= high)


def _box_of(points: NDArray[np.float64], radius_mm: float, geometry: Geometry) -> Box:
    """Box of all voxels within ``radius_mm`` of the points' hull, and the voxels under them."""
    reach = radius_mm / np.asarray(geometry.spacing)
    low = np.minimum(np.ceil(points.min(axis=0) - reach), np.rint(points.min(axis=0)))
    high = np.maximum(np.floor(points.max(axis=0) + reach), np.rint(points.max(axis=0)))
    spans = [(int(a), int(b) + 1) for a, b in zip(low, high, strict=True)]
    return clip_box((spans[0], spans[1], spans[2]), geometry.shape)


def _sweep(
    labels: Labels,
    geometry: Geometry,
    path: Sequence[Triple],
    radius_mm: float,
    *,
    shape: Shape,
    normal: int,
) -> tuple[Box, Mask]:
    """The box a stroke covers and where in it the brush was."""
    if labels.shape != geometry.shape:
        raise ValueError(f"labels of shape {labels.shape} are not on the grid {geometry.shape}")
    if not path or not radius_mm > 0:
        return EMPTY, np.zeros((0, 0, 0), dtype=np.bool_)
    points = np.asarray(path, dtype=np.float64)
    if shape == "2d":
        points[:, normal] = np.rint(points[0, normal])
    legs = list(pairwise(points)) or [(points[0], points[0])]
    boxes = [_leg_box(np.stack(leg), radius_mm, geometry, shape, normal) for leg in legs]
    whole = EMPTY
    for box in boxes:
        whole = union(whole, box)
    mask = np.zeros(box_shape(whole), dtype=np.bool_)
    if is_empty(whole):
        return EMPTY, mask
    for (start, end), box in zip(legs, boxes, strict=True):
        if not is_empty(box):
            inner = slices(_shifted(box, whole))
            mask[inner] |= _capsule(start, end, radius_mm, box, geometry.spacing)
    for point in points:
        under: Zyx = tuple(round(float(c)) for c in point)  # type: ignore[assignment]
        if geometry.contains(under):
            mask[tuple(u - a for u, (a, _) in zip(under, whole, strict=True))] = True
    return whole, mask


def _leg_box(
    leg: NDArray[np.float64], radius_mm: float, geometry: Geometry, shape: Shape, normal: int
) -> Box:
    box = _box_of(leg, radius_mm, geometry)
    if shape == "3d":
        return box
    spans = list(box)
    index = int(leg[0, normal])
    spans[normal] = (index, index + 1)
    return EMPTY if is_empty(box) else clip_box((spans[0], spans[1], spans[2]), geometry.shape)


def _shifted(box: Box, origin: Box) -> Box:
    spans = [(a - o, b - o) for (a, b), (o, _) in zip(box, origin, strict=True)]
    return (spans[0], spans[1], spans[2])


def _capsule(
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    radius_mm: float,
    box: Box,
    spacing: Triple,
) -> Mask:
    """Which voxels of ``box`` are within ``radius_mm`` of the segment from start to end."""
    leg = [float(b - a) * s for a, b, s in zip(start, end, spacing, strict=True)]
    length2 = sum(c * c for c in leg)
    # Offsets in mm from the start, one open axis each, so the distance is built by broadcasting.
    offset = np.ix_(
        *[
            (np.arange(a, b) - p) * s
            for (a, b), p, s in zip(box, start.tolist(), spacing, strict=True)
        ]
    )
    along = sum((o * c for o, c in zip(offset, leg, strict=True)), start=np.zeros((1, 1, 1)))
    t = np.clip(along / length2, 0.0, 1.0) if length2 > 0 else np.zeros((1, 1, 1))
    distance2 = sum(
        ((o - t * c) ** 2 for o, c in zip(offset, leg, strict=True)), start=np.zeros((1, 1, 1))
    )
    # A hair more than the radius: a voxel exactly on the rim belongs to the brush on every machine.
    return distance2 <= radius_mm**2 * (1 + 1e-9)


def _even_odd(points: NDArray[np.float64], rows: tuple[int, int], columns: tuple[int, int]) -> Mask:
    """Inside the polygon ``points`` [n, (row, column)] at the centres of a block of pixels."""
    inside = np.zeros((rows[1] - rows[0], columns[1] - columns[0]), dtype=np.bool_)
    x = np.arange(*columns)
    for (r0, c0), (r1, c1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        # Half-open in rows: a vertex on a pixel row counts for one of its two edges only.
        low, high = (r0, r1) if r0 < r1 else (r1, r0)
        first, last = max(math.ceil(low), rows[0]), min(math.ceil(high), rows[1])
        if first >= last:
            continue
        row = np.arange(first, last)
        crossing = c0 + (row - r0) * (c1 - c0) / (r1 - r0)
        inside[first - rows[0] : last - rows[0]] ^= x[None, :] < crossing[:, None]
    return inside
