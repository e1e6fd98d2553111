"""A run in progress: the rooms it is made of, and the few things the loop does to it.

Steps are taken in core.training.stepping; passes and the best weights are kept by keeping; the
length and the learning rate follow from schedule; what the curves say is watching's; log lines and
checkpoints go through recording. Each of them puts what it knows into the checkpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch

from core.data.cache import Case, prepare
from core.data.plan import Plan
from core.errors import Cancelled, UserError
from core.events import Event, ResultEvent, StageEvent, StateEvent
from core.project import orders
from core.project.environment import record_start
from core.project.manifest import Manifest
from core.project.orders import Order
from core.project.project import Project
from core.training import checkpoint, machine
from core.training.control import Control
from core.training.distributed import Group
from core.training.keeping import Keeper
from core.training.ladder import Ladder
from core.training.obeyed import Obeyed
from core.training.recording import Recorder
from core.training.result import keep_model
from core.training.schedule import Schedule
from core.training.step import Learner
from core.training.stepping import Stepper
from core.training.validation import Validator
from core.training.watching import Watcher


class Run:
    """See the module. Open with :meth:`open`, use as a context."""

    def __init__(
        self,
        run_dir: Path,
        plan: Plan,
        project: Project,
        device: torch.device,
        *,
        train: Sequence[Case],
        val: Sequence[Case],
        recorder: Recorder,
        ladder: Ladder,
        began: float,
        now: Callable[[], float],
        group: Group | None = None,
    ) -> None:
        self.run_dir, self.project = run_dir, project
        self.recorder = recorder
        self.stepper = Stepper(plan, device, train, ladder=ladder, recorder=recorder, group=group)
        state = checkpoint.load(run_dir)
        before = float(state["schedule"]["elapsed"]) if state else 0.0
        self.schedule = Schedule(plan, before + now() - began, now)
        self.validator = Validator(val, plan, device, run_dir, now)
        self.keeper = Keeper(plan, self.validator, self.schedule, recorder)
        entries = [case.entry for case in train]
        self.watcher = Watcher(
            plan,
            self.schedule,
            self.keeper,
            self.stepper.agreement,
            cases=entries,
            recorder=recorder,
        )
        self.step, self._reported = 0, 0
        #: Why the run ended before its time, where it did; and how many orders it has obeyed.
        self._why, self._obeyed = "", 0
        if state is not None:
            self._restore(state)
        self.stepper.settle(lambda seconds: self.schedule.seconds_left(self.step, seconds))
        self.stepper.begin(self.step)
        self._obey_kept()

    @classmethod
    def open(
        cls,
        run_dir: Path,
        emit: Callable[[Event], None],
        control: Control,
        group: Group | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> Run:
        """Read plan and manifest, preprocess the cases, build the network, resume if it can be.

        group: the processes of a run of several. now: the clock in seconds that a time budget
        follows. Raises UserError or FileRefusedError for what the user can mend, Cancelled on stop.
        """
        began = now()
        wanted, obeyed = Plan.load(run_dir / "plan.json"), Obeyed.load(run_dir)
        manifest = Manifest.load(run_dir / "manifest.json")
        plan = obeyed.apply(wanted)
        device, plan, note = machine.prepare(plan if group is None else group.here(plan))
        record_start(run_dir, machine.device_name(device))
        recorder = Recorder(run_dir, plan, emit)
        if note:
            recorder.log(note, "warning")
        train, val = manifest.of("train"), manifest.of("val")
        if len(train) < 2 or not val:
            raise UserError(
                "Mark at least 2 labelled cases for training and 1 for validation: this run has "
                f"{len(train)} and {len(val)}."
            )
        with ExitStack() as undo:
            project = undo.enter_context(Project.open(run_dir.parent.parent))
            cases = prepare(
                project,
                (*train, *val),
                plan,
                lambda done, total: emit(StageEvent(stage="preprocess", done=done, total=total)),
                lambda: control.state() == "stop",
            )
            run = cls(
                run_dir,
                plan,
                project,
                device,
                train=cases[: len(train)],
                val=cases[len(train) :],
                recorder=recorder,
                ladder=Ladder(run_dir, wanted, obeyed, emit),
                group=group,
                began=began,
                now=now,
            )
            undo.pop_all()
            return run

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stepper.close()
        self.project.close()

    @property
    def plan(self) -> Plan:
        """The plan as it is obeyed."""
        return self.stepper.plan

    @property
    def learner(self) -> Learner:
        """The network in training."""
        return self.stepper.learner

    @property
    def best(self) -> dict[str, float]:
        """Smoothed Dice, Dice, step and clock of the best pass."""
        return self.keeper.best

    # What the loop asks

    @property
    def finished(self) -> bool:
        """Whether all steps are done, the time for them is used up, or nothing is gained."""
        return self.schedule.progress(self.step) >= 1

    @property
    def report_due(self) -> bool:
        """Whether a step event is due."""
        return self.stepper.meter.due

    @property
    def validation_due(self) -> bool:
        """Whether a pass is due."""
        return self.keeper.due(self.step)

    @property
    def checkpoint_due(self) -> bool:
        """Whether the last checkpoint is older than the plan allows."""
        return self.recorder.checkpoint_due

    # What the loop does

    def step_once(self) -> None:
        """Draw a batch and take one step."""
        self.stepper.step(self.schedule.learning_rate(self.step), self.step)
        self.validator.plan = self.plan
        self.step += 1
        self.schedule.tick()

    def report(self) -> None:
        """Read the loss back and emit a step event. Raises UserError when the loss is lost."""
        reading = self.stepper.read(self.step)
        self._reported = self.step
        self.recorder.step(self.step, self.schedule, reading, self.stepper)
        self.watcher.read(self.step, reading)

    def validate(self, control: Control | None = None) -> None:
        """One pass over the validation cases; keeps the weights when the smoothed Dice rose.

        Ends the run when nothing was gained for long. Left off without a trace when ``control``
        says stop.
        """
        if self._measure(control):
            self._why = self.watcher.tired(self.step)
            self.schedule.ended = bool(self._why)

    def _measure(self, control: Control | None = None) -> bool:
        """One pass; whether it came to its end."""
        if self._reported < self.step:
            self.report()  # So that the loss of training stands beside that of the pass.
        self.validator.plan = self.plan  # which the ladder may have changed
        try:
            result = self.keeper.validate(
                self.learner,
                self.step,
                lambda: control is not None and control.state() == "stop",
            )
        except Cancelled:
            return False
        finally:
            self.stepper.meter.restart()
        self.watcher.passed(self.step, result)
        return True

    def pause(self, control: Control) -> None:
        """Save, then wait until ``control`` says otherwise. The clock stands still."""
        self.schedule.pause()
        self.checkpoint()
        self.recorder.emit(StateEvent(state="paused"))
        while control.state() == "pause":
            time.sleep(0.1)
            self.obey(control)
        self.schedule.resume()
        self.stepper.meter.restart()
        if control.state() == "run":
            self.recorder.emit(StateEvent(state="running"))

    def obey(self, control: Control) -> None:
        """Do what was ordered about the run's length, if anything; a kill does not undo it.

        Orders come from whoever started the run, or into its folder from another program.
        """
        order = control.order()
        if order is not None:
            try:
                orders.keep(self.run_dir, order)
            except OSError as error:
                message = f"An order could not be written down ({error.strerror}); it is obeyed."
                self.recorder.log(message, "error")
                self._obey(order)
        if (order is not None or self.report_due) and self._obey_kept():
            self.checkpoint()

    def _obey_kept(self) -> bool:
        """Obey what stands in the run's folder and was not yet obeyed; whether there was any."""
        kept = orders.kept(self.run_dir)[self._obeyed :]
        for order in kept:
            self._obey(order)
        self._obeyed += len(kept)
        return bool(kept)

    def _obey(self, order: Order) -> None:
        seconds = self.stepper.meter.step_seconds
        if seconds <= 0:  # Not measured yet in this session.
            estimate = self.plan.estimates.step_seconds or 1.0
            seconds = self.schedule.elapsed / self.step if self.step else estimate
        self.recorder.log(self.schedule.obey(order, self.step, seconds))
        self._why = ""

    def checkpoint(self) -> None:
        """Write the state to disk. A disk that refuses is reported, and tried again later."""
        self.recorder.checkpoint(self.step, self._state())

    def stop(self) -> None:
        """Save, keep the best model so far, and end. The run can be resumed."""
        self.checkpoint()
        if self.step > 0:
            if not self.best:
                self._measure()
            self._keep_model(mirror=False)
        sentence = f"Stopped after {self.step} steps. It can be resumed from there."
        self.recorder.emit(StateEvent(state="stopped", sentence=sentence))

    def complete(self, control: Control) -> bool:
        """Save, keep the best model, and end; False when it was made longer meanwhile."""
        if not self.keeper.done_at(self.step) or not self.best:
            self._measure()
        self.schedule.ended = True
        self.checkpoint()
        self._keep_model(mirror=self.plan.mirror_inference)
        self.obey(control)
        if self.finished:
            self.recorder.emit(StateEvent(state="done", sentence=self._why))
        return self.finished

    def _keep_model(self, mirror: bool) -> None:
        """Measure and keep the best weights; those in training stay as they are."""
        average = {k: v.clone() for k, v in self.learner.average.state_dict().items()}
        result = self.keeper.measure_best(self.learner, self.step, mirror)
        self.recorder.emit(ResultEvent(name="model", data=keep_model(self, result)))
        self.learner.average.load_state_dict(average)

    # Files

    def _state(self) -> dict[str, Any]:
        return {
            **self.stepper.state(),
            "schedule": self.schedule.state(),
            "keeper": self.keeper.state(),
            "watcher": self.watcher.state(),
            "why": self._why,
            "obeyed": self._obeyed,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.step = self._reported = int(state["step"])
        self.stepper.restore(state)
        self.schedule.restore(state["schedule"])
        self.keeper.restore(state["keeper"])
        self.watcher.restore(state["watcher"])
        self._why, self._obeyed = str(state["why"]), int(state["obeyed"])
        self.recorder.log(f"Resumed from step {self.step}.")
