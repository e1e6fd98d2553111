"""What a network needs beside a change of its kind or of its blocks, and when slices are thick."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from core.data.figures import Figures
from core.data.layout import flattened, framed, layout, suited, thick_slices
from core.data.planner import make_plan, replan
from core.errors import UserError
from core.nets.registry import build
from tests.core.data.plans import tiny_plan

THICK = Figures(
    cases_train=9,
    cases_val=3,
    lesions=12,
    median_spacing=(7.5, 0.8, 0.8),
    median_size_mm=(300.0, 360.0, 360.0),
    largest_size_mm=(400.0, 400.0, 400.0),
    lesion_ml=(1.0, 8.0, 60.0),
    lesion_mm=(12.0, 25.0, 45.0),
    hu=(-60.0, 40.0, 150.0),
    hu_mean=40.0,
    hu_std=35.0,
    litres=400.0,
)


def test_slices_are_thick_by_spacing_and_number() -> None:
    assert thick_slices(THICK, (7.5, 2.0, 2.0))
    assert not thick_slices(THICK, (7.5, 3.0, 3.0))  # the grid is no longer uneven
    thin = replace(THICK, median_spacing=(2.0, 0.8, 0.8))
    assert not thick_slices(thin, (2.0, 0.8, 0.8))
    # As thick as before, but as many as there are pixels: a third axis worth seeing.
    tall = replace(THICK, median_size_mm=(1200.0, 360.0, 360.0))
    assert not thick_slices(tall, (7.5, 2.0, 2.0))
    assert not thick_slices(Figures(), (4.0, 4.0, 4.0))


def test_a_single_slice_is_never_convolved_across() -> None:
    patch, strides, kernels = layout((1, 190.0, 170.0), (1.0, 1.0, 1.0), (16, 32, 64, 128))
    assert patch == (1, 192, 168)
    assert strides == ((1, 1, 1), *((1, 2, 2),) * 3)
    assert kernels == ((1, 3, 3),) * 4


def test_flattened_shows_the_slice_and_keeps_the_voxels_a_step() -> None:
    plan = tiny_plan(
        figures=THICK, spacing=(7.5, 2.0, 2.0), patch=(16, 48, 48), batch=2,
        strides=((1, 1, 1), (1, 2, 2), (1, 2, 2)), kernels=((1, 3, 3), (1, 3, 3), (3, 3, 3)),
    )  # fmt: skip
    flat = flattened(plan, 5)
    assert flat.flat
    assert flat.patch == (1, 180, 180)
    assert (flat.slices, flat.inputs - plan.inputs) == (5, 4)
    assert flat.batch_dice
    voxels = [p.batch * math.prod(p.patch) for p in (plan, flat)]
    assert 0.5 < voxels[1] / voxels[0] < 2
    with torch.device("meta"):
        assert build(flat)(torch.zeros(2, flat.inputs, *flat.patch)).shape == (2, 2, 1, 180, 180)


def test_the_planner_sees_slices_where_they_are_thick() -> None:
    made = make_plan(THICK, (), epochs=5, minutes=None)
    assert not make_plan(THICK, (), minutes=30, dimensions="3d").flat
    one = make_plan(THICK, (), minutes=30, dimensions="2d")
    assert (one.flat, one.slices) == (True, 1)
    assert make_plan(THICK, (), minutes=30, dimensions="2.5d").slices == 3
    assert made.flat == thick_slices(THICK, made.spacing)
    assert framed(tiny_plan(), "auto") == tiny_plan()
    uneven = replace(tiny_plan(), figures=THICK, spacing=(7.5, 2.0, 2.0))
    assert framed(uneven, "auto").slices == 3


@pytest.mark.parametrize("network", ["dynunet", "segresnet", "swin_unetr", "residual_unet"])
@pytest.mark.parametrize("patch", [(16, 64, 48), (40, 40, 40), (8, 96, 96)])
def test_another_network_brings_its_stages_along(network: str, patch: tuple[int, int, int]) -> None:
    _, strides, kernels = layout(patch, (4.0, 1.5, 1.5), (16, 32, 64, 128))
    start = tiny_plan(
        patch=patch, spacing=(4.0, 1.5, 1.5), strides=strides, kernels=kernels,
        channels=(16, 32, 64, 128)[: len(strides)], blocks=(1,) * len(strides),
        deep_supervision=True,
    )  # fmt: skip
    plan = replan(start, (), network=network)
    assert plan.network == network
    with torch.device("meta"):
        out = build(plan)(torch.zeros(1, plan.inputs, *plan.patch))
    assert (out if isinstance(out, torch.Tensor) else out[0]).shape == (1, 2, *plan.patch)
    assert math.prod(plan.patch) < 8 * math.prod(patch)
    again = replan(plan, (), network="residual_unet")
    assert again.network == "residual_unet"


def test_single_slices_by_the_patch_alone() -> None:
    plan = replan(tiny_plan(), (), patch=(1, 62, 64), slices=3)
    assert (plan.patch, plan.slices, plan.batch_dice) == ((1, 64, 64), 3, True)
    back = replan(plan, (), patch=(16, 16, 16))
    assert (back.flat, back.slices, back.batch_dice) == (False, 1, False)
    assert back.kernels == ((3, 3, 3),) * 3


def test_what_is_told_is_not_bettered() -> None:
    told = {"network": "swin_unetr", "strides": tiny_plan().strides}
    assert suited(tiny_plan(), told) == told
    with pytest.raises(UserError, match="SwinUNETR halves"):
        replan(tiny_plan(), (), network="swin_unetr", kernels=((1, 3, 3),) * 3)
    with pytest.raises(UserError, match="SegResNet halves"):
        flat = {"strides": ((1, 1, 1), *((1, 2, 2),) * 2), "kernels": ((1, 3, 3),) * 3}
        replan(tiny_plan(), (), patch=(1, 64, 64), network="segresnet", **flat)
    with pytest.raises(UserError, match="multiple"):
        replan(tiny_plan(), (), patch=(18, 16, 16))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"slices": 3}, "single slices only"),
        ({"patch": (4, 16, 16)}, "at least 8 voxels"),
        ({"patch": (1, 16, 16)}, "kernels and strides of 1"),
        ({"network": "dynunet", "channels": (8, 16), "blocks": (1, 1), "strides": ((1, 1, 1),) * 2,
          "kernels": ((3, 3, 3),) * 2}, "at least 3 stages"),
        ({"network": "dynunet", "patch": (8, 8, 8), "channels": (8,) * 4, "blocks": (1,) * 4,
          "strides": ((1, 1, 1), *((2, 2, 2),) * 3), "kernels": ((3, 3, 3),) * 4},
         "single voxel at the network's deepest"),
        ({"network": "segresnet", "deep_supervision": True}, "Deep supervision works"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(changes: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        tiny_plan(**changes)
