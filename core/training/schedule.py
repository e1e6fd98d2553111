"""How far a run is and what follows from it: learning rate, validations, the end.

A run with a time budget follows the clock, one with epochs counts steps; so a run of epochs does
not depend on how fast the machine is, and is repeatable to the bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from core.data.plan import Plan

#: Exponent of the polynomial decay; nnU-Net's value.
POWER = 0.9


class Schedule:
    """Progress of one run, pauses left out. ``start`` before the first question.

    now: a clock in seconds, for tests.
    """

    def __init__(
        self, plan: Plan, elapsed: float = 0.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._plan = plan
        self._now = now
        self._begin = now() - elapsed
        self._paused_at: float | None = None
        #: Seconds kept free at the end of the budget for the last validation and saving.
        self.reserve = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds of the run so far, over all its sessions, without pauses."""
        return (self._paused_at if self._paused_at is not None else self._now()) - self._begin

    def pause(self) -> None:
        """Stop the clock."""
        self._paused_at = self._now()

    def resume(self) -> None:
        """Let the clock go on where it was stopped."""
        if self._paused_at is not None:
            self._begin += self._now() - self._paused_at
            self._paused_at = None

    def progress(self, step: int) -> float:
        """Share (0-1) of the training that is done after ``step`` steps; 1 means: stop training."""
        plan = self._plan
        if plan.budget_minutes is None:
            return min(1.0, step / ((plan.epochs or 1) * plan.steps_per_epoch))
        # However long the validation takes, half of a budget is for training.
        budget = plan.budget_minutes * 60
        return min(1.0, self.elapsed / max(budget - self.reserve, budget / 2))

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then the plan's rate falling to zero as (1 - progress) ** 0.9."""
        done = self.progress(step)
        rise = min(1.0, (done + 1e-3) / self._plan.warmup) if self._plan.warmup > 0 else 1.0
        return self._plan.learning_rate * rise * (1 - done) ** POWER

    def passes(self, step: int) -> int:
        """Validations that should have been done by now; the last one falls on the end."""
        return int(self.progress(step) * self._plan.validations + 1e-9)

    def planned_steps(self, step: int, step_seconds: float) -> int:
        """Steps of the whole run: as planned, or what the time left allows at this speed."""
        plan = self._plan
        if plan.budget_minutes is None:
            return (plan.epochs or 1) * plan.steps_per_epoch
        left = self.seconds_left(step, step_seconds) - self.reserve
        return step + max(0, round(left / max(step_seconds, 1e-6)))

    def seconds_left(self, step: int, step_seconds: float) -> float:
        """Wall clock to the end of the run."""
        if self._plan.budget_minutes is not None:
            return max(0.0, self._plan.budget_minutes * 60 - self.elapsed)
        total = (self._plan.epochs or 1) * self._plan.steps_per_epoch
        return (total - step) * step_seconds + self.reserve
