"""A saved model computes the same as before; files that are not models are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from core.data.plan import Plan
from core.errors import FileRefusedError, UserError
from core.models.card import ModelCard
from core.models.header import CARD_KEY, PLAN_KEY
from core.models.saved import load_model


def _rewrite(path: Path, tensors: dict[str, torch.Tensor], plan: Plan, card: ModelCard) -> None:
    metadata = {PLAN_KEY: json.dumps(plan.as_json()), CARD_KEY: card.dumps()}
    save_file(tensors, path, metadata=metadata)


def test_a_loaded_model_computes_the_same(folder: Path, net: nn.Module, plan: Plan) -> None:
    model = load_model(folder)
    block = torch.randn(1, 1, 8, 16, 16)
    with torch.no_grad():
        expected = net.eval()(block)
        assert torch.equal(model.predictor(block), expected)
        assert torch.allclose(model.predictor_on("cpu")(block), expected, atol=1e-5)
    assert model.plan == plan
    assert model.net is not None
    assert not any(p.requires_grad for p in model.net.parameters())


def test_what_the_plan_knows_is_filled_into_the_card(folder: Path, net: nn.Module) -> None:
    card = load_model(folder).card
    assert card.parameters == sum(p.numel() for p in net.parameters())
    assert card.network == "residual_unet"
    assert card.classes == ("Tumour",)
    assert card.spacing == (12.0, 8.0, 8.0)
    assert card.dice == 0.81


def test_the_weights_file_alone_is_a_whole_model(folder: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes((folder / "model.safetensors").read_bytes())
    model = load_model(alone)
    assert model.card.name == "Liver lesion"
    assert sorted(p.name for p in folder.iterdir()) == ["card.json", "model.safetensors"]


def test_weights_of_another_network_are_refused(folder: Path, plan: Plan, card: ModelCard) -> None:
    path = folder / "model.safetensors"
    wide = replace(plan, channels=(8, 24))
    _rewrite(path, load_file(path), wide, card)
    with pytest.raises(FileRefusedError, match="do not fit its plan"):
        load_model(path)
    _rewrite(path, {"other": torch.zeros(3)}, plan, card)
    with pytest.raises(FileRefusedError, match="do not fit its plan"):
        load_model(path)


def test_weights_that_are_not_finite_are_refused(folder: Path, plan: Plan, card: ModelCard) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    next(iter(tensors.values()))[0] = np.nan
    _rewrite(path, tensors, plan, card)
    with pytest.raises(FileRefusedError, match="not finite"):
        load_model(path)


def test_files_without_or_with_a_broken_plan_are_refused(folder: Path, card: ModelCard) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    broken = (
        None,
        {PLAN_KEY: "{", CARD_KEY: card.dumps()},
        {PLAN_KEY: "[]", CARD_KEY: card.dumps()},
        {PLAN_KEY: json.dumps({"version": 1}), CARD_KEY: card.dumps()},
        {PLAN_KEY: "[" * 3000, CARD_KEY: card.dumps()},
    )
    for metadata in broken:
        save_file(tensors, path, metadata=metadata)
        with pytest.raises(UserError):
            load_model(path)


@pytest.mark.parametrize("name", ["x.onnx", "x.safetensors", "x.pt", "absent.onnx"])
def test_other_files_are_refused_with_their_name(tmp_path: Path, name: str) -> None:
    if not name.startswith("absent"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 not a model")
    with pytest.raises(FileRefusedError, match=name):
        load_model(tmp_path / name)
