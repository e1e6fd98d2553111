"""On real CT: what a coarse grid costs at most, and that masks land where the lesion is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.data.grid import labels_to_plan_grid, to_plan_grid, to_series_grid
from core.evaluation.metrics import dice
from core.images import read_image, read_mask
from tests.core.data.plans import tiny_plan

pytestmark = pytest.mark.real_data


@pytest.mark.parametrize(("spacing", "least"), [(4.0, 0.95), (3.0, 0.965)])
@pytest.mark.parametrize("case", ["STS_002", "STS_022"])
def test_the_ceiling_of_a_coarse_grid(
    shared_data: Path, case: str, spacing: float, least: float
) -> None:
    """A perfect network on the plan's grid would reach this Dice on the series' own."""
    folder = shared_data / "sts" / "nifti"
    volume = read_image(folder / f"{case}_image.nii.gz")
    mask, geometry, _ = read_mask(folder / f"{case}_mask.nii.gz")
    plan = tiny_plan(spacing=(spacing,) * 3)
    image, info = to_plan_grid(volume, plan)
    label = labels_to_plan_grid((mask > 0).astype(np.uint8), geometry, plan)
    assert image.shape == label.shape == info.shape
    onehot = np.stack([label == 0, label == 1]).astype(np.float32)
    again = np.zeros(geometry.shape, np.uint8)
    for rows, slab in to_series_grid(onehot, info):
        info.canonical(again)[rows] = slab.argmax(0)
    assert dice(again, mask) >= least
    # Resampling keeps HU: soft tissue under the mask, the same on both grids.
    assert abs(image[label > 0].mean() - volume.hu[mask > 0].mean()) < 3
