"""SwinUNETR to ONNX: a minute of tracing its windows and masks, too long for every test run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from core.models.card import ModelCard
from core.models.exporting import ExportResult, export_model
from core.models.saved import load_model, save_model
from core.nets.registry import build
from tests.core.nets.test_nets import swin_plan


@pytest.mark.timeout(1800)
def test_export_of_swin_unetr(benchmark: Any, tmp_path: Path) -> None:
    plan = swin_plan()
    torch.manual_seed(0)
    card = ModelCard(name="Swin", version="1", run_id="r01", created="2024-06-02T10:00:00+02:00")
    save_model(tmp_path / "m", build(plan), plan, card)

    def export() -> ExportResult:
        return export_model(tmp_path / "m", "onnx", tmp_path / "m.onnx")

    result = benchmark.pedantic(export, rounds=1)
    assert result.passed
    model = load_model(tmp_path / "m.onnx")
    block = torch.randn(1, 1, *plan.patch)
    net = load_model(tmp_path / "m").net
    assert net is not None
    with torch.no_grad():
        assert torch.allclose(model.predictor(block), net(block), atol=1e-3)
