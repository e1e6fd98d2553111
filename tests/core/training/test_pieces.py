from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from core.training import checkpoint, preview
from core.training.result import interval
from core.training.schedule import Schedule
from tests.core.data.plans import tiny_plan


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_epochs_ignore_the_clock() -> None:
    clock = Clock()
    schedule = Schedule(tiny_plan(epochs=4, steps_per_epoch=5, warmup=0.0), now=clock)
    rates = [schedule.learning_rate(step) for step in range(21)]
    clock.time += 1e6
    assert rates == [schedule.learning_rate(step) for step in range(21)]
    assert rates[0] == pytest.approx(1e-3)
    assert rates[10] == pytest.approx(1e-3 * 0.5**0.9)
    assert rates[20] == 0
    assert schedule.progress(20) == 1
    assert schedule.planned_steps(3, 99.0) == 20


def test_a_budget_follows_the_clock_and_keeps_its_reserve() -> None:
    clock = Clock()
    schedule = Schedule(tiny_plan(budget_minutes=10.0, validations=4), now=clock)
    schedule.reserve = 100.0
    clock.time += 250
    assert schedule.progress(7) == pytest.approx(0.5)
    assert schedule.passes(7) == 2
    assert schedule.planned_steps(100, 2.0) == 100 + (600 - 250 - 100) / 2
    assert schedule.seconds_left(100, 2.0) == 350
    schedule.pause()
    clock.time += 5000
    schedule.resume()
    assert schedule.elapsed == pytest.approx(250)
    clock.time += 250
    assert schedule.progress(7) == 1
    assert schedule.passes(7) == 4


def test_half_a_budget_is_for_training_however_long_validation_takes() -> None:
    clock = Clock()
    schedule = Schedule(tiny_plan(budget_minutes=10.0), now=clock)
    schedule.reserve = 5000.0
    clock.time += 200
    assert schedule.progress(1) < 1


def test_the_learning_rate_warms_up() -> None:
    schedule = Schedule(tiny_plan(epochs=100, steps_per_epoch=1, warmup=0.1))
    rates = [schedule.learning_rate(step) for step in range(100)]
    assert rates[0] < 0.05e-3
    assert int(np.argmax(rates)) == 10


def test_a_resumed_schedule_goes_on() -> None:
    assert Schedule(tiny_plan(budget_minutes=1.0), elapsed=30.0, now=Clock()).elapsed == 30


def test_the_last_two_checkpoints_stay_and_a_torn_one_is_passed_over(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        name = checkpoint.save(tmp_path, step, {"net": {"w": torch.full((3,), float(step))}})
    assert name == "checkpoint/step_00000003.pt"
    kept = sorted(p.name for p in (tmp_path / "checkpoint").iterdir())
    assert kept == ["step_00000002.pt", "step_00000003.pt"]
    data = (tmp_path / name).read_bytes()
    for length in (0, 10, len(data) // 2, len(data) - 3):
        (tmp_path / name).write_bytes(data[:length])
        state = checkpoint.load(tmp_path)
        assert state is not None
        assert state["step"] == 2
    (tmp_path / name).write_bytes(data)
    state = checkpoint.load(tmp_path)
    assert state is not None
    assert state["step"] == 3
    assert state["net"]["w"].tolist() == [3, 3, 3]


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path) is None
    assert checkpoint.load_best(tmp_path) is None


def test_opening_a_checkpoint_never_runs_code(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (marker,)

    (tmp_path / "checkpoint").mkdir()
    torch.save({"format": 1, "step": 1, "x": Evil()}, tmp_path / "checkpoint" / "step_00000001.pt")
    assert checkpoint.load(tmp_path) is None
    assert not marker.exists()


def test_a_preview_shows_reference_and_prediction(tmp_path: Path) -> None:
    hu = np.full((40, 60), 40, np.int16)
    reference, prediction = np.zeros((2, 40, 60), bool)
    reference[10:30, 10:30] = True
    prediction[12:28, 35:55] = True
    # Voxels twice as high as wide: the picture must be 80 by 60.
    rgb = preview.draw(hu, reference, prediction, (2.0, 1.0))
    assert rgb.shape == (360, 270, 3)
    path = tmp_path / "previews" / "a.png"
    preview.write_png(path, rgb)
    again = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    np.testing.assert_array_equal(again, rgb)
    filled = rgb[20 * 9, 20 * 4 + 20].astype(int)
    assert filled[1] > filled[0] + 20
    assert tuple(rgb[20 * 9, 35 * 270 // 60]) == (0xFF, 0xB8, 0x4D)
    inside = rgb[20 * 9, 45 * 270 // 60]
    assert inside[0] == inside[1] == inside[2]


def test_intervals_hold_the_mean_and_need_three_cases() -> None:
    values = [0.5, 0.7, 0.8, 0.9, float("nan")]
    found = interval(values)
    assert found is not None
    assert 0.5 <= found[0] < np.nanmean(values) < found[1] <= 0.9
    assert interval(values) == found
    assert interval([0.5, 0.7, float("nan")]) is None
