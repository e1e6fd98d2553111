"""Whose augmentation a plan has: asked for, told apart, measured as what it is."""

from __future__ import annotations

from dataclasses import replace

from core.data.measured import step_key
from core.data.nnunet import AUGMENTATION, AUGMENTATIONS, CHOICE, augmentation_of
from core.data.planner import make_plan
from core.hardware import DeviceInfo
from tests.core.data.plans import tiny_plan
from tests.core.data.test_planner import SARCOMA

CPU = DeviceInfo("cpu", "AMD EPYC", False, 16 * 10**9, 2)


def test_the_planner_makes_either() -> None:
    ours = make_plan(SARCOMA, [CPU], minutes=10)
    theirs = make_plan(SARCOMA, [CPU], minutes=10, augmentation="nnunet")
    assert augmentation_of(ours) == "lesionforge"
    assert augmentation_of(theirs) == "nnunet"
    assert (theirs.rotation_degrees, theirs.spatial_share, theirs.low_resolution) == (30, 0.2, True)
    # Nothing else differs, and figures measured of one are none of the other.
    back = replace(theirs, **AUGMENTATIONS["lesionforge"], estimates=ours.estimates)
    assert back == ours
    assert step_key(ours, CPU) != step_key(theirs, CPU)


def test_one_value_makes_it_the_users_own() -> None:
    plan = replace(tiny_plan(), **AUGMENTATION)
    assert augmentation_of(plan) == "nnunet"
    assert augmentation_of(replace(plan, elastic=True)) == "own"
    assert {key for key, _ in CHOICE.choices} == {*AUGMENTATIONS, "own"}
