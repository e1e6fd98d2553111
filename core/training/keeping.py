"""Validation passes and what they keep: when one is due, the best weights, the model at the end."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from core.data.plan import Plan
from core.data.predictions import VALIDATION_SHARE
from core.events import ValidationEvent
from core.training import checkpoint
from core.training.recording import Recorder
from core.training.schedule import Schedule
from core.training.step import Learner
from core.training.validation import Result, Validator

#: Weight of the newest pass in the moving average of the Dice.
NEW = 0.4
#: Seconds kept free at the end for checkpoint and model, for a slow disk, too.
SAVING_SECONDS = 3.0


class Keeper:
    """Runs validation passes of one run and keeps its best weights.

    Within a time budget passes come by the clock. Those of a run of epochs fall on planned steps,
    the same however fast it is and however often it is resumed, so that the best is, too.
    """

    def __init__(
        self, plan: Plan, validator: Validator, schedule: Schedule, recorder: Recorder
    ) -> None:
        self.validator = validator
        self._plan = plan
        self._schedule = schedule
        self._recorder = recorder
        #: Smoothed Dice, Dice, step and clock (seconds) of the best pass.
        self.best: dict[str, float] = {}
        self.smoothed = math.nan
        self._step = -1  # of the last pass, as is the position below
        self._position = 0.0
        self._seconds, self._spent = 0.0, 0.0  # of the last pass, and of all

    def due(self, step: int) -> bool:
        """Whether a pass is due. The one at the end is not: the end brings its own."""
        schedule = self._schedule
        here, interval = schedule.position(step), self._interval()
        if here - self._position < interval or schedule.stop - here < interval / 2:
            return False
        allowed = VALIDATION_SHARE * schedule.elapsed
        return not schedule.by_time or self._spent + self._seconds <= allowed

    def _interval(self) -> float:
        plan = self._plan
        if self._schedule.by_time:
            return plan.validation_minutes * 60
        return max(1.0, (plan.epochs or 1) * plan.steps_per_epoch // plan.validations)

    def done_at(self, step: int) -> bool:
        """Whether the weights after ``step`` steps were measured."""
        return self._step == step

    def validate(self, learner: Learner, step: int, cancelled: Callable[[], bool]) -> Result:
        """One pass; keeps the weights when the smoothed Dice rose.

        Raises Cancelled when ``cancelled`` says so; it is then left off without a trace.
        """
        result = self.validator.run(learner.predictor, step, cancelled=cancelled)
        self._schedule.tick()
        self._step, self._position = step, self._schedule.position(step)
        self._seconds = result.seconds
        self._spent += result.seconds
        self._schedule.reserve = self._end_seconds(result)
        old, new = self.smoothed, result.dice
        self.smoothed = new if math.isnan(old) else (1 - NEW) * old + NEW * new
        best = not self.best or not self.smoothed < self.best["smoothed"]
        if best:
            best = self._keep_best(learner, step, new)
        self._recorder.emit(
            ValidationEvent(
                step=step,
                epoch=self._recorder.epoch(step),
                loss=result.loss,
                dice=new,
                smoothed=self.smoothed,
                best=best,
                seconds=result.seconds,
                cases=result.cases,
            )
        )
        return result

    def _end_seconds(self, result: Result) -> float:
        """What the end takes: one pass more, one with all metrics and mirrors, and saving."""
        mirrors = 8 if self._plan.mirror_inference else 1
        network = result.network_seconds
        return result.seconds + 2 * (result.seconds - network) + mirrors * network + SAVING_SECONDS

    def _keep_best(self, learner: Learner, step: int, dice: float) -> bool:
        """Write the averaged weights; whether the disk took them."""
        state = {"step": step, "net": learner.average.state_dict()}
        try:
            checkpoint.save_best(self._recorder.run_dir, state)
        except OSError as error:
            message = f"The best weights could not be written ({error.strerror})."
            self._recorder.log(message, "error")
            return False
        self.best = {
            "smoothed": self.smoothed,
            "dice": dice,
            "step": float(step),
            "elapsed": self._schedule.elapsed,
        }
        return True

    def measure_best(self, learner: Learner, step: int, mirror: bool) -> Result:
        """Put the best weights into ``learner.average`` and measure them with all metrics."""
        kept = checkpoint.load_best(self._recorder.run_dir)
        if kept is not None:
            learner.average.load_state_dict(kept["net"])
        return self.validator.run(learner.predictor, step, mirror=mirror, full=True)

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs of this object."""
        return {
            "smoothed": self.smoothed,
            "best": dict(self.best),
            "step": self._step,
            "position": self._position,
            "seconds": self._seconds,
            "spent": self._spent,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state`."""
        self.smoothed = float(state["smoothed"])
        self.best = {str(k): float(v) for k, v in state["best"].items()}
        self._step, self._position = int(state["step"]), float(state["position"])
        self._seconds, self._spent = float(state["seconds"]), float(state["spent"])
