"""The real child on a real, tiny training run, and what it does when things go wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from core.events import (
    CheckpointEvent,
    ResultEvent,
    StateEvent,
    StepEvent,
    ValidationEvent,
    from_line,
)
from core.jobs import runner
from core.project.project import Project
from core.project.runs import alive, create_run, list_runs, read_events, run
from tests.core.data.plans import tiny_plan
from tests.core.jobs.conftest import drain, last_state
from tests.core.training.conftest import one_thread, project

__all__ = ["one_thread", "project"]  # fixtures


@pytest.fixture(autouse=True)
def one_thread_in_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def states(folder: Path) -> list[str]:
    return [e.state for e in read_events(folder) if isinstance(e, StateEvent)]


def test_train_pause_resume_stop_and_resume_to_the_end(project: Project) -> None:
    plan = tiny_plan(epochs=400, steps_per_epoch=5, validations=2, threads=1)
    record = create_run(project, plan, "Long")
    assert record.id == "r01"
    process = runner.start(record.path)
    seen: list[object] = []
    for event in process.events(timeout=0.2):
        seen.append(event)
        if isinstance(event, StepEvent) and not any(isinstance(e, CheckpointEvent) for e in seen):
            process.pause()
        if isinstance(event, StateEvent) and event.state == "paused":
            assert alive(record.path)
            assert psutil.Process(process.pid).nice() >= 10 or sys.platform == "win32"
            process.resume()
        if isinstance(event, StateEvent) and event.state == "running" and "paused" in states(
            record.path
        ):
            process.stop()
    assert states(record.path) == ["preparing", "running", "paused", "running", "stopped"]
    assert process.returncode == 0
    stopped = run(project, "r01")
    assert stopped.state == "stopped"
    assert stopped.checkpoint_step == stopped.step or stopped.checkpoint_step is not None
    assert not alive(record.path)
    # The plan is shortened so that the rest takes a second.
    tiny_plan(epochs=(stopped.checkpoint_step or 0) // 5 + 2, steps_per_epoch=5, threads=1).save(
        record.path / "plan.json"
    )
    events = drain(runner.start(record.path))
    assert last_state(events).state == "done"
    steps = [e.step for e in events if isinstance(e, (StepEvent, ValidationEvent))]
    assert min(steps) > (stopped.checkpoint_step or 0)
    assert any(isinstance(e, ResultEvent) and e.name == "model" for e in events)
    assert (project.models_dir / "r01").is_dir()
    done = run(project, "r01")
    assert (done.state, done.model_id) == ("done", "r01")


def test_kill_nine_keeps_the_checkpoint(project: Project) -> None:
    plan = tiny_plan(epochs=4000, steps_per_epoch=5, checkpoint_minutes=0.05, threads=1)
    record = create_run(project, plan)
    process = runner.start(record.path)
    for event in process.events(timeout=0.2):
        if isinstance(event, StepEvent):
            process.pause()  # which saves
        if isinstance(event, StateEvent) and event.state == "paused":
            psutil.Process(process.pid).kill()
    found = run(project, record.id)
    assert found.state == "failed"
    assert found.checkpoint_step is not None
    assert f"step {found.checkpoint_step} at " in found.sentence
    if sys.platform != "win32":
        assert "was killed (signal 9)" in found.sentence
    assert (record.path / "checkpoint").exists()


def test_a_plan_that_cannot_be_read_is_one_sentence(project: Project) -> None:
    record = create_run(project, tiny_plan())
    (record.path / "manifest.json").unlink()
    process = runner.start(record.path)
    events = drain(process)
    assert last_state(events).state == "failed"
    assert "manifest.json cannot be used" in last_state(events).sentence
    assert process.returncode == 2


def test_a_bug_leaves_its_trace_in_the_log(project: Project) -> None:
    record = create_run(project, tiny_plan())
    # Not a mistake any user can make: the network's widths stay within limits, the file is odd.
    (record.path / "checkpoint").mkdir()
    (record.path / "checkpoint" / "state.pt").mkdir()
    (record.path / "events.jsonl").write_text("", encoding="utf-8")
    process = runner.start(
        record.path,
        prefix=(
            sys.executable,
            "-c",
            "import sys, runpy; from core.jobs import child\n"
            "def broken(*args): print('some output'); raise ZeroDivisionError('seven')\n"
            "child.perform = broken; sys.exit(child.main(child.Path(sys.argv[-1])))",
        ),
    )
    events = drain(process)
    assert process.returncode == 1
    assert "ZeroDivisionError" in last_state(events).sentence
    log = (record.path / "log.txt").read_text(encoding="utf-8")
    assert "some output" in log
    assert "ZeroDivisionError: seven" in log


_PARENT = """
import sys, time
from pathlib import Path
from core.jobs import runner
process = runner.start(Path(sys.argv[1]))
for event in process.events(timeout=0.2):
    if type(event).__name__ == "StepEvent":
        print(process.pid, flush=True)
"""


def test_the_child_saves_and_stops_when_its_parent_is_killed(project: Project) -> None:
    plan = tiny_plan(epochs=4000, steps_per_epoch=5, threads=1)
    record = create_run(project, plan)
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(record.path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    child.wait(timeout=30)
    found = run(project, record.id)
    assert found.state == "stopped"
    assert found.checkpoint_step is not None
    assert "plan.json" not in found.sentence


def test_events_go_on_when_only_the_pipe_breaks(project: Project) -> None:
    record = create_run(project, tiny_plan(epochs=6, steps_per_epoch=5, threads=1))
    with (record.path / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "core.jobs.child", str(record.path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    first = from_line(process.stdout.readline().decode())
    assert isinstance(first, StateEvent)
    process.stdout.close()
    assert process.wait(60) == 0
    process.stdin.close()
    assert states(record.path)[-1] == "done"


def test_a_vanished_run_is_listed_as_failed(project: Project) -> None:
    record = create_run(project, tiny_plan())
    (record.path / "events.jsonl").write_text(
        '{"kind": "state", "time": 1.0, "state": "running", "sentence": ""}\n', encoding="utf-8"
    )
    assert list_runs(project)[0].state == "failed"
    (record.path / "process.json").write_text(
        f'{{"pid": {os.getpid()}, "started": {psutil.Process().create_time()}}}', encoding="utf-8"
    )
    assert list_runs(project)[0].state == "running"


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_a_frozen_child_can_still_be_ended(project: Project) -> None:
    record = create_run(project, tiny_plan(epochs=4000, threads=1))
    process = runner.start(record.path)
    for event in process.events(timeout=0.2):
        if isinstance(event, StateEvent) and event.state == "running":
            os.kill(process.pid, signal.SIGSTOP)
            process.stop()  # which it cannot hear
            time.sleep(0.1)
            process.kill()
    assert run(project, record.id).state == "failed"
    assert "was ended from here" in run(project, record.id).sentence
