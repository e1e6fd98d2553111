"""More time for a run from the command line: what is written into its folder, and what starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cli import training
from core.events import CheckpointEvent, StateEvent, StepEvent, to_line
from core.project import orders, runs
from core.project.orders import Order
from core.project.project import Project
from core.project.runs import RunRecord
from tests.core.cli.conftest import Cli
from tests.core.data.plans import tiny_plan
from tests.core.training.synthetic import make_project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with make_project(tmp_path) as made:
        yield made


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the runs that a command would have started."""
    found: list[str] = []

    def watch(run: RunRecord, _output: object) -> int:
        found.append(run.id)
        return 0

    monkeypatch.setattr(training, "watch", watch)
    return found


def a_run(project: Project, state: str) -> Path:
    """A run that trained 10 of 20 epochs in 5 minutes and is now in ``state``."""
    folder = runs.create_run(project, tiny_plan(epochs=20)).path
    step = StepEvent(
        step=30, steps=60, epoch=10.0, epochs=20, loss=0.5, learning_rate=1e-3,
        patches_per_second=1.0, data_wait=0.0, seconds_left=300.0, elapsed=300.0,
    )  # fmt: skip
    saved = CheckpointEvent(step=30, epoch=10.0, path="checkpoint/step_00000030.pt")
    said = (StateEvent(state="running"), step, saved, StateEvent(state=state))  # type: ignore[arg-type]
    text = "".join(to_line(event) + "\n" for event in said)
    (folder / "events.jsonl").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("state", ["done", "stopped", "failed"])
def test_a_run_that_has_ended_goes_on(
    cli: Cli, project: Project, started: list[str], state: str
) -> None:
    folder = a_run(project, state)
    assert cli("extend", project.path, "r01", "--minutes", 10).code == 0
    assert orders.kept(folder) == [Order("extend", 10)]
    assert started == ["r01"]


def test_a_run_at_work_is_told(cli: Cli, project: Project, started: list[str]) -> None:
    folder = a_run(project, "running")
    (folder / "process.json").write_text(runs.process_stamp(os.getpid()), encoding="utf-8")
    told = cli("extend", project.path, "r01", "--minutes", 10)
    assert "goes on 10 minutes longer" in told.out
    assert orders.kept(folder) == [Order("extend", 10)]
    assert started == []


def test_resume_may_give_another_length_in_all(
    cli: Cli, project: Project, started: list[str]
) -> None:
    folder = a_run(project, "done")
    before = (folder / "plan.json").read_bytes()
    short = cli("train", project.path, "--resume", "r01", "--minutes", 4)
    assert (short.code, started) == (2, [])
    assert "has had 5.0 minutes already" in short.err
    assert cli("train", project.path, "--resume", "r01", "--minutes", 9).code == 0
    assert cli("train", project.path, "--resume", "r01", "--epochs", 30).code == 0
    assert orders.kept(folder) == [Order("budget", 9), Order("epochs", 30)]
    assert started == ["r01", "r01"]
    # What was asked for at first stays readable.
    assert (folder / "plan.json").read_bytes() == before


@pytest.mark.parametrize(
    "words", [("--quality", "best"), ("--dimensions", "2d"), ("--augmentation", "nnunet")]
)
def test_a_run_that_goes_on_keeps_its_plan(
    cli: Cli, project: Project, started: list[str], words: tuple[str, str]
) -> None:
    a_run(project, "stopped")
    refused = cli("train", project.path, "--resume", "r01", *words)
    assert (refused.code, started) == (2, [])
    assert f"Run r01 keeps its plan. Leave {words[0]} out" in refused.err
