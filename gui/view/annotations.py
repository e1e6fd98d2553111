"""What is written and drawn over a slice: texts with a halo, letters, scale bar, plates, lines."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen

from gui import theme
from gui.document.marks import Measurement, Tag
from gui.view.framing import Framing
from gui.view.tool_event import Preview
from gui.widgets.paint import rounded, text, width_of

#: Distance of texts from the view's edges.
MARGIN = 12
_HALO = QColor(0, 0, 0, 200)
#: Half the gap in the crosshair, pixels.
_GAP = 10
_AROUND = tuple((dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy)
#: Lengths a scale bar may have, mm; the largest that takes at most a fifth of the view is drawn.
_BARS = (1, 2, 5, 10, 20, 50, 100, 200)


def minus(words: str) -> str:
    """Figures with a real minus sign."""
    return words.replace("-", "−")


def halo_text(
    p: QPainter,
    x: float,
    y: float,
    words: str,
    *,
    px: int = 12,
    weight: int = 600,
    align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    colour: str = theme.T1,
) -> float:
    """A line of text on an image; y: its baseline. Returns its width."""
    font = theme.font(px, weight)
    width = width_of(words, font)
    if align == Qt.AlignmentFlag.AlignRight:
        x -= width
    elif align == Qt.AlignmentFlag.AlignHCenter:
        x -= width / 2
    p.setFont(font)
    # Eight copies from the glyph cache; stroking the text's outline looks the same and costs 2 ms.
    p.setPen(_HALO)
    for dx, dy in _AROUND:
        p.drawText(QPointF(x + dx, y + dy), words)
    p.setPen(QColor(colour))
    p.drawText(QPointF(x, y), words)
    return width


def halo_line(p: QPainter, line: QLineF, pen: QPen) -> None:
    """A line that shows on black and on white."""
    p.setPen(QPen(_HALO, pen.widthF() + 2))
    p.drawLine(line)
    p.setPen(pen)
    p.drawLine(line)


def letters(p: QPainter, framing: Framing, right: float) -> None:
    """Which side of the patient each edge is. right: room kept free at the right."""
    axes = framing.axes
    if axes is None:
        return
    width, height = framing.size.width(), framing.size.height()
    top, bottom, left, right_letter = axes.letters
    centre = Qt.AlignmentFlag.AlignHCenter
    for words, x, y in (
        (top, width / 2, 22.0),
        (bottom, width / 2, height - 12.0),
        (left, MARGIN + 2, height / 2 + 5),
        (right_letter, width - right, height / 2 + 5),
    ):
        halo_text(p, x, y, words, px=14, weight=700, align=centre)


def scale_bar(p: QPainter, framing: Framing, right: float, bottom: float) -> float:
    """A bar of a round length that ends at (right, bottom); returns its height with the text."""
    limit = framing.size.width() / 4
    fitting = [mm for mm in _BARS if mm * framing.scale <= limit]
    length = fitting[-1] if fitting else _BARS[0]
    left = right - length * framing.scale
    pen = QPen(QColor(theme.T1), 1.5)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    for line in (
        QLineF(left, bottom, right, bottom),
        QLineF(left, bottom - 6, left, bottom),
        QLineF(right, bottom - 6, right, bottom),
    ):
        halo_line(p, line, pen)
    middle = Qt.AlignmentFlag.AlignHCenter
    halo_text(p, (left + right) / 2, bottom - 9, f"{length} mm", align=middle, weight=500)
    return 28


def crosshair(p: QPainter, framing: Framing, row: float, column: float) -> None:
    """Where the other two planes cut; a gap at the crossing leaves what is there to be seen."""
    x, y = framing.to_screen(row, column)
    x, y = round(x), round(y)
    colour = QColor(theme.ACC)
    colour.setAlphaF(0.7)
    width, height = framing.size.width(), framing.size.height()
    # Filled pixels: long antialiased lines cost more than the rest of what moves.
    for area in (
        QRectF(0, y, x - _GAP, 1), QRectF(x + _GAP, y, width - x - _GAP, 1),
        QRectF(x, 0, 1, y - _GAP), QRectF(x, y + _GAP, 1, height - y - _GAP),
    ):  # fmt: skip
        p.fillRect(area, colour)


def measurement(
    p: QPainter, framing: Framing, line: Measurement, place: Sequence[tuple[float, float]]
) -> None:
    """A measured line; place: its ends as (row, column)."""
    ends = [QPointF(*framing.to_screen(row, column)) for row, column in place]
    pen = QPen(QColor(theme.T1), 1.6)
    if line.dashed:
        pen = QPen(QColor(theme.T1), 1.6, Qt.PenStyle.CustomDashLine, Qt.PenCapStyle.FlatCap)
        pen.setDashPattern([4, 3])
    halo_line(p, QLineF(ends[0], ends[1]), pen)
    p.setPen(QPen(QColor(theme.BLACK), 1.5))
    p.setBrush(QColor(theme.WHITE))
    for end in ends:
        p.drawEllipse(end, 3.5, 3.5)
    if line.text:
        end = max(ends, key=lambda e: e.x())
        halo_text(p, end.x() + 8, end.y() + 4, line.text)


class Plates:
    """Places the plates of one view so that none hides another; drawn in the order of calls."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._taken: list[QRectF] = []

    def draw(self, p: QPainter, tag: Tag, row: float, column: float) -> QRectF:
        """A plate with a line to (row, column); returns where it stands."""
        x, y = self._framing.to_screen(row, column)
        font = theme.font(12, 600)
        width = QFontMetricsF(font).horizontalAdvance(tag.text) + 16 + (20 if tag.proposal else 0)
        rect = self._free(QRectF(x - width * 0.8 - 24, y - 60, width, 24))
        foot = QPointF(min(rect.right() - 12, max(rect.left() + 12, x)), rect.bottom())
        if rect.top() > y:
            foot.setY(rect.top())
        p.setPen(QPen(QColor(theme.T2), 1))
        if QLineF(foot, QPointF(x, y)).length() > 6:
            p.drawLine(QLineF(foot, QPointF(x, y)))
        ground = QColor(theme.BG4)
        ground.setAlphaF(0.94)
        p.save()
        p.setPen(QPen(QColor(tag.colour), 1) if tag.proposal else Qt.PenStyle.NoPen)
        p.setBrush(QColor(theme.BG2) if tag.proposal else ground)
        p.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        p.restore()
        area = rect.adjusted(8, 0, -6, 0)
        if tag.proposal:
            top = round(rect.center().y() - 7)
            theme.icon("ph.sparkle", tag.colour, 14).paint(p, round(area.left()), top, 14, 14)
            area.setLeft(area.left() + 20)
        text(p, area, tag.text, font, theme.T1)
        return rect

    def _free(self, rect: QRectF) -> QRectF:
        size = self._framing.size
        rect.moveLeft(min(max(8.0, rect.left()), max(8.0, size.width() - rect.width() - 40)))
        rect.moveTop(min(max(44.0, rect.top()), max(44.0, size.height() - 60)))
        while any(rect.intersects(other) for other in self._taken):
            rect.translate(0, 28)
        self._taken.append(rect)
        return rect


def preview(
    p: QPainter, framing: Framing, shown: Preview, pointer: tuple[float, float] | None
) -> None:
    """A tool's ring, lines and text; pointer: (row, column) of the mouse, None elsewhere."""
    p.setBrush(Qt.BrushStyle.NoBrush)
    centre = shown.centre or pointer
    if shown.circle_mm is not None and centre is not None:
        x, y = framing.to_screen(*centre)
        radius = shown.circle_mm * framing.scale
        p.setPen(QPen(_HALO, 3))
        p.drawEllipse(QPointF(x, y), radius, radius)
        p.setPen(_pen(shown))
        p.drawEllipse(QPointF(x, y), radius, radius)
        if radius > 8:
            rounded(p, QRectF(x - 1.5, y - 1.5, 3, 3), 1.5, shown.colour)
    if shown.polyline:
        points = [QPointF(*framing.to_screen(row, column)) for row, column in shown.polyline]
        if shown.closed and len(points) > 2:
            points.append(points[0])
        path = QPainterPath(points[0])
        for point in points[1:]:
            path.lineTo(point)
        p.setPen(QPen(_HALO, 3.5))
        p.drawPath(path)
        p.setPen(_pen(shown))
        p.drawPath(path)
    if shown.text and centre is not None:
        x, y = framing.to_screen(*centre)
        halo_text(p, x + 14, y - 10, shown.text)


def _pen(shown: Preview) -> QPen:
    pen = QPen(QColor(shown.colour), 1.5)
    if shown.dashed:
        pen.setStyle(Qt.PenStyle.CustomDashLine)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        pen.setDashPattern([4, 3])
    return pen
