"""The outline of a mask as vector paths, along the edges of its pixels."""

from __future__ import annotations

from typing import Any

import contourpy
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainterPath, QPolygonF


def outline(mask: NDArray[Any]) -> QPainterPath:
    """Closed paths round a boolean ``[row, column]``; x is the column, pixel centres whole numbers.

    Marching squares halfway between pixel centres: on the pixels' edges, with corners cut, so an
    outline is never more than half a pixel from the mask it stands for. Holes are paths of their
    own; with the path's odd-even rule they stay empty when it is filled.
    """
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.OddEvenFill)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return path
    top, left = int(rows[0]), int(columns[0])
    inner = mask[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    # A rim of background closes outlines that touch the image's border.
    padded = np.zeros((inner.shape[0] + 2, inner.shape[1] + 2), np.float32)
    padded[1:-1, 1:-1] = inner
    generator = contourpy.contour_generator(z=padded)
    for line in generator.lines(0.5):
        points = np.asarray(line, dtype=np.float64)
        points += (left - 1, top - 1)
        path.addPolygon(QPolygonF([QPointF(x, y) for x, y in points.tolist()]))
        path.closeSubpath()
    return path
