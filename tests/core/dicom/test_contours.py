"""Outlines of masks give the same pixels back, under every rule readers use."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.dicom.polygon import fill, fill_all
from core.dicom.writing.contours import contours

masks = arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def area(points: np.ndarray) -> float:
    y, x = points.T
    return 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))


@settings(max_examples=200, deadline=None)
@given(masks)
def test_pixels_come_back_whether_contours_are_joined_or_taken_even_odd(mask: np.ndarray) -> None:
    found = contours(mask)
    assert all(len(points) >= 3 for points in found)
    parts = [fill(points, mask.shape) for points in found]
    joined, odd = np.zeros_like(mask), np.zeros_like(mask)
    for part in parts:
        joined |= part
        odd ^= part
    assert np.array_equal(joined, mask) and np.array_equal(odd, mask)
    assert np.array_equal(fill_all(found, mask.shape), mask)
    # As they are written, to a tenth of a micrometre on pixels of half a millimetre.
    rounded = [np.round(points * 0.5, 4) / 0.5 for points in found]
    assert np.array_equal(fill_all(rounded, mask.shape), mask)


def test_a_hole_is_a_keyhole_that_runs_the_other_way_round() -> None:
    mask = np.ones((9, 11), bool)
    mask[2:4, 2:5] = mask[6:7, 6:9] = False
    (outline,) = contours(mask)
    # Signed area: holes subtract, so non-zero winding leaves them open, too.
    corners = 4 * 0.125 * 3
    expected = mask.sum() - 4 * 0.125 + 2 * 4 * 0.125
    assert abs(area(outline)) == pytest.approx(expected, abs=corners)
    assert np.array_equal(fill(outline, mask.shape), mask)


def test_an_island_in_a_hole_is_a_contour_of_its_own() -> None:
    mask = np.zeros((11, 11), bool)
    mask[1:10, 1:10] = True
    mask[3:8, 3:8] = False
    mask[5, 5] = True
    assert len(contours(mask)) == 2
    assert contours(np.zeros((4, 4), bool)) == []


def test_straight_edges_have_no_points_on_them() -> None:
    (outline,) = contours(np.ones((30, 40), bool))
    assert len(outline) == 8  # four sides and four cut corners
