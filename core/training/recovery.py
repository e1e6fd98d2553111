"""Steps whose loss or gradient is not finite: skipped, then rolled back, then the run ends.

A single one is chance (an odd block, a number too large for 16 bits) and changes nothing. Many in
a row mean that the weights have gone where no step leads out: the run goes back to its last good
weights with a lower learning rate. When that does not help either, it stops with the reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from core.errors import UserError
from core.training.step import Reading

#: Steps in a row without a finite loss and gradient after which the weights are given up. The
#: scaler of fp16 may need a dozen at the start to find its factor.
BAD_STEPS = 20
#: The learning rate after a roll-back, as a share of the one before.
LOWER = 0.3
#: Steps between two copies of good weights; they lie in the computer's memory.
COPY_STEPS = 500
#: A roll-back that held for so many steps is forgotten: the next trouble is another one.
HELD_STEPS = 1000


@dataclass(frozen=True, slots=True)
class RollBack:
    """state: of the learner, to be restored. sentence: for the log."""

    state: dict[str, Any]
    sentence: str


class Recovery:
    """Watches the readings of a run and keeps its last good state."""

    def __init__(self) -> None:
        #: What the schedule's learning rate is multiplied by.
        self.factor = 1.0
        self._rolled_at = -1
        self._good: tuple[int, dict[str, Any]] | None = None

    def begin(self, step: int, state: dict[str, Any]) -> None:
        """Take the state a run begins or goes on with as good."""
        self._good = (step, _copied(state))

    def after(self, step: int, reading: Reading, state: dict[str, Any]) -> RollBack | None:
        """Call after each reading with the learner's state; what to go back to, if anything.

        Raises UserError when a roll-back did not help.
        """
        if reading.row >= BAD_STEPS:
            return self._back(step, reading)
        last = self._good[0] if self._good is not None else -COPY_STEPS
        if reading.bad == 0 and math.isfinite(reading.loss) and step - last >= COPY_STEPS:
            self._good = (step, _copied(state))
        return None

    def _back(self, step: int, reading: Reading) -> RollBack:
        recent = self._rolled_at >= 0 and step - self._rolled_at < HELD_STEPS
        if recent or self._good is None:
            raise UserError(
                f"The loss was infinite or undefined in {reading.row} steps in a row, and again "
                "after going back to earlier weights with a lower learning rate. Start again with "
                "a lower learning rate, or with precision fp32."
            )
        self._rolled_at = step
        self.factor *= LOWER
        from_step, state = self._good[0], _copied(self._good[1])
        return RollBack(
            state,
            f"The loss was infinite or undefined in {reading.row} steps in a row. The run went "
            f"back to the weights of step {from_step} and goes on with {LOWER:.0%} of the "
            "learning rate.",
        )

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs of this object; the good weights are the checkpoint's own."""
        return {"factor": self.factor, "rolled_at": self._rolled_at}

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state`."""
        self.factor, self._rolled_at = float(state["factor"]), int(state["rolled_at"])


def _copied(value: Any) -> Any:
    """A deep copy with all tensors on the CPU."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
