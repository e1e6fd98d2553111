"""Exported files hold everything and agree with the network; those that do not are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from core.data.plan import Plan
from core.demo.phantom import make_case
from core.errors import FileRefusedError, UserError
from core.models import exporting
from core.models.card import ModelCard
from core.models.exporting import export_model
from core.models.saved import INPUT, OUTPUT, load_model, save_model
from core.models.store import ModelEntry, save_card
from core.nets.registry import build


def test_onnx_agrees_on_a_whole_case_and_with_any_patch(
    folder: Path, net: nn.Module, tmp_path: Path
) -> None:
    case = make_case(3, (16, 64, 64), (12.0, 6.0, 6.0))
    seen: list[tuple[int, int]] = []
    result = export_model(
        folder, "onnx", tmp_path / "m.onnx", case.volume, lambda *p: seen.append(p)
    )
    assert result.passed
    assert result.checked_on == "case"
    assert result.max_abs_difference < 1e-4
    assert result.same_voxels > 0.9999
    assert result.dice >= 0.999
    assert result.bytes == (tmp_path / "m.onnx").stat().st_size
    assert seen[-1][0] == seen[-1][1] > 0
    model = load_model(tmp_path / "m.onnx")
    assert model.net is None
    assert model.card.title == "Liver lesion v3"
    for shape in ((1, 1, 2, 4, 6), (3, 1, 8, 16, 24)):
        block = torch.randn(shape)
        with torch.no_grad():
            assert torch.allclose(model.predictor(block), net.eval()(block), atol=1e-4)
    proto = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(proto)
    assert proto.opset_import[0].version >= 18
    assert [i.name for i in proto.graph.input] == [INPUT]
    assert [o.name for o in proto.graph.output] == [OUTPUT]


def test_a_network_that_knows_its_place_gives_the_same_mask_from_every_file(
    plan: Plan, card: ModelCard, tmp_path: Path
) -> None:
    case = make_case(3, (16, 64, 64), (12.0, 6.0, 6.0))
    torch.manual_seed(3)
    told = replace(plan, position=True)
    folder = tmp_path / "models" / "r07"
    save_model(folder, build(told), told, card)
    for suffix in ("onnx", "safetensors"):
        path = tmp_path / f"m.{suffix}"
        result = export_model(folder, suffix, path, case.volume)
        assert result.passed
        assert result.dice >= 0.999
        assert load_model(path).plan.position


def test_safetensors_is_exact_and_carries_the_edited_card(
    folder: Path, card: ModelCard, tmp_path: Path
) -> None:
    entry = ModelEntry("r06", folder, card)
    save_card(entry, replace(card, limits="Not after ablation."))
    result = export_model(folder, "safetensors", tmp_path / "m.safetensors")
    assert result.passed
    assert result.max_abs_difference == 0
    assert result.same_voxels == 1
    assert result.checked_on == "patch"
    assert result.as_json()["dice"] is None
    assert load_model(tmp_path / "m.safetensors").card.limits == "Not after ablation."
    (record,) = entry.exports()
    assert record.path == str(tmp_path / "m.safetensors")
    assert record.passed


def test_a_file_that_differs_is_reported_as_failed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Plan, card: ModelCard
) -> None:
    def wrong(_kind: str, model: exporting.LoadedModel, path: Path) -> None:
        assert model.net is not None
        for tensor in model.net.parameters():
            tensor.add_(0.05)
        exporting.write_weights(path, model.net, plan, card)
        for tensor in model.net.parameters():
            tensor.sub_(0.05)

    monkeypatch.setattr(exporting, "_write", wrong)
    result = export_model(folder, "safetensors", tmp_path / "m.safetensors")
    assert not result.passed
    assert result.max_abs_difference > result.limit
    (record,) = ModelEntry("r06", folder, card).exports()
    assert not record.passed
    assert record.max_difference == result.max_abs_difference


@pytest.mark.parametrize(("network", "stages"), [("dynunet", 3), ("segresnet", 2)])
def test_the_other_networks_export_too(
    network: str, stages: int, plan: Plan, card: ModelCard, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    other = replace(
        plan, network=network, deep_supervision=network == "dynunet", channels=(4, 8, 16)[:stages],
        blocks=(1,) * stages, strides=((1, 1, 1), *((2, 2, 2),) * (stages - 1)),
        kernels=((3, 3, 3),) * stages,
    )  # fmt: skip
    save_model(tmp_path / "m", build(other), other, card)
    result = export_model(tmp_path / "m", "onnx", tmp_path / "m.onnx")
    assert result.passed
    assert load_model(tmp_path / "m").card.network == network
    assert np.isfinite(result.max_abs_difference)


def test_wrong_formats_and_places_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="torchscript"):
        export_model(folder, "torchscript", tmp_path / "m.pt")
    with pytest.raises(FileRefusedError, match=r"\.onnx"):
        export_model(folder, "onnx", tmp_path / "m.pt")
    with pytest.raises(FileRefusedError, match="folder"):
        export_model(folder, "onnx", tmp_path / "absent" / "m.onnx")
    assert not list(tmp_path.glob("*m.*"))
