"""The compiled read and changes of the CPU beside the same in torch, which other devices run."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.data import affine, host, intensity
from core.data.augment import Augmenter
from core.data.batch import Batch
from core.data.draws import CELLS, Change, draw, spline
from core.data.nnunet import AUGMENTATION
from core.data.plan import Plan, PlanClass
from core.data.sampler import Sampler
from core.data.workers import Workers
from core.labels.schema import IGNORE
from tests.core.data.cases import made_case
from tests.core.data.plans import tiny_plan

CPU = torch.device("cpu")
ONE = Workers(1)
SETTINGS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CLASSES = (PlanClass(1, "Tumour"), PlanClass(2, "Cyst"), PlanClass(3, "Organ", lesion=False))


def volume(shape: tuple[int, int, int] = (19, 23, 21)) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(5)
    image = rng.integers(-1100, 1400, shape).astype(np.int16)
    label = np.zeros(shape, np.uint8)
    label[3:12, 4:15, 5:16] = 1
    label[8:15, 10:18, 8:14] = 2
    label[10:, :6, 12:] = 3
    label[12:16, 12:19, 2:9] = IGNORE
    return torch.from_numpy(image), torch.from_numpy(label)


def compiled_read(
    image: torch.Tensor, label: torch.Tensor, plan: Plan, where: affine.Window, workers: Workers
) -> tuple[torch.Tensor, torch.Tensor]:
    out = torch.empty(where.size), torch.empty(where.size, dtype=torch.int64)
    host.read(image, label, plan, where, workers, out=out)
    return out


def both(
    plan: Plan, centre: Any, change: Change, size: tuple[int, int, int] = (12, 10, 14)
) -> tuple[tuple[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
    image, label = volume()
    where = affine.window(tuple(image.shape), affine.settle(centre, size, change), size, change)
    compiled = compiled_read(image, label, plan, where, ONE)
    return compiled, affine.read(image, label, plan, where, CPU)


def label_shares(centre: Any, change: Change) -> torch.Tensor:
    """Share of each label value at each voxel of a block ``[256, z, y, x]``, read as greys."""
    _, label = volume()
    plan = tiny_plan(hu_low=0.0, hu_high=1000.0, hu_mean=0.0, hu_std=1000.0)
    size = (12, 10, 14)
    where = affine.window(tuple(label.shape), affine.settle(centre, size, change), size, change)
    shares = torch.zeros((256, *where.size))
    for value in (1, 2, 3, IGNORE):
        one = (label == value).to(torch.int16) * 1000
        shares[value] = affine.read(one, label, plan, where, CPU)[0]
    shares[0] = 1 - shares.sum(0)
    return shares


numbers = st.floats(-1.6, 1.6, allow_nan=False)
places = st.tuples(*[st.floats(-12, 34, allow_nan=False)] * 3)


@SETTINGS
@given(st.lists(numbers, min_size=9, max_size=9), places, st.booleans())
def test_compiled_reads_are_torch_s_reads(values: list[float], centre: Any, bent: bool) -> None:
    knots = None
    if bent:
        knots = np.random.default_rng(1).uniform(-1.5, 1.5, (3, *(CELLS + 3,) * 3))
    change = Change(np.array(values).reshape(3, 3), knots)
    plan = tiny_plan(classes=CLASSES, ignore_value=9, hu_low=-150.5, hu_high=320.25)
    (image, target), (image_torch, target_torch) = both(plan, centre, change)
    # A place a millionth of a voxel off changes a grey of this noise by a thousandth of its range.
    torch.testing.assert_close(image, image_torch, atol=4e-3, rtol=0)
    # Labels may differ only where both have the same share up to rounding.
    shares = label_shares(centre, change)
    mine, other = (shares.gather(0, one[None])[0] for one in (target, target_torch))
    torch.testing.assert_close(mine, other, atol=1e-3, rtol=0)


@SETTINGS
@given(st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3), places)
def test_cut_blocks_are_the_volume_s_own_voxels(mirrors: Any, centre: Any) -> None:
    plan = tiny_plan(classes=CLASSES, ignore_value=9)
    (image, target), (image_torch, target_torch) = both(plan, centre, Change(np.diag(mirrors)))
    torch.testing.assert_close(image, image_torch, atol=1e-5, rtol=0)
    assert torch.equal(target, target_torch)
    padded = np.pad(volume()[1].numpy(), 40)
    start = [round(c - (n - 1) / 2) + 40 for c, n in zip(centre, (12, 10, 14), strict=True)]
    box = tuple(slice(max(a, 0), max(a, 0) + n) for a, n in zip(start, (12, 10, 14), strict=True))
    flipped = np.flip(padded[box], [axis for axis in range(3) if mirrors[axis] < 0])
    np.testing.assert_array_equal(target.numpy(), flipped)


def test_a_label_between_voxels_is_the_one_with_the_largest_share() -> None:
    """Half a voxel of shift in all axes: eight voxels with an eighth each."""
    label = torch.zeros((2, 2, 2), dtype=torch.uint8)
    label.view(-1)[:] = torch.tensor([0, 1, 1, 2, 2, 2, 0, 0])
    image = torch.zeros((2, 2, 2), dtype=torch.int16)
    change = Change(np.eye(3) * 0.999)
    plan = tiny_plan(classes=CLASSES)
    where = affine.window((2, 2, 2), (0.5, 0.5, 0.5), (1, 1, 1), change)
    for read in (
        compiled_read(image, label, plan, where, ONE),
        affine.read(image, label, plan, where, CPU),
    ):
        assert read[1].item() == 2


@pytest.mark.parametrize(
    "change",
    [
        Change(np.eye(3), noise=0.08, key=(2**32 - 5, 77)),
        Change(np.eye(3), blur=(0.5, 0.8, 1.0)),
        Change(np.eye(3), brightness=1.2),
        Change(np.eye(3), contrast=0.8),
        Change(np.eye(3), brightness=0.8, contrast=1.2),
        Change(np.eye(3), zoom=0.61),
        Change(np.eye(3), negative=0.8),
        Change(np.eye(3), gamma=1.4),
        Change(
            np.eye(3), noise=0.1, blur=(1, 1, 1), brightness=0.9, contrast=1.1, zoom=0.5,
            negative=1.3, gamma=0.7,
        ),
    ],
    ids=["noise", "blur", "brightness", "contrast", "both", "coarse", "negative", "gamma", "all"],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(17, 20, 23), (1, 24, 31)])
def test_compiled_changes_are_torch_s_changes(change: Change, shape: tuple[int, ...]) -> None:
    block = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 1.3
    expected = intensity.vary(block.clone(), change)
    got = host.vary(block.clone(), change, ONE)
    assert not torch.allclose(expected, block, atol=1e-2)
    torch.testing.assert_close(got, expected, atol=3e-5, rtol=1e-4)


def test_low_resolution_is_torch_s_own() -> None:
    block = torch.randn((13, 16, 18), generator=torch.Generator().manual_seed(1))
    size = [max(1, round(n * 0.6)) for n in block.shape]
    small = torch.nn.functional.interpolate(block[None, None], size, mode="nearest-exact")
    expected = torch.nn.functional.interpolate(
        small, block.shape, mode="trilinear", align_corners=False
    )[0, 0]
    got = intensity.vary(block, Change(np.eye(3), zoom=0.6))
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


def test_gamma_keeps_mean_and_spread() -> None:
    block = torch.rand((16, 16, 16), generator=torch.Generator().manual_seed(1)) * 3 - 1
    bent = host.vary(block.clone(), Change(np.eye(3), gamma=1.5), ONE)
    assert math.isclose(bent.mean(), block.mean(), abs_tol=1e-5)
    assert math.isclose(bent.std(), block.std(), abs_tol=1e-5)


def test_noise_is_normal_and_depends_on_both_numbers_of_its_key() -> None:
    first = intensity.noise(2**20, (1, 2), CPU)
    assert abs(first.mean()) < 5e-3
    assert abs(first.std() - 1) < 5e-3
    assert abs((first**4).mean() - 3) < 0.05
    assert 4.2 < first.abs().max() < 4.4
    for key in ((2, 2), (1, 3)):
        other = intensity.noise(2**20, key, CPU)
        assert abs((first * other).mean()) < 5e-3
    for shift in (1, 2, 128):
        assert abs((first[shift:] * first[:-shift]).mean()) < 5e-3


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_nothing(threads: int) -> None:
    shape = (64, 96, 128)
    rng = np.random.default_rng(2)
    image = torch.from_numpy(rng.integers(-1000, 1000, shape).astype(np.int16))
    label = torch.from_numpy((rng.random(shape) > 0.7).astype(np.uint8))
    generator = torch.Generator().manual_seed(3)
    drawn = draw(tiny_plan(rotation_degrees=30, spatial_share=1.0), generator)
    change = replace(
        drawn, noise=0.1, key=(4, 5), blur=(1, 0.7, 0.5), contrast=0.8, zoom=0.7, gamma=1.2
    )
    size = (64, 96, 96)
    where = affine.window(shape, (32.0, 48.0, 64.0), size, change)
    results = []
    for workers in (ONE, Workers(threads)):
        greys, target = compiled_read(image, label, tiny_plan(), where, workers)
        results.append((host.vary(greys, change, workers), target))
        workers.close()
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


def test_bending_moves_no_voxel_past_its_neighbour() -> None:
    plan = tiny_plan(elastic=True, patch=(32, 32, 32), spacing=(3.0, 2.0, 2.0))
    generator = torch.Generator().manual_seed(1)
    found = [
        change for change in (draw(plan, generator) for _ in range(60)) if change.knots is not None
    ]
    assert 4 < len(found) < 24
    for change in found:
        still = replace(change, matrix=np.eye(3))
        where = affine.window((64,) * 3, (32.0,) * 3, plan.patch, still)
        moved = affine.points(where, CPU).numpy()
        jacobian = np.stack([np.gradient(moved[..., d], axis=(0, 1, 2)) for d in range(3)])
        assert np.linalg.det(np.moveaxis(jacobian, (0, 1), (-2, -1))).min() > 0


def test_a_spline_of_equal_knots_moves_everything_alike() -> None:
    np.testing.assert_allclose(spline(37).sum(1), 1)


def test_nnunet_s_own_augmentation_has_its_chances_and_ranges() -> None:
    plan = replace(tiny_plan(), **AUGMENTATION)
    generator = torch.Generator().manual_seed(0)
    drawn = [draw(plan, generator) for _ in range(4000)]
    sizes = np.array([abs(np.linalg.det(change.matrix)) ** (1 / 3) for change in drawn])
    scaled = np.abs(sizes - 1) > 1e-9
    turned = [
        not np.allclose(np.abs(c.matrix), np.eye(3) * s) for c, s in zip(drawn, sizes, strict=True)
    ]
    shares = {
        0.2: [scaled, turned],
        0.1: [[c.noise > 0 for c in drawn], [c.blur is not None for c in drawn],
              [c.negative != 1 for c in drawn]],
        0.15: [[c.brightness != 1 for c in drawn], [c.contrast != 1 for c in drawn]],
        0.125: [[c.zoom < 1 for c in drawn]],
        0.3: [[c.gamma != 1 for c in drawn]],
        0.5: [[np.linalg.det(c.matrix) < 0 for c in drawn]],
    }  # fmt: skip
    for expected, found in shares.items():
        for one in found:
            assert abs(np.mean(one) - expected) < 4 * math.sqrt(expected * (1 - expected) / 4000)
    assert 0.7 <= sizes.min() < 0.72
    assert 1.38 < sizes.max() <= 1.4
    assert max(c.noise for c in drawn) <= 0.1
    assert 0.7 <= min(c.gamma for c in drawn) < 0.72
    assert 1.48 < max(c.gamma for c in drawn) <= 1.5


def read_in_torch(*args: Any, out: tuple[torch.Tensor, torch.Tensor]) -> None:
    for target, made in zip(out, affine.read(*args[:-1], CPU), strict=True):
        target.copy_(made)


def test_the_same_seed_makes_the_same_batches_by_loops_and_by_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole batches with everything turned on, noise included."""
    plan = replace(tiny_plan(batch=4), **AUGMENTATION)
    plan = replace(plan, elastic=True, spatial_share=0.6)
    cases = [made_case(number) for number in range(3)]

    def batches() -> list[Batch]:
        generator = torch.Generator().manual_seed(8)
        sampler, made = Sampler(cases, plan, generator), []
        augmenter = Augmenter(cases, plan, generator, CPU)
        for _ in range(15):
            made.append(augmenter.batch([sampler.draw() for _ in range(4)]))
        augmenter.close()
        return made

    compiled = batches()
    with monkeypatch.context() as patch:
        patch.setattr(host, "read", read_in_torch)
        patch.setattr(host, "vary", lambda block, change, _: intensity.vary(block, change))
        in_torch = batches()
    for first, second in zip(compiled, in_torch, strict=True):
        torch.testing.assert_close(first.image, second.image, atol=5e-3, rtol=1e-3)
        assert (first.target != second.target).float().mean() < 1e-3
