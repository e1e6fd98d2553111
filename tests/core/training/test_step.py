from __future__ import annotations

import copy

import pytest
import torch

from core.data.batch import Batch
from core.training import machine
from core.training.step import Learner
from tests.core.data.plans import tiny_plan

CPU = torch.device("cpu")


def a_batch(seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    target = torch.zeros(2, 16, 16, 16, dtype=torch.long)
    target[:, 4:10, 4:10, 4:10] = 1
    noise = torch.randn(2, 1, 16, 16, 16, generator=generator)
    return Batch(noise * 0.3 + target[:, None] * 2, target)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"deep_supervision": True},
        {"optimiser": "sgd", "learning_rate": 1e-2},
        {"network": "dynunet"},
        {"network": "segresnet"},
        {"loss": "tversky_ce"},
    ],
    ids=str,
)
def test_the_loss_falls(changes: dict[str, object]) -> None:
    plan = tiny_plan(**changes)
    learner = Learner(plan, CPU)
    losses = []
    for part in range(2):
        for step in range(8):
            learner.step(a_batch(step), plan.learning_rate * 3, 8 * part + step)
        reading = learner.read()
        assert (reading.count, reading.bad) == (8, 0)
        losses.append(reading.loss)
    assert losses[1] < 0.9 * losses[0]
    assert learner.predictor(a_batch().image).shape == (2, 2, 16, 16, 16)


def test_the_average_lies_between_old_and_new_weights() -> None:
    learner = Learner(tiny_plan(ema_decay=0.5), CPU)
    old = copy.deepcopy(learner.net.state_dict())
    learner.step(a_batch(), 1e-2, done=1000)
    for name, new in learner.net.state_dict().items():
        torch.testing.assert_close(learner.average.state_dict()[name], (old[name] + new) / 2)


def test_long_gradients_are_cut() -> None:
    plan = tiny_plan(optimiser="sgd", gradient_clip=0.01, weight_decay=0.0)
    learner = Learner(plan, CPU)
    old = torch.cat([p.detach().flatten().clone() for p in learner.net.parameters()])
    learner.step(a_batch(), 1.0, 0)
    moved = torch.cat([p.detach().flatten() for p in learner.net.parameters()]) - old
    # Nesterov's first step is (1 + momentum) times the gradient.
    assert moved.norm().item() == pytest.approx(0.01 * 1.99, rel=1e-3)


def test_the_same_seed_makes_the_same_network() -> None:
    a, b = Learner(tiny_plan(), CPU), Learner(tiny_plan(), CPU)
    assert all(
        torch.equal(x, y) for x, y in zip(a.net.parameters(), b.net.parameters(), strict=True)
    )


def test_bf16_is_left_to_processors_that_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cpu_has_bf16", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    _, plan, note = machine.prepare(tiny_plan(precision="bf16"))
    assert plan.precision == "fp32"
    assert "no bf16" in note
    monkeypatch.setattr(machine, "cpu_has_bf16", lambda: True)
    _, plan, note = machine.prepare(tiny_plan(precision="bf16"))
    assert (plan.precision, note) == ("bf16", "")
