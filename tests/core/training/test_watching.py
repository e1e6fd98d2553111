"""Real little runs whose curves say something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.events import Event, HintEvent, StateEvent, StepEvent, ValidationEvent
from core.project import manifest, orders
from core.project.orders import Order
from core.project.project import Project
from core.training import keeping, meter
from core.training.control import KeepRunning
from core.training.loop import train
from tests.core.data.plans import tiny_plan
from tests.core.training.conftest import MakeRun
from tests.core.training.synthetic import make_project


@pytest.fixture
def with_one_wrong(tmp_path: Path) -> Iterator[Project]:
    """Six cases to learn from, one of which has its label beside its lesion."""
    with make_project(tmp_path, train=6, val=1, wrong=2) as made:
        yield made


def test_a_wrong_label_is_found_and_named_and_right_ones_are_left_in_peace(
    with_one_wrong: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter, "INTERVAL", 0.0)
    run_dir = with_one_wrong.runs_dir / "r01"
    run_dir.mkdir(parents=True)
    plan = tiny_plan(epochs=16, steps_per_epoch=8, validations=5, learning_rate=3e-3)
    plan.save(run_dir / "plan.json")
    manifest.build(with_one_wrong).save(run_dir / "manifest.json")
    events: list[Event] = []
    train(run_dir, events.append, KeepRunning())
    hints = [e for e in events if isinstance(e, HintEvent)]
    assert [(e.hint, e.series_uid) for e in hints if e.hint == "label"] == [("label", "1.2.3.2")]
    (hint,) = (e for e in hints if e.hint == "label")
    assert hint.sentence.startswith("Case P2 disagrees with the others")
    assert hint.step >= 0.4 * 128


def test_a_run_without_gain_ends_says_why_and_can_be_extended(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A learning rate that moves nothing: the first pass stays the best.
    run_dir = make_run(epochs=12, steps_per_epoch=2, validations=12, learning_rate=1e-6)
    real = keeping.Keeper.validate

    def falling(self: keeping.Keeper, *args: object) -> object:
        result = real(self, *args)  # type: ignore[arg-type]
        self.smoothed -= 0.01
        return result

    monkeypatch.setattr(keeping.Keeper, "validate", falling)
    events: list[Event] = []
    train(run_dir, events.append, KeepRunning())
    last = events[-1]
    assert isinstance(last, StateEvent)
    assert last.state == "done"
    assert "has not risen for" in last.sentence
    assert any(isinstance(e, HintEvent) and e.hint == "early stop" for e in events)
    stopped = [e for e in events if isinstance(e, ValidationEvent)][-1].step
    assert 12 <= stopped < 24
    # More of it: from where it ended, not from where it would have.
    orders.keep(run_dir, Order("extend", 0.05))
    events.clear()
    train(run_dir, events.append, KeepRunning())
    steps = [e for e in events if isinstance(e, StepEvent)]
    assert steps[0].step == stopped + 1
    assert isinstance(events[-1], StateEvent)
    assert events[-1].state == "done"


def test_a_plan_may_say_that_a_run_goes_on_regardless(make_run: MakeRun) -> None:
    run_dir = make_run(
        epochs=12, steps_per_epoch=2, validations=12, learning_rate=1e-6, early_stop=False
    )
    events: list[Event] = []
    train(run_dir, events.append, KeepRunning())
    assert [e for e in events if isinstance(e, ValidationEvent)][-1].step == 24
