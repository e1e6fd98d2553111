"""Taking steps: blocks drawn, varied and learnt from, with less of it where memory runs out.

Everything here changes with each step and goes into the checkpoint; when to step, measure, save or
end is the run's business (core.training.run).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from core.data.cache import Case
from core.data.plan import Plan
from core.nets.memory import OutOfMemory, memory_told, release
from core.training.agreement import Agreement
from core.training.compiled import settle
from core.training.crew import make_learner, make_shards
from core.training.distributed import Group
from core.training.ladder import Ladder
from core.training.meter import Meter
from core.training.obeyed import Obeyed
from core.training.recording import Recorder
from core.training.recovery import Recovery
from core.training.step import Reading


class Stepper:
    """The learner of a run, its data and what watches over its steps.

    plan: as it is obeyed; the ladder may give some of it up.
    """

    def __init__(
        self,
        plan: Plan,
        device: torch.device,
        cases: Sequence[Case],
        *,
        ladder: Ladder,
        recorder: Recorder,
        group: Group | None = None,
    ) -> None:
        self.plan, self._group = plan, group
        self._device, self._cases = device, cases
        self._ladder, self._recorder = ladder, recorder
        self.learner = make_learner(plan, device, group)
        self.meter = Meter(device)
        self.agreement = Agreement(len(cases), device)
        self.learner.watch = self.agreement.see
        self.recovery = Recovery()
        self._shards = make_shards(cases, plan, device, group)

    def begin(self, step: int) -> None:
        """Take the weights as they are now, after ``step`` steps, as good ones."""
        self.recovery.begin(step, self.learner.state())
        self.meter.restart()

    @property
    def obeyed(self) -> Obeyed:
        """What was given up of the user's plan."""
        return self._ladder.obeyed

    def settle(self, seconds_left: Callable[[float], float]) -> None:
        """Have the steps compiled where that pays; decided once a run.

        seconds_left: of the run, from the seconds of a step. Raises UserError when the plan
        demands what this machine lacks.
        """
        if self._group is not None:
            return  # Each process would decide for itself.
        obeyed = self._ladder.obeyed
        decided = settle(self.learner, self.plan, obeyed.compiled, seconds_left, self._recorder.log)
        if decided is not obeyed.compiled:
            self._ladder.keep(replace(obeyed, compiled=decided))

    def step(self, learning_rate: float, done: int) -> None:
        """Draw a batch and take one step. done: steps before it.

        With less of it where the memory does not suffice. Raises OutOfMemory (a UserError) when
        there is nothing left to give up.
        """
        while True:
            try:
                return self._try(learning_rate, done)
            except OutOfMemory:
                pass  # Left first: the trace holds on to what fills the memory.
            self._make_room()

    def _try(self, learning_rate: float, done: int) -> None:
        began = self.meter.batch_begins()
        with memory_told(f"The memory of {self.plan.device} is too small for the blocks."):
            batch = self._shards.batch()
        self.meter.batch_ends(began)
        self.agreement.expect(self._shards.drawn)
        self.learner.step(batch, learning_rate * self.recovery.factor, done)
        self.meter.step_ends()

    def _make_room(self) -> None:
        """One rung down the ladder. Raises OutOfMemory at its end."""
        self.plan = self._ladder.down(self.plan)
        state = self._shards.state()
        self.learner.obey(self.plan)
        self._shards.close()  # Its cases make room before they are read again.
        release(self._device)
        self._shards = make_shards(self._cases, self.plan, self._device, self._group)
        self._shards.restore(state)

    def close(self) -> None:
        """End the threads that bring and make blocks."""
        self._shards.close()

    def read(self, done: int) -> Reading:
        """What the steps since the last call came to; one read-back from the device.

        Lost steps are told, and undone where there are many. Raises UserError when that does not
        help.
        """
        reading = self.meter.read_back(self.learner.read)
        if reading.bad:
            lost = f"{reading.bad} of {reading.count} steps had no finite loss or gradient"
            self._recorder.log(f"{lost} and were skipped.", "warning")
        back = self.recovery.after(done, reading, self.learner.state())
        if back is not None:
            self.learner.restore(back.state)
            self._recorder.log(back.sentence, "warning")
        return reading

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs of this object."""
        return {
            **self.learner.state(),
            "sampler": self._shards.state(),
            "recovery": self.recovery.state(),
            "agreement": self.agreement.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state`."""
        self.learner.restore(state)
        self._shards.restore(state["sampler"])
        self.recovery.restore(state["recovery"])
        self.agreement.restore(state["agreement"])
