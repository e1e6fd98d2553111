"""Blocks of labels that are incomplete, and of single slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from core.data.augment import Augmenter
from core.data.batch import Batch
from core.data.cache import Case, centres_of
from core.data.inputs import cut_size, edge_rows
from core.data.layout import flattened
from core.data.plan import Plan, PlanClass
from core.data.sampler import Sampler
from core.labels.schema import IGNORE
from tests.core.data.cases import made_case
from tests.core.data.plans import tiny_plan

CPU = torch.device("cpu")
TWO = (PlanClass(1, "a"), PlanClass(2, "b"))
STILL: dict[str, Any] = {
    "mirror": False, "rotation_degrees": 0.0, "scaling": 0.0, "noise": False, "blur": False,
    "contrast": False, "gamma": False,
}  # fmt: skip


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def batch(cases: Sequence[Case], plan: Plan, blocks: int = 6) -> Batch:
    source = generator()
    sampler, augmenter = Sampler(cases, plan, source), Augmenter(cases, plan, source, CPU)
    try:
        return augmenter.batch([sampler.draw() for _ in range(blocks)])
    finally:
        augmenter.close()


def test_no_block_is_centred_on_what_nobody_is_sure_of() -> None:
    case = made_case(1, shape=(24, 24, 24))
    case.label[:, :, 8:16][case.label[:, :, 8:16] == 0] = IGNORE
    plan = tiny_plan(ignore_value=9, patch=(8, 8, 8), foreground_share=0.5)
    sampler = Sampler([case], plan, generator())
    seen = [sampler.draw().centre for _ in range(200)]
    values = [case.label[tuple(round(c) for c in centre)] for centre in seen]
    assert IGNORE not in values
    assert {0, 1} <= set(values)
    # The same case all unsure but for the lesion still gives blocks, and does not hang.
    case.label[case.label == 0] = IGNORE
    assert sampler.draw()


def test_blocks_carry_what_nobody_is_sure_of_through_a_turn() -> None:
    case = made_case(1, shape=(24, 24, 24))
    case.label[:, :, :6] = IGNORE
    plan = tiny_plan(ignore_value=9, rotation_degrees=30.0)
    found = batch([case], plan, 8).target
    assert set(found.unique().tolist()) == {0, 1, IGNORE}


def test_blocks_lie_on_lesions_that_are_outlined() -> None:
    case = made_case(1, shape=(30, 30, 30), lesion=False)
    case.label[5:8, 5:8, 5:8] = 1
    case.label[20:26, 20:26, 20:26] = 2
    centres, arrays = centres_of(case.label > 0), case.array
    part = replace(
        case,
        entry=replace(case.entry, unannotated=(2,)),
        array=lambda name: centres if name == "centres" else arrays(name),
    )
    plan = tiny_plan(classes=TWO, foreground_share=1.0, patch=(8, 8, 8))
    sampler = Sampler([part], plan, generator())
    assert np.max([sampler.draw().centre for _ in range(40)]) < 12


def test_each_block_says_which_classes_its_case_outlines() -> None:
    whole, part = made_case(1), made_case(2)
    part = replace(part, entry=replace(part.entry, unannotated=(2,)))
    plan = tiny_plan(classes=TWO, **STILL)
    assert batch([whole], plan).known is None
    found = batch([whole, part], plan, 4)
    assert found.known is not None
    assert sorted(map(tuple, found.known.tolist())) == [
        (True, True, False), (True, True, False), (True, True, True), (True, True, True),
    ]  # fmt: skip
    joined = Batch.joined([batch([whole], plan, 2), found])
    assert joined.known is not None
    assert joined.known[:2].all()
    assert joined.known[2:].tolist() == found.known.tolist()
    pieces = list(joined.pieces(3))
    assert [p[2].tolist() for p in pieces if p[2] is not None] == [
        joined.known[i : i + 2].tolist() for i in (0, 2, 4)
    ]


@pytest.mark.parametrize("slices", [1, 3, 5])
def test_slices_and_their_neighbours_are_cut(slices: int) -> None:
    case = made_case(1, shape=(9, 24, 24))
    # Each slice has a value of its own.
    case.image[:] = np.arange(9)[:, None, None] * 40 - 150
    plan = flattened(tiny_plan(patch=(16, 16, 16), foreground_share=0.0, **STILL), slices)
    assert cut_size(plan) == (slices, 16, 16)
    found = batch([case], plan, 60)
    assert found.image.shape == (60, slices, 1, 16, 16)
    assert found.target.shape == (60, 1, 16, 16)
    half = slices // 2
    numbers = (found.image[:, :, 0, 8, 8] * plan.hu_std + plan.hu_mean + 150) / 40
    assert torch.allclose(numbers, numbers.round(), atol=1e-3)  # whole slices, never between two
    for row in numbers.round().long():
        middle = int(row[half])
        wanted = [min(max(middle + n, 0), 8) for n in range(-half, half + 1)]
        assert row.tolist() == wanted
    assert {0, 8} <= set(numbers[:, half].round().long().tolist())


def test_slices_turn_in_their_plane_only() -> None:
    case = made_case(1, shape=(9, 24, 24))
    case.image[:] = np.arange(9)[:, None, None] * 40 - 150
    plan = flattened(
        tiny_plan(patch=(16, 16, 16), **{**STILL, "rotation_degrees": 45.0, "scaling": 0.3}), 3
    )
    for cut in batch([case], plan, 12).image:
        for channel in cut[:, 0]:
            inside = channel[6:10, 6:10]  # the corners may lie outside of the case
            assert inside.max() - inside.min() < 1e-3


def test_mirrored_edges_go_on_too() -> None:
    plan = flattened(tiny_plan(), 5)
    assert edge_rows(0, 1, plan, 9).tolist() == [2, 2, 2, 3, 4]
    assert edge_rows(0, -1, plan, 9).tolist() == [0, 1, 2, 2, 2]
    assert edge_rows(8, 1, plan, 9).tolist() == [0, 1, 2, 2, 2]
    assert edge_rows(4, 1, plan, 9).tolist() == [0, 1, 2, 3, 4]
