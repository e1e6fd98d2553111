"""Labels and proposal of one slice as paths, kept until the slice or what is on it changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTransform

from core.labels.schema import LabelSchema
from core.planes import PlaneAxes
from gui.theme import LINE2
from gui.view.contours import outline
from gui.view.document import Document

Box = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]

#: Width of outlines on the screen, device-independent pixels.
CONTOUR = 1.6
#: Dashes of a proposal, in widths of its pen.
DASHES = (4.0, 3.0)


@dataclass(frozen=True, slots=True)
class Shape:
    """The part of one class on a slice."""

    value: int
    path: QPainterPath


class Overlay:
    """The shapes of the slice that is shown."""

    def __init__(self) -> None:
        self._index = -1
        self._labels: list[Shape] | None = None
        self._proposal: list[Shape] | None = None

    def forget(self) -> None:
        """Everything may have changed."""
        self._labels = self._proposal = None

    def touched(self, axes: PlaneAxes, box: Box | None) -> bool:
        """Note that labels changed inside ``box``; whether the slice shown is concerned."""
        if box is not None and not box[axes.normal][0] <= self._index < box[axes.normal][1]:
            return False
        self._labels = None
        return True

    def forget_proposal(self) -> None:
        """The proposal changed."""
        self._proposal = None

    def show(self, doc: Document, axes: PlaneAxes, index: int) -> tuple[list[Shape], list[Shape]]:
        """Shapes of the labels and of the proposal on slice ``index``."""
        if index != self._index:
            self._index = index
            self.forget()
        if self._labels is None:
            self._labels = _shapes(doc.labels, axes, index)
        if self._proposal is None:
            self._proposal = _shapes(doc.proposal, axes, index)
        return self._labels, self._proposal

    def paint(
        self, p: QPainter, doc: Document, axes: PlaneAxes, index: int, to_screen: QTransform
    ) -> None:
        """Draw the slice's shapes; ``to_screen`` maps (column, row) to the widget."""
        if doc.overlay_hidden:
            return
        labels, proposal = self.show(doc, axes, index)
        for shape in labels:
            if shape.value not in doc.hidden:
                colour = colour_of(doc.schema, shape.value)
                path = to_screen.map(shape.path)
                if not doc.contour_only:
                    fill = QColor(colour)
                    fill.setAlphaF(doc.opacity * 0.75)
                    p.fillPath(path, fill)
                p.setBrush(Qt.BrushStyle.NoBrush)
                p.setPen(QPen(colour, CONTOUR))
                p.drawPath(path)
        for shape in proposal:
            colour = colour_of(doc.schema, shape.value)
            path = to_screen.map(shape.path)
            fill = QColor(colour)
            fill.setAlphaF(0.10)
            if not doc.contour_only:
                p.fillPath(path, fill)
            # Square caps would close the gaps between the dashes.
            pen = QPen(colour, CONTOUR + 0.2, Qt.PenStyle.CustomDashLine, Qt.PenCapStyle.FlatCap)
            pen.setDashPattern(DASHES)
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.setPen(pen)
            p.drawPath(path)


def colour_of(schema: LabelSchema, value: int) -> QColor:
    """A class's colour; grey for a value the schema does not know."""
    try:
        return QColor(schema.by_value(value).colour)
    except KeyError:
        return QColor(LINE2)


def _shapes(array: NDArray[np.uint8] | None, axes: PlaneAxes, index: int) -> list[Shape]:
    if array is None or not 0 <= index < axes.slices:
        return []
    cut = axes.cut(array, index)
    values = np.flatnonzero(np.bincount(cut.ravel(), minlength=256))
    return [Shape(int(v), outline(cut == v)) for v in values if v]
