"""Lesion measures against brute force and against shapes of known size."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.geometry import Geometry
from core.labels.lesions import measure

GRID = Geometry((30, 60, 70), (2.5, 0.7, 0.9))


def outline_points(flat: np.ndarray, spacing: tuple) -> np.ndarray:
    """Midpoints of all pixel sides between lesion and background, in mm."""
    padded = np.pad(flat, 1)
    points = []
    for row, column in np.argwhere(padded):
        for dr, dc in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            if not padded[row + dr, column + dc]:
                points.append(((row - 1 + dr / 2) * spacing[0], (column - 1 + dc / 2) * spacing[1]))
    return np.asarray(points)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000))
def test_axes_are_the_longest_there_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.zeros((3, 9, 8), dtype=np.uint8)
    labels[1] = rng.random((9, 8)) < 0.5
    grid = Geometry(labels.shape, (3.0, 1.3, 0.8))
    for lesion in measure(labels, grid, [1]):
        (z0, z1), (y0, y1), (x0, x1) = lesion.box
        part = component(labels, lesion.centre)
        assert lesion.voxels == part.sum()
        points = outline_points(part[1], grid.spacing[1:])
        pairs = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
        assert lesion.long_axis_mm == pytest.approx(pairs.max())
        a, b = (np.multiply(p, grid.spacing) for p in lesion.long_axis)
        c, d = (np.multiply(p, grid.spacing) for p in lesion.short_axis)
        assert np.linalg.norm(b - a) == pytest.approx(lesion.long_axis_mm)
        assert np.linalg.norm(d - c) == pytest.approx(lesion.short_axis_mm)
        assert abs((b - a) @ (d - c)) < 1e-6 * max(1.0, lesion.short_axis_mm)
        assert lesion.short_axis_mm <= lesion.long_axis_mm + 1e-9
        # No chord between two outline points that is perpendicular (within a degree) is longer.
        along = (b - a)[1:] / lesion.long_axis_mm
        vectors = points[None] - points[:, None]
        tilt = np.abs(vectors @ along)
        length = np.sqrt((vectors**2).sum(-1))
        crossing = length[tilt <= 1e-9 * np.maximum(length, 1.0)]
        assert lesion.short_axis_mm >= crossing.max() - 1e-6
        assert np.array_equal(np.argwhere(part).min(0), (z0, y0, x0))
        assert np.array_equal(np.argwhere(part).max(0) + 1, (z1, y1, x1))


def component(labels: np.ndarray, start: tuple) -> np.ndarray:
    """The 26-connected part that holds ``start``, by flooding."""
    part = np.zeros(labels.shape, dtype=bool)
    stack = [start]
    while stack:
        voxel = stack.pop()
        if part[voxel] or labels[voxel] != labels[start]:
            continue
        part[voxel] = True
        for step in np.ndindex(3, 3, 3):
            near = tuple(v + s - 1 for v, s in zip(voxel, step, strict=True))
            if all(0 <= n < size for n, size in zip(near, labels.shape, strict=True)):
                stack.append(near)
    return part


def ellipse(angle: float, half: tuple[float, float]) -> np.ndarray:
    z, y, x = np.indices(GRID.shape)
    dy, dx = (y - 30) * GRID.spacing[1], (x - 35) * GRID.spacing[2]
    u = dx * math.cos(angle) + dy * math.sin(angle)
    v = -dx * math.sin(angle) + dy * math.cos(angle)
    inside = (u / half[0]) ** 2 + (v / half[1]) ** 2 <= 1 - ((z - 14) / 5) ** 2
    return (inside & (abs(z - 14) <= 5)).astype(np.uint8)


@pytest.mark.parametrize("angle", [0.0, 0.4, math.pi / 2, 2.5])
def test_an_ellipsoid_measures_its_axes(angle: float) -> None:
    labels = ellipse(angle, (18.0, 11.0))
    (lesion,) = measure(labels, GRID, [1])
    assert lesion.long_axis_mm == pytest.approx(36.0, abs=1.0)
    assert lesion.short_axis_mm == pytest.approx(22.0, abs=1.0)
    assert lesion.axial_slice == 14
    assert lesion.centre == (14, 30, 35)
    assert lesion.ml == pytest.approx(4 / 3 * math.pi * 18 * 11 * 12.5 / 1000, rel=0.06)
    assert lesion.slices == np.count_nonzero(labels.any(axis=(1, 2)))


def test_the_slice_is_axial_whatever_way_the_array_lies() -> None:
    labels = ellipse(0.4, (18.0, 11.0))
    (upright,) = measure(labels, GRID, [1])
    # The same patient stored as sagittal slices: array axes x, z, y.
    turned = np.ascontiguousarray(labels.transpose(2, 0, 1))
    grid = Geometry(turned.shape, (0.9, 2.5, 0.7), (0, 0, 0), (0, 0, 1, 1, 0, 0, 0, 1, 0))
    assert np.allclose(grid.index_to_mm((1, 0, 0)), (0.9, 0, 0))
    (lesion,) = measure(turned, grid, [1])
    assert lesion.long_axis_mm == pytest.approx(upright.long_axis_mm)
    assert lesion.short_axis_mm == pytest.approx(upright.short_axis_mm)
    assert lesion.slices == upright.slices and lesion.axial_slice == 14
    assert lesion.long_axis[0][1] == lesion.long_axis[1][1] == 14


def test_lesions_are_26_connected_by_class_and_largest_first() -> None:
    labels = np.zeros((6, 20, 20), dtype=np.uint8)
    labels[0, 0, 0] = labels[1, 1, 1] = 1  # by a corner: one lesion
    labels[4, 10:14, 10:14] = 3
    labels[4, 14, 10] = 2  # another class, though it touches
    labels[3, 5, 5] = 5  # not asked for
    found = measure(labels, Geometry(labels.shape, (1.0, 1.0, 1.0)), [1, 2, 3])
    assert [(lesion.id, lesion.value, lesion.voxels) for lesion in found] == [
        (1, 3, 16),
        (2, 1, 2),
        (3, 2, 1),
    ]
    assert found[2].long_axis_mm == found[2].short_axis_mm == 1.0
    assert measure(labels, Geometry(labels.shape, (1.0, 1.0, 1.0)), []) == []
    assert measure(labels * 0, Geometry(labels.shape, (1.0, 1.0, 1.0)), [1]) == []
