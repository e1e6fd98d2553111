from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.plan import PlanClass
from core.errors import Cancelled
from core.geometry import Geometry
from core.inference.postprocess import clean, components
from core.inference.predict import predict_image, predict_volume
from core.inference.tiles import importance, starts, window_size
from core.volume import Volume
from tests.core.data.plans import tiny_plan


def bright(image: torch.Tensor) -> torch.Tensor:
    """A network that finds everything above 100 HU (plan: mean 40, spread 80)."""
    lesion = (image - 0.75) * 50
    return torch.cat([-lesion, lesion], 1)


@settings(deadline=None)
@given(
    st.tuples(*[st.integers(1, 90)] * 3),
    st.tuples(*[st.integers(1, 6)] * 3),
    st.floats(0, 0.9),
)
def test_windows_cover_every_voxel(
    shape: tuple[int, int, int], blocks: tuple[int, int, int], overlap: float
) -> None:
    patch = tuple(4 * b for b in blocks)
    window = window_size(shape, patch, (4, 4, 4))
    assert all(w % 4 == 0 for w in window)
    padded = tuple(max(n, w) for n, w in zip(shape, window, strict=True))
    for axis in range(3):
        begins = sorted(
            {s[axis] for s in starts((padded[0], padded[1], padded[2]), window, overlap)}
        )
        assert begins[0] == 0
        assert begins[-1] + window[axis] == padded[axis]
        steps = np.diff(begins)
        assert (steps <= max(1.0, window[axis] * (1 - overlap)) + 1).all()


def test_importance_peaks_in_the_middle_and_never_vanishes() -> None:
    weight = importance((16, 8, 8))
    assert weight[7:9, 3:5, 3:5].min() > 0.9
    assert weight.min() >= 1e-3


@pytest.mark.parametrize("mirror", [True, False])
@pytest.mark.parametrize("shape", [(40, 37, 33), (9, 12, 7), (16, 16, 60)])
def test_tiles_give_what_one_look_would(shape: tuple[int, int, int], mirror: bool) -> None:
    """A network without context must not notice where the windows lie."""
    image = np.random.default_rng(0).integers(-200, 300, shape).astype(np.int16)
    p = predict_image(bright, tiny_plan(), image, mirror=mirror)
    assert p.shape == (2, *shape)
    expected = bright(torch.from_numpy((image.astype(np.float32) - 40) / 80)[None, None]).softmax(1)
    np.testing.assert_allclose(p, expected[0].numpy(), atol=1e-5)


def test_a_mask_lands_on_the_series_own_grid() -> None:
    geometry = Geometry(
        (30, 80, 70), (3.0, 1.0, 1.0), (10.0, -20.0, 30.0), (-1, 0, 0, 0, -1, 0, 0, 0, 1)
    )
    hu = np.full(geometry.shape, 20, np.int16)
    z, y, x = np.meshgrid(*map(np.arange, geometry.shape), indexing="ij")
    lesion = ((z - 12) * 3) ** 2 + (y - 50) ** 2 + (x - 25) ** 2 < 15**2
    hu[lesion] = 180
    plan = tiny_plan(classes=(PlanClass(7, "Tumour"),))
    result = predict_volume(bright, plan, Volume(hu, geometry))
    assert set(np.unique(result.labels)) == {0, 7}
    found = result.labels == 7
    assert 2 * (found & lesion).sum() / (found.sum() + lesion.sum()) > 0.93
    assert result.probability[lesion].mean() > 200
    (part,) = result.components
    assert part.value == 7
    assert part.voxels == found.sum()
    assert part.ml == pytest.approx(found.sum() * 3 / 1000)
    assert part.confidence > 0.7
    assert np.abs(np.array(part.centre) - (12, 50, 25)).max() <= 2


def test_cancelling_and_progress() -> None:
    image = np.zeros((40, 40, 40), np.int16)
    seen: list[tuple[int, int]] = []
    predict_image(bright, tiny_plan(), image, progress=lambda *a: seen.append(a))
    assert seen[0][0] == 0
    assert seen[-1][0] == seen[-1][1] == len(seen) - 1
    with pytest.raises(Cancelled):
        predict_image(bright, tiny_plan(), image, cancelled=lambda: True)


def two_parts() -> np.ndarray:
    channels = np.zeros((10, 10, 10), np.uint8)
    channels[1:3, 1:3, 1:3] = 1  # 8 voxels
    channels[5:9, 5:9, 5:9] = 1  # 64 voxels
    return channels


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({}, 72),
        ({"min_component_ml": 0.02}, 64),
        ({"min_component_ml": 0.1}, 0),
        ({"largest_component": True}, 64),
    ],
)
def test_small_parts_are_dropped(changes: dict[str, object], left: int) -> None:
    channels = two_parts()
    clean(channels, tiny_plan(**changes), voxel_ml=0.001)
    assert int((channels > 0).sum()) == left


def test_components_are_listed_by_size() -> None:
    probability = np.where(two_parts() > 0, 204, 0).astype(np.uint8)
    parts = components(two_parts(), probability, tiny_plan(), 0.001)
    assert [p.voxels for p in parts] == [64, 8]
    assert parts[0].confidence == pytest.approx(0.8)
