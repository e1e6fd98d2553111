from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from core.events import Event, HardwareEvent, StateEvent, StepEvent
from core.jobs.spec import EvaluateJob, PredictJob
from core.project import runs
from gui.run import jobs as jobs_module
from gui.run import supervisor as supervisor_module
from gui.run.supervisor import RunSupervisor
from gui.session import Session
from tests.core.data.plans import tiny_plan


class Listener:
    def __init__(self, session: Session) -> None:
        self.events: list[tuple[str, Event]] = []
        self.errors: list[str] = []
        session.run_event.connect(lambda run, event: self.events.append((run, event)))
        session.error.connect(lambda _title, sentence: self.errors.append(sentence))

    def states(self) -> list[str]:
        return [e.state for _, e in self.events if isinstance(e, StateEvent)]

    def count(self, kind: type) -> int:
        return sum(isinstance(e, kind) for _, e in self.events)


@pytest.fixture
def heard(session: Session) -> Listener:
    return Listener(session)


def start(qtbot: QtBot, supervisor: RunSupervisor, heard: Listener) -> str:
    supervisor.start(tiny_plan(), "Mine")
    assert supervisor.busy
    qtbot.waitUntil(lambda: heard.count(StepEvent) > 2, timeout=15_000)
    run_id = supervisor.live_run
    assert run_id is not None
    return run_id


def test_a_run_is_started_paused_resumed_and_stopped(
    qtbot: QtBot, session: Session, supervisor: RunSupervisor, heard: Listener
) -> None:
    run_id = start(qtbot, supervisor, heard)
    assert session.active_run == run_id == "r01"
    assert {run for run, _ in heard.events} == {"r01"}
    supervisor.pause()
    qtbot.waitUntil(lambda: supervisor.paused)
    supervisor.resume()
    qtbot.waitUntil(lambda: heard.states()[-1] == "running")
    qtbot.waitUntil(lambda: heard.count(HardwareEvent) >= 2, timeout=5000)
    with qtbot.waitSignal(session.models_changed):
        supervisor.stop()
        assert supervisor.stopping
    qtbot.waitUntil(lambda: supervisor.live_run is None)
    assert session.active_run is None
    assert not supervisor.busy
    assert heard.states() == ["preparing", "running", "paused", "running", "stopped"]
    record = runs.run(session.require_project(), "r01")
    assert (record.name, record.state) == ("Mine", "stopped")
    kept = [e for e in runs.read_events(record.path) if isinstance(e, HardwareEvent)]
    assert len(kept) == heard.count(HardwareEvent)


def test_a_killed_run_leaves_window_and_checkpoint(
    qtbot: QtBot, session: Session, supervisor: RunSupervisor, heard: Listener
) -> None:
    start(qtbot, supervisor, heard)
    supervisor.pause()
    qtbot.waitUntil(lambda: supervisor.paused)
    watch = supervisor._watch
    assert watch is not None
    psutil.Process(watch.worker.process.pid).kill()
    qtbot.waitUntil(lambda: supervisor.live_run is None)
    last = [e for _, e in heard.events if isinstance(e, StateEvent)][-1]
    assert last.state == "failed"
    assert "The last checkpoint, step " in last.sentence
    # And it goes on from there.
    supervisor.resume_run("r01")
    assert supervisor.live_run == "r01"
    before = len(heard.events)
    qtbot.waitUntil(lambda: len(heard.events) > before + 2, timeout=15_000)
    supervisor.shutdown()
    assert heard.states()[-1] == "stopped"


def test_only_one_run_at_a_time(
    qtbot: QtBot, supervisor: RunSupervisor, heard: Listener, session: Session
) -> None:
    start(qtbot, supervisor, heard)
    supervisor.start(tiny_plan())
    supervisor.resume_run("r01")
    assert len(heard.errors) == 2
    assert "Stop r01 first" in heard.errors[0]
    assert [r.id for r in runs.list_runs(session.require_project())] == ["r01"]


def test_a_run_of_another_program_is_left_alone(
    supervisor: RunSupervisor, heard: Listener, session: Session
) -> None:
    record = runs.create_run(session.require_project(), tiny_plan())
    (record.path / runs.EVENTS).write_text(
        '{"kind": "state", "time": 1, "state": "running"}\n', encoding="utf-8"
    )
    (record.path / runs.PROCESS).write_text(runs.process_stamp(), encoding="utf-8")
    supervisor.resume_run("r01")
    supervisor.resume_run("r09")
    assert supervisor.live_run is None
    assert "another program" in heard.errors[0]
    assert "r09" in heard.errors[1]


def test_closing_waits_for_the_checkpoint(
    qtbot: QtBot, session: Session, supervisor: RunSupervisor, heard: Listener
) -> None:
    start(qtbot, supervisor, heard)
    supervisor.shutdown()
    supervisor.shutdown()
    assert runs.run(session.require_project(), "r01").state == "stopped"
    assert runs.run(session.require_project(), "r01").checkpoint_step is not None


def test_closing_ends_a_run_that_does_not_answer(
    qtbot: QtBot, supervisor: RunSupervisor, heard: Listener, play, monkeypatch
) -> None:
    monkeypatch.setattr(supervisor_module, "_CHECKPOINT_S", 0.5)
    play["script"] = play["script"].replace('if order == "stop"', 'if order == "never"')
    start(qtbot, supervisor, heard)
    began = time.monotonic()
    supervisor.shutdown()
    assert 0.4 < time.monotonic() - began < 8
    assert runs.run(supervisor.session.require_project(), "r01").state == "failed"


def test_another_project_stops_the_run_of_the_one_before(
    qtbot: QtBot, session: Session, supervisor: RunSupervisor, heard: Listener, tmp_path: Path
) -> None:
    start(qtbot, supervisor, heard)
    folder = session.require_project().runs_dir / "r01"
    messages: list[str] = []
    session.message.connect(lambda words, _undo: messages.append(words))
    assert session.create_project(tmp_path / "second")
    assert session.active_run is None
    count = len(heard.events)
    qtbot.waitUntil(lambda: supervisor.live_run is None)
    # Its ids mean something else in the new project.
    assert len(heard.events) == count
    assert "r01" in messages[0]
    states = [e.state for e in runs.read_events(folder) if isinstance(e, StateEvent)]
    assert states[-1] == "stopped"


JOB = """
import sys, time
from core.events import *
def say(event): print(to_line(event), flush=True)
say(StageEvent(stage="evaluate", done=0, total=2))
line = sys.stdin.readline() if LISTEN else ""
if line.strip() == "stop":
    say(StateEvent(state="stopped"))
else:
    say(ResultEvent(name="evaluation", data={}))
    say(StateEvent(state="done"))
"""


def evaluate(session: Session) -> EvaluateJob:
    return EvaluateJob(project=session.require_project().path, run_id="r01")


def test_jobs_run_one_after_the_other(
    qtbot: QtBot, session: Session, supervisor: RunSupervisor, play
) -> None:
    play["script"] = JOB.replace("LISTEN", "False")
    told: list[str] = []
    for name in ("a", "b"):
        supervisor.submit(
            evaluate(session),
            lambda event, name=name: told.append(f"{name} {type(event).__name__}"),
            lambda state, name=name: told.append(f"{name} {state.state}"),
        )
    assert supervisor.jobs.waiting == 2
    qtbot.waitUntil(lambda: "b done" in told, timeout=20_000)
    assert told.index("a done") < told.index("b StageEvent")
    assert told.count("a done") == 1
    qtbot.waitUntil(lambda: not supervisor.jobs.busy)
    jobs = session.require_project().cache_dir / "jobs"
    assert list(jobs.iterdir()) == []


def test_jobs_can_be_cancelled_at_work_and_waiting(
    qtbot: QtBot, session: Session, supervisor: RunSupervisor, play
) -> None:
    play["script"] = JOB.replace("LISTEN", "True")
    told: list[str] = []
    first = supervisor.submit(
        evaluate(session),
        lambda event: told.append(type(event).__name__),
        lambda state: told.append(f"first {state.state}"),
    )
    second = supervisor.submit(
        evaluate(session), lambda _event: None, lambda state: told.append(f"second {state.state}")
    )
    qtbot.waitUntil(lambda: "StageEvent" in told, timeout=15_000)
    assert supervisor.jobs.words() == "Evaluating"
    second.cancel()
    assert told[-1] == "second stopped"
    first.cancel()
    qtbot.waitUntil(lambda: "first stopped" in told)


def test_a_job_that_does_not_hear_is_ended(
    qtbot: QtBot, session: Session, supervisor: RunSupervisor, play, monkeypatch
) -> None:
    monkeypatch.setattr(jobs_module, "_PATIENCE_MS", 300)
    play["script"] = JOB.replace("sys.stdin.readline() if LISTEN", "time.sleep(60) if True")
    told: list[StateEvent] = []
    seen: list[Event] = []
    handle = supervisor.submit(evaluate(session), seen.append, told.append)
    qtbot.waitUntil(lambda: bool(seen), timeout=15_000)
    handle.cancel()
    qtbot.waitUntil(lambda: bool(told))
    assert told[0].state == "failed"
    assert "was ended from here" in told[0].sentence


def test_proposals_need_a_model_and_announce_themselves(
    qtbot: QtBot, supervisor: RunSupervisor, heard: Listener, play, monkeypatch
) -> None:
    supervisor.propose(["1.2.3.0"])
    assert "Train a model first" in heard.errors[0]
    play["script"] = JOB.replace("LISTEN", "False")

    class Model:
        id = "r01"

    from core.models import store  # noqa: PLC0415

    monkeypatch.setattr(store, "proposal_model", lambda _project: Model())
    with qtbot.waitSignal(supervisor.session.proposal_changed, timeout=15_000) as told:
        supervisor.propose(["1.2.3.0"])
        assert isinstance(supervisor.jobs._waiting[0].job, PredictJob)
    assert told.args == ["1.2.3.0"]


def test_a_folder_that_cannot_be_written_is_a_sentence(
    qtbot: QtBot, session: Session, supervisor: RunSupervisor, heard: Listener, monkeypatch
) -> None:
    def refuse(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    from gui.run import worker  # noqa: PLC0415

    monkeypatch.setattr(worker, "start", refuse)
    supervisor.start(tiny_plan())
    qtbot.waitUntil(lambda: bool(heard.errors))
    assert "No space left on device" in heard.errors[0]
    assert not supervisor.busy
