from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.grid import GridInfo, labels_to_plan_grid, to_plan_grid, to_series_grid, weights
from core.data.plan import PlanClass
from core.geometry import IDENTITY, Geometry
from core.volume import Volume
from tests.core.data.plans import tiny_plan

#: Array axes stored in every order and direction: signed permutations of the identity.
DIRECTIONS = [
    IDENTITY,
    (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0),
    (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
    (0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0),
]


def ball(geometry: Geometry, centre: tuple[float, float, float], radius: float) -> np.ndarray:
    """Voxels within ``radius`` mm of an LPS position."""
    index = np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), -1)
    return np.linalg.norm(geometry.index_to_mm(index) - np.asarray(centre), axis=-1) <= radius


def back(probabilities: np.ndarray, info: GridInfo) -> np.ndarray:
    result = np.zeros((len(probabilities), *info.geometry.shape), np.float32)
    for rows, slab in to_series_grid(probabilities, info):
        for channel in range(len(probabilities)):
            info.canonical(result[channel])[rows] = slab[channel]
    return result


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_stored_order_does_not_change_what_the_network_sees(direction: tuple[float, ...]) -> None:
    """The same ball in patient space, stored in any order: one picture on the plan's grid."""
    plan = tiny_plan(spacing=(3.0, 3.0, 3.0))
    image = sitk.Image(40, 40, 40, sitk.sitkInt16)
    image.SetSpacing((1.5, 1.5, 1.5))
    reference = Geometry((40, 40, 40), (1.5, 1.5, 1.5))
    # The grid of another storage order that covers the same cube.
    axes = np.asarray(direction).reshape(3, 3)
    corner = np.where(axes.sum(1) < 0, 39 * 1.5, 0.0)
    geometry = Geometry((40, 40, 40), (1.5, 1.5, 1.5), tuple(corner), direction)
    centre = (18.0, 30.0, 42.0)
    seen = []
    for grid in (reference, geometry):
        hu = np.where(ball(grid, centre, 9.0), 60, -800).astype(np.int16)
        array, info = to_plan_grid(Volume(hu, grid), plan)
        assert array.shape == info.shape == (20, 20, 20)
        seen.append(array)
    np.testing.assert_array_equal(seen[0], seen[1])
    z, y, x = np.argwhere(seen[0] > 0).mean(0)
    # x to the left, y to the back, z to the head, at half the resolution.
    np.testing.assert_allclose((x, y, z), (np.array(centre) / 1.5 - 0.5) / 2, atol=0.3)


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(*[st.integers(8, 40)] * 3),
    st.tuples(*[st.floats(0.7, 6.0)] * 3),
    st.floats(1.0, 6.0),
    st.sampled_from(DIRECTIONS),
)
def test_a_linear_ramp_survives_there_and_back(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    step: float,
    direction: tuple[float, ...],
) -> None:
    """Positions stay where they are: a ramp in mm is read off unchanged away from the edges."""
    geometry = Geometry(shape, spacing, (5.0, -7.0, 11.0), direction)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    ramp = geometry.index_to_mm(index)[..., 1]
    values = np.rint(ramp * 20).astype(np.int16)
    plan = tiny_plan(spacing=(step, step, step))
    array, info = to_plan_grid(Volume(values, geometry), plan)
    again = back(array[None].astype(np.float32), info)[0] / 20
    inner = tuple(
        slice(
            min(n // 2, int(np.ceil(2 * step / s)) + 1),
            None if n < 3 else -int(np.ceil(2 * step / s)) - 1,
        )
        for n, s in zip(shape, spacing, strict=True)
    )
    if again[inner].size:
        np.testing.assert_allclose(again[inner], ramp[inner], atol=0.15)


@given(st.integers(1, 60), st.floats(0.5, 8), st.integers(1, 60), st.floats(0.5, 8))
def test_weights_are_averages(count: int, spacing: float, new: int, step: float) -> None:
    matrix = weights(count, spacing, new, step)
    assert matrix.shape == (new, count)
    assert (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum(1), 1, rtol=1e-5)


def test_coarser_grids_average_noise() -> None:
    noise = np.random.default_rng(0).normal(0, 100, (48, 48, 48)).astype(np.int16)
    volume = Volume(noise, Geometry((48, 48, 48), (1.0, 1.0, 1.0)))
    array, _ = to_plan_grid(volume, tiny_plan(spacing=(4.0, 4.0, 4.0)))
    assert array.std() < 100 / 4


def test_a_mask_comes_back_at_high_dice() -> None:
    geometry = Geometry((40, 120, 120), (3.27, 0.98, 0.98))
    mask = ball(geometry, (58.0, 60.0, 65.0), 30.0).astype(np.uint8) * 7
    plan = tiny_plan(classes=(PlanClass(7, "Tumour"),))
    label = labels_to_plan_grid(mask, geometry, plan)
    assert set(np.unique(label)) == {0, 1}
    onehot = np.stack([label == 0, label == 1]).astype(np.float32)
    again = back(onehot, GridInfo.of(geometry, plan.spacing)).argmax(0)
    both = ((again > 0) & (mask > 0)).sum()
    assert 2 * both / ((again > 0).sum() + (mask > 0).sum()) > 0.96


def test_classes_become_channels_and_others_background() -> None:
    geometry = Geometry((8, 8, 8), (4.0, 4.0, 4.0))
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[:3], labels[3:6], labels[6:] = 9, 4, 2
    plan = tiny_plan(classes=(PlanClass(4, "Organ", False), PlanClass(9, "Tumour")))
    label = labels_to_plan_grid(labels, geometry, plan)
    assert label[:, 0, 0].tolist() == [2, 2, 2, 1, 1, 1, 0, 0]
