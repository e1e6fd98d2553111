"""Batches from resident cases: one affine read a block, then intensity changes.

No worker processes. What happens to a block is drawn on the CPU and its noise is a hash of drawn
numbers, so the same seed makes the same batches on every device up to floating point. On the CPU
compiled loops do the work (``host``), elsewhere torch on the device (``affine``, ``intensity``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Generator, Tensor

from core.data import affine, intensity
from core.data.batch import Batch
from core.data.cache import Case
from core.data.draws import Change, draw
from core.data.inputs import cut_size, edge_rows, network_input, with_neighbours
from core.data.plan import Plan
from core.data.pool import Pool
from core.data.sampler import Block
from core.data.workers import Workers
from core.geometry import Triple

__all__ = ["Augmenter", "Batch"]


class Augmenter:
    """Cuts and varies blocks of ``cases``, which lie in ``pool``. Close it: it may have threads."""

    def __init__(
        self,
        cases: Sequence[Case],
        plan: Plan,
        generator: Generator,
        device: torch.device,
        pool: Pool | None = None,
    ) -> None:
        """Without a pool all cases are held on ``device``."""
        self._cases, self._plan, self._generator = cases, plan, generator
        self._device = device
        self._pool = Pool(cases, device) if pool is None else pool
        self._workers = Workers(torch.get_num_threads())
        self._size = cut_size(plan)

    def batch(self, blocks: Sequence[Block]) -> Batch:
        """The blocks, varied as the plan says."""
        changes = [draw(self._plan, self._generator) for _ in blocks]
        centres = [
            affine.settle(block.centre, self._size, change)
            for block, change in zip(blocks, changes, strict=True)
        ]
        cuts = torch.empty((len(blocks), *self._size), device=self._device)
        targets = torch.empty_like(cuts, dtype=torch.int64)
        for i, (block, centre, change) in enumerate(zip(blocks, centres, changes, strict=True)):
            self._cut(block.case, centre, change, (cuts[i], targets[i]))
        image = network_input(
            with_neighbours(cuts[:, None], self._plan),
            self._plan,
            [self._cases[block.case].info.shape for block in blocks],
            centres,
            torch.from_numpy(np.stack([change.matrix for change in changes])),
        )
        middle = self._plan.slices // 2
        targets = targets[:, middle : middle + self._plan.patch[0]]
        return Batch(image, targets, self._known(blocks))

    def _cut(self, case: int, centre: Triple, change: Change, out: tuple[Tensor, Tensor]) -> None:
        """Write image and labels of a block, varied as ``change`` says, into ``out``."""
        plan, image, label = self._plan, self._pool.image(case), self._pool.label(case)
        shape = self._cases[case].info.shape
        where = affine.window(shape, centre, self._size, change)
        greys, target = out
        if self._device.type == "cpu":
            # Compiled when it is first imported, which is not needed elsewhere.
            from core.data import host  # noqa: PLC0415

            host.read(image, label, plan, where, self._workers, out=out)
            varied = host.vary(greys, change, self._workers)
        else:
            varied, names = affine.read(image, label, plan, where, self._device)
            varied = intensity.vary(varied, change)
            target.copy_(names)
        if plan.slices > 1:
            rows = edge_rows(centre[0], float(change.matrix[0, 0]), plan, shape[0])
            varied = varied.index_select(0, rows.to(varied.device))
        if varied is not greys:
            greys.copy_(varied)

    def _known(self, blocks: Sequence[Block]) -> Tensor | None:
        """Which channels are outlined in the case of each block; None when all are."""
        known = torch.tensor([self._cases[block.case].known(self._plan) for block in blocks])
        return None if bool(known.all()) else known.to(self._device)

    def close(self) -> None:
        """End the threads."""
        self._workers.close()
