"""The blocks of one step, as a network and its loss take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """image: float32 ``[b, plan.inputs, z, y, x]``. target: int64 channels ``[b, z, y, x]``.

    In target ``IGNORE`` stands where nobody is sure. known: bool ``[b, plan.outputs]``, which
    channels are outlined in the case of each block; None when all are in all cases.
    """

    image: Tensor
    target: Tensor
    known: Tensor | None = None

    def pieces(self, count: int) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Image, target and known of ``count`` parts of the batch, one after the other."""
        images, targets = self.image.chunk(count), self.target.chunk(count)
        known = [None] * len(images) if self.known is None else self.known.chunk(count)
        yield from zip(images, targets, known, strict=True)

    @classmethod
    def joined(cls, parts: Sequence[Batch]) -> Batch:
        """One batch of several, in their order."""
        partial = [part.known for part in parts if part.known is not None]
        known = None
        if partial:
            every = partial[0].new_ones(1, partial[0].shape[1])
            known = torch.cat(
                [every.expand(len(p.target), -1) if p.known is None else p.known for p in parts]
            )
        return cls(torch.cat([p.image for p in parts]), torch.cat([p.target for p in parts]), known)
