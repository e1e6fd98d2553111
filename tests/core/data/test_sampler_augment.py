from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.data.augment import Augmenter
from core.data.plan import Plan, PlanClass
from core.data.sampler import Block, Sampler
from tests.core.data.cases import made_case
from tests.core.data.plans import tiny_plan

PLAIN = {
    "mirror": False,
    "rotation_degrees": 0.0,
    "scaling": 0.0,
    "noise": False,
    "blur": False,
    "contrast": False,
    "gamma": False,
    "low_resolution": False,
}
CPU = torch.device("cpu")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def read(plan: Plan, block: Block, case_number: int = 1, seed: int = 0) -> tuple[np.ndarray, ...]:
    augmenter = Augmenter([made_case(case_number)], plan, generator(seed), CPU)
    batch = augmenter.batch([block])
    return batch.image[0, 0].numpy(), batch.target[0].numpy()


def test_every_case_is_drawn_before_any_is_drawn_twice() -> None:
    cases = [made_case(i) for i in range(5)]
    sampler = Sampler(cases, tiny_plan(), generator())
    drawn = [sampler.draw().case for _ in range(10)]
    assert sorted(drawn[:5]) == sorted(drawn[5:]) == [0, 1, 2, 3, 4]


def test_blocks_on_lesions_are_on_lesions() -> None:
    case = made_case(3)
    sampler = Sampler([case], tiny_plan(foreground_share=1.0), generator())
    middle = np.argwhere(case.label > 0).mean(0)
    for _ in range(50):
        assert np.abs(np.array(sampler.draw().centre) - middle).max() <= 2.5 + 0.2 * 16


def test_a_case_without_lesion_is_sampled_anywhere() -> None:
    sampler = Sampler([made_case(1, lesion=False)], tiny_plan(foreground_share=1.0), generator())
    for _ in range(20):
        centre = np.array(sampler.draw().centre)
        assert (centre >= 5).all()
        assert (centre <= 18).all()


def test_a_small_lesion_is_drawn_as_often_as_a_large_one() -> None:
    case = made_case(1, shape=(40, 40, 40), lesion=False)
    case.label[5:8, 5:8, 5:8] = 1
    case.label[15:35, 15:35, 15:35] = 1
    rows = np.argwhere(case.label > 0).astype(np.int32)
    parts = (rows[:, :1] > 10).astype(np.int32)
    centres = np.column_stack([parts, rows])[np.argsort(parts[:, 0], kind="stable")]
    arrays = {"centres": centres, "label": case.label, "image": case.image}
    case = replace(case, array=arrays.__getitem__)
    sampler = Sampler([case], tiny_plan(foreground_share=1.0), generator())
    small = sum(sampler.draw().centre[0] < 11 for _ in range(400))
    assert 150 < small < 250


def test_a_sampler_goes_on_where_its_state_was_taken() -> None:
    cases = [made_case(i) for i in range(3)]
    first = Sampler(cases, tiny_plan(), generator(7))
    for _ in range(4):
        first.draw()
    state = first.state()
    expected = [first.draw() for _ in range(6)]
    second = Sampler(cases, tiny_plan(), generator(99))
    second.restore(state)
    assert [second.draw() for _ in range(6)] == expected


def test_without_changes_a_block_is_the_volume_itself() -> None:
    case = made_case(1)
    plan = tiny_plan(**PLAIN)
    image, target = read(plan, Block(0, (9.5, 10.5, 11.5)))
    box = (slice(2, 18), slice(3, 19), slice(4, 20))
    expected = (np.clip(case.image[box], -200, 300) - 40.0) / 80.0
    np.testing.assert_allclose(image, expected, atol=1e-4)
    np.testing.assert_array_equal(target, case.label[box])


def test_outside_the_volume_lies_air() -> None:
    image, target = read(tiny_plan(**PLAIN), Block(0, (-30.0, 10.0, 10.0)))
    np.testing.assert_allclose(image, (-200 - 40) / 80, atol=1e-5)
    assert target.max() == 0


def test_mirrors_flip_image_and_label_together() -> None:
    plan = tiny_plan(**{**PLAIN, "mirror": True})
    block = Block(0, (9.5, 10.5, 11.5))
    plain = read(tiny_plan(**PLAIN), block)
    seen = set()
    for seed in range(30):
        image, target = read(plan, block, seed=seed)
        for bits in range(8):
            axes = [axis for axis in range(3) if bits >> axis & 1]
            if np.allclose(np.flip(plain[0], axes), image, atol=1e-4):
                np.testing.assert_array_equal(np.flip(plain[1], axes), target)
                seen.add(bits)
    assert seen == set(range(8))


def test_turning_keeps_volume_in_mm_on_uneven_grids() -> None:
    """A ball in mm stays a ball of its size when turned on a grid with thick slices."""
    case = made_case(1, shape=(24, 48, 48), lesion=False)
    z, y, x = np.meshgrid(*map(np.arange, case.label.shape), indexing="ij")
    inside = ((z - 11.5) * 4) ** 2 + ((y - 23.5) * 2) ** 2 + ((x - 23.5) * 2) ** 2 < 14**2
    case.label[inside] = 1
    plan = tiny_plan(
        **{**PLAIN, "rotation_degrees": 90.0}, spacing=(4.0, 2.0, 2.0), patch=(16, 32, 32)
    )
    augmenter = Augmenter([case], plan, generator(1), CPU)
    for _ in range(6):
        target = augmenter.batch([Block(0, (11.5, 23.5, 23.5))]).target[0].numpy()
        extent = [np.ptp(axis) + 1 for axis in np.nonzero(target)]
        assert abs(int(target.sum()) / int(inside.sum()) - 1) < 0.12
        assert 6 <= extent[0] <= 8
        assert 12 <= extent[1] <= 16
        assert 12 <= extent[2] <= 16


def test_intensities_change_only_the_image() -> None:
    plan = tiny_plan(**{**PLAIN, "noise": True, "blur": True, "contrast": True}, batch=8)
    cases = [made_case(1)]
    blocks = [Block(0, (9.5, 10.5, 11.5))] * 8
    plain = Augmenter(cases, tiny_plan(**PLAIN), generator(), CPU).batch(blocks)
    varied = Augmenter(cases, plan, generator(), CPU).batch(blocks)
    assert torch.equal(plain.target, varied.target)
    changed = [not torch.allclose(a, b) for a, b in zip(plain.image, varied.image, strict=True)]
    assert 1 <= sum(changed) < 8
    assert torch.isfinite(varied.image).all()


@pytest.mark.parametrize("lowres", [True, False])
def test_the_same_seed_makes_the_same_batches(lowres: bool) -> None:
    plan = tiny_plan(low_resolution=lowres)
    cases = [made_case(i) for i in range(3)]

    def batches(seed: int) -> list[torch.Tensor]:
        source = generator(seed)
        sampler = Sampler(cases, plan, source)
        augmenter = Augmenter(cases, plan, source, CPU)
        return [augmenter.batch([sampler.draw(), sampler.draw()]).image for _ in range(5)]

    first, second, other = batches(1), batches(1), batches(2)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], other[0])


def test_several_classes_are_read_as_channels() -> None:
    case = made_case(1)
    case.label[4:8, 4:8, 4:8] = 2
    plan = tiny_plan(**PLAIN, classes=(PlanClass(1, "Tumour"), PlanClass(2, "Organ", False)))
    batch = Augmenter([case], plan, generator(), CPU).batch([Block(0, (9.5, 10.5, 11.5))])
    np.testing.assert_array_equal(batch.target[0].numpy(), case.label[2:18, 3:19, 4:20])
