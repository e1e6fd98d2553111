"""Orders about the length of real little runs, and runs whose clock is in the test's hands."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
import torch

from core.events import Event, LogEvent, ResultEvent, StateEvent, StepEvent, ValidationEvent
from core.project import orders
from core.project.orders import Order
from core.training import checkpoint, loop, meter
from core.training.control import ControlState, KeepRunning
from core.training.loop import train
from core.training.run import Run
from core.training.step import Learner
from tests.core.training.conftest import MakeRun


class Told(KeepRunning):
    """Hands out its orders when asked for the ``at``-th time, and ``state`` from then on."""

    def __init__(self, at: int, given: Iterable[Order] = (), state: ControlState = "run") -> None:
        self.left, self.given, self.last = at, list(given), state

    def order(self) -> Order | None:
        self.left -= 1
        return self.given.pop(0) if self.left < 0 and self.given else None

    def state(self) -> ControlState:
        return self.last if self.left < 0 else "run"


@pytest.fixture(autouse=True)
def each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step event for every step, whatever the time."""
    monkeypatch.setattr(meter, "INTERVAL", 0.0)


def steps(events: list[Event]) -> list[StepEvent]:
    return [e for e in events if isinstance(e, StepEvent)]


def test_a_running_run_is_made_longer(make_run: MakeRun) -> None:
    run_dir = make_run(epochs=4, steps_per_epoch=5)
    events: list[Event] = []
    train(run_dir, events.append, Told(18, [Order("epochs", 6)]))
    assert {e.steps for e in steps(events)} == {20, 30}
    rates = [e.learning_rate for e in steps(events)]
    assert rates[17] < rates[19] > rates[-1] == 0
    assert [e.step for e in steps(events)] == list(range(1, 31))
    assert any(isinstance(e, LogEvent) and "ends after 30 steps" in e.message for e in events)
    assert orders.kept(run_dir) == [Order("epochs", 6)]
    assert [e for e in events if isinstance(e, ValidationEvent)][-1].step == 30


def test_an_ended_run_goes_on_with_a_warm_up_from_the_weights_it_trained(
    make_run: MakeRun,
) -> None:
    run_dir = make_run(epochs=4, steps_per_epoch=5)
    train(run_dir, lambda _: None, KeepRunning())
    ended = checkpoint.load(run_dir)
    orders.keep(run_dir, Order("epochs", 8))
    with Run.open(run_dir, lambda _: None, KeepRunning()) as run:
        state = run.learner.net.state_dict()
        assert ended is not None
        assert all(torch.equal(state[key], ended["net"][key]) for key in state)
    events: list[Event] = []
    train(run_dir, events.append, KeepRunning())
    rates = [e.learning_rate for e in steps(events)]
    assert [e.step for e in steps(events)] == list(range(21, 41))
    assert max(rates) == pytest.approx(1e-3 / 3, rel=0.1)
    assert rates[-1] == 0
    assert any(isinstance(e, LogEvent) and "rises again to 33 %" in e.message for e in events)
    assert isinstance(events[-1], StateEvent)
    assert events[-1].state == "done"
    # Resumed once more it has nothing left to do: an order is obeyed once.
    events.clear()
    train(run_dir, events.append, KeepRunning())
    assert steps(events) == []


def test_an_order_during_the_last_measurement_comes_in_time(make_run: MakeRun) -> None:
    run_dir = make_run(epochs=2, steps_per_epoch=5)
    events: list[Event] = []
    # Asked once before each of ten steps, once at their end: the twelfth time it has measured.
    train(run_dir, events.append, Told(11, [Order("epochs", 4)]))
    assert [e.step for e in steps(events)] == list(range(1, 21))
    assert sum(isinstance(e, ResultEvent) for e in events) == 2
    assert [e.state for e in events if isinstance(e, StateEvent)][-2:] == ["running", "done"]


def test_an_order_from_another_program_is_found_in_the_folder(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = make_run(epochs=2, steps_per_epoch=5)
    events: list[Event] = []

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepEvent) and event.step == 4:
            orders.keep(run_dir, Order("epochs", 3))

    train(run_dir, emit, KeepRunning())
    assert steps(events)[-1].step == 15


def test_a_kill_after_an_order_does_not_undo_it(make_run: MakeRun) -> None:
    run_dir = make_run(epochs=2, steps_per_epoch=5)
    train(run_dir, lambda _: None, Told(3, [Order("epochs", 3)], "stop"))
    # As if the checkpoints after the order had been torn.
    for path in (run_dir / checkpoint.FOLDER).glob("step_*"):
        path.unlink()
    events: list[Event] = []
    train(run_dir, events.append, KeepRunning())
    assert steps(events)[-1].step == 15


def test_given_the_same_clock_a_resumed_budget_is_one_never_stopped(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    real = Learner.step

    def step(self: Learner, *args: object) -> None:
        now[0] += 1.0  # The clock goes by a second a step, and by nothing else.
        real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Learner, "step", step)
    opened = Run.open
    monkeypatch.setattr(
        loop.Run, "open", lambda *args: opened(*args, now=lambda: now[0])
    )  # fmt: skip

    def lived(name: str, stops: Iterable[int]) -> tuple[list[StepEvent], Path]:
        run_dir = make_run(name, budget_minutes=0.5, validation_minutes=0.1)
        events: list[Event] = []
        for at in stops:
            train(run_dir, events.append, Told(at, state="stop"))
        train(run_dir, events.append, KeepRunning())
        return steps(events), run_dir

    alone, one = lived("r01", [])
    parts, other = lived("r02", [7, 6])
    assert [(e.step, e.learning_rate) for e in alone] == [(e.step, e.learning_rate) for e in parts]
    a, b = checkpoint.load(one), checkpoint.load(other)
    assert a is not None
    assert b is not None
    for part in ("net", "average"):
        assert all(torch.equal(a[part][key], b[part][key]) for key in a[part])
    assert a["schedule"] == b["schedule"]
    assert a["keeper"]["step"] == b["keeper"]["step"]


def test_a_paused_run_hears_orders(make_run: MakeRun) -> None:
    run_dir = make_run(epochs=2, steps_per_epoch=5)
    asked = iter(["run", "run", "run", "run", "run", "pause", "pause", "pause"])

    class Paused(Told):
        def state(self) -> ControlState:
            return next(asked, "run")  # type: ignore[return-value]

    events: list[Event] = []
    train(run_dir, events.append, Paused(2, [Order("epochs", 3)]))
    assert steps(events)[-1].step == 15
