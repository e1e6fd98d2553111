"""An outline stands for its mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PySide6.QtCore import QPointF

from gui.view.contours import outline

MASKS = arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def inside(path, shape):
    rows, columns = shape
    return np.array(
        [[path.contains(QPointF(c, r)) for c in range(columns)] for r in range(rows)]
    ).reshape(shape)


@given(MASKS)
@settings(max_examples=60, deadline=None)
def test_exact_outline_holds_just_the_pixels(mask):
    assert np.array_equal(inside(outline(mask, exact=True), mask.shape), mask)


def test_exact_outline_runs_along_pixel_edges():
    mask = np.zeros((6, 8), bool)
    mask[2:4, 3:6] = True
    bounds = outline(mask, exact=True).boundingRect()
    assert (bounds.left(), bounds.top()) == (2.5, 1.5)
    assert (bounds.width(), bounds.height()) == (3.0, 2.0)


def test_smooth_outline_keeps_size_and_stays_near_the_mask():
    y, x = np.ogrid[:80, :80]
    mask = (y - 40) ** 2 + (x - 38) ** 2 <= 25**2
    path = outline(mask)
    points = np.array(
        [(path.elementAt(i).x, path.elementAt(i).y) for i in range(path.elementCount())]
    )
    radius = np.hypot(points[:, 0] - 38, points[:, 1] - 40)
    assert np.abs(radius - 25.2).max() < 0.75
    area = abs(np.trapezoid(points[:, 1], points[:, 0]))
    assert area == pytest.approx(mask.sum(), rel=0.01)


def test_hole_stays_empty_and_border_is_closed():
    mask = np.ones((12, 12), bool)
    mask[4:8, 4:8] = False
    found = inside(outline(mask), mask.shape)
    assert not found[5:7, 5:7].any()
    assert found[0, 1:-1].all()
    assert found[1:-1, 0].all()


def test_nothing_gives_nothing():
    assert outline(np.zeros((4, 4), bool)).isEmpty()
