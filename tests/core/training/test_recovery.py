"""Steps without a finite loss or gradient: skipped, rolled back, and at last the end."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from core.data.batch import Batch
from core.errors import UserError
from core.events import Event, LogEvent, StateEvent, StepEvent
from core.training import meter, recovery
from core.training.control import KeepRunning
from core.training.loop import train
from core.training.recovery import Recovery
from core.training.step import Learner, Reading
from tests.core.data.plans import tiny_plan
from tests.core.training.conftest import MakeRun

CPU = torch.device("cpu")


def a_batch(seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn(2, 1, 16, 16, 16, generator=generator)
    return Batch(image, (image[:, 0] > 1).long())


def snapshot(learner: Learner) -> dict[str, Tensor]:
    state = learner.state()
    moments = state["optimiser"]["state"]
    flat = {f"n.{k}": v.clone() for k, v in state["net"].items()}
    for number, values in moments.items():
        flat |= {f"o.{number}.{k}": v.clone() for k, v in values.items()}
    return flat


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_lost_step_changes_neither_weights_nor_momentum(
    optimiser: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = Learner(tiny_plan(optimiser=optimiser), CPU)
    learner.step(a_batch(), 1e-3, 0)
    before = snapshot(learner)
    if where == "loss":
        batch = a_batch(1)
        batch.image[0, 0, 3, 3, 3] = math.nan
        learner.step(batch, 1e-3, 1)
    else:
        first = next(iter(learner.net.parameters()))
        handle = first.register_hook(lambda grad: grad * math.inf)
        learner.step(a_batch(1), 1e-3, 1)
        handle.remove()
    after = snapshot(learner)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    reading = learner.read()
    assert (reading.count, reading.bad, reading.row) == (2, 1, 1)
    assert math.isfinite(reading.loss)
    learner.step(a_batch(2), 1e-3, 2)
    assert learner.read().row == 0
    assert not torch.equal(before["n.encoder.0.0.conv1.weight"],
                           snapshot(learner)["n.encoder.0.0.conv1.weight"])  # fmt: skip


def test_lost_steps_in_a_row_are_counted_over_readings() -> None:
    learner = Learner(tiny_plan(), CPU)
    bad = a_batch()
    bad.image[:] = math.inf
    for rows in (2, 5):
        for _ in range(2 if rows == 2 else 3):
            learner.step(bad, 1e-3, 0)
        reading = learner.read()
        assert reading.row == rows
        assert math.isnan(reading.loss)


def good(step: int) -> Reading:
    return Reading(0.5, step, 0, 0)


LOST = Reading(math.nan, 30, 30, 30)


def test_the_last_good_state_comes_back_with_a_lower_learning_rate() -> None:
    watch = Recovery()
    watch.begin(0, {"w": torch.zeros(2), "n": 1})
    assert watch.after(10, Reading(math.nan, 5, 5, 5), {"w": torch.full((2,), 9.0)}) is None
    live = {"w": torch.ones(2), "n": 2}
    assert watch.after(recovery.COPY_STEPS, good(9), live) is None
    live["w"].fill_(7.0)  # The run goes on with its own tensors.
    back = watch.after(recovery.COPY_STEPS + 30, LOST, live)
    assert back is not None
    assert back.state["w"].tolist() == [1.0, 1.0]
    assert back.state["n"] == 2
    assert f"weights of step {recovery.COPY_STEPS}" in back.sentence
    assert watch.factor == pytest.approx(recovery.LOWER)
    back.state["w"].fill_(3.0)  # What is restored is trained on, too.
    later = recovery.COPY_STEPS + 30 + recovery.HELD_STEPS
    second = watch.after(later, LOST, live)
    assert second is not None
    assert second.state["w"].tolist() == [1.0, 1.0]


def test_a_roll_back_that_does_not_help_ends_the_run_with_the_reason() -> None:
    watch = Recovery()
    watch.begin(0, {"w": torch.zeros(2)})
    assert watch.after(30, LOST, {}) is not None
    resumed = Recovery()
    resumed.begin(30, {"w": torch.zeros(2)})
    resumed.restore(watch.state())
    assert resumed.factor == watch.factor
    with pytest.raises(UserError, match=r"30 steps in a row, and again.*lower learning rate"):
        resumed.after(60, LOST, {})


class Poisoned:
    """A network whose training steps have no finite loss while the weights are bad."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, first: int, last: float) -> None:
        step = Learner.step
        self.calls = 0

        def poisoned(learner: Learner, batch: Batch, *rest: Any) -> None:
            self.calls += 1
            if first <= self.calls <= last:
                batch.image[:] = math.nan
            step(learner, batch, *rest)

        monkeypatch.setattr(Learner, "step", poisoned)
        monkeypatch.setattr(meter, "INTERVAL", 0.0)


def logs(events: list[Event]) -> list[str]:
    return [e.message for e in events if isinstance(e, LogEvent) and e.level == "warning"]


def test_a_run_is_rolled_back_and_goes_on(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    Poisoned(monkeypatch, 4, 3 + recovery.BAD_STEPS)
    events: list[Event] = []
    train(make_run(epochs=8, steps_per_epoch=5, validations=1), events.append, KeepRunning())
    assert [e for e in events if isinstance(e, StateEvent)][-1].state == "done"
    said = logs(events)
    assert sum("were skipped" in message for message in said) == recovery.BAD_STEPS
    assert sum("went back to the weights" in message for message in said) == 1
    steps = [e for e in events if isinstance(e, StepEvent)]
    at = 3 + recovery.BAD_STEPS
    assert steps[at].learning_rate < 0.5 * steps[at - 2].learning_rate
    assert math.isfinite(steps[-1].loss)


def test_a_loss_that_stays_lost_stops_the_run_with_the_reason(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    Poisoned(monkeypatch, 1, math.inf)
    events: list[Event] = []
    with pytest.raises(UserError, match=r"in a row, and again after.*precision fp32"):
        train(make_run(epochs=50, validations=1), events.append, KeepRunning())
    assert sum("went back to the weights" in message for message in logs(events)) == 1
