"""Grow, fill between slices, smooth and remove islands."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.geometry import Geometry
from core.labels.edits import is_empty, slices
from core.labels.regions import fill_between_slices, grow, remove_islands, smooth
from core.labels.tools import Change

GRID = Geometry((20, 40, 40), (2.5, 0.8, 0.8))


def applied(labels: np.ndarray, change: Change) -> np.ndarray:
    box, after = change
    out = labels.copy()
    if not is_empty(box):
        out[slices(box)] = after
    return out


def mm(grid: Geometry) -> list[np.ndarray]:
    return [i * s for i, s in zip(np.indices(grid.shape), grid.spacing, strict=True)]


def ball(grid: Geometry, centre: tuple, radius: float) -> np.ndarray:
    at = [c * s for c, s in zip(centre, grid.spacing, strict=True)]
    return sum((m - c) ** 2 for m, c in zip(mm(grid), at, strict=True)) <= radius**2


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(1.0, 20.0), st.sampled_from([None, 0, 1, 2]))
def test_grow_is_a_flood_within_range_and_radius(seed: int, radius: float, normal) -> None:
    grid = Geometry((5, 8, 9), (3.0, 1.0, 0.7))
    rng = np.random.default_rng(seed)
    hu = rng.integers(0, 100, grid.shape).astype(np.int16)
    labels = (rng.random(grid.shape) < 0.1).astype(np.uint8) * 3
    start = tuple(int(rng.integers(0, n)) for n in grid.shape)
    allowed = (hu >= 30) & (labels != 3) & ball(grid, start, radius)
    if normal is not None:
        allowed &= np.indices(grid.shape)[normal] == start[normal]
    reached, stack = set(), [start] if allowed[start] else []
    while stack:
        voxel = stack.pop()
        if voxel in reached:
            continue
        reached.add(voxel)
        for axis in range(3):
            for step in (-1, 1):
                near = tuple(v + step * (a == axis) for a, v in enumerate(voxel))
                if grid.contains(near) and allowed[near]:
                    stack.append(near)
    wanted = np.zeros(grid.shape, dtype=bool)
    for voxel in reached:
        wanted[voxel] = True
    got = grow(
        labels,
        hu,
        grid,
        start,
        1,
        hu_range=(30, 99),
        max_radius_mm=radius,
        normal=normal,
        locked=(3,),
    )
    assert np.array_equal(applied(labels, got) != labels, wanted)


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_fill_between_slices_restores_a_ball(normal: int) -> None:
    grid = Geometry((24, 26, 28), (1.0, 1.0, 1.0))
    whole = ball(grid, (12, 13, 14), 9.0)
    index = np.indices(grid.shape)[normal]
    centre = (12, 13, 14)[normal]
    sparse = (whole & ((index - centre) % 3 == 0)).astype(np.uint8)
    filled = applied(sparse, fill_between_slices(sparse, grid, 1, normal=normal))
    assert np.array_equal(filled[sparse > 0], sparse[sparse > 0])
    between = whole & (np.abs(index - centre) <= 9)
    overlap = 2 * np.count_nonzero(filled & between) / (filled.sum() + between.sum())
    assert overlap > 0.95


def test_fill_leaves_far_lesions_and_locked_classes_alone() -> None:
    labels = np.zeros(GRID.shape, dtype=np.uint8)
    labels[2, 10:20, 10:20] = labels[4, 10:20, 10:20] = labels[18, 10:20, 10:20] = 1
    labels[3, 12, 12] = 4
    out = applied(labels, fill_between_slices(labels, GRID, 1, locked=(4,)))
    assert out[3, 12, 12] == 4 and out[3, 15, 15] == 1
    assert not out[5:18].any()  # 35 mm: another lesion, not a gap
    box = ((0, 4), (0, 40), (0, 40))
    assert np.array_equal(applied(labels, fill_between_slices(labels, GRID, 1, within=box)), labels)


def test_smooth_rounds_off_and_keeps_the_size() -> None:
    rng = np.random.default_rng(0)
    clean = ball(GRID, (10, 20, 20), 11.0)
    ragged = (clean ^ (rng.random(GRID.shape) < 0.15) & ball(GRID, (10, 20, 20), 13.0)).astype(
        np.uint8
    )
    out = applied(ragged, smooth(ragged, GRID, 1, sigma_mm=1.0)) > 0
    assert np.count_nonzero(out ^ clean) < 0.4 * np.count_nonzero((ragged > 0) ^ clean)
    assert abs(out.sum() / clean.sum() - 1) < 0.05
    around = ragged.copy()
    around[ragged == 0] = 2
    held = applied(around, smooth(around, GRID, 1, locked=(2,)))
    assert np.array_equal(held == 2, around == 2)


def test_islands_go_by_size_or_all_but_the_largest() -> None:
    labels = np.zeros(GRID.shape, dtype=np.uint8)
    labels[2:12, 5:20, 5:20] = 1  # 2250 voxels of 1.6 mm³: 3.6 mL
    labels[12, 20, 20] = 1  # touches the corner: the same part
    labels[15:18, 30:35, 30:35] = 1  # 0.12 mL
    labels[18, 2, 2] = 1
    labels[18, 3, 2] = 2
    only = applied(labels, remove_islands(labels, GRID, 1))
    assert only[12, 20, 20] == 1 and not only[15:18].any()
    assert only[18, 2, 2] == 0 and only[18, 3, 2] == 2
    some = applied(labels, remove_islands(labels, GRID, 1, min_ml=0.05))
    assert some[16, 32, 32] == 1 and some[18, 2, 2] == 0


def test_a_class_that_is_not_there_or_locked_gives_nothing() -> None:
    labels = np.zeros(GRID.shape, dtype=np.uint8)
    for change in (
        fill_between_slices(labels, GRID, 1),
        smooth(labels, GRID, 1),
        remove_islands(labels, GRID, 1),
        remove_islands(labels + 1, GRID, 1, locked=(1,)),
        grow(
            labels, labels.astype(np.int16), GRID, (0, 0, 0), 1, hu_range=(5, 9), max_radius_mm=3.0
        ),
    ):
        assert is_empty(change[0])
