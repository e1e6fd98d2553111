"""The cases of a run dealt out to its processes, and the batches that each share of them gives.

A plan of N processes has N shards: training case i lies in shard i mod N, and every shard has its
own sampler, its own augmentation and its own chance. A batch of B blocks is B / N of each shard,
in the order of the shards. Which process holds a shard changes nothing: two processes with one
shard each see the same blocks as one process with both, so a plan is the same run on any number
of processes that divides N. Gradients are means over blocks and the shares are equally large, so
the mean over the processes is the gradient of the whole batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import torch

from core.data.augment import Augmenter
from core.data.batch import Batch
from core.data.cache import Case
from core.data.plan import Plan
from core.data.pool import Pool, make_pool
from core.data.sampler import Sampler

T = TypeVar("T")

#: Between the seeds of two shards: a number that nobody adds to a seed by hand.
_SEED_STEP = 1_000_003


def deal(cases: Sequence[T], plan: Plan, held: Sequence[int] | None = None) -> dict[int, list[T]]:
    """The training cases of each shard in ``held``, of all shards where it is None."""
    numbers = range(plan.processes) if held is None else held
    return {shard: list(cases[shard :: plan.processes]) for shard in numbers}


class Shards:
    """Batches from the shards ``cases``, which this process holds; see :func:`deal`."""

    def __init__(
        self,
        cases: Mapping[int, Sequence[Case]],
        plan: Plan,
        device: torch.device,
        room: int | None = None,
    ) -> None:
        """room: bytes for cases on the device, all shards together; None: no limit."""
        self._blocks, self._count = plan.batch // plan.processes, plan.processes
        #: Indices of the training cases the last batch came from, block by block.
        self.drawn: list[int] = []
        self._samplers: dict[int, Sampler] = {}
        self._augmenters: list[Augmenter] = []
        self._pools: list[Pool] = []
        #: Which of all training cases each block of the last batch was of.
        self.drawn: list[int] = []
        for shard, mine in sorted(cases.items()):
            generator = torch.Generator().manual_seed(plan.seed + _SEED_STEP * shard)
            pool = make_pool(mine, plan, device, None if room is None else room // len(cases))
            self._pools.append(pool)
            self._samplers[shard] = Sampler(mine, plan, generator, pool)
            self._augmenters.append(Augmenter(mine, plan, generator, device, pool))

    def batch(self) -> Batch:
        """The next blocks: ``plan.batch / plan.processes`` of each shard held here."""
        self.drawn = []
        parts: list[Batch] = []
        for (shard, sampler), augmenter in zip(
            self._samplers.items(), self._augmenters, strict=True
        ):
            sampler.begin()
            blocks = [sampler.draw() for _ in range(self._blocks)]
            self.drawn += [shard + self._count * block.case for block in blocks]
            parts.append(augmenter.batch(blocks))
        if len(parts) == 1:
            return parts[0]
        return Batch.joined(parts)

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs to go on drawing the same blocks, by shard."""
        return {str(shard): sampler.state() for shard, sampler in self._samplers.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Inverse of :meth:`state`; of the states of all shards it takes those held here."""
        for shard, sampler in self._samplers.items():
            sampler.restore(state[str(shard)])

    def close(self) -> None:
        """End the threads, and give the memory of the cases back."""
        for augmenter in self._augmenters:
            augmenter.close()
        for pool in self._pools:
            pool.close()
