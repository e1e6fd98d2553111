"""Smooth noise and signed distances: the clay the phantom is made of.

All arrays are float32 ``[z, y, x]`` or broadcast to it, in mm. Distances are negative inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: float32 in practice; NumPy's stubs widen arithmetic with Python floats to float64.
Field = NDArray[np.floating[Any]]
Coordinates = tuple[Field, Field, Field]
Point = tuple[float, float, float]

#: Standard deviation of a 3D cubic B-spline sum of unit normal coefficients, averaged over a cell.
_SPLINE_STD = 0.33


def _spline_matrix(length: int, step: float, scale: float) -> Field:
    """``[length, knots]`` cubic B-spline weights at ``length`` points ``step`` mm apart."""
    position = np.arange(length) * (step / scale)
    cell = np.floor(position).astype(int)
    t = position - cell
    matrix = np.zeros((length, int(cell[-1]) + 4), np.float32)
    rows = np.arange(length)
    weights = (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
    for offset, weight in enumerate(weights):
        matrix[rows, cell + offset] = weight
    return matrix


def smooth_noise(
    rng: np.random.Generator,
    shape: Sequence[int],
    spacing: Sequence[float],
    scale: float | Sequence[float],
) -> Field:
    """Noise of mean 0 and standard deviation about 1 whose bumps are ``scale`` mm wide.

    Random coefficients on a coarse grid through cubic B-splines: three small matrix products, so
    it costs little more than writing the result. scale: one number or (z, y, x).
    """
    scales = (scale,) * 3 if isinstance(scale, int | float) else tuple(scale)
    mz, my, mx = (_spline_matrix(*axis) for axis in zip(shape, spacing, scales, strict=True))
    coarse = rng.standard_normal((mz.shape[1], my.shape[1], mx.shape[1]), dtype=np.float32)
    nz, ny, nx = shape
    kz, ky, kx = coarse.shape
    # Plain two-dimensional products: NumPy hands only those to BLAS.
    rows = np.ascontiguousarray((mz @ coarse.reshape(kz, -1)).reshape(nz, ky, kx).swapaxes(0, 1))
    rows = (my @ rows.reshape(ky, -1)).reshape(ny, nz, kx).swapaxes(0, 1)
    weights = np.ascontiguousarray(mx.T / np.float32(_SPLINE_STD))
    return (np.ascontiguousarray(rows).reshape(-1, kx) @ weights).reshape(nz, ny, nx)


def ellipsoid(x: Field, y: Field, z: Field, centre: Point, radii: Point) -> Field:
    """Distance to an ellipsoid, first order: exact at the surface, right in sign everywhere."""
    u, v, w = ((p - c) / r for p, c, r in zip((x, y, z), centre, radii, strict=True))
    # The small terms give minus the shortest radius at the very centre, where both roots vanish.
    near = np.sqrt(u * u + v * v + w * w) + 1e-6
    slope = np.sqrt((u / radii[0]) ** 2 + (v / radii[1]) ** 2 + (w / radii[2]) ** 2)
    return near * (near - 1) / (slope + 1e-6 / min(radii))


def ellipse(x: Field, y: Field, centre: tuple[float, float], radii: tuple[float, float]) -> Field:
    """Distance to an elliptic cylinder along z, first order."""
    u, v = (x - centre[0]) / radii[0], (y - centre[1]) / radii[1]
    near = np.sqrt(u * u + v * v) + 1e-6
    slope = np.sqrt((u / radii[0]) ** 2 + (v / radii[1]) ** 2)
    return near * (near - 1) / (slope + 1e-6 / min(radii))


def capsule(at: Coordinates, start: Point, end: Point, radius: float, end_radius: float) -> Field:
    """Distance of points ``at`` (x, y, z) to a line whose radius changes linearly along it."""
    x, y, z = at
    bx, by, bz = (e - s for s, e in zip(start, end, strict=True))
    px, py, pz = x - start[0], y - start[1], z - start[2]
    along = (px * bx + py * by + pz * bz) / max(bx * bx + by * by + bz * bz, 1e-6)
    along = np.clip(along, 0, 1)
    dx, dy, dz = px - along * bx, py - along * by, pz - along * bz
    return np.sqrt(dx * dx + dy * dy + dz * dz) - (radius + (end_radius - radius) * along)


def smooth_max(a: Field, b: Field, width: float) -> Field:
    """Intersection of two shapes with an edge rounded over ``width`` mm."""
    h = np.maximum(width - np.abs(a - b), 0) / width
    return np.maximum(a, b) + h * h * (width / 4)


def curve(points: Sequence[Point], step: float = 8.0) -> list[Point]:
    """Points about ``step`` mm apart on a Catmull-Rom spline through ``points``."""
    knots = np.asarray([points[0], *points, points[-1]], dtype=np.float64)
    out: list[Point] = []
    for p0, p1, p2, p3 in zip(knots, knots[1:], knots[2:], knots[3:], strict=False):
        count = max(1, round(float(np.linalg.norm(p2 - p1)) / step))
        for t in np.arange(count) / count:
            q = 0.5 * (
                2 * p1
                + (p2 - p0) * t
                + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
                + (3 * p1 - p0 - 3 * p2 + p3) * t**3
            )
            out.append((float(q[0]), float(q[1]), float(q[2])))
    out.append((float(points[-1][0]), float(points[-1][1]), float(points[-1][2])))
    return out
