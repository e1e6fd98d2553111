"""How far a run is and what follows from it: the learning rate and the end.

A run with a time budget follows the clock, one with epochs counts steps; so a run of epochs does
not depend on how fast the machine is, and is repeatable to the bit. The clock is read in one place
only (:meth:`Schedule.tick`, once a step) and its reading goes into the checkpoint: given the same
readings a resumed run of a budget, too, equals one that was never stopped.

A run consists of legs. The first reaches to the planned end; an order (longer, shorter) begins
another one from where the run stands.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any

from core.data.plan import Plan
from core.project.orders import Order

#: Exponent of the polynomial decay; nnU-Net's value.
POWER = 0.9
#: Share of the peak at which a warm-up begins: a first step at zero would be a step lost.
START = 0.03
#: A run that is made longer warms up again to this share of the plan's learning rate, where it
#: stands below it, over this share of what is then left.
AGAIN, AGAIN_RISE = 1 / 3, 0.05


@dataclass(frozen=True, slots=True)
class Leg:
    """A stretch from ``begin`` to ``end``, in seconds of the run's clock or in steps.

    The learning rate rises from ``start`` to ``peak`` (shares of the plan's) over ``rise``, and
    falls to zero at the end.
    """

    begin: float
    end: float
    start: float
    peak: float
    rise: float

    def share(self, position: float, stop: float) -> float:
        """The learning rate as a share of the plan's. stop: where training really ends."""
        ramp = min(1.0, (position - self.begin) / self.rise) if self.rise > 0 else 1.0
        return (self.start + (self.peak - self.start) * ramp) * self.fall(position, stop)

    def fall(self, position: float, stop: float) -> float:
        """The part of it that falls from 1 to 0 along the leg."""
        done = min(1.0, max(0.0, (position - self.begin) / max(stop - self.begin, 1e-9)))
        return (1 - done) ** POWER


class Schedule:
    """Progress of one run, pauses left out.

    elapsed: seconds of earlier sessions. now: a clock in seconds, for tests.
    """

    def __init__(
        self, plan: Plan, elapsed: float = 0.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._plan = plan
        self._now = now
        self._begin = now() - elapsed
        self._paused_at: float | None = None
        self.by_time = plan.budget_minutes is not None
        if plan.budget_minutes is not None:
            length = plan.budget_minutes * 60
        else:
            length = float((plan.epochs or 1) * plan.steps_per_epoch)
        #: The stretch the run is on.
        self.leg = Leg(0.0, length, START, 1.0, plan.warmup * length)
        #: Seconds of the run, over all its sessions, without pauses; as of the last tick.
        self.elapsed = elapsed
        #: Seconds kept free at the end of a budget for the last validation and saving. Until a
        #: pass was measured: a fiftieth of the budget.
        self.reserve = length / 50 if self.by_time else 0.0
        #: Whether the run ended, by its plan or before: only an order takes it up again.
        self.ended = False

    # The clock

    def tick(self) -> None:
        """Read the clock. All that is asked until the next tick follows from this reading."""
        now = self._now() if self._paused_at is None else self._paused_at
        self.elapsed = now - self._begin

    def pause(self) -> None:
        """Stop the clock."""
        self._paused_at = self._now()

    def resume(self) -> None:
        """Let the clock go on where it was stopped."""
        if self._paused_at is not None:
            self._begin += self._now() - self._paused_at
            self._paused_at = None

    # Where the run stands

    def position(self, step: int) -> float:
        """Seconds or steps since the beginning."""
        return self.elapsed if self.by_time else float(step)

    @property
    def stop(self) -> float:
        """The position at which training ends, so that what follows is in time, too."""
        # However long the validation takes, half of a budget is for training.
        middle = (self.leg.begin + self.leg.end) / 2
        return max(self.leg.end - self.reserve, middle) if self.by_time else self.leg.end

    def progress(self, step: int) -> float:
        """Share (0-1) of the training that is done after ``step`` steps; 1 means: stop training."""
        if self.ended or self.position(step) >= self.stop:
            return 1.0
        return self.position(step) / self.stop

    def learning_rate(self, step: int) -> float:
        """The learning rate of the step after ``step`` steps."""
        return self._plan.learning_rate * self.leg.share(self.position(step), self.stop)

    def amount(self, minutes: float, step_seconds: float) -> float:
        """Minutes in the run's own measure: seconds, or whole steps of so many seconds."""
        seconds = minutes * 60
        return seconds if self.by_time else math.ceil(seconds / max(step_seconds, 1e-6))

    def planned_steps(self, step: int, step_seconds: float) -> int:
        """Steps of the whole run: as planned, or what the time left allows at this speed."""
        if not self.by_time:
            return int(self.leg.end)
        return step + max(0, round((self.stop - self.elapsed) / max(step_seconds, 1e-6)))

    def seconds_left(self, step: int, step_seconds: float) -> float:
        """Wall clock to the end of the run."""
        if self.by_time:
            return max(0.0, self.leg.end - self.elapsed)
        return max(0.0, self.leg.end - step) * step_seconds + self.reserve

    # Another length

    def obey(self, order: Order, step: int, step_seconds: float) -> str:
        """Begin another leg as ``order`` says; what became of the learning rate, for the log."""
        here, old = self.position(step), self.leg
        end = self._end(order, step, step_seconds)
        stop = self.stop
        share = 0.0 if self.ended else old.share(here, stop)
        longer = self.ended or end > old.end
        self.ended = False
        left = max(0.0, end - here)
        if longer and share < AGAIN and here >= old.begin + old.rise:
            self.leg = Leg(here, end, share, AGAIN, AGAIN_RISE * left)
            rises = self._words(AGAIN_RISE * left)
            rate = f"rises again to {AGAIN * 100:.0f} % of its peak over {rises}, then falls"
        else:
            # A power of what is left, times another one, is the power of both: ordered the same
            # end again the learning rate stays as it was.
            rise = max(0.0, old.begin + old.rise - here)
            peak = old.peak * old.fall(here, stop) if rise > 0 else share
            self.leg = Leg(here, end, share, peak, rise)
            rate = "goes on from where it is and falls"
        return (
            f"The run now ends after {self._words(end)} instead of {self._words(old.end)}. Its "
            f"learning rate {rate} to zero by then."
        )

    def _end(self, order: Order, step: int, step_seconds: float) -> float:
        here = self.position(step)
        if order.word == "extend":
            # What has ended, perhaps before its time, goes on from there.
            return (here if self.ended else self.leg.end) + self.amount(order.amount, step_seconds)
        if order.word == "epochs":
            steps = order.amount * self._plan.steps_per_epoch
            return self.elapsed + (steps - step) * step_seconds if self.by_time else steps
        if self.by_time:
            return order.amount * 60
        return here + self.amount(max(0.0, order.amount - self.elapsed / 60), step_seconds)

    def _words(self, amount: float) -> str:
        return f"{amount / 60:.3g} minutes" if self.by_time else f"{amount:.0f} steps"

    # Files

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs of this object."""
        return {
            "elapsed": self.elapsed,
            "reserve": self.reserve,
            "leg": list(astuple(self.leg)),
            "ended": self.ended,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state`, but for ``elapsed``, which :meth:`__init__` takes."""
        self.reserve = float(state["reserve"])
        self.leg = Leg(*(float(value) for value in state["leg"]))
        self.ended = bool(state["ended"])
