"""Metrics against brute force, against shapes of known distance, and their rules for nothing."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluation.metrics import (
    CaseMetrics,
    case_metrics,
    dice,
    hausdorff95_mm,
    summary,
    surface,
)
from core.geometry import Geometry

SHAPE = (4, 7, 6)
SPACING = (3.0, 0.7, 1.1)
GRID = Geometry(SHAPE, SPACING)


def blobs(seed: int, share: float) -> np.ndarray:
    return (np.random.default_rng(seed).random(SHAPE) < share).astype(np.uint8)


def brute_surface(mask: np.ndarray) -> set:
    found = set()
    for voxel in map(tuple, np.argwhere(mask)):
        for axis in range(3):
            for step in (-1, 1):
                near = tuple(v + step * (a == axis) for a, v in enumerate(voxel))
                inside = all(0 <= n < size for n, size in zip(near, mask.shape, strict=True))
                if not inside or not mask[near]:
                    found.add(voxel)
    return found


def brute_hd95(a: np.ndarray, b: np.ndarray) -> float:
    pa, pb = (np.array(sorted(brute_surface(m))) * SPACING for m in (a, b))
    apart = np.sqrt(((pa[:, None] - pb[None]) ** 2).sum(-1))
    return max(np.percentile(apart.min(1), 95), np.percentile(apart.min(0), 95))


seeds = st.integers(0, 10_000)


@settings(max_examples=40, deadline=None)
@given(seeds, seeds, st.sampled_from([0.05, 0.3, 0.7]))
def test_dice_and_hd95_are_brute_force(one: int, two: int, share: float) -> None:
    a, b = blobs(one, share), blobs(two, share)
    a[1, 1, 1] = b[2, 2, 2] = 1
    both = sum(1 for v in np.ndindex(SHAPE) if a[v] and b[v])
    assert dice(a, b) == pytest.approx(2 * both / (int(a.sum()) + int(b.sum())))
    assert set(map(tuple, np.argwhere(surface(a > 0)))) == brute_surface(a > 0)
    assert hausdorff95_mm(a, b, SPACING) == pytest.approx(brute_hd95(a, b))
    assert hausdorff95_mm(b, a, SPACING) == hausdorff95_mm(a, b, SPACING)
    assert hausdorff95_mm(a, a, SPACING) == 0.0
    case = case_metrics(a, b, GRID)
    assert case.dice == dice(a, b)
    assert case.hd95_mm == pytest.approx(hausdorff95_mm(a, b, SPACING))


def test_the_box_of_a_case_does_not_change_its_surfaces() -> None:
    grid = Geometry((20, 60, 60), (3.0, 0.7, 1.1))
    a, b = np.zeros(grid.shape, np.uint8), np.zeros(grid.shape, np.uint8)
    a[5:9, 10:30, 10:30] = 1
    b[6:10, 12:30, 10:34] = 1
    assert case_metrics(a, b, grid).hd95_mm == pytest.approx(hausdorff95_mm(a, b, grid.spacing))


def test_a_shift_is_measured_in_mm() -> None:
    a = np.zeros((20, 40, 40), dtype=np.uint8)
    a[8:12, 10:20, 10:20] = 1
    for axis, spacing in ((0, 3.0), (1, 0.7), (2, 1.1)):
        # Plates further apart than they are thick: all distances are the shift.
        moved = np.roll(a, 6, axis=axis)
        got = hausdorff95_mm(a, moved, SPACING)
        assert got <= 6 * spacing + 1e-9
        assert got == pytest.approx(6 * spacing, rel=0.05)


def test_a_few_stray_voxels_do_not_rule_hd95_but_many_do() -> None:
    a = np.zeros((20, 60, 60), dtype=np.uint8)
    a[5:15, 20:40, 20:40] = 1
    b = a.copy()
    b[0, 0, 0] = 1
    assert hausdorff95_mm(a, b, SPACING) == 0.0
    b[0:8, 0:12, 0:12] = 1
    assert hausdorff95_mm(a, b, SPACING) > 10


def test_nothing_is_nan_and_not_a_number() -> None:
    empty, full = np.zeros(SHAPE, np.uint8), np.ones(SHAPE, np.uint8)
    assert math.isnan(dice(empty, empty)) and dice(empty, full) == 0.0 == dice(full, empty)
    assert math.isnan(hausdorff95_mm(empty, full, SPACING))
    neither = case_metrics(empty, empty, GRID)
    assert neither.lesions == neither.false_lesions == 0
    assert all(math.isnan(v) for v in (neither.dice, neither.volume_error, neither.sensitivity))
    missed = case_metrics(full, empty, GRID)
    assert (missed.dice, missed.lesions, missed.lesions_found) == (0.0, 1, 0)
    assert missed.volume_error == -1.0 and math.isnan(missed.hd95_mm)
    invented = case_metrics(empty, full, GRID)
    assert (invented.lesions, invented.false_lesions) == (0, 1)
    for call in (dice, lambda a, b: hausdorff95_mm(a, b, SPACING)):
        with pytest.raises(ValueError, match="cannot be compared"):
            call(full, full[1:])
    with pytest.raises(ValueError, match="grid"):
        case_metrics(full, full[1:], GRID)


def test_a_lesion_is_found_from_a_tenth_of_its_voxels_on() -> None:
    grid = Geometry((10, 30, 30), (2.0, 1.0, 1.0))
    reference = np.zeros(grid.shape, np.uint8)
    reference[2:4, 2:7, 2:12] = 1  # 100 voxels
    reference[8, 20, 20] = reference[9, 21, 21] = 2  # one lesion, by a corner and of two classes
    reference[9, 21, 21] = 1
    prediction = np.zeros(grid.shape, np.uint8)
    prediction[2, 2, 2:11] = 1
    nine = case_metrics(reference, prediction, grid)
    assert (nine.lesions, nine.lesions_found, nine.false_lesions) == (2, 0, 0)
    prediction[2, 2, 11] = 1
    ten = case_metrics(reference, prediction, grid)
    assert (ten.lesions, ten.lesions_found) == (2, 1)
    prediction[6:8, 25:28, 2:9] = 1
    assert case_metrics(reference, prediction, grid).false_lesions == 1
    only = case_metrics(reference, prediction, grid, values=[2])
    assert (only.lesions, only.reference_ml) == (1, pytest.approx(0.002))
    assert ten.reference_ml == pytest.approx(0.204) and ten.predicted_ml == pytest.approx(0.02)


@pytest.mark.parametrize("size", [10, 30, 60, 70])
def test_the_tenth_itself_counts_whatever_the_rounding(size: int) -> None:
    grid = Geometry((1, 1, size), (1.0, 1.0, 1.0))
    reference, prediction = np.ones(grid.shape, np.uint8), np.zeros(grid.shape, np.uint8)
    prediction[..., : size // 10] = 1
    assert case_metrics(reference, prediction, grid).lesions_found == 1
    prediction[..., size // 10 - 1] = 0
    assert case_metrics(reference, prediction, grid).lesions_found == 0


def metrics(**changes: float) -> CaseMetrics:
    values = {
        "dice": 0.8, "hd95_mm": 5.0, "reference_ml": 10.0, "predicted_ml": 11.0,
        "lesions": 2, "lesions_found": 1, "false_lesions": 1,
    }  # fmt: skip
    return CaseMetrics(**(values | changes))


def test_a_summary_says_what_it_left_out() -> None:
    s = summary([metrics(), metrics(dice=0.4, hd95_mm=math.nan), metrics(dice=math.nan)])
    assert s.dice_mean == pytest.approx(0.6) and s.dice_cases == 2
    assert s.hd95_mean == 5.0 and s.hd95_cases == 2
    assert s.sensitivity == 0.5 and s.lesions == 6 and s.false_lesions == 3
    assert s.volume_error_median == pytest.approx(0.1)
    nothing = summary([])
    assert math.isnan(nothing.dice_mean) and math.isnan(nothing.sensitivity)
    assert nothing.as_json()["dice_mean"] is None


def test_what_nobody_is_sure_of_counts_as_nothing() -> None:
    reference, prediction = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    reference[1:3, 1:4, 1:4] = 1
    prediction[1:3, 1:4, 1:4] = 1
    whole = case_metrics(reference, prediction, GRID)
    reference[0] = 7
    prediction[0] = 1  # a whole slice too much, where nobody is sure
    for values in (None, [1]):
        assert case_metrics(reference, prediction, GRID, values, ignore=7) == whole
    assert case_metrics(reference, prediction, GRID, [1]).dice < 0.7
