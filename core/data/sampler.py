"""Which case, and where in it: balanced over cases, half on lesions, small lesions as often.

All chance comes from one torch generator on the CPU, so the same seed draws the same blocks on
every device, and its state goes into the checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from core.data.cache import Case
from core.data.plan import Plan
from core.data.pool import Pool
from core.data.turns import Everyone, Shifts
from core.geometry import Triple
from core.labels.schema import IGNORE

#: A block centred on a lesion voxel is moved by up to this share of its size, so that lesions are
#: not always in the middle.
JITTER = 0.2
#: Other places tried for a block whose centre nobody is sure of.
TRIES = 8


@dataclass(frozen=True, slots=True)
class Block:
    """A block to cut: index of the case and centre (z, y, x) in voxels of its plan grid."""

    case: int
    centre: Triple


class Sampler:
    """Draws blocks from cases, all of them as often: those in ``pool``, or without one all."""

    def __init__(
        self, cases: Sequence[Case], plan: Plan, generator: Generator, pool: Pool | None = None
    ) -> None:
        # Nothing is read of a case before its turn: a thousand cases start as fast as ten.
        self._cases = cases
        self._plan = plan
        self._generator = generator
        if pool is not None and pool.bounded:
            self._turns: Everyone | Shifts = Shifts(pool, generator)
        else:
            self._turns = Everyone(len(cases), generator)

    def begin(self) -> None:
        """Before the blocks of a step: cases may come and go. Blocks of before are cut by now."""
        self._turns.turn()

    def draw(self) -> Block:
        """The next block."""
        case = self._turns.next()
        # The same numbers are drawn whichever way it goes, so that runs stay comparable.
        chance, part, voxel, *place = self._uniform(6)
        centres = _outlined(self._cases[case], self._plan)
        if chance < self._plan.foreground_share and len(centres) > 0:
            starts = _part_starts(centres)
            one = min(int(part * (len(starts) - 1)), len(starts) - 2)
            first, last = starts[one], starts[one + 1]
            row = centres[min(first + int(voxel * (last - first)), last - 1), 1:]
            lesion: list[int] = row.tolist()
            centre = self._slice(self._near(lesion, self._cases[case].info.shape, place))
            if self._unsure(case, centre):
                centre = (float(lesion[0]), float(lesion[1]), float(lesion[2]))
            return Block(case, centre)
        return Block(case, self._elsewhere(case, place))

    def _elsewhere(self, case: int, place: Sequence[float]) -> Triple:
        """Anywhere in a case but centred on a voxel that nobody is sure of, where it has others."""
        for _ in range(TRIES):
            centre = self._slice(self._anywhere(self._cases[case].info.shape, place))
            if not self._unsure(case, centre):
                return centre
            place = self._uniform(3)
        return self._slice(self._anywhere(self._cases[case].info.shape, place))

    def _unsure(self, case: int, centre: Triple) -> bool:
        if self._plan.ignore_value is None:
            return False
        label = self._cases[case].label
        z, y, x = (min(max(round(c), 0), n - 1) for c, n in zip(centre, label.shape, strict=True))
        return bool(label[z, y, x] == IGNORE)

    def _slice(self, centre: Triple) -> Triple:
        """The centre itself, but of a whole slice where blocks are single slices."""
        return (float(round(centre[0])), *centre[1:]) if self._plan.flat else centre

    def _uniform(self, count: int) -> list[float]:
        return torch.rand(count, generator=self._generator, dtype=torch.float64).tolist()

    def _near(self, voxel: Sequence[int], shape: Sequence[int], place: Sequence[float]) -> Triple:
        """Round a lesion voxel, but not hanging out of the case more than other blocks do."""
        z, y, x = (
            min(max(v + (2 * u - 1) * JITTER * size, middle - reach), middle + reach)
            for v, u, size, (middle, reach) in zip(
                voxel, place, self._plan.patch, self._room(shape), strict=True
            )
        )
        return (z, y, x)

    def _anywhere(self, shape: Sequence[int], place: Sequence[float]) -> Triple:
        z, y, x = (
            middle + (2 * u - 1) * reach
            for u, (middle, reach) in zip(place, self._room(shape), strict=True)
        )
        return (z, y, x)

    def _room(self, shape: Sequence[int]) -> list[tuple[float, float]]:
        """Middle of the case and how far a block may be moved from it, for each axis.

        As far as it stays inside; a block larger than the case by an eighth of its size.
        """
        room = [
            ((n - 1) / 2, max((n - size) / 2, size / 8))
            for n, size in zip(shape, self._plan.patch, strict=True)
        ]
        if self._plan.flat:
            # Rounded to a slice, so that the first and last are drawn as often as the others.
            room[0] = (room[0][0], shape[0] / 2 - 1e-6)
        return room

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs to go on drawing the same blocks."""
        return {**self._turns.state(), "generator": self._generator.get_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state`."""
        self._turns.restore(state)
        generator: Tensor = state["generator"]
        self._generator.set_state(generator)


def _outlined(case: Case, plan: Plan) -> NDArray[np.int32]:
    """The lesion voxels of a case to centre blocks on: of the classes that are outlined in it."""
    centres = np.asarray(case.centres)
    known = np.array(case.known(plan))
    if known.all() or len(centres) == 0:
        return centres
    z, y, x = centres[:, 1:].T
    return centres[known[np.asarray(case.label[z, y, x])]]


def _part_starts(centres: np.ndarray[Any, Any]) -> list[int]:
    """Row at which each connected part begins, and the number of rows."""
    parts = centres[:, 0]
    return [*np.flatnonzero(np.diff(parts, prepend=-1)).tolist(), len(parts)]
