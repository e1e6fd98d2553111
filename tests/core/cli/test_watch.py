"""A run watched from the command line ends as the run ends, and is never left alone."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

from core.cli import watch as module
from core.cli.output import Output
from core.cli.watch import line_text, step_text, time_left, watch
from core.errors import Cancelled, UserError
from core.events import (
    CaseResult,
    Event,
    LogEvent,
    StageEvent,
    StateEvent,
    StepEvent,
    ValidationEvent,
)
from core.project.runs import RunRecord

STEP = StepEvent(
    step=120, steps=2000, epoch=1.2, epochs=20, loss=0.4123, learning_rate=1e-3,
    patches_per_second=3.14, data_wait=0.02, seconds_left=750.0, elapsed=60.0,
)  # fmt: skip
VALIDATION = ValidationEvent(
    step=120, epoch=1.2, loss=0.5, dice=0.71, smoothed=0.7, best=True,
    cases=(CaseResult(series_uid="1", patient_id="A", dice=0.71),),
)  # fmt: skip


class FakeProcess:
    """A child that says what it is given; a callable among the events is called in its turn."""

    def __init__(self, events: list[Event | Callable[[], None] | None], code: int) -> None:
        self._script = events
        self._code = code
        self.returncode: int | None = None
        self.folder = Path()
        self.orders: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.returncode is None:
            self.kill()
            self.wait(None)

    def events(self, timeout: float) -> Iterator[Event | None]:
        assert timeout < 1
        for item in self._script:
            if callable(item):
                item()
            else:
                yield item
        self.returncode = self._code

    def stop(self) -> None:
        self.orders.append("stop")

    def kill(self) -> None:
        self.orders.append("kill")

    def wait(self, timeout: float | None) -> int | None:
        self.orders.append(f"wait {timeout}")
        self.returncode = self._code
        return self._code


@pytest.fixture
def run(tmp_path: Path) -> RunRecord:
    path = tmp_path / "runs" / "r01"
    path.mkdir(parents=True)
    return RunRecord(id="r01", name="A", path=path, created="", plan={})


@pytest.fixture
def child(run: RunRecord, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeProcess]:
    def script(*events: Event | Callable[[], None] | None, code: int = 0) -> FakeProcess:
        process = FakeProcess(list(events), code)
        process.folder = run.path
        monkeypatch.setattr(module, "start", lambda *_: process)
        return process

    return script


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def out(as_json: bool) -> Output:
    return Output(sys.stdout, as_json=as_json)


def test_each_event_is_one_line_of_json_and_the_first_names_the_run(run, child, capsys) -> None:
    process = child(StateEvent(state="preparing"), None, STEP, VALIDATION, StateEvent(state="done"))
    assert watch(run, out(as_json=True)) == 0
    lines = [json.loads(line) for line in printed(capsys)]
    assert [line["kind"] for line in lines] == ["result", "state", "step", "validation", "state"]
    assert lines[0]["data"] == {"run_id": "r01", "path": str(run.path)}
    assert lines[3]["cases"][0]["dice"] == 0.71
    assert process.orders == []
    # Device use is kept with the run, so that the window shows its gauges.
    kept = (run.path / "hardware.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(kept[0])["devices"][0]["memory_total"] > 0


def test_people_get_the_lines_that_matter(run, child, capsys) -> None:
    child(
        StateEvent(state="preparing"), StageEvent(stage="preprocess", done=1, total=2), STEP,
        LogEvent(level="info", message="Resumed."), VALIDATION, StateEvent(state="done"),
    )  # fmt: skip
    assert watch(run, out(as_json=False)) == 0
    assert printed(capsys) == [
        f"Run r01: {run.path}", "Preparing", "Resumed.",
        "Step 120: validation Dice 0.710 on 1 case (best so far)", "Done",
    ]  # fmt: skip


def test_what_the_user_can_mend_is_told_in_the_runs_own_words(run, child) -> None:
    child(StateEvent(state="failed", sentence="The disk is full."), code=2)
    with pytest.raises(UserError, match=r"^The disk is full\.$"):
        watch(run, out(as_json=True))
    child(StateEvent(state="failed", sentence="The process was killed."), code=-9)
    with pytest.raises(UserError, match="was killed"):
        watch(run, out(as_json=True))


def test_a_bug_in_the_child_shows_its_trace(run, child, capsys) -> None:
    (run.path / "log.txt").write_text("Traceback: the end of it")
    child(StateEvent(state="failed", sentence="An error of ours."), code=1)
    assert watch(run, out(as_json=True)) == 1
    err = capsys.readouterr().err
    assert "Traceback: the end of it" in err
    assert "An error of ours." in err


@pytest.mark.skipif(os.name == "nt", reason="no signals to oneself there")
def test_the_first_ctrl_c_stops_once_and_keeps_what_was_learnt(run, child, capsys) -> None:
    process = child(
        STEP, lambda: os.kill(os.getpid(), signal.SIGINT), None, None, STEP,
        StateEvent(state="stopped"),
    )  # fmt: skip
    with pytest.raises(Cancelled):
        watch(run, out(as_json=True))
    assert process.orders == ["stop"]
    assert "--resume r01" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="no signals to oneself there")
def test_the_second_ctrl_c_ends_the_child(run, child) -> None:
    def press() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    process = child(press, None, press, StateEvent(state="stopped"))
    with pytest.raises(KeyboardInterrupt):
        watch(run, out(as_json=True))
    assert process.orders == ["stop", "kill", "wait None"]


def test_when_nobody_reads_any_more_the_child_stops_in_good_order(run, child) -> None:
    def closed() -> None:
        raise BrokenPipeError

    process = child(STEP, closed)
    with pytest.raises(BrokenPipeError):
        watch(run, out(as_json=True))
    assert process.orders == ["stop", "wait None"]


def test_words_for_times_and_steps() -> None:
    assert [time_left(s) for s in (-1, 40.4, 850, 7320)] == ["0 s", "40 s", "14 min", "2 h 02 min"]
    assert step_text(STEP) == (
        "Step 120 of 2000 · loss 0.412 · 3.1 patches/s · data wait 2% · 12 min left"
    )
    assert line_text(STEP) == ""
