"""Lesions of a label map: connected parts with their volume and their RECIST axes.

RECIST 1.1 (Eisenhauer et al., Eur J Cancer 45:228, 2009) measures a lesion in one axial slice: the
longest diameter, and across it the longest perpendicular. Both are taken here over the convex hull
of the lesion's outline in that slice, where the outline is the one that is drawn on the screen: it
passes half a pixel beyond the outermost pixel centres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.geometry import Geometry, Triple, Zyx
from core.labels.edits import Box, Labels, Span, slices
from core.labels.parts import connected
from core.planes import PlaneAxes
from core.volume import label_box

Axis = tuple[Triple, Triple]
Points = NDArray[np.float64]
Mask2d = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Lesion:
    """One connected part of a lesion class.

    id: 1 for the largest, then down. long_axis, short_axis: end points as fractional array
    indices (z, y, x), both in axial slice ``axial_slice``. slices: axial slices it appears in.
    centre: its voxel (z, y, x) nearest to the centroid. box: half-open (z, y, x).
    """

    id: int
    value: int
    voxels: int
    ml: float
    long_axis_mm: float
    short_axis_mm: float
    long_axis: Axis
    short_axis: Axis
    axial_slice: int
    slices: int
    centre: Zyx
    box: Box


def measure(labels: Labels, geometry: Geometry, values: Sequence[int]) -> list[Lesion]:
    """All lesions of the classes ``values`` in labels uint8 [z, y, x], largest first.

    Each class by itself, 26-connected. Costs the box of the classes, not the volume.
    """
    normal = PlaneAxes.of(geometry, "axial").normal
    found: list[Lesion] = []
    whole = label_box(labels, values) if len(values) else None
    if whole is None:
        return found
    cut = labels[slices(whole)]
    corner: Zyx = (whole[0][0], whole[1][0], whole[2][0])
    for value in values:
        parts, _ = connected(cut == value, "all")
        for index, where in enumerate(ndimage.find_objects(parts), start=1):
            mask = parts[where] == index
            offset = tuple(s.start + c for s, c in zip(where, corner, strict=True))
            found.append(_lesion(mask, offset, value, geometry, normal))
    found.sort(key=lambda lesion: (-lesion.voxels, lesion.box))
    return [_numbered(lesion, index) for index, lesion in enumerate(found, start=1)]


def _numbered(lesion: Lesion, index: int) -> Lesion:
    return Lesion(
        index, lesion.value, lesion.voxels, lesion.ml, lesion.long_axis_mm, lesion.short_axis_mm,
        lesion.long_axis, lesion.short_axis, lesion.axial_slice, lesion.slices, lesion.centre,
        lesion.box,
    )  # fmt: skip


def _lesion(
    mask: NDArray[np.bool_], offset: Sequence[int], value: int, geometry: Geometry, normal: int
) -> Lesion:
    voxels = int(np.count_nonzero(mask))
    rows, columns = (axis for axis in range(3) if axis != normal)
    spacing = (geometry.spacing[rows], geometry.spacing[columns])
    stack = np.moveaxis(mask, normal, 0)
    index, long_ends, short_ends = _axes(stack, spacing)

    def place(point: Points) -> Triple:
        zyx = [0.0, 0.0, 0.0]
        zyx[normal] = float(index + offset[normal])
        zyx[rows] = float(point[0] / spacing[0] + offset[rows])
        zyx[columns] = float(point[1] / spacing[1] + offset[columns])
        return (zyx[0], zyx[1], zyx[2])

    spans: list[Span] = [(o, o + n) for o, n in zip(offset, mask.shape, strict=True)]
    return Lesion(
        id=0,
        value=value,
        voxels=voxels,
        ml=voxels * geometry.voxel_ml,
        long_axis_mm=math.dist(*long_ends),
        short_axis_mm=math.dist(*short_ends),
        long_axis=(place(long_ends[0]), place(long_ends[1])),
        short_axis=(place(short_ends[0]), place(short_ends[1])),
        axial_slice=index + offset[normal],
        slices=int(np.count_nonzero(stack.any(axis=(1, 2)))),
        centre=_centre(mask, offset, geometry.spacing),
        box=(spans[0], spans[1], spans[2]),
    )


def _centre(mask: NDArray[np.bool_], offset: Sequence[int], spacing: Triple) -> Zyx:
    points = np.argwhere(mask)
    distance = (((points - points.mean(axis=0)) * np.asarray(spacing)) ** 2).sum(axis=1)
    z, y, x = (int(p) + o for p, o in zip(points[int(distance.argmin())], offset, strict=True))
    return (z, y, x)


def _axes(stack: NDArray[np.bool_], spacing: tuple[float, float]) -> tuple[int, Points, Points]:
    """Slice and end points in mm (row, column) of the long and the short axis of a lesion."""
    best = (-1.0, 0, np.zeros((1, 2)), (0, 0))
    bounds = [_extent(flat, spacing) for flat in stack]
    # Widest slices first: once a slice's box diagonal is below the best diameter, none can win.
    for index in sorted(range(len(bounds)), key=lambda i: -bounds[i]):
        if bounds[index] <= best[0]:
            break
        hull = _hull(_outline(stack[index], spacing))
        length, ends = _diameter(hull)
        if length > best[0]:
            best = (length, index, hull, ends)
    _, index, hull, (a, b) = best
    return index, hull[[a, b]], _perpendicular(hull, hull[b] - hull[a])


def _extent(flat: Mask2d, spacing: tuple[float, float]) -> float:
    rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
    if rows.size == 0:
        return -1.0
    return math.hypot(
        (rows[-1] - rows[0] + 1) * spacing[0], (columns[-1] - columns[0] + 1) * spacing[1]
    )


def _outline(flat: Mask2d, spacing: tuple[float, float]) -> Points:
    """Points in mm (row, column) half a pixel beyond the first and last pixel of each line.

    These are all points of the outline that can be corners of its hull.
    """
    points: list[Points] = []
    for axis in (0, 1):
        lines = flat if axis == 0 else flat.T
        index = np.flatnonzero(lines.any(axis=1))
        first = lines[index].argmax(axis=1) - 0.5
        last = lines.shape[1] - 0.5 - lines[index][:, ::-1].argmax(axis=1)
        for end in (first, last):
            pair = (index, end) if axis == 0 else (end, index)
            points.append(np.stack(pair, axis=1).astype(np.float64) * np.asarray(spacing))
    return np.concatenate(points)


def _hull(points: Points) -> Points:
    """Corners of the convex hull [n, 2], in order (Andrew's monotone chain)."""
    ordered = np.unique(points, axis=0).tolist()

    def chain(source: list[list[float]]) -> list[list[float]]:
        kept: list[list[float]] = []
        for p in source:
            while len(kept) > 1:
                (ax, ay), (bx, by) = kept[-2], kept[-1]
                if (bx - ax) * (p[1] - ay) - (by - ay) * (p[0] - ax) > 0:
                    break
                kept.pop()
            kept.append(p)
        return kept[:-1]

    return np.asarray(chain(ordered) + chain(ordered[::-1]))


def _diameter(hull: Points) -> tuple[float, tuple[int, int]]:
    """The longest distance between two corners. Pairwise: a hull has tens of corners."""
    distance2 = ((hull[:, None] - hull[None]) ** 2).sum(axis=-1)
    a, b = divmod(int(distance2.argmax()), len(hull))
    return math.sqrt(float(distance2[a, b])), (a, b)


def _perpendicular(hull: Points, long_axis: Points) -> Points:
    """Ends [2, 2] of the longest chord of the hull across ``long_axis``.

    The length of that chord changes linearly between corners, so the longest passes through one.
    """
    along = long_axis / np.linalg.norm(long_axis)
    across = np.asarray([-along[1], along[0]])
    s, t = hull @ along, hull @ across
    s_next, t_next = np.roll(s, -1), np.roll(t, -1)
    best, ends = -1.0, hull[[0, 0]]
    for level in s.tolist():
        crossed = (np.minimum(s, s_next) <= level) & (level <= np.maximum(s, s_next))
        rise = s_next[crossed] - s[crossed]
        share = np.divide(level - s[crossed], rise, out=np.zeros_like(rise), where=rise != 0)
        meets = t[crossed] + share * (t_next[crossed] - t[crossed])
        meets = np.concatenate([meets, t[s == level]])
        low, high = float(meets.min()), float(meets.max())
        if high - low > best:
            best = high - low
            ends = np.stack([level * along + low * across, level * along + high * across])
    return ends
