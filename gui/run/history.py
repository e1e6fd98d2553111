"""What a run has said so far, as the Train page shows it: the same for a live run and an old one.

No Qt here. Events are applied one by one; a run that was resumed from an older checkpoint takes
its lines up again from there.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.evaluation.bottleneck import Bottleneck
from core.events import (
    CaseResult,
    CheckpointEvent,
    DeviceSample,
    Event,
    HardwareEvent,
    HintEvent,
    LogEvent,
    ResultEvent,
    RunState,
    StageEvent,
    StateEvent,
    StepEvent,
    ValidationEvent,
)

#: Seconds of device use the gauges show.
WINDOW_S = 600.0
#: Points a loss line is averaged down to: more than pixels that could be told apart.
_POINTS = 300
#: Lines of the log that are kept.
_LOG_LINES = 2000


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log. level: info, warning or error."""

    time: float
    level: str
    words: str


@dataclass(slots=True)
class Trend:
    """Values over the last ten minutes as (time, value)."""

    points: deque[tuple[float, float]] = field(default_factory=deque)

    def add(self, moment: float, value: float) -> None:
        """Append, and forget what is too old."""
        self.points.append((moment, value))
        while self.points and self.points[0][0] < moment - WINDOW_S:
            self.points.popleft()


class RunHistory:
    """Apply events with :meth:`apply`; everything else is reading."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.state: StateEvent | None = None
        self.started: float | None = None
        self.stage: StageEvent | None = None
        self.step: StepEvent | None = None
        self.steps: list[StepEvent] = []
        self.validations: list[ValidationEvent] = []
        self.checkpoints: list[CheckpointEvent] = []
        self.hints: list[HintEvent] = []
        self.model: ResultEvent | None = None
        self.device: DeviceSample | None = None
        self.devices: int = 0
        self.trends: dict[str, Trend] = {}
        self.bottleneck = Bottleneck()
        self.log: deque[LogLine] = deque(maxlen=_LOG_LINES)
        self.errors = 0
        self.warnings = 0
        self.last_time = 0.0
        for event in events:
            self.apply(event)

    # ---- taking in ---------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Take one more event in."""
        self.last_time = max(self.last_time, event.time)
        self.bottleneck.add(event)
        match event:
            case StateEvent():
                self._on_state(event)
            case StageEvent():
                self.stage = event
            case StepEvent():
                self._on_step(event)
            case ValidationEvent():
                self._on_validation(event)
            case CheckpointEvent():
                self._rewind(event.epoch)
                self.checkpoints.append(event)
            case LogEvent():
                self.errors += event.level == "error"
                self.warnings += event.level == "warning"
                self.log.append(LogLine(event.time, event.level, event.message))
            case HintEvent():
                self._on_hint(event)
            case ResultEvent() if event.name == "model":
                self.model = event
            case HardwareEvent():
                self._on_hardware(event)
            case _:
                pass

    def _on_state(self, event: StateEvent) -> None:
        if self.started is None:
            self.started = event.time
        if event.state == "preparing":
            self.stage = None
        self.state = event
        level = "error" if event.state == "failed" else "info"
        self.errors += level == "error"
        self.log.append(LogLine(event.time, level, event.sentence or event.state.capitalize()))

    def _on_step(self, event: StepEvent) -> None:
        if self.step is not None and event.step <= self.step.step:
            self._rewind(event.epoch)
        self.step = event
        self.steps.append(event)
        self._trend("data_wait", event.time, event.data_wait * 100)
        self._trend("patches", event.time, event.patches_per_second)

    def _rewind(self, epoch: float) -> None:
        """Drop what lies at or after ``epoch``: the run took up an older checkpoint."""
        for events in (self.steps, self.validations, self.checkpoints):
            while events and events[-1].epoch > epoch:
                events.pop()
        if self.steps:
            self.step = self.steps[-1]

    def _on_validation(self, event: ValidationEvent) -> None:
        self._rewind(event.epoch)
        self.validations.append(event)
        words = f"epoch {event.epoch:.0f}  dice {event.dice:.3f}  val {event.loss:.3f}"
        if self.step is not None:
            words += f"  train {self.step.loss:.3f}"
        self.log.append(LogLine(event.time, "info", words + ("  best" if event.best else "")))

    def _on_hint(self, event: HintEvent) -> None:
        # One that a resumed run comes to again takes the place of the first.
        same = (event.hint, event.series_uid)
        self.hints = [h for h in self.hints if (h.hint, h.series_uid) != same]
        self.hints.append(event)
        level = "info" if event.hint == "early stop" else "warning"
        self.warnings += level == "warning"
        self.log.append(LogLine(event.time, level, event.sentence))

    def _on_hardware(self, event: HardwareEvent) -> None:
        if not event.devices:
            return
        # The busiest is the one that trains; the others are counted.
        known = [d for d in event.devices if math.isfinite(d.utilisation)] or list(event.devices)
        device = max(known, key=lambda d: d.utilisation)
        self.device, self.devices = device, len(event.devices)
        self._trend("utilisation", event.time, device.utilisation)
        self._trend("memory", event.time, float(device.memory_used))
        if device.power is not None:
            self._trend("power", event.time, device.power)
        if device.temperature is not None:
            self._trend("temperature", event.time, device.temperature)

    def _trend(self, name: str, moment: float, value: float) -> None:
        self.trends.setdefault(name, Trend()).add(moment, value)

    # ---- reading -----------------------------------------------------------------------------

    @property
    def run_state(self) -> RunState:
        """The state last said; queued before the first."""
        return "queued" if self.state is None else self.state.state

    @property
    def epochs(self) -> float:
        """Planned epochs; 0 while unknown."""
        return float(self.step.epochs) if self.step is not None else 0.0

    @property
    def epoch(self) -> float:
        """Epochs done."""
        said = (self.steps, self.validations, self.checkpoints)
        points = [events[-1].epoch for events in said if events]
        return max(points, default=0.0)

    @property
    def fraction(self) -> float:
        """Done share (0-1) of the stage that is on: preparing, else training. NaN if unknown."""
        if self.run_state == "preparing" and self.stage is not None and self.stage.total > 0:
            return self.stage.done / self.stage.total
        if self.run_state == "done" and not any(h.hint == "early stop" for h in self.hints):
            return 1.0
        if self.step is None or self.step.steps <= 0:
            return math.nan
        # A validation or checkpoint can be newer than the last report of steps.
        marks = [e[-1].step for e in (self.validations, self.checkpoints) if e]
        return min(1.0, max(self.step.step, *marks, 0) / self.step.steps)

    @property
    def best(self) -> ValidationEvent | None:
        """The validation whose weights were kept."""
        return next((v for v in reversed(self.validations) if v.best), None)

    @property
    def cases(self) -> tuple[CaseResult, ...]:
        """Cases of the newest validation, worst Dice first; those without a figure come last."""
        newest = self.validations[-1].cases if self.validations else ()
        return tuple(sorted(newest, key=lambda c: math.inf if math.isnan(c.dice) else c.dice))

    def loss_line(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Epochs and training losses, averaged down to a few hundred points."""
        return self._line([(e.epoch, e.loss) for e in self.steps if math.isfinite(e.loss)])

    def rate_line(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Epochs and learning rates, as :meth:`loss_line`."""
        return self._line([(e.epoch, e.learning_rate) for e in self.steps])

    def _line(
        self, known: list[tuple[float, float]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if not known:
            return np.empty(0), np.empty(0)
        epoch, value = (np.asarray(column) for column in zip(*known, strict=True))
        span = max(self.epochs, float(epoch[-1]), 1e-6)
        cells = np.minimum((epoch / span * _POINTS).astype(np.int64), _POINTS)
        _, cell, counts = np.unique(cells, return_inverse=True, return_counts=True)
        return np.bincount(cell, epoch) / counts, np.bincount(cell, value) / counts
