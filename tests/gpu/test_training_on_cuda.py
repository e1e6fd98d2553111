"""The training engine on a CUDA device; skipped where there is none."""

from __future__ import annotations

import pytest
import torch

from core.data.augment import Augmenter
from core.data.sampler import Sampler
from core.training.step import Learner
from tests.core.data.cases import made_case
from tests.core.data.plans import tiny_plan

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]


def batches(device: str) -> list[torch.Tensor]:
    plan = tiny_plan(low_resolution=True, elastic=True)
    cases = [made_case(i) for i in range(3)]
    generator = torch.Generator().manual_seed(3)
    sampler = Sampler(cases, plan, generator)
    augmenter = Augmenter(cases, plan, generator, torch.device(device))
    return [augmenter.batch([sampler.draw(), sampler.draw()]).image.cpu() for _ in range(10)]


def test_the_same_seed_makes_the_same_batches_on_cpu_and_gpu() -> None:
    for ours, theirs in zip(batches("cpu"), batches("cuda"), strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_the_loss_falls_in_every_precision(precision: str) -> None:
    device = torch.device("cuda")
    plan = tiny_plan(device="cuda", precision=precision, batch=2)
    cases = [made_case(i) for i in range(3)]
    generator = torch.Generator().manual_seed(3)
    sampler = Sampler(cases, plan, generator)
    augmenter = Augmenter(cases, plan, generator, device)
    learner = Learner(plan, device)
    losses = []
    for block in range(4):
        for step in range(10):
            batch = augmenter.batch([sampler.draw(), sampler.draw()])
            learner.step(batch, 3e-3, 10 * block + step)
        reading = learner.read()
        assert (reading.count, reading.bad) == (10, 0)
        losses.append(reading.loss)
    assert losses[-1] < 0.7 * losses[0]
