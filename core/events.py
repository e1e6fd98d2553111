"""What a run says while it works: typed events, each one JSON line in ``events.jsonl``.

Frozen dataclasses, not Qt signals, so they cross processes, replay from disk and test without a
window. The file is the truth: opening an old run and watching a live one read the same lines.
Unknown kinds and fields are skipped on reading, so an older program can open a newer run.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal

RunState = Literal["queued", "preparing", "running", "paused", "stopped", "done", "failed"]

#: States after which a run's process has ended. ``stopped`` runs can be resumed.
ENDED: frozenset[str] = frozenset({"stopped", "done", "failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events. time: seconds since the epoch, by the writer's clock."""

    kind: ClassVar[str] = ""
    time: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateEvent(Event):
    """The run entered ``state``. sentence: why, for the user, where there is something to say."""

    kind: ClassVar[str] = "state"
    state: RunState
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEvent(Event):
    """Progress of a countable stage (preprocessing, prediction, export)."""

    kind: ClassVar[str] = "stage"
    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEvent(Event):
    """Averages since the last one; one read-back from the device.

    step, steps: done and planned optimiser steps. epoch, epochs: the same in epochs (fractional).
    loss: mean training loss. learning_rate: current. patches_per_second: mean.
    data_wait: share (0-1) of wall time in which the device had no batch. seconds_left: estimate.
    seconds: wall time the averages are over. read_back: share of it spent waiting for the loss.
    own_cpu: processor time of the training process as a share of its threads' wall time.
    """

    kind: ClassVar[str] = "step"
    step: int
    steps: int
    epoch: float
    epochs: int
    loss: float
    learning_rate: float
    patches_per_second: float
    data_wait: float
    seconds_left: float
    elapsed: float
    seconds: float = 0.0
    read_back: float = 0.0
    own_cpu: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One whole validation case. preview: PNG path relative to the run folder, or empty."""

    series_uid: str
    patient_id: str
    dice: float
    preview: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationEvent(Event):
    """A validation pass over whole cases. dice: mean tumour Dice; smoothed: moving average.

    seconds: wall time of the pass.
    """

    kind: ClassVar[str] = "validation"
    step: int
    epoch: float
    loss: float
    dice: float
    smoothed: float
    best: bool
    seconds: float = 0.0
    cases: tuple[CaseResult, ...] = ()

    def __post_init__(self) -> None:
        cases = tuple(CaseResult(**case) if isinstance(case, dict) else case for case in self.cases)
        object.__setattr__(self, "cases", cases)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointEvent(Event):
    """A checkpoint is safely on disk. path: relative to the run folder."""

    kind: ClassVar[str] = "checkpoint"
    step: int
    epoch: float
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent(Event):
    """A line for the log. level: info, warning or error."""

    kind: ClassVar[str] = "log"
    level: Literal["info", "warning", "error"]
    message: str


Hint = Literal["overfitting", "divergence", "label", "early stop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HintEvent(Event):
    """What the curves say, in plain words. series_uid: of the series to look at, or empty."""

    kind: ClassVar[str] = "hint"
    step: int
    hint: Hint
    sentence: str
    series_uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultEvent(Event):
    """The outcome of a job that yields files or figures (predict, evaluate, export).

    name: what it is. data: plain JSON, documented where the job is.
    """

    kind: ClassVar[str] = "result"
    name: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSample:
    """One device at one moment; None where the machine does not say.

    utilisation: percent, 0 to 100, NaN where unknown. Memory in bytes, power in watts,
    temperature in degrees Celsius. clock, clock_limit: of its processors, MHz. throttled: why the
    card has lowered its clock now: ``power``, ``heat``, ``other``, or empty.
    """

    name: str
    is_gpu: bool
    utilisation: float
    memory_used: int
    memory_total: int
    power: float | None = None
    power_limit: float | None = None
    temperature: float | None = None
    clock: float | None = None
    clock_limit: float | None = None
    throttled: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareEvent(Event):
    """All devices of the machine, sampled by the watcher at 1 Hz (not by the training child)."""

    kind: ClassVar[str] = "hardware"
    devices: tuple[DeviceSample, ...]

    def __post_init__(self) -> None:
        devices = tuple(DeviceSample(**d) if isinstance(d, dict) else d for d in self.devices)
        object.__setattr__(self, "devices", devices)


_KINDS: dict[str, type[Event]] = {
    event.kind: event
    for event in (
        StateEvent,
        StageEvent,
        StepEvent,
        ValidationEvent,
        CheckpointEvent,
        LogEvent,
        HintEvent,
        ResultEvent,
        HardwareEvent,
    )
}


def _finite(value: Any) -> Any:
    """JSON has no NaN: a figure that could not be computed travels as null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def to_line(event: Event) -> str:
    """One line of JSON without the line end. NaN and infinity become null."""
    return json.dumps({"kind": event.kind, **_finite(asdict(event))}, ensure_ascii=False)


def from_line(line: str) -> Event | None:
    """The event of a line; None for a torn line or a kind this version does not know."""
    try:
        data = json.loads(line)
        event_type = _KINDS[data.pop("kind")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # A kill can tear the last line; the stream goes on with the next one.
    known = {f.name: f for f in fields(event_type)}
    values: dict[str, Any] = {
        name: math.nan if value is None and known[name].type == "float" else value
        for name, value in data.items()
        if name in known
    }
    try:
        return event_type(**values)
    except (TypeError, ValueError):
        return None
