from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from core.data.figures import Figures
from core.data.plan import FIELDS, Plan, PlanClass, describe
from core.errors import FileRefusedError, UserError
from tests.core.data.plans import tiny_plan


def test_a_plan_comes_back_from_its_file(tmp_path: Path) -> None:
    plan = tiny_plan(
        budget_minutes=20.0,
        figures=Figures(cases_train=18, cases_val=6, median_spacing=(3.27, 0.98, 0.98)),
    )
    plan.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == plan
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


def test_json_has_only_plain_values() -> None:
    plan = tiny_plan()
    assert json.loads(json.dumps(plan.as_json())) == plan.as_json()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"patch": (16, 16, 18)}, "multiple of 4 × 4 × 4"),
        ({"spacing": (0.0, 4.0, 4.0)}, "Grid spacing must be between"),
        ({"spacing": (float("nan"), 4.0, 4.0)}, "Grid spacing has a value"),
        ({"batch": 0}, "Batch must be between 1 and 64"),
        ({"batch": 1.5}, "Batch has a value"),
        ({"epochs": None}, "either a time budget or a number of epochs"),
        ({"epochs": 3, "budget_minutes": 5.0}, "either a time budget or a number of epochs"),
        ({"classes": ()}, "at least one class"),
        ({"classes": (PlanClass(1, "a"), PlanClass(1, "b"))}, "different values"),
        ({"hu_low": 300.0}, "highest HU"),
        ({"channels": (8, 16)}, "every stage"),
        ({"strides": ((2, 2, 2), (2, 2, 2), (2, 2, 2))}, "first stage"),
        ({"network": "vnet"}, "Type has a value"),
        ({"network": "segresnet", "deep_supervision": True}, "Deep supervision"),
        ({"precision": "fp16"}, "needs a GPU"),
        ({"device": "tpu"}, "cpu, cuda or mps"),
        ({"name": " "}, "needs a name"),
    ],
)
def test_nonsense_is_refused_with_a_sentence(change: dict[str, object], words: str) -> None:
    values = {f.name: getattr(tiny_plan(), f.name) for f in fields(Plan)} | change
    with pytest.raises(UserError, match=words) as caught:
        Plan(**values)
    assert str(caught.value).endswith(".")


def test_other_versions_and_unknown_fields_are_refused() -> None:
    data = tiny_plan().as_json()
    with pytest.raises(UserError, match="version 99"):
        Plan.from_json({**data, "version": 99})
    with pytest.raises(UserError, match="sorcery"):
        Plan.from_json({**data, "sorcery": 1})
    del data["spacing"]
    with pytest.raises(UserError, match="spacing"):
        Plan.from_json(data)


def test_a_damaged_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"version": 1, "na')
    with pytest.raises(FileRefusedError, match=r"plan\.json"):
        Plan.load(path)
    with pytest.raises(FileRefusedError, match=r"absent\.json"):
        Plan.load(tmp_path / "absent.json")


def test_every_field_is_explained_once() -> None:
    keys = [spec.key for spec in FIELDS]
    assert len(set(keys)) == len(keys)
    hidden = {"classes", "figures", "estimates", "version"}
    assert set(keys) == {f.name for f in fields(Plan)} - hidden
    assert all(spec.label and spec.help.endswith((".", "…")) for spec in FIELDS)


def test_describe_shows_data_fields_and_estimates() -> None:
    sections = dict(describe(tiny_plan(figures=Figures(cases_train=52, cases_val=12))))
    assert ("Cases", "52, and 12 held out") in [row[:2] for row in sections["Cases"]]
    shown = {label: value for rows in sections.values() for label, value, _ in rows}
    assert shown["Patch"] == "16 × 16 × 16 voxels"
    assert shown["Type"] == "Residual U-Net 3D"
    assert shown["Mirror"] == "On"
    assert "Time budget" not in shown
    assert shown["Rotation"] == "15°"


def test_lesion_channels_fall_back_to_all_classes() -> None:
    two = (PlanClass(3, "Organ", False), PlanClass(7, "Tumour", True))
    assert tiny_plan(classes=two).lesion_channels == (2,)
    none = tuple(replace(c, lesion=False) for c in two)
    assert tiny_plan(classes=none).lesion_channels == (1, 2)


def test_planning_never_loads_torch() -> None:
    code = "import core.data.planner, core.data.plan, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
