from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.data.cost import count
from core.data.figures import Figures
from core.data.layout import layout
from core.data.plan import PlanClass, Quality
from core.data.plan_words import remarks
from core.data.planner import make_plan, replan, trained_classes
from core.data.predictions import memory_bytes
from core.data.rates import step_seconds
from core.errors import UserError
from core.labels.schema import LabelClass, LabelSchema
from core.nets.registry import build
from tests.core.data.plans import tiny_plan

SARCOMA = Figures(
    cases_train=18,
    cases_val=6,
    lesions=18,
    median_spacing=(3.27, 0.98, 0.98),
    median_size_mm=(190.0, 172.0, 170.0),
    largest_size_mm=(278.0, 227.0, 214.0),
    lesion_ml=(53.0, 260.0, 818.0),
    lesion_mm=(50.0, 79.0, 104.0),
    hu=(-90.0, 33.0, 160.0),
    hu_mean=30.0,
    hu_std=35.0,
    litres=140.0,
    single_lesion_share=1.0,
)


@dataclass(frozen=True)
class Device:
    key: str
    name: str
    is_gpu: bool
    memory_total: int


CPU = Device("cpu", "AMD EPYC", False, 24 * 2**30)
H100 = Device("cuda:0", "NVIDIA H100 80GB HBM3", True, 80 * 2**30)


def test_a_short_run_on_a_cpu_gets_a_coarse_grid_and_enough_steps() -> None:
    plan = make_plan(SARCOMA, [CPU], minutes=20)
    assert plan.device == "cpu"
    assert plan.budget_minutes == 20
    assert 3 <= plan.spacing[1] <= 6
    assert 20 * 60 / plan.estimates.step_seconds > 1000
    # The block shows most of the case: these lesions are told by their surroundings.
    assert all(p * s >= 140 for p, s in zip(plan.patch, plan.spacing, strict=True))


def test_images_cropped_round_their_lesions_are_told_by_place_and_so_is_the_user() -> None:
    cropped = make_plan(replace(SARCOMA, place_dice=0.65), [CPU], minutes=20)
    assert cropped.position
    (sentence,) = remarks(cropped)
    assert "cropped" in sentence
    assert "0.65" in sentence
    plain = make_plan(replace(SARCOMA, place_dice=0.3), [CPU], minutes=20)
    assert not plain.position
    assert remarks(plain) == []
    # Turned on by hand the user is warned too, but nothing is claimed of the images.
    (sentence,) = remarks(replan(plain, [CPU], position=True))
    assert "cropped round" not in sentence
    assert "worse" in sentence


def test_more_time_and_a_gpu_buy_a_finer_grid_and_a_larger_network() -> None:
    plans = [
        make_plan(SARCOMA, [CPU], minutes=5),
        make_plan(SARCOMA, [CPU], minutes=600),
        make_plan(SARCOMA, [CPU, H100], minutes=60),
    ]
    finest = [plan.spacing[1] for plan in plans]
    weights = [plan.estimates.parameters for plan in plans]
    assert finest == sorted(finest, reverse=True)
    assert finest[0] > finest[2]
    assert weights[0] < weights[2]
    assert plans[2].device == "cuda:0"
    assert plans[2].precision == "bf16"


def test_tiny_lesions_forbid_coarse_grids() -> None:
    tiny = replace(SARCOMA, lesion_mm=(8.0, 12.0, 20.0), lesion_ml=(0.2, 1.0, 4.0))
    plan = make_plan(tiny, [CPU], minutes=10)
    assert plan.spacing[1] <= 2.0
    assert plan.min_component_ml < 0.2


def test_the_grid_is_never_finer_than_the_images() -> None:
    thick = replace(SARCOMA, median_spacing=(8.0, 2.0, 2.0))
    plan = make_plan(thick, [H100], minutes=600)
    assert plan.spacing[0] >= 8.0
    assert min(plan.spacing) >= 2.0


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        (replace(SARCOMA, cases_train=1), "at least 2 labelled cases"),
        (replace(SARCOMA, cases_train=0), "at least 2 labelled cases"),
        (replace(SARCOMA, cases_val=0), "at least 1 labelled case for validation"),
    ],
)
def test_too_few_cases_are_refused(figures: Figures, words: str) -> None:
    with pytest.raises(UserError, match=words):
        make_plan(figures, [CPU], minutes=10)


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(UserError, match="no device called cuda"):
        make_plan(SARCOMA, [CPU], minutes=10, device="cuda")
    assert make_plan(SARCOMA, [CPU, H100], minutes=10, device="cpu").device == "cpu"


def test_epochs_instead_of_minutes() -> None:
    plan = make_plan(SARCOMA, [CPU], epochs=40)
    assert plan.epochs == 40
    assert plan.budget_minutes is None
    assert plan.estimates.seconds > 40 * plan.steps_per_epoch * plan.estimates.step_seconds


def test_a_first_look_is_not_worth_mirrored_predictions() -> None:
    plans = {q: make_plan(SARCOMA, [CPU], minutes=20, quality=q) for q in get_args(Quality)}
    mirrored = {quality: plan.mirror_inference for quality, plan in plans.items()}
    assert mirrored == {"quick": False, "balanced": True, "best": True}
    # With one time the others are one plan, as the window says.
    assert replace(plans["best"], quality="balanced") == plans["balanced"]
    # It leaves more of the time for steps.
    assert plans["quick"].estimates.steps >= plans["balanced"].estimates.steps


def test_changing_a_plan_changes_its_estimates() -> None:
    plan = make_plan(SARCOMA, [CPU], epochs=10)
    double = replan(plan, [CPU], batch=plan.batch * 2)
    assert double.estimates.memory_bytes > plan.estimates.memory_bytes
    assert double.estimates.seconds > 1.5 * plan.estimates.seconds
    with pytest.raises(UserError, match="multiple of"):
        replan(plan, [CPU], patch=(9, 9, 9))


@given(
    st.tuples(*[st.floats(0.3, 8.0)] * 3),
    st.tuples(*[st.floats(8.0, 200.0)] * 3),
    st.integers(2, 6),
)
def test_any_layout_makes_a_valid_network(
    spacing: tuple[float, float, float], wanted: tuple[float, float, float], stages: int
) -> None:
    channels = (8, 16, 32, 64, 96, 128)[:stages]
    patch, strides, kernels = layout(wanted, spacing, channels)
    depth = len(strides)
    if depth < 2:
        assert max(wanted) < 15
        return
    plan = tiny_plan(
        spacing=spacing,
        patch=patch,
        strides=strides,
        kernels=kernels,
        channels=channels[:depth],
        blocks=(1,) * depth,
    )
    assert all(p % d == 0 for p, d in zip(plan.patch, plan.divisor, strict=True))


_UNEVEN: dict[str, Any] = {
    # Equal widths, and a kernel that differs from stage to stage: where DynUNet is unlike ours.
    "channels": (8, 16, 16),
    "strides": ((1, 1, 1), (1, 2, 2), (2, 2, 2)),
    "kernels": ((1, 3, 3), (3, 3, 3), (3, 3, 3)),
    "patch": (16, 16, 16),
}
_FLAT: dict[str, Any] = {
    "slices": 5, "patch": (1, 16, 16), "strides": ((1, 1, 1), *((1, 2, 2),) * 2),
    "kernels": ((1, 3, 3),) * 3,
}  # fmt: skip
_SWIN: dict[str, Any] = {
    "channels": (24,) * 6, "blocks": (1,) * 6, "kernels": ((3, 3, 3),) * 6,
    "strides": ((1, 1, 1), *((2, 2, 2),) * 5), "patch": (32, 32, 64),
    "classes": (PlanClass(1, "a"), PlanClass(2, "b")),
}  # fmt: skip


@pytest.mark.parametrize(
    ("network", "changes"),
    [
        ("residual_unet", {"blocks": (1, 2, 2)}),
        ("residual_unet", {**_UNEVEN, "deep_supervision": True}),
        ("residual_unet", _FLAT),
        ("dynunet", {"blocks": (1, 2, 2)}),
        ("dynunet", {**_UNEVEN, "deep_supervision": True}),
        ("dynunet", _FLAT),
        ("segresnet", {"blocks": (1, 2, 2)}),
        ("segresnet", {"channels": (12, 24, 48)}),
        ("swin_unetr", _SWIN),
    ],
)
def test_weights_are_counted_exactly(network: str, changes: dict[str, Any]) -> None:
    plan = tiny_plan(network=network, **changes)
    with torch.device("meta"):
        net = build(plan)
    cost = count(plan)
    assert cost.parameters == sum(p.numel() for p in net.parameters())
    assert cost.multiplications > cost.activations > 0


def test_rates_grow_with_the_work() -> None:
    small, large = tiny_plan(), tiny_plan(patch=(32, 32, 32))
    assert step_seconds(large, CPU) > step_seconds(small, CPU)
    assert step_seconds(large, H100) < step_seconds(large, CPU)
    assert memory_bytes(large) > memory_bytes(small)
    assert math.isfinite(step_seconds(large, None))


def test_classes_come_from_the_schema() -> None:
    schema = LabelSchema.default()
    assert [c.name for c in trained_classes(schema)] == ["Tumour"]
    organs = LabelSchema((LabelClass(2, "Liver", "#2C9A84"), LabelClass(5, "Spleen", "#BB84D2")))
    assert [c.value for c in trained_classes(organs)] == [2, 5]
