"""A tiny network and its plan."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from core.data.plan import Plan, PlanClass
from core.models.card import ModelCard
from core.models.saved import save_model
from core.nets.registry import build


@pytest.fixture
def plan() -> Plan:
    return Plan(
        name="Liver lesion",
        classes=(PlanClass(1, "Tumour"),),
        spacing=(12.0, 8.0, 8.0),
        overlap=0.1,
        patch=(8, 16, 16),
        hu_low=-150,
        hu_high=250,
        hu_mean=60,
        hu_std=40,
        channels=(8, 16),
        blocks=(1, 1),
        strides=((1, 1, 1), (2, 2, 2)),
        kernels=((3, 3, 3), (3, 3, 3)),
        deep_supervision=True,
        epochs=1,
    )


@pytest.fixture
def net(plan: Plan) -> nn.Module:
    torch.manual_seed(3)
    return build(plan)


@pytest.fixture
def card() -> ModelCard:
    return ModelCard(
        name="Liver lesion", version="3", run_id="r06", created="2024-06-02T10:00:00+02:00",
        dice=0.81, hd95=6.2, sensitivity=0.85, cases=8,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, net: nn.Module, plan: Plan, card: ModelCard) -> Path:
    where = tmp_path / "project" / "models" / "r06"
    save_model(where, net, plan, card)
    return where
