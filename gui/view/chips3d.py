"""The chips at the lower left of the 3D view that show and hide its parts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QWidget

from gui import theme
from gui.widgets.focus import RingMixin
from gui.widgets.paint import dot, painter, rounded, text, width_of


class _PartChip(RingMixin, QAbstractButton):
    ring_radius = 12

    def __init__(self, words: str, colour: str) -> None:
        super().__init__()
        self.setText(words)
        self.setAccessibleName(words)
        self.colour = colour
        self.setCheckable(True)
        self.setFont(theme.font(12, 600))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFixedSize(round(width_of(words, self.font()) + 34), 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        rect = QRectF(self.rect())
        on = self.isChecked()
        ground = QColor(theme.BG3 if self.underMouse() else theme.BG2)
        ground.setAlphaF(0.85)
        rounded(p, rect, 12, ground.name(QColor.NameFormat.HexArgb), theme.LINE2)
        colour = QColor(self.colour)
        colour.setAlphaF(1.0 if on else 0.35)
        dot(p, QPointF(14, rect.center().y()), 4, colour.name(QColor.NameFormat.HexArgb))
        words = theme.T1 if on else theme.T3
        text(p, rect.adjusted(24, 0, -6, 0), self.text(), self.font(), words)
        p.end()


class PartChips(QWidget):
    """changed: a part was shown or hidden. What was chosen is kept from series to series."""

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        self._parts: list[tuple[str, str, str]] = []
        self._off: set[str] = set()
        self.buttons: dict[str, _PartChip] = {}

    def set_parts(self, parts: Sequence[tuple[str, str, str]]) -> None:
        """Key, name and colour of each part."""
        if list(parts) == self._parts:
            return
        self._parts = list(parts)
        for button in self.buttons.values():
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = {}
        for key, words, colour in parts:
            button = _PartChip(words, colour)
            button.setChecked(key not in self._off)
            button.toggled.connect(lambda on, key=key: self._toggle(key, on))
            self.buttons[key] = button
            self._row.addWidget(button)
            button.show()
        self.adjustSize()
        self.place(self.parentWidget().size())

    def on(self, key: str) -> bool:
        """Whether a part is to be seen."""
        return key not in self._off

    def place(self, room: QSize) -> None:
        """To the lower left of a view of this size."""
        self.move(12, room.height() - self.height() - 12)

    def _toggle(self, key: str, on: bool) -> None:
        self._off = self._off - {key} if on else self._off | {key}
        self.changed.emit()
