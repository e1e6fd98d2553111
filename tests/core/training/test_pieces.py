from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from core.training import preview
from core.training.result import interval


def test_a_preview_shows_reference_and_prediction(tmp_path: Path) -> None:
    hu = np.full((40, 60), 40, np.int16)
    reference, prediction = np.zeros((2, 40, 60), bool)
    reference[10:30, 10:30] = True
    prediction[12:28, 35:55] = True
    # Voxels twice as high as wide: the picture must be 80 by 60.
    rgb = preview.draw(hu, reference, prediction, (2.0, 1.0))
    assert rgb.shape == (360, 270, 3)
    path = tmp_path / "previews" / "a.png"
    preview.write_png(path, rgb)
    again = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    np.testing.assert_array_equal(again, rgb)
    filled = rgb[20 * 9, 20 * 4 + 20].astype(int)
    assert filled[1] > filled[0] + 20
    assert tuple(rgb[20 * 9, 35 * 270 // 60]) == (0xFF, 0xB8, 0x4D)
    inside = rgb[20 * 9, 45 * 270 // 60]
    assert inside[0] == inside[1] == inside[2]


def test_intervals_hold_the_mean_and_need_three_cases() -> None:
    values = [0.5, 0.7, 0.8, 0.9, float("nan")]
    found = interval(values)
    assert found is not None
    assert 0.5 <= found[0] < np.nanmean(values) < found[1] <= 0.9
    assert interval(values) == found
    assert interval([0.5, 0.7, float("nan")]) is None
