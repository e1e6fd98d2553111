"""A project with three small models on disk for tests of the Models page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from core.data.plan import Plan, PlanClass
from core.models.card import ModelCard
from core.models.header import CARD_KEY, PLAN_KEY
from core.models.store import ExportRecord, add_export
from core.project.project import Project

PLAN = Plan(
    name="Liver lesion",
    classes=(PlanClass(1, "Tumour"),),
    spacing=(2.5, 0.76, 0.76),
    patch=(8, 16, 16),
    hu_low=-150, hu_high=250, hu_mean=60, hu_std=40,
    channels=(8, 16), blocks=(1, 1), strides=((1, 1, 1), (2, 2, 2)),
    kernels=((3, 3, 3), (3, 3, 3)), epochs=1,
)  # fmt: skip


def write_file(path: Path, card: ModelCard) -> None:
    """A safetensors file with plan and card and one number, written without torch."""
    metadata = {PLAN_KEY: json.dumps(PLAN.as_json()), CARD_KEY: card.dumps()}
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({"__metadata__": metadata, "w": tensor}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + np.float32(1).tobytes())


def card(run: str, version: str, dice: float, created: str, **more: object) -> ModelCard:
    return ModelCard(
        name="Liver lesion", version=version, run_id=run, created=created, dice=dice, hd95=6.2,
        sensitivity=0.85, cases=8, cases_train=44, parameters=30_800_000,
        network="residual_unet", spacing=(2.5, 0.76, 0.76), classes=("Tumour",), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def fill(project: Project) -> None:
    """r06 newest, r05 best, r04 with a failed export."""
    for made in (
        card("r06", "3", 0.81, "2024-06-02T10:00:00+02:00"),
        card("r05", "2", 0.84, "2024-05-21T10:00:00+02:00"),
        card("r04", "1", 0.67, "2024-05-03T10:00:00+02:00"),
    ):
        folder = project.models_dir / made.run_id
        folder.mkdir(parents=True)
        write_file(folder / "model.safetensors", made)
        (folder / "card.json").write_text(json.dumps(made.as_json()), encoding="utf-8")
    add_export(
        project.models_dir / "r04",
        ExportRecord(
            path=str(project.exports_dir / "old.onnx"), format="onnx", precision="fp32",
            bytes=34_000_000, when="2024-05-03T10:00:00+02:00", max_difference=0.042,
            limit=0.001, passed=False,
        ),
    )  # fmt: skip
