"""What a run says and saves: log lines, step events, checkpoints on the disk."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from core.data.plan import Plan
from core.events import CheckpointEvent, Event, LogEvent, StepEvent
from core.training import checkpoint
from core.training.schedule import Schedule
from core.training.step import Reading

if TYPE_CHECKING:
    from core.training.stepping import Stepper


class Recorder:
    """Says what happens through ``emit`` and writes the checkpoints of ``run_dir``."""

    def __init__(self, run_dir: Path, plan: Plan, emit: Callable[[Event], None]) -> None:
        self.run_dir = run_dir
        self.emit = emit
        self._plan = plan
        self._saved = time.monotonic()

    def log(self, message: str, level: Literal["info", "warning", "error"] = "info") -> None:
        """A line for the log."""
        self.emit(LogEvent(level=level, message=message))

    def epoch(self, step: int) -> float:
        """Epochs done, with their fraction."""
        return step / self._plan.steps_per_epoch

    def step(self, step: int, schedule: Schedule, reading: Reading, stepper: Stepper) -> None:
        """A step event of what was just read back, and of the speed since the last one."""
        pace = stepper.meter.read(self._plan.batch)
        seconds = stepper.meter.step_seconds
        steps = schedule.planned_steps(step, seconds)
        self.emit(
            StepEvent(
                step=step,
                steps=steps,
                epoch=self.epoch(step),
                epochs=math.ceil(steps / self._plan.steps_per_epoch),
                loss=reading.loss,
                learning_rate=schedule.learning_rate(step) * stepper.recovery.factor,
                patches_per_second=pace.patches_per_second,
                data_wait=pace.data_wait,
                seconds_left=schedule.seconds_left(step, seconds),
                elapsed=schedule.elapsed,
                seconds=pace.seconds,
                read_back=pace.read_back,
                own_cpu=pace.own_cpu,
            )
        )

    @property
    def checkpoint_due(self) -> bool:
        """Whether the last checkpoint is older than the plan allows."""
        return time.monotonic() - self._saved >= self._plan.checkpoint_minutes * 60

    def checkpoint(self, step: int, state: dict[str, Any]) -> None:
        """Write the state to disk. A disk that refuses is reported, and tried again later."""
        # Counted from its begin: a kill during the next one costs no more than the plan says.
        self._saved = time.monotonic()
        try:
            path = checkpoint.save(self.run_dir, step, state)
        except OSError as error:
            message = f"The checkpoint could not be written ({error.strerror}); the run goes on."
            self.log(message, "error")
        else:
            self.emit(CheckpointEvent(step=step, epoch=self.epoch(step), path=path))
