from __future__ import annotations

import math

import pytest
import torch

from core.training import hints
from core.training.agreement import Agreement
from core.training.hints import Pass


def passes(train: list[float], loss: list[float]) -> list[Pass]:
    return [Pass(100 * (i + 1), t, v) for i, (t, v) in enumerate(zip(train, loss, strict=True))]


FALLING = [1.0, 0.8, 0.6, 0.5, 0.42, 0.36, 0.3]


def test_falling_training_loss_beside_rising_validation_loss_is_learning_by_heart() -> None:
    found = passes(FALLING, [1.1, 0.9, 0.75, 0.78, 0.82, 0.87, 0.93])
    assert hints.overfitting(found[:4]) == ""  # one higher figure says nothing
    words = hints.overfitting(found)
    assert "since step 300" in words
    assert "fell from 0.60 to 0.33" in words
    assert "rose from 0.75 to 0.90" in words


@pytest.mark.parametrize(
    ("train", "loss"),
    [
        (FALLING, [1.1, 0.9, 0.75, 0.7, 0.66, 0.63, 0.6]),  # both fall
        (FALLING, [1.1, 0.9, 0.75, 0.76, 0.75, 0.77, 0.76]),  # validation stands
        ([1.0, 0.8, 0.6, 0.6, 0.61, 0.6, 0.6], [1.1, 0.9, 0.75, 0.8, 0.85, 0.9, 0.95]),
        (FALLING, [1.1, 0.9, 0.75, 1.2, 0.9, 0.8, 0.76]),  # one bad pass, getting better
        (FALLING[:2], [1.0, 1.2]),
    ],
    ids=["both fall", "validation stands", "training stands", "recovers", "too few"],
)
def test_other_curves_are_not(train: list[float], loss: list[float]) -> None:
    assert hints.overfitting(passes(train, loss)) == ""


def said(losses: list[float]) -> list[str]:
    divergence = hints.Divergence()
    return [words for loss in losses if (words := divergence.reading(loss))]


def test_a_loss_that_climbs_back_to_its_start_diverges() -> None:
    falls = [1.5 * 0.95**i for i in range(40)]
    words = said([*falls, *[1.45] * 20])
    assert "has risen from 0.2" in words[0]
    assert "lower learning rate" in words[0]
    assert said([1.0, 1.0, 1.0, *[1.6] * 20])  # it never learnt anything


def test_noise_and_slow_runs_do_not_diverge() -> None:
    noise = torch.Generator().manual_seed(0)
    shaken = [1.5 * 0.98**i * (1 + 0.4 * float(torch.rand((), generator=noise) - 0.5)) for i in
              range(200)]  # fmt: skip
    assert said(shaken) == []
    assert said([1.0] * 100) == []
    assert said([*[1.5 * 0.95**i for i in range(40)], 3.0, 3.0, *[0.2] * 30]) == []


def test_a_divergence_goes_on_after_a_checkpoint() -> None:
    losses = [*[1.5 * 0.9**i for i in range(30)], *[1.5] * 15]
    one, other = hints.Divergence(), hints.Divergence()
    for loss in losses[:38]:
        one.reading(loss)
    other.restore(one.state())
    assert [one.reading(x) for x in losses[38:]] == [other.reading(x) for x in losses[38:]]


def test_the_case_that_is_not_learnt_when_the_others_are_is_suspected() -> None:
    others = {0: 0.86, 1: 0.9, 2: 0.82, 3: 0.88, 5: 0.79}
    assert hints.disagreeing({**others, 4: 0.12}) == [4]
    assert hints.disagreeing({**others, 4: 0.7}) == []  # hard, not wrong
    assert hints.disagreeing(others) == []
    assert hints.disagreeing({0: 0.3, 1: 0.35, 2: 0.32, 3: 0.28, 4: 0.0}) == []  # nobody learnt
    assert hints.disagreeing({0: 0.9, 1: 0.9, 2: 0.0}) == []  # too few to call it a rule
    assert hints.disagreeing({0: 0.9, 1: 0.4, 2: 0.7, 3: 0.6, 4: 0.2}) == []  # all differ


def test_the_end_explains_itself() -> None:
    words = hints.patience_lost({"dice": 0.712, "step": 900.0}, 12.2)
    assert words == (
        "Dice on the validation cases has not risen for 12 minutes (best 0.71 at step 900); the "
        "run was stopped and the best model kept. Extend it to go on."
    )


def test_agreement_is_summed_by_case_and_forgets() -> None:
    agreement = Agreement(3, torch.device("cpu"))
    target = torch.zeros(2, 8, 8, 8, dtype=torch.long)
    target[:, 2:6, 2:6, 2:6] = 1
    right = torch.stack([1.0 - target, target.float()], 1)
    empty = torch.stack([torch.ones(8, 8, 8), torch.zeros(8, 8, 8)])[None]
    for turn in range(60):
        agreement.expect([0, 2])
        # In pieces, as a batch that is too large goes through; case 2 is learnt half way.
        agreement.see(right[:1], target[:1])
        agreement.see(right[1:] if turn >= 10 else empty, target[1:])
    dice = agreement.read()
    assert set(dice) == {0, 2}
    assert dice[0] == pytest.approx(1.0)
    assert 0.9 < dice[2] < 1.0
    other = Agreement(3, torch.device("cpu"))
    other.restore(agreement.state())
    assert other.read() == dice


def test_voxels_nobody_is_sure_of_do_not_count() -> None:
    agreement = Agreement(1, torch.device("cpu"))
    target = torch.ones(1, 4, 4, 4, dtype=torch.long)
    target[:, 2:] = 255
    logits = torch.stack([torch.zeros(4, 4, 4), torch.ones(4, 4, 4)])[None]
    for _ in range(hints.LEAST_CASES * 5):
        agreement.expect([0])
        agreement.see(logits, target)
    assert math.isclose(agreement.read()[0], 1.0)


def test_a_class_that_is_not_outlined_in_a_case_says_nothing_of_its_label() -> None:
    target = torch.zeros(2, 4, 4, 4, dtype=torch.long)
    target[:, :2] = 1
    # The network finds class 1 where it is labelled, and class 2 beside it.
    found = torch.nn.functional.one_hot(torch.where(target > 0, 1, 2), 3)
    logits = found.movedim(-1, 1).float()
    known = torch.tensor([[True, True, False], [True, True, True]])
    agreement = Agreement(2, torch.device("cpu"))
    for _ in range(hints.LEAST_CASES * 5):
        agreement.expect([0, 1])
        agreement.see(logits, target, known)
    dice = agreement.read()
    assert dice[0] == pytest.approx(1.0)
    assert dice[1] == pytest.approx(2 / 3)
    # What was painted of a class that is not outlined counts as little as what was found of it.
    agreement = Agreement(2, torch.device("cpu"))
    begun = target.clone()
    begun[:, 3] = 2
    for _ in range(hints.LEAST_CASES * 5):
        agreement.expect([0, 1])
        agreement.see(logits, begun, known)
    assert agreement.read()[0] == pytest.approx(1.0)
