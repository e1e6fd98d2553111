"""The grid on which a phantom is painted: warped body coordinates, HU, and labels.

Coordinates are those of a standard body in mm: x to its left, y to its back, z to its head, with
z = 0 at the middle of the first lumbar vertebra. A smooth warp and three scale factors make each
body its own; painters only ever see the standard body.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.demo.shapes import Coordinates, Field, Point, capsule, smooth_noise

Box = tuple[slice, slice, slice]

#: How far the warp moves a point at most, mm; boxes are this much larger than what they hold.
WARP_MARGIN = 9.0


@dataclass(frozen=True, slots=True)
class Frame:
    """shape, spacing: (z, y, x). start: standard-body mm (z, y, x) of voxel [0, 0, 0] before the
    warp. scale: real mm per standard mm (z, y, x)."""

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    start: tuple[float, float, float]
    scale: tuple[float, float, float]

    def axis(self, number: int) -> Field:
        """Unwarped standard-body mm of the voxels along one axis."""
        step = self.spacing[number] / self.scale[number]
        return (self.start[number] + step * np.arange(self.shape[number])).astype(np.float32)


class Canvas:
    """HU float32 and labels uint8 ``[z, y, x]``, with the body coordinate of every voxel."""

    def __init__(self, frame: Frame, rng: np.random.Generator, warp_mm: float = 1.0) -> None:
        """warp_mm: how lively the warp is; 1 is a usual body."""
        self.frame = frame
        self.rng = rng
        self.shape = frame.shape
        self.axes = tuple(frame.axis(i) for i in range(3))
        z, y, x = self.axes
        noise = [
            (3.6 * self.noise(95.0) + 0.8 * self.noise(34.0)) * np.float32(warp_mm)
            for _ in range(3)
        ]
        limit = WARP_MARGIN - 1
        for field in noise:
            np.clip(field, -limit, limit, out=field)
        self.z = noise[0] * np.float32(0.7) + z[:, None, None]
        self.y = noise[1] + y[None, :, None]
        self.x = noise[2] + x[None, None, :]
        self.hu = np.full(self.shape, -105.0, np.float32)
        self.labels = np.zeros(self.shape, np.uint8)
        #: Width of the soft edge in standard mm: about one voxel in plane.
        self.edge = frame.spacing[2] / frame.scale[2]

    def noise(self, scale: float | Sequence[float], box: Box | None = None) -> Field:
        """Smooth noise over the canvas or a box of it; see :func:`shapes.smooth_noise`."""
        shape = self.shape if box is None else tuple(s.stop - s.start for s in box)
        return smooth_noise(self.rng, shape, self.frame.spacing, scale)

    def box(self, low: Point, high: Point, margin: float = 3.0) -> Box | None:
        """The voxels that may lie between two (x, y, z) corners, or None when there are none."""
        slices: list[slice] = []
        for axis, lo, hi in zip(self.axes, low[::-1], high[::-1], strict=True):
            first = int(np.searchsorted(axis, lo - margin - WARP_MARGIN))
            last = int(np.searchsorted(axis, hi + margin + WARP_MARGIN))
            if last <= first:
                return None
            slices.append(slice(first, last))
        return (slices[0], slices[1], slices[2])

    def xyz(self, box: Box) -> Coordinates:
        """Body coordinates of a box."""
        return self.x[box], self.y[box], self.z[box]

    def paint(
        self,
        box: Box,
        distance: Field,
        hu: float | Field,
        *,
        label: int | None = 0,
        opacity: float = 1.0,
        edge: float | None = None,
    ) -> None:
        """Cover what lies inside ``distance`` with ``hu``; the edge mixes over one voxel.

        label: what the covered voxels become in the label map; None leaves the map alone.
        """
        cover = np.clip(0.5 - distance / (edge or self.edge), 0, 1)
        if opacity < 1:
            cover *= np.float32(opacity)
        view = self.hu[box]
        view += cover * (hu - view)
        if label is not None:
            self.labels[box][cover > 0.5] = label

    def tube(
        self, points: Sequence[Point], radii: Sequence[float] | float, margin: float = 3.0
    ) -> tuple[Box, Field] | None:
        """Box and distance of a tube through ``points`` (x, y, z), or None outside the canvas.

        The distance is only right up to ``margin`` mm outside the tube; beyond it is 1000.
        """
        sizes = (
            [float(radii)] * len(points)
            if isinstance(radii, int | float)
            else [float(r) for r in radii]
        )
        widest = max(sizes) + margin
        low = tuple(min(p[i] for p in points) - widest for i in range(3))
        high = tuple(max(p[i] for p in points) + widest for i in range(3))
        box = self.box((low[0], low[1], low[2]), (high[0], high[1], high[2]), 0.0)
        if box is None:
            return None
        distance = np.full(tuple(s.stop - s.start for s in box), 1000.0, np.float32)
        for (a, b), (ra, rb) in zip(pairwise(points), pairwise(sizes), strict=True):
            reach = max(ra, rb) + margin
            part = self.box(
                (min(a[0], b[0]) - reach, min(a[1], b[1]) - reach, min(a[2], b[2]) - reach),
                (max(a[0], b[0]) + reach, max(a[1], b[1]) + reach, max(a[2], b[2]) + reach),
                0.0,
            )
            if part is None:
                continue
            inner = tuple(
                slice(p.start - o.start, p.stop - o.start) for p, o in zip(part, box, strict=True)
            )
            piece = capsule(self.xyz(part), a, b, ra, rb)
            target = distance[inner]
            np.minimum(target, piece, out=target)
        return box, distance
