"""Small helpers of widgets that paint themselves."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from gui import theme


def painter(widget: QWidget) -> QPainter:
    """An antialiasing painter on ``widget``; end it before the paint event returns."""
    result = QPainter(widget)
    result.setRenderHints(
        QPainter.RenderHint.Antialiasing
        | QPainter.RenderHint.TextAntialiasing
        | QPainter.RenderHint.SmoothPixmapTransform
    )
    return result


@lru_cache(maxsize=128)
def colour(token: str) -> QColor:
    """The colour of a token; reading "#1B2C3F" anew for each cell would cost as much as it."""
    return QColor(token)


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
    p.setRenderHint(QPainter.RenderHint.Antialiasing)
    p.setBrush(colour(fill) if fill else Qt.BrushStyle.NoBrush)
    if border:
        p.setPen(QPen(colour(border), width))
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


def glyph(p: QPainter, name: str, tint: str, at: QPointF, size: int = 16) -> None:
    """An icon with its top left corner at ``at``, on whole pixels; for what is painted often."""
    ratio = p.device().devicePixelRatio()
    p.drawPixmap(round(at.x()), round(at.y()), theme.pixmap(name, tint, size, ratio))


class _Fits:
    """What of a text fits into a width, and how wide that is: cells are painted over and over."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, float], tuple[str, float]] = {}
        # Fonts by their identity, held so that no other gets it; theme.font() shares them.
        self._fonts: dict[int, tuple[QFont, QFontMetricsF]] = {}

    def metrics(self, font: QFont) -> QFontMetricsF:
        """Metrics of a font nobody changes."""
        found = self._fonts.get(id(font))
        if found is None:
            if len(self._fonts) >= _KEPT_FONTS:
                self._fonts.clear()
                self._known.clear()
            found = self._fonts[id(font)] = (font, QFontMetricsF(font))
        return found[1]

    def elided(self, words: str, font: QFont, width: float) -> tuple[str, float]:
        """The text, cut where it is too long, and its width."""
        metrics = self.metrics(font)
        key = (words, id(font), width)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _KEPT_TEXTS:
                self._known.clear()
            shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, width)
            found = self._known[key] = (shown, metrics.horizontalAdvance(shown))
        return found


#: Horizontal alignment -> the same in the middle of the height, as the number Qt takes: joining
#: flags in Python takes as long as drawing a word.
_MIDDLE = {
    align: int(align | Qt.AlignmentFlag.AlignVCenter)
    for align in (
        Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignHCenter,
        Qt.AlignmentFlag.AlignCenter,
    )
}  # fmt: skip

_KEPT_FONTS, _KEPT_TEXTS = 256, 8192
_fits = _Fits()


def text(
    p: QPainter,
    rect: QRectF,
    words: str,
    font: QFont,
    tint: str,
    *,
    align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
) -> float:
    """One line of text, elided to ``rect``, centred vertically; returns the width it took."""
    shown, width = _fits.elided(words, font, rect.width() + 0.5)
    p.setFont(font)
    p.setPen(colour(tint))
    middle = _MIDDLE.get(align) or int(align | Qt.AlignmentFlag.AlignVCenter)
    p.drawText(rect, middle, shown)
    return width


def width_of(words: str, font: QFont) -> float:
    """Width of one line of text in device-independent pixels."""
    return _fits.metrics(font).horizontalAdvance(words)
