"""The picture in the details: one axial slice with its labels, fitted, on black."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from core.labels.schema import LabelSchema
from core.planes import PlaneAxes
from gui import theme
from gui.view.contours import outline
from gui.widgets.focus import RingMixin
from gui.widgets.paint import painter

if TYPE_CHECKING:
    from core.project.preview import Preview

WIDTH, LEVEL = 400, 40

#: Wheel units of one notch; touch pads send fractions of it.
_NOTCH = 120


def halo_text(p: QPainter, at: QPointF, words: str, font: QFont, colour: str = theme.T1) -> None:
    """Light text with a dark edge, readable over any picture; ``at`` is the baseline's start."""
    path = QPainterPath()
    path.addText(at, font, words)
    p.setBrush(Qt.BrushStyle.NoBrush)
    p.setPen(QPen(QColor(0, 0, 0, 190), 3))
    p.drawPath(path)
    p.fillPath(path, QColor(colour))


class Picture(RingMixin, QWidget):
    """Asks for other slices: moved by so many (wheel, keys), dragged to a share of the series."""

    ring_radius = 4
    moved = Signal(int)
    dragged = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(256)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.loaded: Preview | None = None
        self.schema = LabelSchema.default()
        self.words = ""
        self._index = 0
        self._image: QImage | None = None
        self._paths: list[tuple[QPainterPath, str]] = []
        self._turned = 0
        self._held: tuple[float, int] | None = None

    def show_series(self, loaded: Preview | None, schema: LabelSchema) -> None:
        """Another series, or none; its first slice follows by :meth:`show_slice`."""
        self.loaded, self.schema = loaded, schema
        self._image = None
        self._paths = []
        self.update()

    @property
    def index(self) -> int:
        """The slice on the screen."""
        return self._index

    def show_slice(self, index: int, grey: NDArray[np.uint8]) -> None:
        """Show axial slice ``index`` of the series: grey values [row, column]."""
        if self.loaded is None:
            return
        self._index = index
        grey = np.ascontiguousarray(grey)
        rows, columns = grey.shape
        kind = QImage.Format.Format_Grayscale8
        self._image = QImage(grey.tobytes(), columns, rows, columns, kind).copy()
        self._paths = self._outlines(self.loaded, index)
        slices = self.loaded.axes.slices
        name = self.tr("Axial, slice {0} of {1}").format(index + 1, slices)
        made = f", {self.tr('interpolated')}" if index in self.loaded.made else ""
        self.setAccessibleName(name + made)
        self.update()

    def _outlines(self, loaded: Preview, index: int) -> list[tuple[QPainterPath, str]]:
        cut = None if loaded.labels is None else loaded.labels.cut(loaded.axes, index)
        if cut is None:
            return []
        colours = {c.value: c.colour for c in self.schema.classes}
        values = [value for value in np.unique(cut).tolist() if value in colours]
        return [(outline(cut == value), colours[value]) for value in values]

    # ---- looking through ---------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        """One slice a notch, ten with Shift; fractions of a notch add up."""
        self._turned += event.angleDelta().y() or event.angleDelta().x()
        notches = int(self._turned / _NOTCH)
        if notches:
            self._turned -= notches * _NOTCH
            ten = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            self.moved.emit(-notches * (10 if ten else 1))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the slice; what follows goes on from it."""
        if event.button() == Qt.MouseButton.LeftButton and self.loaded is not None:
            self._held = (event.position().x(), self._index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Across the picture is through the whole series."""
        if self._held is not None and self.loaded is not None:
            start, index = self._held
            last = max(1, self.loaded.axes.slices - 1)
            self.dragged.emit(index / last + (event.position().x() - start) / self.width())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._held = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go by one slice, page keys by ten, Home and End to the ends."""
        steps = {
            Qt.Key.Key_Up: -1, Qt.Key.Key_Left: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_Right: 1,
            Qt.Key.Key_PageUp: -10, Qt.Key.Key_PageDown: 10,
            Qt.Key.Key_Home: -1_000_000, Qt.Key.Key_End: 1_000_000,
        }  # fmt: skip
        found = steps.get(Qt.Key(event.key()))
        if found is None:
            super().keyPressEvent(event)
        else:
            self.moved.emit(found)

    # ---- painting ----------------------------------------------------------------------------

    def _target(self, loaded: Preview) -> QRectF:
        """Where the body's box goes: as large as fits, square in mm."""
        down, right = loaded.axes.pixel_mm
        top, bottom, first, last = loaded.box
        height, width = (bottom - top) * down, (last - first) * right
        scale = min(self.width() / width, self.height() / height)
        size = (width * scale, height * scale)
        return QRectF((self.width() - size[0]) / 2, (self.height() - size[1]) / 2, size[0], size[1])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Slice, outlines, letters and figures."""
        p = painter(self)
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(self.rect()), 4, 4)
        p.setClipPath(clip)
        p.fillRect(self.rect(), theme.BLACK)
        if self.loaded is not None and self._image is not None:
            top, bottom, first, last = self.loaded.box
            target = self._target(self.loaded)
            p.save()
            p.translate(target.topLeft())
            p.scale(target.width() / (last - first), target.height() / (bottom - top))
            p.translate(-first, -top)
            axes = self.loaded.axes
            p.drawImage(QRectF(0, 0, axes.columns, axes.rows), self._image)
            self._draw_labels(p)
            p.restore()
            self._draw_words(p, axes)
        elif self.words:
            p.setPen(theme.T2)
            p.setFont(theme.font(12))
            area = QRectF(self.rect()).adjusted(24, 0, -24, 0)
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            p.drawText(area, flags, self.words)
        p.end()

    def _draw_labels(self, p: QPainter) -> None:
        """Outlines in pixels of the slice; a painter that is scaled to them."""
        p.translate(0.5, 0.5)  # an outline counts from the centre of the first pixel
        for path, colour in self._paths:
            pen = QPen(QColor(colour), 1.6)
            pen.setCosmetic(True)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            p.setPen(pen)
            fill = QColor(colour)
            fill.setAlphaF(0.2)
            p.setBrush(fill)
            p.drawPath(path)

    def _draw_words(self, p: QPainter, axes: PlaneAxes) -> None:
        strong, small = theme.font(12, 600), theme.font(11, 600)
        _, _, left, right = axes.letters
        middle = self.height() / 2 + 4
        halo_text(p, QPointF(8, middle), left, strong)
        halo_text(p, QPointF(self.width() - 18, middle), right, strong)
        halo_text(p, QPointF(10, self.height() - 10), f"W {WIDTH}  L {LEVEL}", small)
        words = self.tr("Slice {0} / {1}").format(self._index + 1, axes.slices)
        p.setFont(small)
        width = p.fontMetrics().horizontalAdvance(words)
        halo_text(p, QPointF(self.width() - 10 - width, self.height() - 10), words, small)
        if self.loaded is not None and self._index in self.loaded.made:
            made = self.tr("interpolated")
            left = self.width() - 10 - p.fontMetrics().horizontalAdvance(made)
            halo_text(p, QPointF(left, 20), made, small, theme.WARN)
