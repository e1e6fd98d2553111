"""Losses on logits: soft Dice or Tversky with cross-entropy or focal, deep supervision included.

Two kinds of reference are incomplete, and nothing is learned from what is not known:

* voxels that nobody is sure of (:data:`IGNORE`) count in no sum;
* a case in which only some classes are outlined says of its other voxels only that they are none
  of these. Background and the classes that are not outlined are therefore one class there, with
  the sum of their probabilities: the marginal loss of Shi et al., "Marginal loss and exclusion
  loss for partially supervised multi-organ segmentation", Medical Image Analysis 70 (2021) 101979.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.errors import UserError
from core.labels.schema import IGNORE

#: Added to both sides of the Dice ratio, in voxels: an empty block scores a little, not nothing.
#: As large as a voxel, so that a lesion of a few voxels still weighs, and the gradient of an empty
#: block stays finite; nnU-Net's 1e-5 makes the latter a hundred thousand times steeper.
SMOOTH = 1.0


class LossPlan(Protocol):
    """What of a plan says how wrong is counted (``core.data.plan.Plan`` has it all)."""

    @property
    def loss(self) -> str: ...  # noqa: D102
    @property
    def batch_dice(self) -> bool: ...  # noqa: D102
    @property
    def ignore_value(self) -> int | None: ...  # noqa: D102


class Loss(Protocol):
    """See :func:`make_loss`."""

    def __call__(
        self, logits: Tensor | Sequence[Tensor], target: Tensor, known: Tensor | None = None
    ) -> Tensor:
        """A scalar, in fp32, of one batch."""
        ...


def soft_dice(probabilities: Tensor, onehot: Tensor) -> Tensor:
    """1 - Dice, mean over samples and the classes but background; both ``[b, c, z, y, x]``."""
    return _tversky(probabilities, onehot, 0.5, 0.5)


def _tversky(
    probabilities: Tensor,
    onehot: Tensor,
    false_pos: float,
    false_neg: float,
    *,
    known: Tensor | None = None,
    over_batch: bool = False,
) -> Tensor:
    """1 - Tversky index (Salehi et al. 2017); 0.5 and 0.5 make it Dice.

    known: bool ``[b, c]``, the classes that are outlined. over_batch: one index a class over all
    samples, instead of one a sample.
    """
    p, t = probabilities[:, 1:].flatten(2), onehot[:, 1:].flatten(2)
    hit = (p * t).sum(2)
    sums = torch.stack([hit, p.sum(2) - hit, t.sum(2) - hit])  # [3, b, c - 1]
    counted = None if known is None else known[:, 1:].to(p.dtype)
    if over_batch:
        sums = (sums if counted is None else sums * counted).sum(1)
        counted = None if counted is None else (counted.sum(0) > 0).to(p.dtype)
    hit, false, missed = sums
    loss = 1 - (hit + SMOOTH) / (hit + false_pos * false + false_neg * missed + SMOOTH)
    return loss.mean() if counted is None else (loss * counted).sum() / counted.sum().clamp(min=1)


def _one(plan: LossPlan, logits: Tensor, target: Tensor, known: Tensor | None) -> Tensor:
    # Sums over a block overflow 16-bit floats, so the loss is always fp32.
    log_p = torch.log_softmax(logits.float(), 1)
    if known is not None:
        log_p, target = _merged(log_p, target, known)
    p = log_p.exp()
    onehot = _onehot(target, p)
    if plan.ignore_value is None:
        voxels: Tensor | int = target.numel()
    else:
        sure = target != IGNORE
        p = p * sure[:, None]
        voxels = sure.sum().clamp(min=1)
    overlap = (0.3, 0.7) if plan.loss == "tversky_ce" else (0.5, 0.5)
    # Tversky's 0.3 and 0.7: a missed voxel costs more than a false one, as its authors advise.
    dice = _tversky(p, onehot, *overlap, known=known, over_batch=plan.batch_dice)
    if plan.loss == "dice_focal":
        # Focal with gamma 2 (Lin et al. 2017): voxels already right weigh little.
        log_p = log_p * (1 - p).pow(2)
        return dice - (log_p * onehot).sum() / voxels
    return dice + F.nll_loss(log_p, target, ignore_index=IGNORE, reduction="sum") / voxels


def _onehot(target: Tensor, like: Tensor) -> Tensor:
    """1 in the channel of each voxel's class, as ``like`` (``[b, c, z, y, x]``); 0 if unsure.

    torch's own looks at the values first, which on some devices waits for them.
    """
    channels = torch.arange(like.shape[1], device=target.device)
    return (target[:, None] == channels.view(-1, 1, 1, 1)).to(like.dtype)


def _merged(log_p: Tensor, target: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities and reference in which classes that are not outlined are background.

    What was painted of such a class is taken for part of it, too: it may be only a beginning.
    """
    others = known.clone()
    others[:, 0] = False
    background = log_p.masked_fill(others[:, :, None, None, None], -torch.inf).logsumexp(1)
    log_p = torch.cat([background[:, None], log_p[:, 1:]], 1)
    sure = target != IGNORE
    row = torch.where(sure, target, 0)
    painted = ~known.gather(1, row.flatten(1)).view_as(row) & sure
    return log_p, torch.where(painted, 0, target)


def make_loss(plan: LossPlan) -> Loss:
    """The loss of ``plan``: (logits or a list of them, target, known) to a scalar.

    logits ``[b, c, z, y, x]``; with deep supervision finest first, each next one counts half.
    target int64 ``[b, z, y, x]`` at full size, with :data:`IGNORE` where nobody is sure (only if
    the plan has an ``ignore_value``). known: bool ``[b, c]``, which classes are outlined in the
    case of each sample, background always among them; None: all. Raises UserError for a loss it
    does not know.
    """
    if plan.loss not in {"dice_ce", "dice_focal", "tversky_ce"}:
        raise UserError(
            f"There is no loss called {plan.loss}; choose dice_ce, dice_focal, tversky_ce."
        )

    def loss(
        logits: Tensor | Sequence[Tensor], target: Tensor, known: Tensor | None = None
    ) -> Tensor:
        if isinstance(logits, Tensor):
            return _one(plan, logits, target, known)
        weights = [0.5**i for i in range(len(logits))]
        total = torch.zeros((), device=target.device)
        for weight, scale in zip(weights, logits, strict=True):
            part = _one(plan, scale, _shrink(target, scale.shape), known)
            total = total + weight / sum(weights) * part
        return total

    return loss


def _shrink(target: Tensor, shape: Sequence[int]) -> Tensor:
    """The target at a coarser stage of the network, nearest voxel."""
    if target.shape[1:] == shape[2:]:
        return target
    small = F.interpolate(target[:, None].float(), size=tuple(shape[2:]), mode="nearest")
    return small[:, 0].long()
