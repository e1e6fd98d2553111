"""The real child on a real, tiny training run, and what it does when things go wrong."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from core.cli import main as cli
from core.events import (
    LogEvent,
    ResultEvent,
    StateEvent,
    StepEvent,
    ValidationEvent,
)
from core.jobs import child, runner
from core.project import orders
from core.project.orders import Order
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


def test_pause_resume_and_kill_nine_keep_the_checkpoint(project: Project) -> None:
    plan = tiny_plan(epochs=4000, steps_per_epoch=5, threads=1)
    record = create_run(project, plan, "Long")
    assert record.id == "r01"
    process = runner.start(record.path)
    for event in process.events(timeout=0.2):
        said = states(record.path)
        if isinstance(event, StepEvent):
            if "paused" in said:
                psutil.Process(process.pid).kill()
            else:
                process.pause()  # which saves
        if isinstance(event, StateEvent) and event.state == "paused":
            assert alive(record.path)
            assert psutil.Process(process.pid).nice() >= 10 or sys.platform == "win32"
            process.resume()
    assert states(record.path) == ["preparing", "running", "paused", "running", "failed"]
    found = run(project, record.id)
    assert found.state == "failed"
    assert found.checkpoint_step is not None
    assert f"step {found.checkpoint_step} at " in found.sentence
    if sys.platform != "win32":
        assert "was killed (signal 9)" in found.sentence
    assert (record.path / "checkpoint").exists()
    assert not alive(record.path)


_BROKEN = """
import sys
from core.errors import UserError
from core.jobs import child
def broken(*args):
    print("some output")
    raise ERROR
child.perform = broken
sys.exit(child.main(child.Path(sys.argv[-1])))
"""


def broken(folder: Path, error: str) -> tuple[int | None, str]:
    """Exit code and last sentence of a child whose work raises ``error``."""
    code = _BROKEN.replace("ERROR", error)
    process = runner.start(folder, prefix=(sys.executable, "-c", code))
    events = drain(process)
    assert last_state(events).state == "failed"
    return process.returncode, last_state(events).sentence


def test_what_the_user_can_mend_is_one_sentence(project: Project) -> None:
    record = create_run(project, tiny_plan())
    code, sentence = broken(record.path, "UserError('The disk is full. Make room.')")
    assert (code, sentence) == (2, "The disk is full. Make room.")
    assert "Traceback" not in (record.path / "log.txt").read_text(encoding="utf-8")


def test_a_bug_leaves_its_trace_in_the_log(project: Project) -> None:
    record = create_run(project, tiny_plan())
    code, sentence = broken(record.path, "ZeroDivisionError('seven')")
    assert code == 1
    assert "ZeroDivisionError" in sentence
    log = (record.path / "log.txt").read_text(encoding="utf-8")
    assert "some output" in log
    assert "ZeroDivisionError: seven" in log


_PARENT = """
import sys, time
from pathlib import Path
from core.jobs import child, runner
process = runner.start(Path(sys.argv[1]))
for event in process.events(timeout=0.2):
    if type(event).__name__ == "StepEvent":
        print(process.pid, flush=True)
"""


def test_the_child_saves_when_its_parent_is_killed_and_goes_on_later(project: Project) -> None:
    plan = tiny_plan(epochs=4000, steps_per_epoch=5, threads=1)
    record = create_run(project, plan)
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(record.path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    try:
        worker = psutil.Process(int(parent.stdout.readline()))
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
    # It measures its model before it ends, which takes its time on a busy machine.
    worker.wait(timeout=120)
    found = run(project, record.id)
    assert found.state == "stopped"
    assert found.checkpoint_step is not None
    # It is made shorter so that the rest takes a second.
    saved = found.checkpoint_step
    orders.keep(record.path, Order("epochs", saved // 5 + 2))
    events = drain(runner.start(record.path))
    assert last_state(events).state == "done"
    assert min(e.step for e in events if isinstance(e, (StepEvent, ValidationEvent))) > saved
    assert any(isinstance(e, ResultEvent) and e.name == "model" for e in events)
    done = run(project, "r01")
    assert (done.state, done.model_id) == ("done", "r01")
    assert (project.models_dir / "r01").is_dir()


def test_events_go_on_in_the_file_when_the_pipe_breaks(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    pipe = os.fdopen(writer, "w", encoding="utf-8")
    emit = child.Emitter(tmp_path, pipe)
    emit(LogEvent(level="info", message="heard"))
    os.close(reader)
    emit(LogEvent(level="info", message="not heard"))
    emit(StateEvent(state="done"))
    emit.close()
    with contextlib.suppress(OSError):
        pipe.close()
    kinds = [type(e).__name__ for e in read_events(tmp_path)]
    assert kinds == ["LogEvent", "LogEvent", "StateEvent"]
    assert emit.ended


def test_orders_end_with_stop_when_the_other_side_is_gone() -> None:
    reader, writer = os.pipe()
    orders = child.Orders(reader)
    assert orders.state() == "run"
    for words, state in ((b"pau", "run"), (b"se\n", "pause"), (b"nonsense\nresume\n", "run")):
        os.write(writer, words)
        until(lambda state=state: orders.state() == state)
    os.close(writer)
    until(lambda: orders.state() == "stop")
    os.close(reader)


def test_a_run_at_work_hears_another_program(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    record = create_run(project, tiny_plan(epochs=4000, steps_per_epoch=5, threads=1), "Long")
    orders.ask(record.path, "stop")  # of an earlier life: it must not end this one
    process = runner.start(record.path)
    told: list[str] = []
    for event in process.events(timeout=0.2):
        word = ""
        if isinstance(event, StepEvent) and not told:
            word = "pause"
        elif isinstance(event, StateEvent) and event.state == "paused":
            word = "resume"
        elif isinstance(event, StepEvent) and told[-1] == "resume":
            word = "stop"
        if word:
            told.append(word)
            assert cli([word, str(project.path), "r01"]) == 0
    assert states(record.path) == ["preparing", "running", "paused", "running", "stopped"]
    assert run(project, "r01").model_id
    assert cli(["stop", str(project.path), "r01"]) == 2
    assert "Run r01 is not at work" in capsys.readouterr().err


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


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
