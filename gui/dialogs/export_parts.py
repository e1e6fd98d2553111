"""Parts of the export dialog: the card of a format, and the result of the check."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gui import theme
from gui.widgets import KeyValue, ProgressBar, heading, label, set_tone
from gui.widgets.focus import RingMixin
from gui.widgets.paint import dot, painter, rounded, text, width_of


class FormatCard(RingMixin, QAbstractButton):
    """A radio button as a card: name, file ending, size, one line of help."""

    def __init__(self, name: str, ending: str, size: str, help_: str) -> None:
        super().__init__()
        self.name, self.ending, self._size, self._help = name, ending, size, help_
        self.setText(name)
        self.setCheckable(True)
        self.setAccessibleName(f"{name} {ending}")
        self.setAccessibleDescription(help_)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Two lines."""
        return QSize(424, 72)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Frame, ring, words."""
        p = painter(self)
        on = self.isChecked()
        area = QRectF(self.rect())
        hover = theme.BG3 if self.underMouse() and self.isEnabled() else None
        rounded(p, area, 6, theme.ACCBG if on else hover, theme.ACC if on else theme.LINE2)
        centre = QPointF(24, 25)
        ring = QRectF(centre.x() - 8, centre.y() - 8, 16, 16)
        rounded(p, ring, 8, theme.ACCF if on else theme.INSET, theme.ACC if on else theme.CTL)
        if on:
            dot(p, centre, 3, theme.WHITE)
        bold, mono, plain = theme.font(13, 600), theme.font(12, mono=True), theme.font(13)
        colour = theme.T1 if self.isEnabled() else theme.DIS
        first = QRectF(44, 15, area.width() - 60, 20)
        used = text(p, first, self.name, bold, colour)
        text(p, first.adjusted(used + 8, 0, 0, 0), self.ending, mono, theme.T2)
        width = width_of(self._size, plain)
        text(p, QRectF(area.right() - 16 - width, 15, width + 1, 20), self._size, plain, theme.T2)
        text(p, QRectF(44, 40, area.width() - 60, 20), self._help, plain, theme.T2)
        p.end()


class ResultPanel(QWidget):
    """Progress, then the outcome, in the same place. Empty until something is shown."""

    def __init__(self) -> None:
        super().__init__()
        self._tone = "neutral"
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 14)
        column.setSpacing(10)
        top = QHBoxLayout()
        top.setSpacing(10)
        self._icon = QLabel()
        self.title = heading("", 13)
        self.detail = label("", 12, 400, "t2")
        top.addWidget(self._icon)
        top.addWidget(self.title)
        top.addStretch(1)
        top.addWidget(self.detail)
        column.addLayout(top)
        self.sentence = label("", 13, 400, "t2", wrap=True)
        column.addWidget(self.sentence)
        column.addSpacing(4)
        self.rows = KeyValue((), right=True)
        column.addWidget(self.rows)
        scale = QHBoxLayout()
        self._worst = label("", 12, 400, "t2")
        self._limit = label("", 12, 400, "t3")
        scale.addWidget(self._worst)
        scale.addStretch(1)
        scale.addWidget(self._limit)
        column.addLayout(scale)
        self.bar = ProgressBar()
        column.addWidget(self.bar)
        self.clear()

    def clear(self) -> None:
        """Show nothing."""
        self.hide()

    def _set(self, tone: str, icon: str, title: str, detail: str, sentence: str = "") -> None:
        self._tone = tone
        colour = theme.TONES[tone][0]
        self._icon.setVisible(bool(icon))
        if icon:
            self._icon.setPixmap(theme.pixmap(icon, colour, 16, self.devicePixelRatioF()))
        self.title.setText(title)
        set_tone(self.title, tone if tone == "err" else "")
        self.detail.setText(detail)
        self.sentence.setText(sentence)
        self.sentence.setVisible(bool(sentence))
        self.setAccessibleName(f"{title} {sentence}".strip())
        self.show()
        self.update()

    def show_progress(self, words: str, done: int, total: int) -> None:
        """What is going on, and how far."""
        self._set("neutral", "", words, f"{done} / {total}" if total else "")
        self.rows.set_rows([])
        self._worst.hide()
        self._limit.hide()
        self.bar.set_colour(theme.ACC)
        self.bar.set_fraction(done / total if total else 0)
        self.bar.show()

    def show_failure(self, title: str, sentence: str) -> None:
        """Why there is no file."""
        self._set("err", "ph.warning-circle", title, "", sentence)
        self.rows.set_rows([])
        self._worst.hide()
        self._limit.hide()
        self.bar.hide()

    def show_result(
        self,
        passed: bool,
        title: str,
        detail: str,
        *,
        rows: Sequence[tuple[str, str]],
        share: float,
        limit: str,
    ) -> None:
        """The comparison. share: difference over limit, for the bar."""
        icon = "ph.check-circle" if passed else "ph.warning-circle"
        self._set("ok" if passed else "err", icon, title, detail)
        self.rows.set_rows(rows)
        self._limit.setText(limit)
        self._worst.setText(rows[1][0] + " " + rows[1][1])
        self._worst.show()
        self._limit.show()
        self.bar.set_colour(theme.OK if passed else theme.ERR)
        self.bar.set_fraction(share)
        self.bar.show()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A frame with a tinted head."""
        p = painter(self)
        colour, fill = theme.TONES[self._tone]
        area = QRectF(self.rect())
        plain = self._tone == "neutral"
        rounded(p, area, 6, theme.BG2, theme.LINE2 if plain else colour)
        if not plain:
            p.setClipRect(area.adjusted(1, 1, -1, 0))
            rounded(p, QRectF(1, 1, area.width() - 2, 42), 5, fill)
            p.fillRect(QRectF(1, 24, area.width() - 2, 19), fill)
        p.end()
