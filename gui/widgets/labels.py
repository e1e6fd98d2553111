"""Text: headings, captions, elided lines, pills, key and value rows."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QSizePolicy, QWidget

from gui import theme
from gui.widgets.paint import dot, glyph, painter, rounded, text, width_of


def label(
    words: str = "",
    px: int = 13,
    weight: int = 400,
    tone: str = "",
    *,
    wrap: bool = False,
    mono: bool = False,
) -> QLabel:
    """A plain text label. tone: "", t2, t3, acc, ok, warn or err."""
    result = QLabel(words)
    result.setTextFormat(Qt.TextFormat.PlainText)
    result.setFont(theme.font(px, weight, mono))
    result.setWordWrap(wrap)
    set_tone(result, tone)
    return result


def set_tone(widget: QWidget, tone: str) -> None:
    """Change the colour of a label made by :func:`label`."""
    if widget.property("tone") != tone:
        widget.setProperty("tone", tone)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def heading(words: str, px: int = 18) -> QLabel:
    """A title: 18 a page, 15 an item, 13 a card; all semibold."""
    return label(words, px, 600)


def caption(words: str, wrap: bool = False) -> QLabel:
    """Quiet 12 px text below or beside something."""
    return label(words, 12, 400, "t3", wrap=wrap)


def line(vertical: bool = False) -> QFrame:
    """A hairline between two parts."""
    result = QFrame()
    result.setObjectName("line")
    if vertical:
        result.setFixedWidth(1)
    else:
        result.setFixedHeight(1)
    return result


class Elided(QLabel):
    """One line of plain text that is cut with an ellipsis where it does not fit.

    The whole text is the tooltip while it is cut.
    """

    def __init__(
        self,
        words: str = "",
        px: int = 13,
        weight: int = 400,
        tone: str = "",
        *,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(theme.font(px, weight))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._whole = ""
        self._mode = mode
        set_tone(self, tone)
        self.set_text(words)

    def set_text(self, words: str) -> None:
        """Change the text."""
        if words != self._whole:
            self._whole = words
            self.updateGeometry()
            self._fit()

    def whole_text(self) -> str:
        """The text without the cut."""
        return self._whole

    def sizeHint(self) -> QSize:
        """As wide as the whole text."""
        height = self.fontMetrics().height()
        return QSize(round(width_of(self._whole, self.font()) + 2), height)

    def minimumSizeHint(self) -> QSize:
        """May shrink to a few letters."""
        return QSize(min(24, self.sizeHint().width()), self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut anew."""
        self._fit()

    def _fit(self) -> None:
        shown = self.fontMetrics().elidedText(self._whole, self._mode, self.width())
        self.setText(shown)
        self.setToolTip(self._whole if shown != self._whole else "")


class Pill(QWidget):
    """A state in words, 24 high. tone: neutral, ok, warn, err, info or outline."""

    def __init__(
        self,
        text: str,
        tone: str = "neutral",
        icon: str | None = None,
        dot: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setFont(theme.font(12, 600))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set(text, tone, icon, dot)

    def set(
        self, text: str, tone: str = "neutral", icon: str | None = None, dot: bool = False
    ) -> None:
        """Change all of it. Raises KeyError on an unknown tone."""
        self._text, self._icon, self._dot, self._outline = text, icon, dot, tone == "outline"
        self._colour, self._fill = (
            (theme.T3, theme.LINE2) if tone == "outline" else theme.TONES[tone]
        )
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def text(self) -> str:
        """The words."""
        return self._text

    def sizeHint(self) -> QSize:
        """Words, icon or dot, and padding."""
        width = 16 + width_of(self._text, self.font())
        width += 20 if self._icon else 13 if self._dot else 0
        return QSize(round(width + 0.5), 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, icon or dot, words."""
        p = painter(self)
        self.paint_at(p, QRectF(self.rect()))
        p.end()

    def paint_at(self, p: QPainter, rect: QRectF) -> None:
        """Draw into ``rect`` with a QPainter; tables draw their pills with it."""
        if self._outline:
            rounded(p, rect, rect.height() / 2, None, self._fill)
        else:
            rounded(p, rect, rect.height() / 2, self._fill)
        x = rect.left() + 8
        if self._icon:
            glyph(p, self._icon, self._colour, QPointF(x, rect.center().y() - 7), 14)
            x += 20
        elif self._dot:
            centre = QPointF(x + 3, rect.center().y())
            dot(p, centre, 3, theme.T3 if self._fill == theme.BG3 else self._colour)
            x += 13
        area = QRectF(x, rect.top(), rect.right() - x - 6, rect.height())
        text(p, area, self._text, self.font(), self._colour)


class KeyValue(QWidget):
    """Rows of a name and a value. right: values bold at the right edge, else after the names."""

    def __init__(
        self,
        rows: Sequence[tuple[str, str]] = (),
        right: bool = False,
        key_width: int = 116,
        row_height: int = 26,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(0)
        self._grid.setColumnStretch(1, 1)
        if not right:
            self._grid.setColumnMinimumWidth(0, key_width - 8)
        self._right = right
        self._row_height = row_height
        self._rows: list[tuple[QLabel, Elided]] = []
        self.set_rows(rows)

    def set_rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """Show these rows; labels are kept and only their texts change where possible."""
        while len(self._rows) > len(rows):
            for widget in self._rows.pop():
                self._grid.removeWidget(widget)
                widget.deleteLater()
        while len(self._rows) < len(rows):
            self._add()
        for (name, value), (key, words) in zip(self._rows, rows, strict=True):
            name.setText(key)
            value.set_text(words)
        self.setFixedHeight(len(rows) * self._row_height)

    def values(self) -> dict[str, str]:
        """Name -> value as shown."""
        return {name.text(): value.whole_text() for name, value in self._rows}

    def _add(self) -> None:
        row = len(self._rows)
        name = label(tone="t2" if self._right else "t3")
        value = Elided("", 13, 600 if self._right else 400)
        if self._right:
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._grid.addWidget(name, row, 0)
        self._grid.addWidget(value, row, 1)
        self._grid.setRowMinimumHeight(row, self._row_height)
        self._rows.append((name, value))
