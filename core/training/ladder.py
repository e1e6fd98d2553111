"""What a run gives up, one thing after another, when the memory of its device runs out.

First what costs nothing but a little time (a batch in pieces, which gives the same steps), then a
part of the blocks' surroundings, then a third of the speed (activations computed again instead of
kept), then more of the surroundings; then the run ends with a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from core import hardware
from core.data.plan import Plan
from core.data.planner import replan
from core.data.rates import DeviceLike
from core.errors import UserError
from core.events import Event, LogEvent
from core.geometry import Zyx
from core.nets.memory import OutOfMemory
from core.training.obeyed import Obeyed

#: Blocks keep this share of the plan's voxels before activations are computed again.
KEPT_SHARE = 0.5
#: A smaller block has at most this share of the voxels before it, or it would not help.
SMALLER = 0.8
#: Voxels an axis keeps, and multiples of what the network halves it by.
LEAST_VOXELS, LEAST_MULTIPLE = 16, 2


class Ladder:
    """The ladder of one run: what it gives up is said, and kept in the run's folder.

    wanted: the plan as the user made it. obeyed: what was given up before.
    """

    def __init__(
        self, run_dir: Path, wanted: Plan, obeyed: Obeyed, emit: Callable[[Event], None]
    ) -> None:
        self._run_dir, self._wanted, self._emit = run_dir, wanted, emit
        self.obeyed = obeyed

    def down(self, plan: Plan) -> Plan:
        """The plan to go on with after ``plan`` was too much. Raises OutOfMemory at the end."""
        plan, sentence = step_down(plan, self._wanted, hardware.devices())
        sentence = f"The memory of {plan.device} ran out. {sentence}"
        self._emit(LogEvent(level="warning", message=sentence))
        self.keep(self.obeyed.changed(plan, sentence))
        return plan

    def keep(self, obeyed: Obeyed) -> None:
        """Keep what is obeyed now. A disk that refuses is said: a resumed run finds it out anew."""
        self.obeyed = obeyed
        try:
            obeyed.save(self._run_dir)
        except OSError as error:
            message = f"What the run obeys could not be written ({error.strerror})."
            self._emit(LogEvent(level="error", message=message))


def step_down(plan: Plan, wanted: Plan, devices: Sequence[DeviceLike]) -> tuple[Plan, str]:
    """The next plan that needs less memory than ``plan``, and what it does, as a sentence.

    wanted: the plan as the user made it. devices: of ``core.hardware.devices()``, for the
    estimates, which follow. Raises OutOfMemory when nothing is left to give up.
    """
    for changes, sentence in _ways(plan, wanted):
        try:
            return replan(plan, devices, **changes), sentence
        except UserError:
            continue  # A size this network cannot take.
    raise OutOfMemory(
        f"The memory of {plan.device} is too small for this network even with blocks of "
        f"{_times(plan.patch)} voxels, one at a time. Choose a narrower network or a coarser "
        "spacing in the plan, another device, or close other programs."
    )


def _ways(plan: Plan, wanted: Plan) -> Iterator[tuple[dict[str, Any], str]]:
    if plan.accumulation < plan.batch:
        more = range(plan.accumulation + 1, plan.batch + 1)
        pieces = next(n for n in more if plan.batch % n == 0)
        # Sums over a whole batch, and over its sure voxels, are made piece by piece then.
        nearly = "nearly " if plan.batch_dice or plan.ignore_value is not None else ""
        yield (
            {"accumulation": pieces},
            f"The {plan.batch} blocks of a batch now go through in {pieces} pieces, which gives "
            f"{nearly}the same steps in less memory.",
        )
    enough = math.prod(wanted.patch) * KEPT_SHARE
    if math.prod(plan.patch) > enough:
        yield from _smaller(plan)
    if not plan.recompute:
        yield (
            {"recompute": True},
            "Activations are now computed again in the backward pass instead of kept: the same "
            "steps, about a third slower.",
        )
    yield from _smaller(plan)


def _smaller(plan: Plan) -> Iterator[tuple[dict[str, Any], str]]:
    """Smaller blocks, the largest first: sizes by which the network can still halve them."""
    patch = plan.patch
    most = math.prod(patch) * SMALLER
    while (patch := _shrunk(patch, plan)) != plan.patch:
        if math.prod(patch) <= most:
            yield (
                {"patch": patch},
                f"Blocks now have {_times(patch)} voxels instead of {_times(plan.patch)}: the "
                "network sees less of the surroundings.",
            )
        if _shrunk(patch, plan) == patch:
            return


def _shrunk(patch: Zyx, plan: Plan) -> Zyx:
    """One step less along the longest axis in mm that can give; the same patch if none can."""
    best, length = -1, 0.0
    for axis, (size, step) in enumerate(zip(patch, plan.divisor, strict=True)):
        least = max(LEAST_MULTIPLE * step, math.ceil(LEAST_VOXELS / step) * step)
        if size - step >= least and size * plan.spacing[axis] > length:
            best, length = axis, size * plan.spacing[axis]
    z, y, x = (n - (plan.divisor[a] if a == best else 0) for a, n in enumerate(patch))
    return (z, y, x)


def _times(patch: Zyx) -> str:
    return " × ".join(map(str, patch))
