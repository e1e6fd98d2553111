"""Training runs as folders of a project: made, listed, and read back without their process.

runs/r01/run.json        id, name, when it was made
         plan.json       what was asked for
         manifest.json   the series, with label hashes
         events.jsonl    everything it said, the truth about it
         hardware.jsonl  device use, one line a second while it was watched
         process.json    which process works on it now
         environment.jsonl  what each start of it was made with
         notes.txt       what the user wrote about it
         checkpoint/, previews/, log.txt
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import psutil

from core.errors import FileRefusedError, UserError
from core.events import (
    ENDED,
    CheckpointEvent,
    Event,
    ResultEvent,
    RunState,
    StateEvent,
    StepEvent,
    ValidationEvent,
    from_line,
)
from core.labels.durable import write_bytes
from core.project import manifest
from core.project.project import Project

EVENTS, HARDWARE, PROCESS = "events.jsonl", "hardware.jsonl", "process.json"
LOG, PLAN, NOTES = "log.txt", "plan.json", "notes.txt"
FORMAT = 1

#: What is shown of a run whose process is gone without having said why.
VANISHED = "Its process ended without a word: the machine or the program was shut down."


class PlanLike(Protocol):
    """What is needed of ``core.data.plan.Plan``, which lives a floor above."""

    @property
    def name(self) -> str: ...  # noqa: D102

    def save(self, path: Path) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run as its folder tells it. created: ISO time. plan: the JSON of its plan.

    automatic: whether the plan is as the planner made it.

    state, sentence: the last state it said, or ``failed`` where its process vanished.
    step, steps, epoch, epochs, elapsed (seconds): from its last step event. best_dice: highest
    whole-case validation Dice that counted as best. checkpoint_step, checkpoint_time: of the last
    checkpoint, None without one. model_id: of the model it left, or empty. notes: the user's own.
    """

    id: str
    name: str
    path: Path
    created: str
    plan: dict[str, Any] = field(repr=False)
    automatic: bool = True
    state: RunState = "queued"
    sentence: str = ""
    step: int = 0
    steps: int = 0
    epoch: float = 0.0
    epochs: int = 0
    elapsed: float = 0.0
    best_dice: float | None = None
    checkpoint_step: int | None = None
    checkpoint_time: float | None = None
    model_id: str = ""
    notes: str = ""

    @property
    def ended(self) -> bool:
        """Whether no process works on it (any more)."""
        return self.state in ENDED

    def as_json(self) -> dict[str, Any]:
        """The run as ``lesionforge-cli list`` prints it."""
        keys = ("id", "name", "created", "state", "sentence", "step", "steps", "epoch", "epochs")
        more = ("elapsed", "best_dice", "model_id", "notes")
        return {key: getattr(self, key) for key in (*keys, *more)}


def create_run(
    project: Project, plan: PlanLike, name: str | None = None, automatic: bool = True
) -> RunRecord:
    """A new run folder with plan and manifest, ready to be started. Ids are r01, r02 …

    automatic: whether the plan is as the planner made it, for whoever looks at the run later.
    """
    project.runs_dir.mkdir(parents=True, exist_ok=True)
    number = 1 + max((_number(path) for path in project.runs_dir.iterdir()), default=0)
    while True:
        path = project.runs_dir / f"r{number:02d}"
        try:
            path.mkdir()
            break
        except FileExistsError:
            number += 1  # Another window of the same project was faster.
    manifest.build(project).save(path / "manifest.json")
    created = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    about = {"name": name or plan.name, "created": created, "automatic": automatic}
    text = json.dumps({"format": FORMAT, **about})
    write_bytes(path / "run.json", text.encode())
    plan.save(path / "plan.json")
    return _record(path)


def list_runs(project: Project) -> list[RunRecord]:
    """All runs of a project, oldest first. Folders that are no run are passed over."""
    if not project.runs_dir.is_dir():
        return []
    paths = [p for p in project.runs_dir.iterdir() if (p / "run.json").is_file() and _number(p)]
    return [_record(path) for path in sorted(paths, key=_number)]


def run(project: Project, run_id: str) -> RunRecord:
    """One run. Raises UserError when the project has none of that id."""
    known = {path.name: path for path in project.runs_dir.glob("r*") if _number(path)}
    if run_id not in known or not (known[run_id] / "run.json").is_file():
        names = ", ".join(sorted(known)) or "none yet"
        raise UserError(f"There is no run {run_id} in this project. Its runs are: {names}.")
    return _record(known[run_id])


def write_notes(folder: Path, notes: str) -> str:
    """Keep the user's notes on a run in its folder; returns the notes they replace, for an undo.

    Raises FileRefusedError when they cannot be written; the earlier ones are untouched then.
    """
    earlier = _read_notes(folder)
    try:
        write_bytes(folder / NOTES, notes.encode())
    except OSError as error:
        raise FileRefusedError(
            folder / NOTES, "it cannot be written", error.strerror or str(error)
        ) from error
    return earlier


def _read_notes(folder: Path) -> str:
    path = folder / NOTES
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def new_job_folder(project: Project) -> Path:
    """An empty folder for a job that is no training run; under the cache, so it may be deleted."""
    base = project.cache_dir / "jobs"
    base.mkdir(parents=True, exist_ok=True)
    stamp = time.time_ns()
    while True:
        path = base / f"{stamp:020d}"
        try:
            path.mkdir()
            return path
        except FileExistsError:
            stamp += 1


def read_events(folder: Path) -> Iterator[Event]:
    """Everything a run said and the device use beside it, in order of time.

    A folder without events gives nothing; torn lines are passed over.
    """
    streams = [_lines(folder / EVENTS), _lines(folder / HARDWARE)]
    events = [event for stream in streams for event in stream]
    # Sorting is stable, so events of one moment keep the order they were said in.
    yield from sorted(events, key=lambda event: event.time)


def process_stamp(pid: int | None = None) -> str:
    """JSON that names a process, this one without ``pid``, beyond the reuse of its number."""
    me = psutil.Process(pid)
    return json.dumps({"pid": me.pid, "started": me.create_time()})


def alive(folder: Path) -> bool:
    """Whether the process that works on a run's folder still exists."""
    return stamped_alive(folder / PROCESS)


def stamped_alive(stamp_file: Path) -> bool:
    """Whether the process whose :func:`process_stamp` lies in a file still exists."""
    try:
        stamp = json.loads(stamp_file.read_bytes())
        process = psutil.Process(int(stamp["pid"]))
        # Start times are floats of a hundredth of a second on some systems.
        return process.is_running() and abs(process.create_time() - stamp["started"]) < 1.0
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return False


def summarise(record: RunRecord, events: Iterator[Event]) -> RunRecord:
    """``record`` brought up to date by ``events``; the same for a live run and an old one."""
    for event in events:
        record = advance(record, event)
    return record


def advance(record: RunRecord, event: Event) -> RunRecord:
    """``record`` after one more event."""
    handler = _ADVANCE.get(type(event))
    return record if handler is None else replace(record, **handler(record, event))


def _on_state(_: RunRecord, event: StateEvent) -> dict[str, Any]:
    return {"state": event.state, "sentence": event.sentence}


def _on_step(_: RunRecord, event: StepEvent) -> dict[str, Any]:
    keys = ("step", "steps", "epoch", "epochs", "elapsed")
    return {key: getattr(event, key) for key in keys}


def _on_validation(_: RunRecord, event: ValidationEvent) -> dict[str, Any]:
    return {"best_dice": event.dice} if event.best else {}


def _on_checkpoint(_: RunRecord, event: CheckpointEvent) -> dict[str, Any]:
    return {"checkpoint_step": event.step, "checkpoint_time": event.time}


def _on_result(_: RunRecord, event: ResultEvent) -> dict[str, Any]:
    return {"model_id": str(event.data["model_id"])} if event.name == "model" else {}


_ADVANCE: dict[type[Event], Callable[[RunRecord, Any], dict[str, Any]]] = {
    StateEvent: _on_state,
    StepEvent: _on_step,
    ValidationEvent: _on_validation,
    CheckpointEvent: _on_checkpoint,
    ResultEvent: _on_result,
}


def _record(path: Path) -> RunRecord:
    try:
        made = json.loads((path / "run.json").read_bytes())
        plan = json.loads((path / "plan.json").read_bytes())
        record = RunRecord(
            id=path.name,
            name=str(made["name"]),
            path=path,
            created=str(made["created"]),
            plan=plan,
            automatic=bool(made.get("automatic", True)),
            notes=_read_notes(path),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileRefusedError(
            path, "its run.json or plan.json cannot be read", "Move the folder away."
        ) from error
    record = summarise(record, _lines(path / EVENTS))
    if record.state not in ENDED and record.state != "queued" and not alive(path):
        return replace(record, state="failed", sentence=VANISHED)
    return record


def _lines(path: Path) -> Iterator[Event]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as handle:
        for line in handle:
            if (event := from_line(line)) is not None:
                yield event


def _number(path: Path) -> int:
    """The number in a run's folder name; 0 for anything else."""
    digits = path.name[1:]
    return int(digits) if path.name[:1] == "r" and digits.isdecimal() and len(digits) < 7 else 0
