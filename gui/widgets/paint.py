"""Small helpers of widgets that paint themselves."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget


def painter(widget: QWidget) -> QPainter:
    """An antialiasing painter on ``widget``; end it before the paint event returns."""
    result = QPainter(widget)
    result.setRenderHints(
        QPainter.RenderHint.Antialiasing
        | QPainter.RenderHint.TextAntialiasing
        | QPainter.RenderHint.SmoothPixmapTransform
    )
    return result


def rounded(
    p: QPainter,
    rect: QRectF,
    radius: float,
    fill: str | None = None,
    border: str | None = None,
    *,
    width: float = 1.0,
) -> None:
    """A rounded rectangle whose border lies wholly inside ``rect``, so that it stays sharp."""
    p.save()
    p.setBrush(QColor(fill) if fill else Qt.BrushStyle.NoBrush)
    if border:
        p.setPen(QPen(QColor(border), width))
        half = width / 2
        rect = rect.adjusted(half, half, -half, -half)
        radius = max(0.0, radius - half)
    else:
        p.setPen(Qt.PenStyle.NoPen)
    p.drawRoundedRect(rect, radius, radius)
    p.restore()


def dot(p: QPainter, centre: QPointF, radius: float, fill: str) -> None:
    """A filled circle."""
    p.save()
    p.setPen(Qt.PenStyle.NoPen)
    p.setBrush(QColor(fill))
    p.drawEllipse(centre, radius, radius)
    p.restore()


def text(
    p: QPainter,
    rect: QRectF,
    words: str,
    font: QFont,
    colour: str,
    *,
    align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
) -> float:
    """One line of text, elided to ``rect``, centred vertically; returns the width it took."""
    metrics = QFontMetricsF(font)
    shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, rect.width() + 0.5)
    p.setFont(font)
    p.setPen(QColor(colour))
    p.drawText(rect, int(align | Qt.AlignmentFlag.AlignVCenter), shown)
    return metrics.horizontalAdvance(shown)


def width_of(words: str, font: QFont) -> float:
    """Width of one line of text in device-independent pixels."""
    return QFontMetricsF(font).horizontalAdvance(words)
