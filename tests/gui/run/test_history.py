from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from core.events import (
    DeviceSample,
    HardwareEvent,
    HintEvent,
    LogEvent,
    ResultEvent,
    StageEvent,
    StepEvent,
)
from core.project.runs import read_events
from gui.run.history import RunHistory
from tests.gui.run.recorded import (
    START,
    checkpoint,
    gpu,
    run_events,
    state,
    step,
    validation,
    write_events,
)


def test_a_replayed_run_is_the_same_as_the_one_watched(tmp_path: Path) -> None:
    events = run_events(20, "stopped", "Stopped after 1000 steps.")
    write_events(tmp_path, events)
    live, old = RunHistory(events), RunHistory(read_events(tmp_path))
    for name in ("run_state", "epoch", "epochs", "fraction", "started", "errors", "warnings"):
        assert getattr(live, name) == getattr(old, name), name
    assert list(live.log) == list(old.log)
    assert np.array_equal(live.loss_line(), old.loss_line())
    assert old.run_state == "stopped"
    assert (old.epoch, old.epochs, old.fraction) == (20.0, 100.0, 0.2)
    assert (old.errors, old.warnings) == (0, 1)
    assert [c.epoch for c in old.checkpoints] == [10.0, 20.0]


def test_a_resumed_run_takes_its_lines_up_at_the_checkpoint() -> None:
    history = RunHistory(run_events(18))
    assert len(history.steps) == 18
    # Killed at epoch 18; the checkpoint is of epoch 10.
    for event in (state("preparing", 900), state("running", 901), step(10.5), step(11.0)):
        history.apply(event)
    assert [e.epoch for e in history.steps] == [*map(float, range(1, 11)), 10.5, 11.0]
    assert [v.epoch for v in history.validations] == [5.0, 10.0]
    assert history.epoch == 11.0
    x, _ = history.loss_line()
    assert np.all(np.diff(x) > 0)


def test_the_best_is_the_last_one_that_was_best() -> None:
    history = RunHistory([validation(1, 0.5), validation(2, 0.7), validation(3, 0.6, best=False)])
    assert history.best is not None
    assert history.best.dice == 0.7
    assert RunHistory().best is None


def test_cases_come_worst_first_and_unknown_ones_last() -> None:
    history = RunHistory(run_events(5))
    assert [c.dice for c in history.cases] == sorted(c.dice for c in history.cases)
    odd = validation(6, 0.5, cases=(*history.cases, type(history.cases[0])(
        series_uid="9", patient_id="P9", dice=math.nan)))  # fmt: skip
    history.apply(odd)
    assert history.cases[-1].patient_id == "P9"


def test_gauges_keep_ten_minutes() -> None:
    history = RunHistory(gpu(float(second)) for second in range(0, 2000, 5))
    points = history.trends["utilisation"].points
    assert points[-1] == (START + 1995, 97.0)
    assert points[0][0] >= START + 1995 - 600
    assert len(points) == 121


def test_of_several_gpus_the_busiest_is_shown() -> None:
    def device(name: str, use: float) -> DeviceSample:
        return DeviceSample(name=name, is_gpu=True, utilisation=use, memory_used=1, memory_total=2)

    history = RunHistory()
    history.apply(HardwareEvent(devices=(device("a", 3.0), device("b", 90.0))))
    history.apply(HardwareEvent(devices=()))
    assert history.device is not None
    assert (history.device.name, history.devices) == ("b", 2)
    assert "power" not in history.trends
    history.apply(HardwareEvent(devices=(device("a", math.nan), device("b", 1.0))))
    assert history.device.name == "b"


def test_progress_while_preparing_is_of_the_cases() -> None:
    history = RunHistory([state("preparing", 0)])
    assert math.isnan(history.fraction)
    history.apply(StageEvent(stage="preprocess", done=3, total=12))
    assert history.fraction == 0.25
    history.apply(state("running", 1))
    assert math.isnan(history.fraction)


def test_progress_is_never_behind_the_newest_checkpoint() -> None:
    history = RunHistory([state("running", 0), step(2.0), checkpoint(4.0)])
    assert history.fraction == pytest.approx(0.04)
    assert history.epoch == 4.0


def test_a_long_run_is_averaged_to_what_can_be_seen() -> None:
    def steps() -> list[StepEvent]:
        return [step(n / 100, 100, loss=1.0 if n % 2 else 3.0) for n in range(1, 10_001)]

    x, y = RunHistory(steps()).loss_line()
    assert 250 <= len(x) <= 301
    assert np.allclose(y[1:-1], 2.0, atol=0.1)
    assert x[-1] == pytest.approx(100, abs=0.5)


def test_losses_that_are_no_numbers_leave_a_gap() -> None:
    history = RunHistory([step(1.0, loss=math.nan), step(2.0, loss=0.5)])
    x, y = history.loss_line()
    assert (list(x), list(y)) == ([2.0], [0.5])
    assert RunHistory().loss_line()[0].size == 0


def test_errors_are_counted_and_the_model_is_kept() -> None:
    history = RunHistory(
        [
            LogEvent(level="error", message="The disk is full."),
            ResultEvent(name="model", data={"model_id": "r01"}),
            ResultEvent(name="other", data={}),
            state("failed", 5, "It was killed."),
        ]
    )
    assert history.errors == 2
    assert history.model is not None
    assert history.log[-1].words == "It was killed."
    assert history.log[-1].level == "error"


def test_a_run_that_ended_early_shows_how_far_it_came() -> None:
    events = run_events(50, "done")
    assert RunHistory(events).fraction == 1.0
    hint = HintEvent(step=2500, hint="early stop", sentence="It ended.")
    assert RunHistory([*events, hint]).fraction == pytest.approx(0.5)
