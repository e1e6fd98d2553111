"""Figures of this machine: kept, found again, carried over to plans like those measured."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from core.data import measured as store
from core.data.measured import Measurement, Measurements, machine_key, probe_seconds, step_key
from core.data.predictions import PACE
from core.data.rates import network_seconds, step_seconds, voxel_seconds
from tests.core.data.plans import tiny_plan


@dataclass(frozen=True)
class Device:
    key: str
    name: str
    is_gpu: bool
    memory_total: int


CPU = Device("cpu", "AMD EPYC", False, 24 * 2**30)
H100 = Device("cuda:0", "NVIDIA H100", True, 80 * 2**30)
FOUND = Measurement(0.5, 0.02, 1.0, 2e-7, 3e8, 0.25, 1.5e8)


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config"
    monkeypatch.setenv("LESIONFORGE_CONFIG_DIR", str(folder))
    return folder


def known(**changes: Any) -> Measurements:
    made = Measurements(pace=PACE)
    made.add(tiny_plan(), CPU, replace(FOUND, **changes))
    return made


def test_what_was_measured_is_found_again() -> None:
    assert len(store.load()) == 0
    store.save(known())
    again = store.load()
    assert again.exact(tiny_plan(), CPU) == FOUND
    assert again.exact(tiny_plan(), None) == FOUND
    assert again.pace == PACE


@pytest.mark.parametrize(
    "changes",
    [{"patch": (32, 16, 16)}, {"batch": 3}, {"network": "dynunet"}, {"blur": False},
     {"precision": "bf16"}, {"threads": 1}, {"loss": "tversky_ce"}, {"accumulation": 2}],
)  # fmt: skip
def test_other_work_is_another_figure(changes: dict[str, Any]) -> None:
    assert known().exact(tiny_plan(**changes), CPU) is None


@pytest.mark.parametrize(
    "changes",
    [{"name": "Other"}, {"seed": 5}, {"learning_rate": 0.1}, {"epochs": 90}, {"hu_low": -150.0},
     {"budget_minutes": 30.0}, {"quality": "best"}, {"checkpoint_minutes": 9.0}],
)  # fmt: skip
def test_what_changes_no_work_keeps_the_figure(changes: dict[str, Any]) -> None:
    assert known().exact(tiny_plan(**changes), CPU) == FOUND


def test_devices_are_told_apart() -> None:
    found = known()
    found.add(tiny_plan(), H100, replace(FOUND, step_seconds=0.01))
    assert found.exact(tiny_plan(), H100).step_seconds == 0.01  # type: ignore[union-attr]
    assert found.exact(tiny_plan(), CPU) == FOUND
    found.forget(H100)
    assert found.exact(tiny_plan(), H100) is None
    assert found.exact(tiny_plan(), CPU) == FOUND
    assert found.pace is None


def test_both_machines_stand_in_one_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(known())
    with monkeypatch.context() as other:
        other.setattr(store, "cores", lambda: 1000)
        assert len(store.load()) == 0
        store.save(known(step_seconds=9.0))
    assert store.load().exact(tiny_plan(), CPU) == FOUND
    document = json.loads((config / "measurements.json").read_text())
    assert len(document["machines"]) == 2


@pytest.mark.parametrize(
    "text",
    [
        "", "[", "[]", "{}", '{"format": 99}', '{"format": 1, "machines": 3}',
        '{"format": 1, "machines": {"MINE": 5}}',
        '{"format": 1, "machines": {"MINE": {"steps": 4, "pace": 7}}}',
    ],
)  # fmt: skip
def test_a_damaged_file_is_no_trouble(config: Path, text: str) -> None:
    config.mkdir()
    file = config / "measurements.json"
    file.write_text(text.replace("MINE", machine_key()), encoding="utf-8")
    found = store.load()
    assert len(found) == 0
    assert found.pace is None
    store.save(known())
    assert store.load().exact(tiny_plan(), CPU) == FOUND


@pytest.mark.parametrize("bad", [-1, "fast", None, float("inf")])
def test_a_figure_that_makes_no_sense_is_left_out(config: Path, bad: object) -> None:
    store.save(known())
    file = config / "measurements.json"
    document = json.loads(file.read_text())
    steps = document["machines"][machine_key()]["steps"]
    steps[step_key(tiny_plan(), CPU)]["step_seconds"] = bad
    file.write_text(json.dumps(document))
    assert store.load().exact(tiny_plan(), CPU) is None
    assert store.load().pace == PACE


def test_the_file_does_not_grow_for_ever() -> None:
    many = Measurements()
    for number in range(store.LIMIT + 5):
        many.add(tiny_plan(rotation_degrees=number / 10), CPU, FOUND)
    store.save(many)
    found = store.load()
    assert len(found) == store.LIMIT
    # The oldest went.
    assert found.exact(tiny_plan(rotation_degrees=0.0), CPU) is None
    assert found.exact(tiny_plan(rotation_degrees=1.0), CPU) == FOUND


def test_a_plan_like_it_takes_the_difference_over() -> None:
    measured, other = tiny_plan(), tiny_plan(patch=(16, 16, 24))
    guess = network_seconds(measured, CPU)
    twice = known(step_seconds=2 * guess, data_seconds=0.0, estimated_seconds=guess)
    assert step_seconds(measured, CPU, twice) == 2 * guess
    plain, carried = step_seconds(other, CPU), step_seconds(other, CPU, twice)
    assert carried - plain == pytest.approx(network_seconds(other, CPU))
    # Of this device only.
    assert step_seconds(other, H100, twice) == step_seconds(other, H100)


def test_the_plan_most_alike_counts_most() -> None:
    found = Measurements()
    small, large = tiny_plan(), tiny_plan(patch=(64, 64, 64))
    for plan, factor in ((small, 4.0), (large, 1.0)):
        guess = network_seconds(plan, CPU)
        found.add(plan, CPU, Measurement(factor * guess, 0.0, 0.0, 1e-7, 1e8, guess, 1e8))
    near_small = found.time_factor(1.1 * network_seconds(small, CPU), CPU)
    near_large = found.time_factor(0.9 * network_seconds(large, CPU), CPU)
    assert near_small > 3.5
    assert near_large < 1.1


def test_prediction_is_as_measured_where_it_was() -> None:
    assert voxel_seconds(tiny_plan(), CPU, known()) == FOUND.voxel_seconds
    assert voxel_seconds(tiny_plan(), CPU) > 0


@pytest.mark.parametrize(
    ("minutes", "seconds"), [(1, 8), (10, 18), (16, 28.8), (60, 30), (600, 30)]
)
def test_measuring_takes_a_small_share_of_the_run(minutes: float, seconds: float) -> None:
    assert probe_seconds(minutes * 60) == pytest.approx(seconds)
