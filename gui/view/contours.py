"""The outline of a mask as vector paths, along the edges of its pixels."""

from __future__ import annotations

from typing import Any

import contourpy
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainterPath, QPolygonF

#: Pixels are split in so many for the exact outline, whose corners are then cut by 1/16 pixel.
_FINE = 8


def outline(mask: NDArray[Any], exact: bool = False) -> QPainterPath:
    """Closed paths round a boolean ``[row, column]``; x is the column, pixel centres whole numbers.

    Marching squares halfway between pixel centres: on the pixels' edges, with corners cut, so an
    outline is never more than half a pixel from the mask it stands for. exact: keep the corners,
    for magnifications that show single pixels. Holes are paths of their own; with the path's
    odd-even rule they stay empty when it is filled.
    """
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.OddEvenFill)
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return path
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[top:bottom].any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    inner = mask[top:bottom, left:right]
    step = 1
    if exact:
        step = _FINE
        inner = np.repeat(np.repeat(inner, step, axis=0), step, axis=1)
    # A rim of background closes outlines that touch the image's border.
    padded = np.zeros((inner.shape[0] + 2, inner.shape[1] + 2), np.float32)
    padded[1:-1, 1:-1] = inner
    shift = np.asarray((left - 0.5, top - 0.5))
    for line in contourpy.contour_generator(z=padded).lines(0.5):
        points = _corners(np.asarray(line, dtype=np.float64))
        points = (points - 0.5) / step + shift
        path.addPolygon(QPolygonF([QPointF(x, y) for x, y in points.tolist()]))
        path.closeSubpath()
    return path


def _corners(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The closed line without the points that lie on a straight run."""
    ring = points[:-1]
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    turn = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    return ring[np.abs(turn) > 1e-9]
