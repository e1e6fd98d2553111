"""A run in progress: its data, network, clock and files, and the few things the loop does to it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch

from core.data.augment import Augmenter
from core.data.cache import Case, prepare
from core.data.plan import Plan
from core.data.sampler import Sampler
from core.errors import Cancelled, UserError
from core.events import (
    CheckpointEvent,
    Event,
    LogEvent,
    ResultEvent,
    StageEvent,
    StateEvent,
    StepEvent,
    ValidationEvent,
)
from core.nets.memory import OutOfMemory, memory_told, release
from core.project.manifest import Manifest
from core.project.project import Project
from core.training import checkpoint, machine
from core.training.control import Control
from core.training.ladder import Ladder
from core.training.meter import Meter
from core.training.obeyed import Obeyed
from core.training.recovery import Recovery
from core.training.result import keep_model
from core.training.schedule import Schedule
from core.training.step import Learner
from core.training.validation import Validator

#: Weight of the newest pass in the moving average of the Dice.
NEW = 0.4
#: Share of a budget that validation before the last pass may take.
VALIDATION_SHARE = 0.15
#: Seconds to write the checkpoint and the model at the end.
SAVING_SECONDS = 3.0


class Run:
    """See the module. Open with :meth:`open`, use as a context."""

    def __init__(
        self,
        run_dir: Path,
        plan: Plan,
        project: Project,
        device: torch.device,
        *,
        train: list[Case],
        val: list[Case],
        emit: Callable[[Event], None],
        began: float,
        ladder: Ladder,
    ) -> None:
        self.run_dir, self.plan, self.project = run_dir, plan, project
        self.ladder, self._recovery, self._device = ladder, Recovery(), device
        self._emit = emit
        self.learner = Learner(plan, device)
        self._cases = train, val
        self._set_out()
        self.step, self._passes = 0, 0
        self._smoothed, self._validated = math.nan, 0.0
        #: Smoothed Dice, Dice and step of the best pass.
        self.best: dict[str, float] = {}
        state = checkpoint.load(run_dir)
        before = float(state["elapsed"]) if state else 0.0
        self._schedule = Schedule(plan, before + time.monotonic() - began)
        # Until a pass was measured: a fiftieth of the budget.
        self._schedule.reserve = (plan.budget_minutes or 0) * 60 / 50
        if state is not None:
            self._resume(state)
        self._recovery.begin(self.step, self.learner.state())
        self._meter = Meter(device)
        self._saved = time.monotonic()

    @classmethod
    def open(cls, run_dir: Path, emit: Callable[[Event], None], control: Control) -> Run:
        """Read plan and manifest, preprocess the cases, build the network, resume if it can be.

        Raises UserError or FileRefusedError for what the user can mend, Cancelled on stop.
        """
        began = time.monotonic()
        wanted, obeyed = Plan.load(run_dir / "plan.json"), Obeyed.load(run_dir)
        manifest = Manifest.load(run_dir / "manifest.json")
        device, plan, note = machine.prepare(obeyed.apply(wanted))
        if note:
            emit(LogEvent(level="warning", message=note))
        train, val = manifest.of("train"), manifest.of("val")
        if len(train) < 2 or not val:
            raise UserError(
                "Mark at least 2 labelled cases for training and 1 for validation: this run has "
                f"{len(train)} and {len(val)}."
            )
        project = Project.open(run_dir.parent.parent)
        try:
            cases = prepare(
                project,
                (*train, *val),
                plan,
                lambda done, total: emit(StageEvent(stage="preprocess", done=done, total=total)),
                lambda: control.state() == "stop",
            )
            return cls(
                run_dir,
                plan,
                project,
                device,
                train=cases[: len(train)],
                val=cases[len(train) :],
                emit=emit,
                began=began,
                ladder=Ladder(run_dir, wanted, obeyed, emit),
            )
        except BaseException:
            project.close()
            raise

    def _set_out(self) -> None:
        """The blocks and windows of the plan as it is obeyed."""
        train, val = self._cases
        generator = torch.Generator().manual_seed(self.plan.seed)
        resident = machine.fits(train, self._device)
        self._sampler = Sampler(train, self.plan, generator)
        self._augmenter = Augmenter(train, self.plan, generator, self._device, resident)
        self.validator = Validator(val, self.plan, self._device, self.run_dir)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.project.close()

    @property
    def epoch(self) -> float:
        """Epochs done, with their fraction."""
        return self.step / self.plan.steps_per_epoch

    # What the loop asks

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or the time for them is used up."""
        return self._schedule.progress(self.step) >= 1

    @property
    def report_due(self) -> bool:
        """Whether a step event is due."""
        return self._meter.due

    @property
    def validation_due(self) -> bool:
        """Whether a pass is due; within a budget passes that would eat too much of it are left."""
        if self._schedule.passes(self.step) <= self._passes:
            return False
        if self.plan.budget_minutes is None or self.finished:
            return True
        return self._validated <= VALIDATION_SHARE * max(self._schedule.elapsed, 1.0)

    @property
    def checkpoint_due(self) -> bool:
        """Whether the last checkpoint is older than the plan allows."""
        return time.monotonic() - self._saved >= self.plan.checkpoint_minutes * 60

    # What the loop does

    def step_once(self) -> None:
        """Draw a batch and take one step; with less of it where the memory does not suffice."""
        while True:
            try:
                return self._try_step()
            except OutOfMemory:
                pass  # Left first: the trace holds on to what fills the memory.
            self._make_room()

    def _try_step(self) -> None:
        began = self._meter.batch_begins()
        with memory_told(f"The memory of {self.plan.device} is too small for the blocks."):
            batch = self._augmenter.batch([self._sampler.draw() for _ in range(self.plan.batch)])
        self._meter.batch_ends(began)
        self.learner.step(batch, self._learning_rate(), self.step)
        self.step += 1
        self._meter.step_ends()

    def _make_room(self) -> None:
        """One rung down the ladder. Raises OutOfMemory (a UserError) at its end."""
        self.plan = self.ladder.down(self.plan)
        state = self._sampler.state()
        self.learner.obey(self.plan)
        del self._augmenter  # Its cases make room before they are read again.
        release(self._device)
        self._set_out()
        self._sampler.restore(state)

    def _learning_rate(self) -> float:
        return self._schedule.learning_rate(self.step) * self._recovery.factor

    def report(self) -> None:
        """Read the loss back and emit a step event. Raises UserError when the loss is lost."""
        reading = self.learner.read()
        rate, wait = self._meter.read(self.plan.batch)
        if reading.bad:
            message = f"{reading.bad} of {reading.count} steps had no finite loss or gradient and "
            self._emit(LogEvent(level="warning", message=message + "were skipped."))
        back = self._recovery.after(self.step, reading, self.learner.state())
        if back is not None:
            self.learner.restore(back.state)
            self._emit(LogEvent(level="warning", message=back.sentence))
        seconds = self._meter.step_seconds
        steps = self._schedule.planned_steps(self.step, seconds)
        self._emit(
            StepEvent(
                step=self.step,
                steps=steps,
                epoch=self.epoch,
                epochs=math.ceil(steps / self.plan.steps_per_epoch),
                loss=reading.loss,
                learning_rate=self._learning_rate(),
                patches_per_second=rate,
                data_wait=wait,
                seconds_left=self._schedule.seconds_left(self.step, seconds),
                elapsed=self._schedule.elapsed,
            )
        )

    def validate(self, control: Control | None = None) -> None:
        """One pass over the validation cases; keeps the weights when the smoothed Dice rose.

        Left off without a trace when ``control`` says stop.
        """
        try:
            result = self.validator.run(
                self.learner.predictor,
                self.step,
                cancelled=lambda: control is not None and control.state() == "stop",
            )
        except Cancelled:
            return
        last = self.finished
        self._passes = self._schedule.passes(self.step)
        self._validated += result.seconds
        if not last:
            self._schedule.reserve = self._end_seconds(result.seconds, result.network_seconds)
        old = self._smoothed
        new = result.dice
        self._smoothed = new if math.isnan(old) else (1 - NEW) * old + NEW * new
        best = not self.best or not self._smoothed < self.best["smoothed"]
        if best:
            self.best = {"smoothed": self._smoothed, "dice": new, "step": float(self.step)}
            self._keep_best()
        self._emit(
            ValidationEvent(
                step=self.step,
                epoch=self.epoch,
                loss=result.loss,
                dice=new,
                smoothed=self._smoothed,
                best=best,
                cases=result.cases,
            )
        )
        self._meter.restart()

    def _end_seconds(self, seconds: float, network: float) -> float:
        """What the end takes: one pass more, one with all metrics and mirrors, and saving."""
        mirrors = 8 if self.plan.mirror_inference else 1
        return seconds + 2 * (seconds - network) + mirrors * network + SAVING_SECONDS

    def pause(self, control: Control) -> None:
        """Save, then wait until ``control`` says otherwise. The clock stands still."""
        self._schedule.pause()
        self.checkpoint()
        self._emit(StateEvent(state="paused"))
        while control.state() == "pause":
            time.sleep(0.1)
        self._schedule.resume()
        self._meter.restart()
        if control.state() == "run":
            self._emit(StateEvent(state="running"))

    def checkpoint(self) -> None:
        """Write the state to disk. A disk that refuses is reported, and tried again later."""
        self._saved = time.monotonic()
        try:
            path = checkpoint.save(self.run_dir, self.step, self._state())
        except OSError as error:
            message = f"The checkpoint could not be written ({error.strerror}); the run goes on."
            self._emit(LogEvent(level="error", message=message))
            return
        self._emit(CheckpointEvent(step=self.step, epoch=self.epoch, path=path))

    def stop(self) -> None:
        """Save, keep the best model so far, and end. The run can be resumed."""
        self.checkpoint()
        if self.step > 0:
            if not self.best:
                self.validate()
            self._keep_model(mirror=False)
        sentence = f"Stopped after {self.step} steps. It can be resumed from there."
        self._emit(StateEvent(state="stopped", sentence=sentence))

    def complete(self) -> None:
        """Save, keep the best model, and end."""
        if self._passes < self.plan.validations or not self.best:
            self.validate()
        self.checkpoint()
        self._keep_model(mirror=self.plan.mirror_inference)
        self._emit(StateEvent(state="done"))

    # Files

    def _keep_best(self) -> None:
        state = {"step": self.step, "net": self.learner.average.state_dict()}
        try:
            checkpoint.save_best(self.run_dir, state)
        except OSError as error:
            message = f"The best weights could not be written ({error.strerror})."
            self._emit(LogEvent(level="error", message=message))

    def _keep_model(self, mirror: bool) -> None:
        best = checkpoint.load_best(self.run_dir)
        if best is not None:
            self.learner.average.load_state_dict(best["net"])
        result = self.validator.run(self.learner.predictor, self.step, mirror=mirror, full=True)
        data = keep_model(self, result)
        self._emit(ResultEvent(name="model", data=data))

    def _state(self) -> dict[str, Any]:
        return {
            **self.learner.state(),
            "sampler": self._sampler.state(),
            "recovery": self._recovery.state(),
            "elapsed": self._schedule.elapsed,
            "passes": self._passes,
            "smoothed": self._smoothed,
            "validated": self._validated,
            "reserve": self._schedule.reserve,
            "best": dict(self.best),
        }

    def _resume(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.learner.restore(state)
        self._sampler.restore(state["sampler"])
        self._recovery.restore(state["recovery"])
        self.step, self._passes = int(state["step"]), int(state["passes"])
        self._smoothed, self._validated = float(state["smoothed"]), float(state["validated"])
        self._schedule.reserve = float(state["reserve"])
        self.best = {str(k): float(v) for k, v in state["best"].items()}
        self._emit(LogEvent(level="info", message=f"Resumed from step {self.step}."))
