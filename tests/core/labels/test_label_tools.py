"""Brush, eraser and polygon against a brute-force look at every voxel."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.geometry import Geometry
from core.labels.edits import is_empty, make_edit, slices
from core.labels.tools import Change, erase, fill_polygon, paint

SHAPE = (6, 14, 12)
GRID = Geometry(SHAPE, (3.0, 0.8, 1.1))
sixteenths = st.integers(-48, 240).map(lambda n: n / 16)
points = st.tuples(*[st.floats(-2.0, n + 2.0) for n in SHAPE])


def applied(labels: np.ndarray, change: Change) -> np.ndarray:
    box, after = change
    out = labels.copy()
    if not is_empty(box):
        out[slices(box)] = after
    return out


def distance_mm(p: tuple, a: tuple, b: tuple, spacing: tuple) -> float:
    p, a, b = (np.multiply(v, spacing) for v in (p, a, b))
    leg = b - a
    t = 0.0 if not leg.any() else float(np.clip((p - a) @ leg / (leg @ leg), 0, 1))
    return float(np.linalg.norm(p - a - t * leg))


@settings(max_examples=15, deadline=None)
@given(st.lists(points, min_size=1, max_size=4), st.floats(0.2, 6.0), st.sampled_from([0, 1, 2]))
def test_the_brush_covers_capsules_in_mm(path: list, radius: float, normal: int) -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    ball = applied(labels, paint(labels, GRID, path, radius, 2))
    disc = applied(labels, paint(labels, GRID, path, radius, 2, shape="2d", normal=normal))
    flat = [tuple(round(path[0][a]) if a == normal else p[a] for a in range(3)) for p in path]
    for voxel in np.ndindex(SHAPE):
        for got, way, within in (
            (ball, path, True),
            (disc, flat, voxel[normal] == flat[0][normal]),
        ):
            legs = list(zip(way, way[1:] or way, strict=False))
            nearest = min(distance_mm(voxel, a, b, GRID.spacing) for a, b in legs)
            under = any(voxel == tuple(round(c) for c in p) for p in way)
            if abs(nearest - radius) > 1e-6 or under or not within:
                assert bool(got[voxel]) == (within and (nearest <= radius or under)), voxel


def test_a_stroke_costs_only_its_box() -> None:
    labels = np.zeros((300, 512, 512), dtype=np.uint8)
    grid = Geometry(labels.shape, (1.0, 0.7, 0.7))
    box, after = paint(labels, grid, [(100, 200, 200), (100, 210, 220)], 7.0, 1)
    assert after.size < 50_000
    edit = make_edit(labels, box, after, "Brush stroke", 1)
    assert edit is not None and edit.nbytes < 100_000
    assert not labels.any()


@pytest.mark.parametrize("shape", ["2d", "3d"])
def test_locked_classes_and_the_hu_range_are_respected(shape: str) -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, SHAPE).astype(np.uint8)
    hu = rng.integers(-100, 200, SHAPE).astype(np.int16)
    path = [(2.0, 4.0, 3.0), (3.0, 9.0, 8.0)]
    kind = {"shape": shape, "locked": (3,), "hu": hu, "hu_range": (20, 88)}
    free = applied(labels, paint(labels, GRID, path, 5.0, 1, shape=shape))
    held = applied(labels, paint(labels, GRID, path, 5.0, 1, **kind))
    wanted = (free != labels) & (labels != 3) & (hu >= 20) & (hu <= 88)
    assert wanted.any()
    assert np.array_equal(held != labels, wanted)
    rubbed = applied(labels, erase(labels, GRID, path, 5.0, value=2, **kind))
    gone = (applied(labels, erase(labels, GRID, path, 5.0, shape=shape)) != labels) & (labels == 2)
    assert np.array_equal(rubbed != labels, gone & (hu >= 20) & (hu <= 88))
    assert not rubbed[rubbed != labels].any()
    assert is_empty(paint(labels, GRID, path, 5.0, 3, locked=(3,))[0])


def test_a_stroke_outside_the_grid_is_nothing() -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    assert is_empty(paint(labels, GRID, [(50.0, 50.0, 50.0)], 3.0, 1)[0])
    assert is_empty(paint(labels, GRID, [], 3.0, 1)[0])
    assert is_empty(paint(labels, GRID, [(1.0, 1.0, 1.0)], math.nan, 1)[0])
    out = paint(labels, GRID, [(-1.0, 3.0, 3.0)], 9.0, 1, shape="2d")
    assert is_empty(out[0])


def even_odd(row: int, column: int, corners: list) -> bool:
    inside = False
    for (r0, c0), (r1, c1) in zip(corners, corners[1:] + corners[:1], strict=True):
        if (r0 <= row) != (r1 <= row) and column < c0 + (row - r0) * (c1 - c0) / (r1 - r0):
            inside = not inside
    return inside


@settings(max_examples=60, deadline=None)
@given(
    # Exact in binary, so that no rounding decides which side of an edge a pixel is on.
    st.lists(st.tuples(sixteenths, sixteenths), min_size=3, max_size=8),
    st.sampled_from([0, 1, 2]),
)
def test_a_polygon_is_even_odd_at_pixel_centres(corners: list, normal: int) -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    rows, columns = (a for a in range(3) if a != normal)
    vertices = []
    for r, c in corners:
        vertex = [0.0, 0.0, 0.0]
        vertex[normal], vertex[rows], vertex[columns] = 3.2, r, c
        vertices.append(tuple(vertex))
    got = applied(labels, fill_polygon(labels, GRID, vertices, 4, normal=normal))
    for voxel in np.ndindex(SHAPE):
        wanted = voxel[normal] == 3 and even_odd(voxel[rows], voxel[columns], corners)
        assert bool(got[voxel]) == wanted, voxel


def test_a_polygon_that_crosses_itself_leaves_a_hole() -> None:
    labels = np.zeros((1, 12, 12), dtype=np.uint8)
    grid = Geometry(labels.shape, (1.0, 1.0, 1.0))
    star = [
        (0.0, 5.5 + 5 * math.sin(a), 5.5 + 5 * math.cos(a))
        for a in (i * 4 * math.pi / 5 for i in range(5))
    ]
    out = applied(labels, fill_polygon(labels, grid, star, 1))
    assert out.any() and not out[0, 5, 5]
