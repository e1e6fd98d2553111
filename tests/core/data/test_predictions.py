"""Memory, disk, time and steps said before a run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.data.figures import Figures
from core.data.measured import Measurement, Measurements, Pace
from core.data.plan import Plan
from core.data.predictions import (
    PACE,
    disk_bytes,
    estimate,
    grid_voxels,
    memory_bytes,
    run_parts,
    source_voxels,
    window_voxels,
)
from tests.core.data.plans import tiny_plan
from tests.core.data.test_measured import CPU, H100

#: Ten cases of 100 x 100 x 100 mm at 2 mm.
FIGURES = Figures(
    cases_train=8, cases_val=2, lesions=10, median_spacing=(2.0, 2.0, 2.0),
    median_size_mm=(100.0, 100.0, 100.0), largest_size_mm=(200.0, 100.0, 100.0), litres=10.0,
)  # fmt: skip
PACE_HERE = Pace(
    startup_seconds=5.0,
    base_bytes=7e8,
    read_seconds=1e-6,
    check_seconds=2e-6,
    metrics_seconds=4e-6,
    work_bytes=100.0,
)


def plan(**changes: object) -> Plan:
    return tiny_plan(figures=FIGURES, **changes)


def measured(of: Plan, **changes: float) -> Measurements:
    found = Measurements(pace=PACE_HERE)
    values = {
        "step_seconds": 0.5, "data_seconds": 0.05, "setup_seconds": 3.0, "voxel_seconds": 1e-6,
        "step_bytes": 4e8, "estimated_seconds": 0.25, "estimated_bytes": 2e8,
    }  # fmt: skip
    found.add(of, CPU, Measurement(**{**values, **changes}))
    return found


def test_it_says_how_it_is_known() -> None:
    one = plan()
    assert not estimate(one, CPU).measured
    assert not estimate(one, CPU, measured(tiny_plan(batch=9))).measured
    known = estimate(one, CPU, measured(one))
    assert known.measured
    assert known.step_seconds == 0.5


def test_a_run_by_epochs_adds_up() -> None:
    one = plan(epochs=10, steps_per_epoch=20, validations=3, mirror_inference=False)
    parts = run_parts(one, CPU, measured(one))
    # All voxels as scanned are read once: 10 litres at 8 mm³.
    assert source_voxels(one) == 1.25e6
    assert parts.preprocess == pytest.approx(1.25)
    # Two of ten cases are held out: each is predicted, brought back and compared.
    assert parts.one_pass == pytest.approx(2 * window_voxels(one) * 1e-6 + 0.25e6 * 2e-6)
    found = estimate(one, CPU, measured(one))
    assert found.steps == 200
    expected = 5.0 + 3.0 + parts.preprocess + 200 * 0.5 + 2 * parts.one_pass + parts.last
    assert found.seconds == pytest.approx(expected)


def test_mirrors_at_the_end_take_eight_times_the_network() -> None:
    plain, mirrored = plan(mirror_inference=False), plan(mirror_inference=True)
    network = 2 * window_voxels(plain) * 1e-6
    more = (
        run_parts(mirrored, CPU, measured(plain)).last - run_parts(plain, CPU, measured(plain)).last
    )
    assert more == pytest.approx(7 * network)


def test_a_budget_is_the_time_and_says_how_many_steps() -> None:
    one = plan(budget_minutes=10.0)
    found = estimate(one, CPU, measured(one))
    assert found.seconds == 600
    assert 0.7 * 1200 < found.steps < 1200
    # Slower steps are fewer.
    slow = estimate(one, CPU, measured(one, step_seconds=1.0))
    assert slow.steps == pytest.approx(found.steps / 2, rel=0.01)


def test_a_budget_smaller_than_all_the_rest_still_trains() -> None:
    one = plan(budget_minutes=0.1)
    assert estimate(one, CPU, measured(one)).steps >= 1


def test_memory_of_steps_and_whole_cases() -> None:
    one = plan()
    # The largest case has 250,000 voxels as scanned.
    assert memory_bytes(one, CPU, measured(one)) == 7e8 + 4e8 + 2.5e7
    # Preprocessed cases lie in the card's memory, on the CPU in maps of files.
    gpu = replace(one, device="cuda:0")
    finer = replace(gpu, spacing=(2.0, 2.0, 2.0))
    assert memory_bytes(finer, H100) - memory_bytes(gpu, H100) == pytest.approx(
        3 * (grid_voxels(finer) - grid_voxels(gpu)), abs=2
    )
    assert memory_bytes(replace(one, spacing=(2.0, 2.0, 2.0)), CPU) == memory_bytes(one, CPU)


def test_memory_of_a_plan_like_one_measured() -> None:
    one, other = plan(), plan(patch=(16, 16, 24))
    known = measured(one, estimated_bytes=1e8, step_bytes=3e8)
    light = replace(PACE_HERE, work_bytes=0.0)
    known.pace = light
    plain = memory_bytes(other, CPU, Measurements(pace=light)) - 7e8
    assert memory_bytes(other, CPU, known) - 7e8 == pytest.approx(3 * plain, rel=0.01)


def test_disk_grows_with_the_grid_and_the_network() -> None:
    one = plan()
    finer = replace(one, spacing=(2.0, 2.0, 2.0))
    assert disk_bytes(finer, 60) - disk_bytes(one, 60) == 3 * (
        grid_voxels(finer) - grid_voxels(one)
    )
    wider = replace(one, channels=(16, 32, 64))
    assert disk_bytes(wider, 60) > disk_bytes(one, 60) + 1e6
    # A run long enough to save on its way keeps two checkpoints.
    assert disk_bytes(one, 600) > disk_bytes(one, 60)


def test_windows_as_the_prediction_lays_them() -> None:
    # 100 mm on 4 mm: 25 voxels, more than 1.35 patches of 16, so two windows overlapping by half.
    assert window_voxels(plan(overlap=0.0)) == (2 * 16) ** 3
    # With a patch of 20 it is one window, rounded up to what the network halves.
    assert window_voxels(plan(patch=(20, 20, 20))) == 28**3


def test_without_figures_there_is_still_an_estimate() -> None:
    bare = tiny_plan()
    found = estimate(bare, None)
    assert found.seconds > PACE.startup_seconds
    assert found.steps == 6
    assert found.memory_bytes > PACE.base_bytes
