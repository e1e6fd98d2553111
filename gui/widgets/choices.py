"""Segmented control, switch and filter chips: one click, one choice."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QHBoxLayout,
    QSizePolicy,
    QWidget,
)

from gui import theme
from gui.widgets.focus import RingMixin
from gui.widgets.paint import dot, painter, rounded, text, width_of

_ICON = 16


class _Segment(RingMixin, QAbstractButton):
    ring_radius = 4

    def __init__(self, words: str, icon: str | None, dense: bool, detail: str) -> None:
        super().__init__()
        self.setText(words)
        self.detail = detail
        self.icon_name = icon
        self._height = 22 if dense else 28
        self.setCheckable(True)
        self.setFont(theme.font(13, 600))
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:
        if self.icon_name:
            return QSize(34, self._height)
        width = width_of(self.text(), self.font()) + 24
        if self.detail:
            width += 6 + width_of(self.detail, theme.font(13))
        return QSize(round(width), self._height)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        rect = QRectF(self.rect())
        on = self.isChecked()
        if on or (self.underMouse() and self.isEnabled()):
            rounded(p, rect, 4, theme.BG4 if on else theme.BG3)
        colour = theme.T1 if on else theme.T2
        if not self.isEnabled():
            colour = theme.DIS
        if self.icon_name:
            x, y = round((self.width() - _ICON) / 2), round((self.height() - _ICON) / 2)
            theme.icon(self.icon_name, colour).paint(p, x, y, _ICON, _ICON)
        else:
            detail = theme.font(13)
            extra = 6 + width_of(self.detail, detail) if self.detail else 0
            x = (rect.width() - width_of(self.text(), self.font()) - extra) / 2
            x += 6 + text(p, rect.adjusted(x, 0, 0, 0), self.text(), self.font(), colour)
            text(p, rect.adjusted(x, 0, 0, 0), self.detail, detail, theme.T2 if on else theme.T3)
        p.end()


class Segmented(QWidget):
    """One choice out of a few, side by side. Emits :attr:`changed` with the key chosen.

    options: (key, text), (key, text, "ph.list") for an icon whose text becomes the tooltip, or
    (key, text, "400/40") for a second, quieter text.
    """

    changed = Signal(str)

    def __init__(
        self,
        options: Sequence[tuple[str, ...]],
        dense: bool = False,
        stretch: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, _Segment] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        for key, words, *rest in options:
            third = rest[0] if rest else ""
            icon = third if third.startswith("ph.") else None
            button = _Segment(words, icon, dense, "" if icon else third)
            button.setAccessibleName(words)
            if icon:
                button.setToolTip(words)
            button.clicked.connect(lambda _checked=False, key=key: self.changed.emit(key))
            self._group.addButton(button)
            self._buttons[key] = button
            row.addWidget(button, 1 if stretch else 0)
        next(iter(self._buttons.values())).setChecked(True)
        vertical = QSizePolicy.Policy.Fixed
        self.setSizePolicy(QSizePolicy.Policy.Preferred if stretch else vertical, vertical)

    def key(self) -> str:
        """Key of the chosen option."""
        return next(key for key, button in self._buttons.items() if button.isChecked())

    def set_key(self, key: str) -> None:
        """Choose without emitting. Raises KeyError on an unknown key."""
        self._buttons[key].setChecked(True)

    def set_detail(self, key: str, detail: str) -> None:
        """Change the quieter second text of an option."""
        self._buttons[key].detail = detail
        self._buttons[key].updateGeometry()
        self._buttons[key].update()

    def clear_choice(self) -> None:
        """Choose nothing, where the present state is none of the options."""
        self._group.setExclusive(False)
        for button in self._buttons.values():
            button.setChecked(False)
        self._group.setExclusive(True)

    def button(self, key: str) -> QAbstractButton:
        """The button of an option, to give it a tooltip or to disable it."""
        return self._buttons[key]

    def set_text(self, key: str, words: str) -> None:
        """Change an option's text, for a change of language."""
        button = self._buttons[key]
        button.setText(words)
        button.setAccessibleName(words)
        if button.icon_name:
            button.setToolTip(words)
        button.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame around the options."""
        p = painter(self)
        rounded(p, QRectF(self.rect()), 6, theme.INSET, theme.LINE)
        p.end()


class Switch(RingMixin, QAbstractButton):
    """On or off, 30 × 18. Emits ``toggled(bool)``."""

    ring_radius = 9

    def __init__(self, name: str = "", on: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setChecked(on)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """The drawn switch; clicks within 24 px of height come from the row around it."""
        return QSize(30, 18)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Track and knob."""
        p = painter(self)
        rect = QRectF(self.rect())
        on = self.isChecked()
        if not self.isEnabled():
            rounded(p, rect, 9, theme.BG3, theme.BG4)
        elif on:
            rounded(p, rect, 9, theme.ACCF)
        else:
            rounded(p, rect, 9, theme.BG4, theme.CTL)
        knob = theme.DIS if not self.isEnabled() else theme.WHITE if on else theme.T2
        dot(p, QPointF(rect.right() - 9 if on else rect.left() + 9, rect.center().y()), 6, knob)
        p.end()


class Chip(RingMixin, QAbstractButton):
    """A filter with a count, 28 high; one of a row is checked. Emits ``clicked``."""

    ring_radius = 14

    def __init__(
        self,
        text: str,
        count: int | None = None,
        icon: str | None = None,
        icon_colour: str = theme.WARN,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setText(text)
        self.count = count
        self.icon_name = icon
        self.icon_colour = icon_colour
        self.setCheckable(True)
        self.setFont(theme.font(13, 600))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def set_count(self, count: int) -> None:
        """Change the figure behind the text."""
        if count != self.count:
            self.count = count
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        """Text, count and icon."""
        width = 22 + width_of(self.text(), self.font())
        if self.count is not None:
            width += 7 + width_of(str(self.count), theme.font(13))
        if self.icon_name:
            width += 14 + 8
        return QSize(round(width + 0.5), 28)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        """Pill, icon, text, count."""
        p = painter(self)
        rect = QRectF(self.rect())
        on = self.isChecked()
        hot = self.underMouse() and self.isEnabled()
        fill = theme.ACCBG if on else theme.BG3 if hot else None
        rounded(p, rect, 14, fill, theme.ACC if on else theme.LINE2)
        x = 11.0
        if self.icon_name:
            theme.icon(self.icon_name, self.icon_colour, 14).paint(p, round(x), 7, 14, 14)
            x += 22
        words = theme.T1 if on else theme.T2
        x += text(p, rect.adjusted(x, 0, 0, 0), self.text(), self.font(), words) + 7
        if self.count is not None:
            quiet = theme.T2 if on else theme.T3
            text(p, rect.adjusted(x, 0, 0, 0), str(self.count), theme.font(13), quiet)
        p.end()
