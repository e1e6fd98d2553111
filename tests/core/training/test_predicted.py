"""What is said before Start is what then happens, as far as no clock is needed to see it."""

from __future__ import annotations

import pytest

from core.data.fingerprint import fingerprint
from core.data.plan import Plan
from core.data.predictions import estimate, grid_voxels, source_voxels
from core.events import Event, StepEvent
from core.project import manifest
from core.project.project import Project
from core.training.control import KeepRunning
from core.training.loop import train
from tests.core.training.conftest import MakeRun


def test_steps_and_disk_of_a_run(project: Project, make_run: MakeRun) -> None:
    figures = fingerprint(project, manifest.build(project))
    run_dir = make_run(
        channels=(16, 32, 64), figures=figures, epochs=1, steps_per_epoch=3, validations=1
    )
    plan = Plan.load(run_dir / "plan.json")
    said = estimate(plan)
    events: list[Event] = []
    train(run_dir, events.append, KeepRunning())
    steps = [e for e in events if isinstance(e, StepEvent)]
    assert steps[-1].step == said.steps == 3
    folders = (run_dir, project.cache_dir / "cases", project.models_dir / run_dir.name)
    left = sum(f.stat().st_size for d in folders for f in d.rglob("*") if f.is_file())
    assert said.disk_bytes == pytest.approx(left, rel=0.15)


def test_voxels_are_those_of_the_cases(project: Project, make_run: MakeRun) -> None:
    figures = fingerprint(project, manifest.build(project))
    plan = Plan.load(make_run(figures=figures) / "plan.json")
    assert source_voxels(plan) == figures.voxels == 5 * 20 * 22 * 24
    assert figures.largest_voxels == 20 * 22 * 24
    # Scanned at 4 mm and planned on 4 mm.
    assert grid_voxels(plan) == pytest.approx(figures.voxels, rel=0.001)
