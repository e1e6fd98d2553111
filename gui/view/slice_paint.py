"""What stands over an image: text and lines with a dark halo, scale bar, slider, tags, axes.

Everything here is in the widget's device-independent pixels.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from gui import theme
from gui.widgets.paint import rounded

HALO = QColor(0, 0, 0, 190)
MARGIN = 12.0
#: The slider at the right edge: distance of its track from the edge, and from top and bottom.
TRACK_X, TRACK_TOP, TRACK_BOTTOM = 12.0, 40.0, 44.0
#: Lengths a scale bar may have, mm.
_SCALES = (1, 2, 5, 10, 20, 50, 100, 200)


def halo_text(p: QPainter, at: QPointF, words: str, *, px: int = 12, weight: int = 600) -> float:
    """Text with its baseline starting at ``at``; returns its width."""
    font = theme.font(px, weight)
    p.setFont(font)
    p.setPen(HALO)
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, 1), (-1, 1), (1, -1)):
        p.drawText(at + QPointF(dx, dy), words)
    p.setPen(QColor(theme.T1))
    p.drawText(at, words)
    return QFontMetricsF(font).horizontalAdvance(words)


def halo_text_right(p: QPainter, at: QPointF, words: str, *, px: int = 12) -> None:
    """Text that ends at ``at``."""
    width = QFontMetricsF(theme.font(px, 600)).horizontalAdvance(words)
    halo_text(p, at - QPointF(width, 0), words, px=px)


def halo_line(
    p: QPainter, line: QLineF, colour: str, *, width: float, dashed: bool = False
) -> None:
    """A line over an image."""
    p.setPen(QPen(HALO, width + 2))
    p.drawLine(line)
    pen = QPen(QColor(colour), width)
    if dashed:
        pen.setDashPattern([4, 3])
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    p.setPen(pen)
    p.drawLine(line)


def letters(p: QPainter, area: QRectF, four: tuple[str, str, str, str]) -> None:
    """Orientation letters at the middles of the edges: top, bottom, left, right."""
    metrics = QFontMetricsF(theme.font(14, 700))
    for letter, x, y in (
        (four[0], area.center().x(), area.top() + 22),
        (four[1], area.center().x(), area.bottom() - 10),
        (four[2], area.left() + 14, area.center().y() + 5),
        (four[3], area.right() - 30, area.center().y() + 5),
    ):
        at = QPointF(x - metrics.horizontalAdvance(letter) / 2, y)
        halo_text(p, at, letter, px=14, weight=700)


def scale_bar(p: QPainter, area: QRectF, pixels_per_mm: float) -> None:
    """A bar of a round length, at most a quarter of the view's width, bottom right."""
    wanted = min(120.0, area.width() / 4) / pixels_per_mm
    length = max((s for s in _SCALES if s <= wanted), default=_SCALES[0])
    right, y = area.right() - 30, area.bottom() - 14
    left = right - length * pixels_per_mm
    for a, b in (
        (QPointF(left, y), QPointF(right, y)),
        (QPointF(left, y - 5), QPointF(left, y)),
        (QPointF(right, y - 5), QPointF(right, y)),
    ):
        halo_line(p, QLineF(a, b), theme.T1, width=1.4)
    metrics = QFontMetricsF(theme.font(12, 600))
    words = f"{length} mm"
    x = (left + right) / 2 - metrics.horizontalAdvance(words) / 2
    # A narrow bar must not push its caption out of the view.
    x = min(x, area.right() - MARGIN - metrics.horizontalAdvance(words))
    halo_text(p, QPointF(x, y - 8), words)


def track(area: QRectF) -> QLineF:
    """Where the slice slider runs, top to bottom."""
    x = area.right() - TRACK_X
    return QLineF(x, area.top() + TRACK_TOP, x, area.bottom() - TRACK_BOTTOM)


def slider(p: QPainter, area: QRectF, place: float, marks: list[tuple[float, float]]) -> None:
    """The slice slider. place: 0 (top) to 1. marks: begin and end of stretches with lesions."""
    line = track(area)
    if line.length() < 40:
        return

    def y(share: float) -> float:
        return line.y1() + share * (line.y2() - line.y1())

    p.setPen(QPen(QColor(255, 255, 255, 50), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    p.drawLine(line)
    pen = QPen(QColor(theme.WARN), 3.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
    p.setPen(pen)
    for begin, end in marks:
        p.drawLine(QLineF(line.x1(), y(begin), line.x1(), max(y(end), y(begin) + 2)))
    p.setPen(QPen(HALO, 1.5))
    p.setBrush(QColor(theme.WHITE))
    p.drawEllipse(QPointF(line.x1(), y(place)), 5.5, 5.5)
    p.setBrush(Qt.BrushStyle.NoBrush)


def plate(p: QPainter, at: QPointF, words: str, *, proposal: bool, area: QRectF) -> QRectF:
    """A small plate with text, its lower left corner near ``at``, kept inside ``area``."""
    font = theme.font(12, 600)
    width = QFontMetricsF(font).horizontalAdvance(words) + 16 + (18 if proposal else 0)
    rect = QRectF(at.x(), at.y() - 24, width, 24)
    rect.moveLeft(min(max(rect.left(), area.left() + 4), area.right() - width - 24))
    rect.moveTop(min(max(rect.top(), area.top() + 4), area.bottom() - 28))
    rounded(p, rect, 4, fill="#E6181C20", border=theme.WARN if proposal else theme.LINE2)
    left = rect.left() + 8
    if proposal:
        icon = theme.icon("ph.sparkle", theme.WARN, 14)
        icon.paint(p, QRectF(left, rect.top() + 5, 14, 14).toRect())
        left += 18
    p.setFont(font)
    p.setPen(QColor(theme.T1))
    p.drawText(QRectF(left, rect.top(), width, 24), int(Qt.AlignmentFlag.AlignVCenter), words)
    return rect


def measurement(p: QPainter, line: QLineF, *, dashed: bool, words: str, area: QRectF) -> None:
    """A measured line with its end points, and a plate with a leader where there are words."""
    if words:
        upper = line.p1() if line.y1() < line.y2() else line.p2()
        rect = plate(p, upper + QPointF(-24, -44), words, proposal=False, area=area)
        halo_line(p, QLineF(upper, QPointF(upper.x(), rect.bottom())), theme.T2, width=1.0)
    halo_line(p, line, theme.T1, width=1.4, dashed=dashed)
    p.setPen(QPen(QColor(theme.BG1), 1.2))
    p.setBrush(QColor(theme.WHITE))
    for end in (line.p1(), line.p2()):
        p.drawEllipse(end, 3, 3)
    p.setBrush(Qt.BrushStyle.NoBrush)


def stretches(slices: list[int]) -> list[tuple[int, int]]:
    """Runs of consecutive slice numbers as (first, last)."""
    runs: list[tuple[int, int]] = []
    for index in sorted(slices):
        if runs and index == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs


def signed(value: float, digits: int = 1) -> str:
    """A number with the typographic minus, and no minus zero."""
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def nice_zoom(zoom: float) -> str:
    """A magnification, two digits at most."""
    return f"{zoom:.1f}×" if zoom < 10 else f"{math.floor(zoom)}×"
