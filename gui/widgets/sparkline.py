"""A small strip of a figure over time, painted: no axes, no animation."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import theme
from gui.widgets.paint import painter, rounded

#: A gap longer than this many seconds is no line: the watcher slept, or the run was paused.
_GAP = 30.0


class Sparkline(QWidget):
    """Points (seconds, value) over the last ``seconds``; the newest stands at the right edge."""

    def __init__(
        self,
        seconds: float,
        height: int = 44,
        *,
        radius: float = 4,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._seconds = seconds
        self._radius = radius
        self._points: tuple[tuple[float, float], ...] = ()
        self._now = 0.0
        self._top = 1.0
        self._height = height
        self.setMinimumHeight(min(height, 14))
        self.setMaximumHeight(height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def show_points(self, points: Sequence[tuple[float, float]], now: float, top: float) -> None:
        """Draw ``points`` up to ``now``; ``top`` is the value at the upper edge, 0 at the lower."""
        start = now - self._seconds
        self._points = tuple((t, v) for t, v in points if t >= start and math.isfinite(v))
        self._now, self._top = now, top if top > 0 else 1.0
        self.update()

    def points(self) -> tuple[tuple[float, float], ...]:
        """What is drawn."""
        return self._points

    def sizeHint(self) -> QSize:
        """Wide as there is room; lower where there is too little."""
        return QSize(64, self._height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, the area below the line, the line."""
        p = painter(self)
        rect = QRectF(self.rect())
        rounded(p, rect, self._radius, theme.INSET)
        # The line keeps clear of the edges by half its width.
        for piece in self._pieces(rect.adjusted(0, 4, 0, -2)):
            self._paint(p, rect, piece)
        p.end()

    def _pieces(self, area: QRectF) -> list[list[QPointF]]:
        pieces: list[list[QPointF]] = []
        before = -math.inf
        for moment, value in self._points:
            x = area.right() - (self._now - moment) / self._seconds * area.width()
            share = min(1.0, max(0.0, value / self._top))
            if moment - before > _GAP:
                pieces.append([])
            before = moment
            pieces[-1].append(QPointF(x, area.bottom() - share * area.height()))
        return pieces

    def _paint(self, p: QPainter, rect: QRectF, piece: Sequence[QPointF]) -> None:
        path = QPainterPath(piece[0])
        for point in piece[1:]:
            path.lineTo(point)
        below = QPainterPath(path)
        below.lineTo(piece[-1].x(), rect.bottom())
        below.lineTo(piece[0].x(), rect.bottom())
        below.closeSubpath()
        shade = QLinearGradient(rect.topLeft(), rect.bottomLeft())
        colour = QColor(theme.ACC)
        colour.setAlphaF(0.34)
        shade.setColorAt(0, colour)
        colour.setAlphaF(0.06)
        shade.setColorAt(1, colour)
        p.fillPath(below, shade)
        pen = QPen(QColor(theme.ACC), 1.4)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        p.setPen(pen)
        p.setBrush(Qt.BrushStyle.NoBrush)
        p.drawPath(path)
