from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from core.data.plan import Plan
from core.errors import FileRefusedError, UserError
from core.events import (
    CheckpointEvent,
    Event,
    LogEvent,
    ResultEvent,
    StageEvent,
    StateEvent,
    StepEvent,
    ValidationEvent,
    from_line,
    to_line,
)
from core.project.environment import read_starts
from core.project.orders import Order
from core.project.project import Project
from core.training import checkpoint, meter, run
from core.training.control import ControlState, KeepRunning
from core.training.loop import train
from tests.core.training.conftest import MakeRun


class StopAfter:
    """Says ``word`` once so many steps were asked for, then stop (or run again after a pause)."""

    def __init__(self, asks: int, word: ControlState = "stop") -> None:
        self.left, self.word = asks, word
        self.pauses = 0

    def order(self) -> Order | None:
        return None

    def state(self) -> ControlState:
        self.left -= 1
        if self.left >= 0:
            return "run"
        if self.word == "pause":
            self.pauses += 1
            return "pause" if self.pauses < 3 else "run"
        return self.word


def states(events: list[Event]) -> list[str]:
    return [e.state for e in events if isinstance(e, StateEvent)]


def weights(run_dir: Path) -> dict[str, torch.Tensor]:
    state = checkpoint.load(run_dir)
    assert state is not None
    return {**{f"n.{k}": v for k, v in state["net"].items()},
            **{f"a.{k}": v for k, v in state["average"].items()}}  # fmt: skip


@pytest.fixture
def each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step event for every step, whatever the time."""
    monkeypatch.setattr(meter, "INTERVAL", 0.0)


@pytest.mark.usefixtures("each_step")
def test_a_run_learns_validates_and_keeps_its_model(make_run: MakeRun, project: Project) -> None:
    run_dir = make_run(epochs=12, steps_per_epoch=5, learning_rate=3e-3, validations=3)
    events: list[Event] = []
    train(run_dir, events.append, KeepRunning())
    assert states(events) == ["preparing", "running", "done"]
    stages = [e for e in events if isinstance(e, StageEvent)]
    assert (stages[0].done, stages[-1].done, stages[-1].total) == (0, 5, 5)
    steps = [e for e in events if isinstance(e, StepEvent)]
    assert [e.step for e in steps] == list(range(1, 61))
    assert {e.steps for e in steps} == {60}
    assert steps[-1].epochs == 12
    assert sum(e.loss for e in steps[-10:]) < 0.7 * sum(e.loss for e in steps[:10])
    assert steps[-1].learning_rate < steps[20].learning_rate
    passes = [e for e in events if isinstance(e, ValidationEvent)]
    assert [e.step for e in passes] == [20, 40, 60]
    assert len(passes[-1].cases) == 2
    assert all((run_dir / case.preview).is_file() for case in passes[-1].cases)
    assert passes[-1].dice > 0.6
    (result,) = [e for e in events if isinstance(e, ResultEvent)]
    assert result.data["model_id"] == "r01"
    assert result.data["dice"] > 0.6
    assert (project.models_dir / "r01" / "model.safetensors").is_file()
    # What is needed to do it again lies in its folder.
    assert {"plan.json", "manifest.json"} <= {p.name for p in run_dir.iterdir()}
    assert torch.__version__.startswith(read_starts(run_dir)[0]["packages"]["torch"])
    assert len(list((project.models_dir / "r01" / "previews").glob("*.png"))) == 2
    for event in events:
        again = from_line(to_line(event))
        assert type(again) is type(event)


def test_stopped_and_resumed_is_the_same_to_the_bit_as_never_stopped(make_run: MakeRun) -> None:
    whole, parts = (
        make_run("r01", epochs=3, steps_per_epoch=4),
        make_run("r02", epochs=3, steps_per_epoch=4),
    )
    train(whole, lambda _: None, KeepRunning())
    events: list[Event] = []
    # Two interruptions at odd places; the first asks are spent while cases are prepared.
    train(parts, events.append, StopAfter(5 + 5))
    train(parts, events.append, StopAfter(5 + 3))
    train(parts, events.append, KeepRunning())
    assert states(events).count("stopped") == 2
    assert states(events)[-1] == "done"
    a, b = weights(whole), weights(parts)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_another_seed_is_another_run(make_run: MakeRun) -> None:
    one, two = make_run("r01", epochs=1), make_run("r02", epochs=1, seed=5)
    train(one, lambda _: None, KeepRunning())
    train(two, lambda _: None, KeepRunning())
    a, b = weights(one), weights(two)
    assert not all(torch.equal(a[key], b[key]) for key in a)


def test_stopping_keeps_a_model_and_says_so(make_run: MakeRun, project: Project) -> None:
    events: list[Event] = []
    train(make_run(epochs=50), events.append, StopAfter(5 + 4))
    assert states(events) == ["preparing", "running", "stopped"]
    last = events[-1]
    assert isinstance(last, StateEvent)
    assert "4 steps" in last.sentence
    assert any(isinstance(e, CheckpointEvent) for e in events)
    assert any(isinstance(e, ResultEvent) for e in events)
    assert (project.models_dir / "r01" / "model.safetensors").is_file()


def test_stopping_while_preparing(make_run: MakeRun) -> None:
    events: list[Event] = []
    train(make_run(), events.append, StopAfter(2))
    assert states(events) == ["preparing", "stopped"]


def test_a_pause_saves_waits_and_goes_on(make_run: MakeRun) -> None:
    run_dir = make_run(epochs=2, steps_per_epoch=4)
    events: list[Event] = []
    train(run_dir, events.append, StopAfter(5 + 3, "pause"))
    assert states(events) == ["preparing", "running", "paused", "running", "done"]
    paused = [i for i, e in enumerate(events) if isinstance(e, StateEvent)][2]
    assert isinstance(events[paused - 1], CheckpointEvent)


def test_cases_are_prepared_once(make_run: MakeRun, project: Project) -> None:
    train(make_run("r01", epochs=1), lambda _: None, KeepRunning())
    cases = project.cache_dir / "cases"
    stamps = {f.name: f.stat().st_mtime_ns for f in cases.iterdir()}
    assert len(stamps) == 5
    train(make_run("r02", epochs=1), lambda _: None, KeepRunning())
    assert {f.name: f.stat().st_mtime_ns for f in cases.iterdir()} == stamps
    assert not any("P0" in name or "1.2.3" in name for name in stamps)


def test_a_budget_ends_in_time_with_a_validation(make_run: MakeRun) -> None:
    run_dir = make_run(budget_minutes=0.1, validation_minutes=0.02)
    events: list[Event] = []
    train(run_dir, events.append, KeepRunning())
    span = events[-1].time - events[0].time
    # The box is shared: late by a little is the machine, late by its length would be the schedule.
    assert 3 < span < 12
    passes = [e for e in events if isinstance(e, ValidationEvent)]
    steps = [e for e in events if isinstance(e, StepEvent)]
    assert passes[-1].step == steps[-1].step
    # On a busy machine the first report can fall into the warm-up, so the peak is what counts.
    assert steps[-1].learning_rate < Plan.load(run_dir / "plan.json").learning_rate
    assert abs(steps[-1].elapsed + steps[-1].seconds_left - 6) < 0.5


def test_a_loss_that_is_lost_stops_the_run_with_the_reason(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter, "INTERVAL", 0.0)
    monkeypatch.setattr(
        "core.training.step.make_loss",
        lambda _: lambda logits, *_rest: logits.sum() * float("nan"),
    )
    events: list[Event] = []
    with pytest.raises(UserError, match=r"steps in a row, and again.*lower learning rate"):
        train(make_run(epochs=50, validations=1), events.append, KeepRunning())
    assert any(isinstance(e, LogEvent) and "skipped" in e.message for e in events)


def test_a_single_lost_step_changes_no_weight(make_run: MakeRun) -> None:
    one = run.Run.open(make_run(epochs=2), lambda _: None, KeepRunning())
    with one:
        one.step_once()
        before = {k: v.clone() for k, v in one.learner.net.state_dict().items()}
        batch = one.stepper._shards.batch()
        batch.image[:] = math.nan
        one.learner.step(batch, 0.0, 1)
        after = one.learner.net.state_dict()
        assert all(torch.equal(before[k], after[k]) for k in before)
        reading = one.learner.read()
        assert (reading.count, reading.bad, reading.row) == (2, 1, 1)


def test_a_full_disk_costs_the_checkpoint_not_the_run(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save", full)
    events: list[Event] = []
    train(make_run(epochs=1), events.append, KeepRunning())
    assert states(events)[-1] == "done"
    assert any(isinstance(e, LogEvent) and "No space left" in e.message for e in events)


def test_out_of_memory_is_a_sentence(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr("core.nets.residual_unet.ResidualUNet.forward", full)
    with pytest.raises(UserError, match="narrower network"):
        train(make_run(), lambda _: None, KeepRunning())


def test_what_the_user_can_mend_is_named(make_run: MakeRun, project: Project) -> None:
    moved = make_run("r01")
    next((project.path.parent / "scans").glob("scan0*")).unlink()
    with pytest.raises(FileRefusedError, match=r"scan0\.nii\.gz"):
        train(moved, lambda _: None, KeepRunning())
    project.set_split(["1.2.3.0", "1.2.3.1"], "none")
    with pytest.raises(UserError, match="at least 2 labelled cases"):
        train(make_run("r02"), lambda _: None, KeepRunning())
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="no device cuda"):
            train(make_run("r03", device="cuda"), lambda _: None, KeepRunning())
