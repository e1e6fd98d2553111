"""How well the network in training agrees with the label of each training case.

A case whose label is wrong stays badly outlined when the others are long learnt. The overlap is
summed on the device with each step, over the blocks of the case that the step had anyway: no
further pass through the network, no read-back until someone asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

#: What a visit of a case leaves of the sums before: about the last 20 blocks of it count.
FADE = 0.95
#: Blocks of a case after which its figure means something.
VISITS = 10


class Agreement:
    """Sums of hits, found and labelled voxels of each of ``count`` cases, fading over time."""

    def __init__(self, count: int, device: torch.device) -> None:
        self._sums = torch.zeros(count, 3, device=device)
        self._visits = [0] * count
        self._next: list[int] = []

    def expect(self, cases: Sequence[int]) -> None:
        """Indices of the cases of the next batch, block by block."""
        self._next = list(cases)

    def see(self, logits: Tensor, target: Tensor, known: Tensor | None = None) -> None:
        """The next blocks of the batch: logits ``[b, c, z, y, x]``, target ``[b, z, y, x]``.

        known: bool ``[b, c]``, which classes are outlined in the case of each block; None: all.
        """
        mine, self._next = self._next[: len(target)], self._next[len(target) :]
        with torch.no_grad():
            # Voxels that are not to be learnt from lie outside the classes.
            sure = (target >= 0) & (target < logits.shape[1])
            best, row = logits.argmax(1), torch.where(sure, target, 0)
            if known is not None:
                # A class that is not outlined in the case says nothing about its label.
                best = torch.where(_at(known, best), best, 0)
                row = torch.where(_at(known, row), row, 0)
            found, labelled = (best > 0) & sure, row > 0
            maps = torch.stack([found & labelled, found, labelled], 1)
            sums = maps.sum((2, 3, 4), dtype=torch.float32)
            for row, case in enumerate(mine):
                self._sums[case].mul_(FADE).add_(sums[row])
                self._visits[case] += 1

    def read(self) -> dict[int, float]:
        """Dice (0-1) of each case that was seen often enough and has a lesion; one read-back."""
        rows = self._sums.tolist()
        return {
            case: 2 * hit / (found + labelled)
            for case, (hit, found, labelled) in enumerate(rows)
            if self._visits[case] >= VISITS and labelled > 0
        }

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs of this object."""
        return {"sums": self._sums.cpu().clone(), "visits": list(self._visits)}

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state`."""
        self._sums.copy_(state["sums"])
        self._visits = [int(n) for n in state["visits"]]


def _at(known: Tensor, classes: Tensor) -> Tensor:
    """For each voxel of ``classes`` ``[b, z, y, x]`` whether its class is ``known`` ``[b, c]``."""
    return known.gather(1, classes.flatten(1)).view_as(classes)
