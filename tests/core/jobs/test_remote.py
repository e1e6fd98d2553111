"""A real, tiny run on "another machine": this one, behind a real sshd on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.data.plan import PlanClass
from core.events import (
    CheckpointEvent,
    Event,
    HardwareEvent,
    LogEvent,
    ResultEvent,
    StateEvent,
    StepEvent,
    ValidationEvent,
)
from core.jobs import runner
from core.jobs.machines import Machine
from core.jobs.remote_run import Remote, train_on
from core.jobs.runner import RunProcess
from core.models.saved import load_model
from core.models.store import find_model
from core.project.project import Project
from core.project.runs import RunRecord, create_run, read_events, run
from core.training import checkpoint
from tests.core.data.plans import tiny_plan
from tests.core.jobs.sshd import Server, end_keepers, sshd
from tests.core.training.conftest import one_thread, project

__all__ = ["one_thread", "project", "sshd"]  # fixtures

Start = Callable[..., tuple[RunRecord, RunProcess]]


@pytest.fixture
def machine(sshd: Server, tmp_path: Path) -> Iterator[Machine]:
    there = tmp_path / "there"
    yield sshd.machine(folder=str(there))
    end_keepers(there)


@pytest.fixture
def start(project: Project, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a run on the machine, or takes one up again."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for number, uid in enumerate(r.series_uid for r in project.series()):
        project.update(uid, patient_id=f"MUELLER^ANNA {number}")
    started: list[RunProcess] = []

    def begin(**changes: object) -> tuple[RunRecord, RunProcess]:
        if "record" in changes:
            record = changes["record"]
            assert isinstance(record, RunRecord)
        else:
            record = create_run(
                project,
                tiny_plan(
                    name="Frau Mueller", classes=(PlanClass(1, "Knoten"),), threads=1, **changes
                ),
            )
            train_on(machine, record.path)
        process = runner.start(record.path)
        started.append(process)
        return record, process

    yield begin
    for process in started:
        process.kill()
        process.wait()


def there(folder: Path) -> Path:
    """The run's folder on the machine."""
    remote = Remote.load(folder)
    return Path(remote.machine.folder) / "projects" / remote.run / "runs" / "r01"


def keys(folder: Path, *kinds: type) -> list[tuple[str, float]]:
    return [(e.kind, e.time) for e in read_events(folder) if isinstance(e, kinds)]


def test_a_run_survives_two_cuts_and_all_of_it_comes_home(
    sshd: Server, project: Project, start: Start
) -> None:
    record, process = start(epochs=40, steps_per_epoch=5)
    cuts = 0
    events: list[Event] = []
    for event in process.events(timeout=0.2):
        if event is None:
            continue
        events.append(event)
        back = isinstance(event, LogEvent) and event.message == "Connected to gpu-box again."
        if (cuts == 0 and isinstance(event, StepEvent)) or (cuts == 1 and back):
            assert sshd.cut() > 0
            cuts += 1
    assert cuts == 2
    assert [e.state for e in events if isinstance(e, StateEvent)][-1] == "done"
    lost = [e for e in events if isinstance(e, LogEvent) and "tried again" in e.message]
    assert len(lost) == 2
    # Everything it said there was said here, once and in order.
    kinds = (StepEvent, ValidationEvent, CheckpointEvent, ResultEvent, HardwareEvent)
    assert keys(record.path, *kinds) == keys(there(record.path), *kinds)
    steps = [e.step for e in events if isinstance(e, StepEvent)]
    assert steps == sorted(set(steps))
    # The names are the real ones again, and the pictures are here.
    (*_, last) = [e for e in events if isinstance(e, ValidationEvent)]
    assert {c.series_uid for c in last.cases} == {"1.2.3.3", "1.2.3.4"}
    assert {c.patient_id for c in last.cases} == {"MUELLER^ANNA 3", "MUELLER^ANNA 4"}
    assert all((record.path / c.preview).read_bytes()[1:4] == b"PNG" for c in last.cases)
    # The model and the checkpoint, too.
    found = run(project, record.id)
    assert (found.state, found.model_id) == ("done", record.id)
    model = find_model(project, record.id)
    assert model is not None
    assert (model.card.name, model.card.classes) == ("Frau Mueller", ("Knoten",))
    assert model.card.cases_train == 3 and model.previews
    assert load_model(model.folder).plan.name == "Frau Mueller"
    state = checkpoint.load(record.path)
    assert state is not None and state["step"] == 200
    said_nothing_of_the_patient(there(record.path).parents[3])


def said_nothing_of_the_patient(folder: Path) -> None:
    """No name, identifier, date or DICOM of ours lies in any file there."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        data = path.read_bytes()
        for word in (b"MUELLER", b"Mueller", b"1.2.3.", b"Knoten", b"DICM", b"scan0"):
            assert word not in data, (path, word)
        assert path.stat().st_mode & 0o077 == 0


def test_orders_reach_the_run_and_it_goes_on_when_nobody_listens(
    project: Project, start: Start
) -> None:
    record, process = start(epochs=4000, steps_per_epoch=5)
    for event in process.events(timeout=0.2):
        if isinstance(event, StepEvent):
            process.pause()
        if isinstance(event, StateEvent) and event.state == "paused":
            process.leave()
    left = run(project, record.id)
    assert left.state == "stopped" and "goes on on gpu-box" in left.sentence
    assert Remote.load(record.path).begun
    record, process = start(record=record)
    for event in process.events(timeout=0.2):
        if isinstance(event, StepEvent):
            process.stop()
    found = run(project, record.id)
    assert found.state == "stopped" and "It can be resumed from there" in found.sentence
    assert found.checkpoint_step is not None and found.model_id == record.id
    assert keys(record.path, StepEvent) == keys(there(record.path), StepEvent)
    states = [e.state for e in read_events(record.path) if isinstance(e, StateEvent)]
    assert states[-4:] == ["paused", "stopped", "running", "stopped"]
    assert not Remote.load(record.path).begun
