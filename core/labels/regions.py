"""Tools that look at the image or the shape: grow, fill between slices, smooth, remove islands.

The same rules as in :mod:`core.labels.brush`.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.geometry import Geometry, Triple, Zyx
from core.labels.brush import NOTHING, Change, HuRange, Mask, around, in_range, recolour
from core.labels.edits import Box, Labels, clip_box, intersection, is_empty, slices
from core.labels.parts import connected, distance_mm
from core.volume import label_box

#: Largest radius region growing may be asked for; larger than any lesion that is grown in one go.
MAX_GROW_MM = 150.0


def grow(
    labels: Labels,
    hu: NDArray[np.int16],
    geometry: Geometry,
    seed: Zyx,
    value: int,
    *,
    hu_range: HuRange,
    max_radius_mm: float,
    normal: int | None = None,
    locked: Collection[int] = (),
) -> Change:
    """Give ``value`` to what hangs together with ``seed`` (z, y, x) within the HU range.

    Face-connected, never further than ``max_radius_mm`` (cut to :data:`MAX_GROW_MM`) from the
    seed, and in the slice of the seed only when ``normal`` names the axis that slice is cut
    across. Locked classes are walls. Nothing when the seed itself is outside the range.
    """
    if not geometry.contains(seed) or value in locked or not max_radius_mm > 0:
        return NOTHING
    radius = min(max_radius_mm, MAX_GROW_MM)
    spans = list(around(geometry, seed, radius))
    if normal is not None:
        spans[normal] = (seed[normal], seed[normal] + 1)
    box: Box = (spans[0], spans[1], spans[2])
    mask = in_range(hu[slices(box)], hu_range) & _ball(seed, radius, box, geometry.spacing)
    if locked:
        mask &= ~np.isin(labels[slices(box)], list(locked))
    parts, _ = connected(mask, "faces")  # Growing does not leak through a corner.
    at = parts[tuple(s - a for s, (a, _) in zip(seed, box, strict=True))]
    if at == 0:
        return NOTHING
    return box, recolour(labels, box, parts == at, value, locked)


def fill_between_slices(
    labels: Labels,
    geometry: Geometry,
    value: int,
    *,
    normal: int = 0,
    locked: Collection[int] = (),
    within: Box | None = None,
    max_gap_mm: float = 30.0,
) -> Change:
    """Fill the empty slices between labelled ones by shape-based interpolation.

    The signed distance (mm) to the outline of the class ``value`` is interpolated linearly from
    one labelled slice to the next and cut at 0 (Raya and Udupa, IEEE Trans Med Imaging 9:32,
    1990). normal: axis across the slices. within: look only there, so that another lesion of the
    class further on is left alone. Gaps wider than ``max_gap_mm`` stay. Two outlines that do not
    overlap in projection give nothing between them.
    """
    found = _class_box(labels, value, within)
    if found is None or value in locked:
        return NOTHING
    mask = np.moveaxis(labels[slices(found)] == value, normal, 0)
    in_plane = [s for axis, s in enumerate(geometry.spacing) if axis != normal]
    drawn = np.flatnonzero(mask.any(axis=(1, 2)))
    filled = np.zeros_like(mask)
    for low, high in pairwise(drawn.tolist()):
        if high - low < 2 or (high - low) * geometry.spacing[normal] > max_gap_mm:
            continue
        below, above = (_signed_distance(mask[i], in_plane) for i in (low, high))
        for index in range(low + 1, high):
            t = (index - low) / (high - low)
            filled[index] = (1 - t) * below + t * above > 0
    return found, recolour(labels, found, np.moveaxis(filled, 0, normal), value, locked)


def smooth(
    labels: Labels,
    geometry: Geometry,
    value: int,
    *,
    sigma_mm: float = 1.0,
    within: Box | None = None,
    locked: Collection[int] = (),
) -> Change:
    """Round off the outline of a class: Gaussian of ``sigma_mm`` over its mask, cut at one half.

    Details thinner than about 2 sigma go, and so does a part smaller than that. Voxels it loses
    become 0; voxels it gains are taken from other classes unless they are locked.
    """
    found = _class_box(labels, value, within)
    if found is None or value in locked or not sigma_mm > 0:
        return NOTHING
    sigmas = [sigma_mm / s for s in geometry.spacing]
    reach = [math.ceil(3 * s) for s in sigmas]
    region = ((0, geometry.shape[0]), (0, geometry.shape[1]), (0, geometry.shape[2]))
    box = intersection(
        [(a - r, b + r) for (a, b), r in zip(found, reach, strict=True)], within or region
    )
    mask = labels[slices(box)] == value
    soft = ndimage.gaussian_filter(mask.astype(np.float32), sigmas, mode="nearest", truncate=3.0)
    wanted = soft > 0.5
    after = recolour(labels, box, mask & ~wanted, 0, locked)
    gained = wanted & ~mask
    if locked:
        gained &= ~np.isin(after, list(locked))
    after[gained] = value
    return box, after


def remove_islands(
    labels: Labels,
    geometry: Geometry,
    value: int,
    *,
    min_ml: float | None = None,
    within: Box | None = None,
    locked: Collection[int] = (),
) -> Change:
    """Remove the parts of a class smaller than ``min_ml``; None: all but the largest part.

    Parts are 26-connected. Of several parts equally large, the first in array order stays.
    """
    found = _class_box(labels, value, within)
    if found is None or value in locked:
        return NOTHING
    parts, count = connected(labels[slices(found)] == value, "all")
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    if min_ml is None:
        gone = np.ones(count + 1, dtype=np.bool_)
        gone[int(np.argmax(sizes))] = False
    else:
        gone = sizes * geometry.voxel_ml < min_ml
    gone[0] = False
    return found, recolour(labels, found, gone[parts], 0, locked)


def _class_box(labels: Labels, value: int, within: Box | None) -> Box | None:
    """The box of a class, looked for in ``within`` only; None where there is none of it."""
    if within is None:
        return label_box(labels, (value,))
    region = clip_box(within, labels.shape)
    if is_empty(region):
        return None
    inner = label_box(labels[slices(region)], (value,))
    if inner is None:
        return None
    spans = [(a + o, b + o) for (a, b), (o, _) in zip(inner, region, strict=True)]
    return (spans[0], spans[1], spans[2])


def _ball(centre: Zyx, radius_mm: float, box: Box, spacing: Triple) -> Mask:
    offsets = np.ix_(
        *[(np.arange(a, b) - c) * s for (a, b), c, s in zip(box, centre, spacing, strict=True)]
    )
    distance2 = sum((o**2 for o in offsets), start=np.zeros((1, 1, 1)))
    return distance2 <= radius_mm**2 * (1 + 1e-9)


def _signed_distance(mask: Mask, spacing: list[float]) -> NDArray[np.float64]:
    """mm to the outline, positive inside; the outline runs half a pixel beyond the centres."""
    padded = np.pad(mask, 1)
    inside = distance_mm(padded, spacing)
    outside = distance_mm(~padded, spacing)
    return (inside - outside)[1:-1, 1:-1]
