"""The same step in less memory: a batch in pieces, activations computed again."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from core.data.batch import Batch
from core.nets.memory import OutOfMemory
from core.training.step import Learner
from tests.core.data.plans import tiny_plan

CPU = torch.device("cpu")


def a_batch(blocks: int = 4, size: int = 16) -> Batch:
    generator = torch.Generator().manual_seed(7)
    target = torch.zeros(blocks, size, size, size, dtype=torch.long)
    target[:, 4:10, 4:10, 4:10] = 1
    target[0] = 0
    image = torch.randn(blocks, 1, size, size, size, generator=generator) + target[:, None]
    return Batch(image, target)


def gradients(plan_changes: dict[str, Any], batch: Batch) -> tuple[Tensor, list[Tensor]]:
    learner = Learner(tiny_plan(batch=len(batch.image), **plan_changes), CPU)
    loss = learner.gradients(batch)
    return loss, [p.grad.clone() for p in learner.net.parameters() if p.grad is not None]


@pytest.mark.parametrize("pieces", [2, 4])
def test_pieces_of_a_batch_add_up_to_the_whole(pieces: int) -> None:
    batch = a_batch()
    loss, whole = gradients({}, batch)
    same_loss, parts = gradients({"accumulation": pieces}, batch)
    torch.testing.assert_close(same_loss, loss)
    assert len(whole) == len(parts) > 10
    for ours, theirs in zip(parts, whole, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)


NETWORKS: list[dict[str, Any]] = [
    {},
    {"deep_supervision": True},
    {"network": "dynunet"},
    {"network": "segresnet"},
]


@pytest.mark.parametrize("changes", NETWORKS, ids=str)
def test_activations_computed_again_give_the_same_gradients(changes: dict[str, Any]) -> None:
    batch = a_batch(2)
    loss, kept = gradients(changes, batch)
    same_loss, again = gradients({**changes, "recompute": True}, batch)
    assert torch.equal(loss, same_loss)
    assert len(kept) == len(again) > 10
    for ours, theirs in zip(again, kept, strict=True):
        assert torch.equal(ours, theirs)


class Kept:
    """Bytes that autograd keeps between forward and backward pass."""

    def __init__(self) -> None:
        self.bytes = 0

    def pack(self, tensor: Tensor) -> Tensor:
        self.bytes += tensor.nbytes
        return tensor


def test_fewer_activations_are_kept() -> None:
    kept: list[int] = []
    for recompute in (False, True):
        learner = Learner(tiny_plan(recompute=recompute), CPU)
        counter = Kept()
        with torch.autograd.graph.saved_tensors_hooks(counter.pack, lambda t: t):
            learner.forward(a_batch(2).image)
        kept.append(counter.bytes)
    assert kept[1] < 0.5 * kept[0]


def test_the_average_does_not_run_the_blocks_of_the_network() -> None:
    learner = Learner(tiny_plan(recompute=True, ema_decay=0.999), CPU)
    before = learner.predictor(a_batch(2).image)
    with torch.no_grad():
        for parameter in learner.net.parameters():
            parameter.zero_()
    assert torch.equal(learner.predictor(a_batch(2).image), before)


def test_a_step_that_did_not_fit_can_be_taken_again_with_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = tiny_plan(batch=4)
    one, other = Learner(plan, CPU), Learner(plan, CPU)
    batch = a_batch()
    one.step(batch, 1e-3, 0)

    def full(*_: object) -> Tensor:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 8 GB")

    with monkeypatch.context() as patch:
        patch.setattr("core.nets.residual_unet.ResidualUNet.forward", full)
        with pytest.raises(OutOfMemory, match="4 blocks of 16 × 16 × 16"):
            other.step(batch, 1e-3, 0)
    other.obey(tiny_plan(batch=4, accumulation=2, recompute=True))
    other.step(batch, 1e-3, 0)
    for ours, theirs in zip(other.net.parameters(), one.net.parameters(), strict=True):
        # AdamW's first step is the gradient's sign where it is not next to nothing.
        torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-3)
    assert other.read().count == 1


def test_an_error_that_is_no_lack_of_memory_stays_what_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(*_: object) -> Tensor:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    learner = Learner(tiny_plan(), CPU)
    monkeypatch.setattr("core.nets.residual_unet.ResidualUNet.forward", wrong)
    with pytest.raises(RuntimeError, match="cannot be multiplied") as caught:
        learner.step(a_batch(2), 1e-3, 0)
    assert not isinstance(caught.value, OutOfMemory)
