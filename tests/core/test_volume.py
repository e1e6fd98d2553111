"""HU stay HU, and the window is DICOM's."""

import numpy as np
import pytest

from core.geometry import Geometry
from core.volume import Check, Volume, apply_window, label_box, to_int16, window_lut


def test_rounding_and_cutting_are_said() -> None:
    checks: list[Check] = []
    values = to_int16(np.array([[[0.4, 1e6, -1e6]]]), checks)
    assert values.tolist() == [[[0, 32767, -32768]]]
    assert [c.code for c in checks] == ["rounded", "clipped"]
    assert "2 voxels" in checks[1].message


def test_whole_numbers_pass_silently() -> None:
    checks: list[Check] = []
    assert to_int16(np.array([[[5.0, -1024.0]]]), checks).tolist() == [[[5, -1024]]]
    assert checks == []


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        to_int16(np.array([[[np.nan]]]), [])


def test_volume_refuses_another_type_or_shape() -> None:
    geometry = Geometry((1, 2, 3), (1.0, 1.0, 1.0))
    with pytest.raises(ValueError):
        Volume(np.zeros((1, 2, 3), np.float32), geometry)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        Volume(np.zeros((1, 2, 4), np.int16), geometry)


@pytest.mark.parametrize(("width", "level"), [(400, 40), (1500, -600), (80, 40), (1, 0)])
def test_window_follows_the_standard(width: int, level: int) -> None:
    hu = np.arange(-2000, 3000, dtype=np.int16)
    grey = apply_window(hu, window_lut(width, level))
    low, high = level - 0.5 - (width - 1) / 2, level - 0.5 + (width - 1) / 2
    assert np.all(grey[hu <= low] == 0)
    assert np.all(grey[hu > high] == 255)
    inside = (hu > low) & (hu <= high)
    expected = ((hu[inside] - (level - 0.5)) / max(width - 1, 1) + 0.5) * 255
    assert np.abs(grey[inside] - expected).max(initial=0) <= 0.5 + 1e-9


def test_window_of_the_extremes() -> None:
    lut = window_lut(400, 40)
    assert apply_window(np.array([-32768, 32767], np.int16), lut).tolist() == [0, 255]


def test_box() -> None:
    labels = np.zeros((4, 5, 6), np.uint8)
    assert label_box(labels) is None
    labels[1, 2, 3] = 1
    labels[3, 4, 3] = 2
    assert label_box(labels) == ((1, 4), (2, 5), (3, 4))
    assert label_box(labels, [1]) == ((1, 2), (2, 3), (3, 4))
