"""Real steps of a tiny plan, measured; and the job that measures until the plan is known."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.data import measured as store
from core.data.figures import Figures
from core.data.planner import plan_project
from core.errors import Cancelled, UserError
from core.events import Event, ResultEvent, StageEvent
from core.jobs.probing import probe
from core.jobs.spec import ProbeJob, load_job
from core.project.project import Project
from core.training import probe as module
from core.training.control import ControlState, KeepRunning
from core.training.peak import PeakMemory
from core.training.probe import measure, measure_pace, stand_in
from tests.core.data.plans import tiny_plan
from tests.core.training.conftest import one_thread, project

__all__ = ["one_thread", "project"]  # fixtures

FIGURES = Figures(
    cases_train=3, cases_val=2, median_spacing=(4.0, 4.0, 4.0),
    median_size_mm=(80.0, 88.0, 96.0), largest_size_mm=(80.0, 88.0, 96.0), litres=3.4,
)  # fmt: skip


class Stopping(KeepRunning):
    def state(self) -> ControlState:
        return "stop"


def test_steps_are_measured_as_they_are() -> None:
    ticks: list[int] = []
    plan = tiny_plan(figures=FIGURES, threads=1)
    found = measure(plan, None, 0.1, tick=lambda: ticks.append(1))
    assert 0 < found.data_seconds < found.step_seconds < 5
    assert found.voxel_seconds > 0
    # The weights alone, with gradients, moments and average.
    assert found.step_bytes > 5 * 4 * 50_000
    assert found.estimated_seconds > 0
    assert len(ticks) >= module.WARM_STEPS + module.LEAST_STEPS


def test_more_work_takes_longer() -> None:
    small = measure(tiny_plan(threads=1), None, 0.1)
    large = measure(tiny_plan(threads=1, patch=(32, 32, 32), batch=4), None, 0.1)
    # Sixteen times the voxels; four is far from any noise.
    assert large.step_seconds > 4 * small.step_seconds
    assert large.step_bytes > 2 * small.step_bytes


def test_it_can_be_cancelled() -> None:
    with pytest.raises(Cancelled):
        measure(tiny_plan(threads=1), None, 60, cancelled=lambda: True)


def test_memory_that_is_too_small_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise UserError("The memory of cpu is too small.")

    monkeypatch.setattr(module.Learner, "step", refuse)
    with pytest.raises(UserError, match="too small"):
        measure(tiny_plan(threads=1), None, 1.0)


def test_the_stand_in_is_a_usual_case() -> None:
    case = stand_in(tiny_plan(figures=FIGURES), 0)
    assert case.image.shape == case.label.shape == (20, 22, 24)
    assert case.image.dtype == np.int16
    assert case.label.max() == 1
    assert len(case.centres) == (case.label > 0).sum()


def test_peak_memory_sees_what_was_given_back() -> None:
    with PeakMemory(torch.device("cpu")) as memory:
        block = np.ones(60_000_000, np.uint8)
        time.sleep(0.05)
        del block
    assert 55e6 < memory.peak < 120e6


def test_pace_comes_from_a_case_of_the_project(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    pace = measure_pace(project, tiny_plan(), folder)
    assert pace.base_bytes > 1e8
    assert pace.startup_seconds > 0
    voxels = 20 * 22 * 24
    for seconds in (pace.read_seconds, pace.check_seconds, pace.metrics_seconds):
        assert 0 <= seconds * voxels < 10
    # The project's own cache is left alone.
    assert not (project.cache_dir / "cases").exists()


def test_the_job_measures_until_the_plan_is_known(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    asked = {"epochs": 1, "device": "cpu"}
    ProbeJob(project=project.path, seconds=0.2, **asked).save(folder)  # type: ignore[arg-type]
    job = load_job(folder)
    assert isinstance(job, ProbeJob)
    before = plan_project(project, [], **asked)  # type: ignore[arg-type]
    assert not before.estimates.measured
    said: list[Event] = []
    probe(job, folder, said.append, KeepRunning())
    known = store.load()
    assert known.exact(before, None) is not None
    assert known.pace is not None
    stages = [e for e in said if isinstance(e, StageEvent)]
    assert stages[0].done == 0
    assert all(e.stage == "probe" and e.done < e.total for e in stages)
    result = said[-1]
    assert isinstance(result, ResultEvent)
    assert result.data["plans"] >= 1
    # What is known is not measured twice.
    said.clear()
    probe(replace(job, plan=before.as_json()), folder, said.append, KeepRunning())
    assert said[-1].data["plans"] == 0  # type: ignore[attr-defined]


def test_the_job_measures_a_plan_of_the_user(project: Project, tmp_path: Path) -> None:
    mine = tiny_plan(figures=FIGURES, threads=1, batch=3)
    job = ProbeJob(project=project.path, seconds=0.2, plan=mine.as_json())
    probe(job, tmp_path, lambda _event: None, KeepRunning())
    known = store.load().exact(mine, None)
    assert known is not None
    # The machine's pace is what the first probe found.
    pace = store.load().pace
    another = replace(job, plan=tiny_plan(figures=FIGURES, threads=1, batch=1).as_json())
    probe(another, tmp_path, lambda _event: None, KeepRunning())
    assert store.load().pace == pace
    # Asked again it is measured again.
    probe(replace(job, again=True), tmp_path, lambda _event: None, KeepRunning())
    assert store.load().exact(mine, None) != known


def test_a_stopped_job_keeps_nothing_half(project: Project, tmp_path: Path) -> None:
    job = ProbeJob(project=project.path, seconds=0.2, plan=tiny_plan(threads=1).as_json())
    with pytest.raises(Cancelled):
        probe(job, tmp_path, lambda _event: None, Stopping())
    assert len(store.load()) == 0
