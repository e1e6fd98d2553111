"""Losses on logits: soft Dice or Tversky with cross-entropy or focal, deep supervision included."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.errors import UserError

Loss = Callable[[Tensor | Sequence[Tensor], Tensor], Tensor]

#: Added to both sides of the Dice ratio, in voxels: an empty block scores a little, not nothing.
SMOOTH = 1.0


def soft_dice(probabilities: Tensor, onehot: Tensor) -> Tensor:
    """1 - Dice, mean over samples and the classes but background; both ``[b, c, z, y, x]``."""
    return _tversky(probabilities, onehot, 0.5, 0.5)


def _tversky(probabilities: Tensor, onehot: Tensor, false_pos: float, false_neg: float) -> Tensor:
    """1 - Tversky index (Salehi et al. 2017); 0.5 and 0.5 make it Dice."""
    p, t = probabilities[:, 1:].flatten(2), onehot[:, 1:].flatten(2)
    hit = (p * t).sum(2)
    missed = t.sum(2) - hit
    false = p.sum(2) - hit
    return 1 - ((hit + SMOOTH) / (hit + false_pos * false + false_neg * missed + SMOOTH)).mean()


def _one(name: str, logits: Tensor, target: Tensor) -> Tensor:
    # Sums over a block overflow 16-bit floats, so the loss is always fp32.
    logits = logits.float()
    onehot = F.one_hot(target, logits.shape[1]).movedim(-1, 1).to(logits.dtype)
    log_p = torch.log_softmax(logits, 1)
    p = log_p.exp()
    if name == "dice_ce":
        return soft_dice(p, onehot) + F.nll_loss(log_p, target)
    if name == "dice_focal":
        # Focal with gamma 2 (Lin et al. 2017): voxels already right weigh little.
        hardness = (1 - p).pow(2)
        return soft_dice(p, onehot) - (hardness * log_p * onehot).sum(1).mean()
    # 0.3 and 0.7: a missed voxel costs more than a false one, as its authors advise.
    return _tversky(p, onehot, 0.3, 0.7) + F.nll_loss(log_p, target)


def make_loss(name: str) -> Loss:
    """The loss of a plan's ``loss``: (logits or a list of them, target) to a scalar.

    logits ``[b, c, z, y, x]``; with deep supervision finest first, each next one counts half.
    target int64 ``[b, z, y, x]`` at full size. Raises UserError for a name it does not know.
    """
    if name not in {"dice_ce", "dice_focal", "tversky_ce"}:
        raise UserError(f"There is no loss called {name}; choose dice_ce, dice_focal, tversky_ce.")

    def loss(logits: Tensor | Sequence[Tensor], target: Tensor) -> Tensor:
        if isinstance(logits, Tensor):
            return _one(name, logits, target)
        weights = [0.5**i for i in range(len(logits))]
        total = torch.zeros((), device=target.device)
        for weight, scale in zip(weights, logits, strict=True):
            total = total + weight / sum(weights) * _one(name, scale, _shrink(target, scale.shape))
        return total

    return loss


def _shrink(target: Tensor, shape: Sequence[int]) -> Tensor:
    """The target at a coarser stage of the network, nearest voxel."""
    if target.shape[1:] == shape[2:]:
        return target
    small = F.interpolate(target[:, None].float(), size=tuple(shape[2:]), mode="nearest")
    return small[:, 0].long()
