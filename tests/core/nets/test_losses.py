"""Losses against MONAI's, by hand, and with references that are incomplete."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from monai.losses import DiceLoss, FocalLoss, TverskyLoss
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.errors import UserError
from core.labels.schema import IGNORE
from core.nets.losses import make_loss, soft_dice

LOSSES = ["dice_ce", "dice_focal", "tversky_ce"]


@dataclass(frozen=True)
class Spec:
    loss: str = "dice_ce"
    batch_dice: bool = False
    ignore_value: int | None = None


def sample(classes: int = 2, size: int = 6, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits and target of a batch of three, the last of which holds background only."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, classes + 1, size, size, size, generator=generator) * 2
    target = torch.randint(0, classes + 1, (3, size, size, size), generator=generator)
    target[2] = 0
    return logits, target


def monai(name: str, logits: Tensor, target: Tensor, batch: bool) -> Tensor:
    """The same of MONAI's parts. Its Dice counts hits twice, so its smoothing is twice ours."""
    y = target[:, None]
    kind = {"include_background": False, "to_onehot_y": True, "softmax": True, "batch": batch}
    dice = DiceLoss(**kind, smooth_nr=2, smooth_dr=2)(logits, y)
    if name == "dice_focal":
        focal = FocalLoss(include_background=True, to_onehot_y=True, use_softmax=True, gamma=2)
        # Its mean is over the channels, too, of which only the right one holds anything.
        return dice + focal(logits, y) * logits.shape[1]
    if name == "tversky_ce":
        dice = TverskyLoss(**kind, alpha=0.3, beta=0.7, smooth_nr=1, smooth_dr=1)(logits, y)
    return dice + F.cross_entropy(logits, target)


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_the_same_as_monai(name: str, batch: bool) -> None:
    for seed in range(3):
        logits, target = sample(seed=seed)
        ours = make_loss(Spec(name, batch))(logits, target)
        assert ours.item() == pytest.approx(monai(name, logits, target, batch).item(), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "batch", "golden"),
    [
        ("dice_ce", False, 2.69164), ("dice_ce", True, 2.65185), ("dice_focal", False, 2.36149),
        ("tversky_ce", False, 2.68459),
    ],
)  # fmt: skip
def test_golden_numbers(name: str, batch: bool, golden: float) -> None:
    assert make_loss(Spec(name, batch))(*sample()).item() == pytest.approx(golden, abs=2e-5)


def test_an_unknown_loss_is_named() -> None:
    with pytest.raises(UserError, match="hinge"):
        make_loss(Spec("hinge"))


@pytest.mark.parametrize("name", LOSSES)
def test_better_predictions_lose_less(name: str) -> None:
    target = torch.zeros(1, 8, 8, 8, dtype=torch.long)
    target[:, 2:5, 2:5, 2:5] = 1
    onehot = F.one_hot(target, 2).movedim(-1, 1).float()
    loss = make_loss(Spec(name))
    right, unsure, wrong = (loss(onehot * s, target).item() for s in (20.0, 0.0, -20.0))
    assert 0 <= right < 1e-3
    assert right < unsure < wrong


def test_deep_supervision_weighs_the_finest_most() -> None:
    target = torch.zeros(1, 8, 8, 8, dtype=torch.long)
    target[:, :4] = 1
    onehot = F.one_hot(target, 2).movedim(-1, 1).float() * 20
    coarse = onehot[:, :, ::2, ::2, ::2]
    loss = make_loss(Spec())
    only_fine_wrong = loss([-onehot, coarse], target)
    only_coarse_wrong = loss([onehot, -coarse], target)
    assert only_fine_wrong > 1.5 * only_coarse_wrong


def test_soft_dice_by_hand() -> None:
    onehot = torch.zeros(1, 2, 1, 1, 4)
    onehot[0, 1, 0, 0, :2] = 1
    onehot[0, 0, 0, 0, 2:] = 1
    p = torch.full((1, 2, 1, 1, 4), 0.5)
    # hit 1, predicted 2, reference 2, smoothing 1 on both sides: (1 + 1) / (2 + 1)
    assert soft_dice(p, onehot).item() == pytest.approx(1 - 2 / 3)


def test_half_precision_logits_do_not_overflow() -> None:
    target = torch.zeros(1, 48, 48, 48, dtype=torch.long)
    logits = torch.full((1, 2, 48, 48, 48), 8.0, dtype=torch.float16)
    assert torch.isfinite(make_loss(Spec())(logits, target))


def sure(target: Tensor, classes: int = 2) -> Tensor:
    return F.one_hot(target, classes).movedim(-1, 1).float() * 20


def test_a_lesion_of_a_few_voxels_weighs_nearly_as_much_as_a_large_one() -> None:
    def missed(edge: int) -> float:
        target = torch.zeros(1, 32, 32, 32, dtype=torch.long)
        target[:, :edge, :edge, :edge] = 1
        return make_loss(Spec())(sure(torch.zeros_like(target)), target).item()

    # 8 voxels against 8,000 in 32,768: a fifth of the weight would be lost at most.
    assert 0.8 <= missed(2) < missed(20)


def test_over_the_batch_an_empty_block_does_not_outweigh_a_lesion() -> None:
    target = torch.zeros(2, 16, 16, 16, dtype=torch.long)
    target[0, :6, :6, :6] = 1
    guess = target.clone()
    guess[1, 0, 0, :8] = 1  # eight false voxels in the block without a lesion
    one, all_together = (make_loss(Spec(batch_dice=b))(sure(guess), target) for b in (False, True))
    # Alone they are as bad as missing a whole lesion; among 216 found ones they are few.
    assert one > 0.35
    assert all_together < 0.06


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("batch", [False, True])
def test_what_nobody_is_sure_of_teaches_nothing(name: str, batch: bool) -> None:
    loss = make_loss(Spec(name, batch, ignore_value=9))
    logits, target = sample()
    target[:, :2] = IGNORE
    logits.requires_grad_()
    value = loss([logits, logits[:, :, ::2, ::2, ::2]], target)
    value.backward()
    assert logits.grad is not None
    assert logits.grad[:, :, :2].abs().max() == 0
    assert logits.grad[:, :, 2:].abs().min() > 0
    # As if those slices had been cut off.
    whole = make_loss(Spec(name, batch))(logits[:, :, 2:], target[:, 2:])
    assert loss(logits, target).item() == pytest.approx(whole.item(), rel=1e-5)
    assert loss(logits, torch.full_like(target, IGNORE)).isfinite()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("batch", [False, True])
def test_all_classes_outlined_is_the_loss_as_ever(name: str, batch: bool) -> None:
    logits, target = sample()
    loss = make_loss(Spec(name, batch))
    known = torch.ones(3, 3, dtype=torch.bool)
    assert loss(logits, target, known).item() == pytest.approx(loss(logits, target).item())


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("batch", [False, True])
def test_a_class_that_is_not_outlined_is_background_or_itself(name: str, batch: bool) -> None:
    logits, target = sample()
    known = torch.tensor([[True, True, False]] * 3)
    target[target == 2] = 0
    loss = make_loss(Spec(name, batch))
    # The same network with two outputs, the first of which is both: that is the marginal loss.
    two = torch.stack([logits[:, [0, 2]].logsumexp(1), logits[:, 1]], 1)
    assert loss(logits, target, known).item() == pytest.approx(loss(two, target).item(), rel=1e-5)
    # Painted or not, sure of it or not: nothing changes.
    painted = target.clone()
    painted[0, 0] = torch.where(painted[0, 0] == 0, 2, painted[0, 0])
    assert loss(logits, painted, known).item() == pytest.approx(loss(logits, target, known).item())
    shifted = logits + 0.0
    swap = target == 0
    shifted[:, 0][swap], shifted[:, 2][swap] = logits[:, 2][swap], logits[:, 0][swap]
    assert loss(shifted, target, known).item() == pytest.approx(
        loss(logits, target, known).item(), rel=1e-5
    )


def test_only_the_cases_that_say_nothing_of_a_class_leave_it_alone() -> None:
    logits, target = sample()
    target[0][target[0] == 2] = 0
    known = torch.tensor([[True, True, False], [True, True, True], [True, True, True]])
    logits.requires_grad_()
    make_loss(Spec())(logits, target, known).backward()
    assert logits.grad is not None
    background, other = logits.grad[0, 0], logits.grad[0, 2]
    elsewhere = target[0] == 0
    # There both are pushed the same way, by their own share; in the other cases against each other.
    assert ((background[elsewhere] < 0) & (other[elsewhere] < 0)).all()
    assert (logits.grad[1, 2][target[1] == 0] > 0).all()
