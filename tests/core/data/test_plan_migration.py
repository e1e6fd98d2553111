"""Plans written by earlier versions go on being read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.data.plan import PLAN_VERSION, Plan
from core.data.plan_migration import migrated
from core.errors import UserError
from tests.core.data.plans import tiny_plan

#: Written by version 0.1.0 of the program.
STORED = Path(__file__).parent / "plan_version_1.json"


@pytest.fixture
def stored() -> dict[str, Any]:
    return json.loads(STORED.read_text(encoding="utf-8"))


def test_a_plan_of_version_1_is_read(stored: dict[str, Any]) -> None:
    plan = Plan.load(STORED)
    assert plan.version == PLAN_VERSION
    # What the network and its data were stays as it was.
    for key in ("spacing", "patch", "channels", "strides", "kernels", "hu_low", "hu_mean", "seed"):
        assert plan.as_json()[key] == stored[key]
    assert plan.estimates.parameters == stored["estimates"]["parameters"]
    # And the run goes on as it began.
    assert plan.gamma is plan.contrast is True
    assert not plan.early_stop
    assert plan.validation_minutes == stored["budget_minutes"] / stored["validations"]
    assert plan.slices == plan.inputs == 1
    assert not plan.position
    assert plan.ignore_value is None


def test_gamma_was_part_of_contrast(stored: dict[str, Any]) -> None:
    assert not Plan.from_json({**stored, "contrast": False}).gamma


def test_a_run_by_epochs_keeps_its_number_of_passes(stored: dict[str, Any]) -> None:
    plan = Plan.from_json({**stored, "budget_minutes": None, "epochs": 20})
    assert plan.validations == stored["validations"]


def test_it_is_saved_as_the_version_of_now(tmp_path: Path) -> None:
    plan = Plan.load(STORED)
    plan.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == plan


def test_a_plan_of_now_is_left_as_it_is() -> None:
    value = replace(tiny_plan(), early_stop=True).as_json()
    assert migrated(value, PLAN_VERSION) is value


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (PLAN_VERSION + 1, "Update LesionForge, or make a new plan"),
        (0, "no plan of LesionForge: its version is 0"),
        (None, "no plan of LesionForge: its version is None"),
        ("1", "no plan of LesionForge"),
        (True, "no plan of LesionForge"),
    ],
)
def test_unknown_versions_get_a_sentence(
    stored: dict[str, Any], version: object, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        Plan.from_json({**stored, "version": version})


def test_a_version_1_plan_that_makes_no_sense_is_refused(stored: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="multiple of"):
        Plan.from_json({**stored, "patch": [9, 9, 9]})
    with pytest.raises(UserError, match="does not know: surprise"):
        Plan.from_json({**stored, "surprise": 1})
