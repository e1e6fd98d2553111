"""Events survive the line, and a torn or foreign line never stops the stream."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import events as ev

EXAMPLES = [
    ev.StateEvent(state="failed", sentence="The disk is full."),
    ev.StageEvent(stage="preprocessing", done=3, total=24),
    ev.StepEvent(
        step=5, steps=100, epoch=0.5, epochs=10, loss=0.7, learning_rate=1e-3,
        patches_per_second=2.5, data_wait=0.01, seconds_left=60.0, elapsed=5.0,
    ),
    ev.ValidationEvent(
        step=5, epoch=0.5, loss=0.4, dice=0.6, smoothed=0.5, best=True,
        cases=(ev.CaseResult(series_uid="1.2", patient_id="Ä", dice=0.6, preview="p.png"),),
    ),
    ev.CheckpointEvent(step=5, epoch=0.5, path="checkpoint/last"),
    ev.HintEvent(step=5, hint="overfitting", sentence="By heart.", series_uid="1.2"),
    ev.LogEvent(level="warning", message="zeile\nzwei"),
    ev.ResultEvent(name="model", data={"model_id": "r01"}),
    ev.HardwareEvent(
        devices=(
            ev.DeviceSample(
                name="CPU", is_gpu=False, utilisation=97.0, memory_used=1, memory_total=2
            ),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda e: e.kind)
def test_round_trip(event: ev.Event) -> None:
    line = ev.to_line(event)
    assert "\n" not in line
    assert ev.from_line(line) == event


def test_every_kind_has_an_example() -> None:
    assert {e.kind for e in EXAMPLES} == set(ev._KINDS)


def test_nan_is_valid_json_and_comes_back() -> None:
    event = ev.ValidationEvent(step=1, epoch=1.0, loss=math.nan, dice=0.0, smoothed=0.0, best=False)
    line = ev.to_line(event)
    json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    back = ev.from_line(line)
    assert isinstance(back, ev.ValidationEvent)
    assert math.isnan(back.loss)


@given(st.sampled_from(EXAMPLES), st.integers(0, 400))
def test_a_torn_line_is_no_event(event: ev.Event, length: int) -> None:
    line = ev.to_line(event)
    if length < len(line):
        assert ev.from_line(line[:length]) is None


@given(st.text())
def test_anything_else_is_no_event(line: str) -> None:
    assert ev.from_line(line) is None


def test_newer_fields_are_skipped() -> None:
    line = json.dumps({"kind": "log", "level": "info", "message": "x", "time": 1.0, "new": 1})
    assert ev.from_line(line) == ev.LogEvent(level="info", message="x", time=1.0)
