"""The outline of a mask as vector paths, along the edges of its pixels."""

from __future__ import annotations

from typing import Any

import contourpy
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QPainterPath, QPolygonF
from shiboken6 import VoidPtr

#: Pixels; a tenth of one is less than a screen pixel at any zoom below that of exact outlines.
_UNSEEN = 0.1


def outline(mask: NDArray[Any], exact: bool = False) -> QPainterPath:
    """Closed paths round a boolean ``[row, column]``; x is the column, pixel centres whole numbers.

    Marching squares halfway between pixel centres: on the pixels' edges, with corners cut, so an
    outline is never more than half a pixel from the mask it stands for; its steps are then evened
    out without changing its size. exact: keep the corners, for magnifications that show pixels.
    Holes are paths of their own; with the odd-even rule they stay empty when it is filled.
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
    # A rim of background closes outlines that touch the image's border.
    padded = np.zeros((inner.shape[0] + 2, inner.shape[1] + 2), np.float32)
    padded[1:-1, 1:-1] = inner
    shift = np.asarray((left - 1, top - 1))
    for line in contourpy.contour_generator(z=padded).lines(0.5):
        ring = np.asarray(line, dtype=np.float64)[:-1]
        points = (_corners(ring) if exact else _evened(ring)) + shift
        if len(points) > 2:
            path.addPolygon(_polygon(points))
            path.closeSubpath()
    return path


def _corners(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """The closed line along the pixels' edges instead of across their corners.

    Marching squares gives the middles of pixel edges; where two of them are joined across a
    corner, that corner belongs to the outline, and nothing else does.
    """
    after = np.roll(ring, -1, axis=0)
    across = np.all(ring != after, axis=1)
    start, end = ring[across], after[across]
    upright = start[:, 0] % 1 == 0.5
    return np.where(
        upright[:, None],
        np.stack([start[:, 0], end[:, 1]], 1),
        np.stack([end[:, 0], start[:, 1]], 1),
    )


def _evened(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """The closed line with its steps evened out (Taubin 1995: a step in, a slightly longer out).

    Neighbouring points are at most a pixel apart, so no point moves by more than half of one.
    """
    wrapped = np.empty((len(ring) + 2, 2))
    for weight in (0.5, -0.53) * 3:
        wrapped[1:-1], wrapped[0], wrapped[-1] = ring, ring[-1], ring[0]
        ring = ring + weight * ((wrapped[:-2] + wrapped[2:]) / 2 - ring)
    return _thinned(_thinned(ring))


def _thinned(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """The closed line without every other point, where that moves it by less than can be seen."""
    if len(ring) < 16:
        return ring
    middle = (np.roll(ring, 1, axis=0) + np.roll(ring, -1, axis=0)) / 2
    keep = np.abs(ring - middle).sum(axis=1) > _UNSEEN
    keep[::2] = True
    return ring[keep]


def _polygon(points: NDArray[np.float64]) -> QPolygonF:
    """The points as Qt's polygon, written into its memory: a list of QPointF takes ten times as
    long."""
    polygon = QPolygonF()
    polygon.resize(len(points))
    memory = VoidPtr(polygon.data(), points.size * 8, True)
    np.frombuffer(memory, dtype=np.float64)[:] = points.ravel()
    return polygon
