"""Buttons with text and buttons with an icon."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from gui import theme
from gui.widgets.focus import RingMixin
from gui.widgets.paint import painter, rounded, text, width_of

_ICON = 16
_GAP = 8


class Button(RingMixin, QPushButton):
    """A text button. kind: primary, secondary, ghost, danger or link; dense: 28 high, else 32."""

    def __init__(
        self,
        text: str,
        kind: str = "secondary",
        icon: str | None = None,
        dense: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        if kind not in ("primary", "secondary", "ghost", "danger", "link"):
            raise ValueError(f"unknown kind of button: {kind}")
        self.kind = kind
        self.icon_name = icon
        self.dense = dense
        self.setFont(theme.font(13, 600))
        self.setAutoDefault(False)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    @property
    def _padding(self) -> int:
        return 0 if self.kind == "link" else 12

    def sizeHint(self) -> QSize:
        """Text, icon and padding; text may be any length."""
        width = width_of(self.text(), self.font()) + 2 * self._padding
        if self.icon_name:
            width += _ICON + (_GAP if self.text() else 0)
        if self.menu() is not None:
            width += _ICON + _GAP
        return QSize(round(width + 0.5), 28 if self.dense or self.kind == "link" else 32)

    def minimumSizeHint(self) -> QSize:
        """A button is never narrower than its text."""
        return self.sizeHint()

    def _colours(self) -> tuple[str | None, str | None, str]:
        """Fill, border and text for the present state."""
        hot = self.isEnabled() and (self.underMouse() or self.isDown())
        if self.kind == "primary":
            fill = theme.BG3 if not self.isEnabled() else theme.ACCF
            return (theme.ACCF_HOVER if hot else fill, None, theme.WHITE)
        if self.kind == "ghost":
            return (theme.BG3 if hot else None, None, theme.T1 if hot else theme.T2)
        if self.kind == "link":
            return (None, None, theme.ACC)
        words = theme.ERR if self.kind == "danger" else theme.T1
        border = theme.LINE2 if self.isEnabled() else theme.BG4
        return (theme.BG3_HOVER if hot else theme.BG3, border, words)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, icon, text and, with a menu, the caret."""
        fill, border, words = self._colours()
        if not self.isEnabled():
            words = theme.DIS
        p = painter(self)
        rect = QRectF(self.rect())
        if fill or border:
            rounded(p, rect, 6, fill, border)
        width = width_of(self.text(), self.font())
        total = width + (_ICON + _GAP if self.icon_name and self.text() else 0)
        if self.icon_name and not self.text():
            total = _ICON
        if self.menu() is not None:
            total += _ICON + _GAP
        x = max(rect.left() + self._padding, rect.center().x() - total / 2)
        top = round(rect.center().y() - _ICON / 2)
        if self.icon_name:
            tint = words if self.kind != "secondary" or not self.isEnabled() else theme.T2
            theme.icon(self.icon_name, tint).paint(p, round(x), top, _ICON, _ICON)
            x += _ICON + _GAP
        text(p, QRectF(x, 0, width + 2, rect.height()), self.text(), self.font(), words)
        if self.menu() is not None:
            caret = round(rect.right() - self._padding - _ICON + 2)
            theme.icon("ph.caret-down", words, 14).paint(p, caret, top + 1, 14, 14)
        p.end()


class IconButton(RingMixin, QAbstractButton):
    """An icon without text, so it must have a tooltip, which is its accessible name too.

    Unframed it is a ghost; framed it is a secondary button. Checked it takes the accent.
    """

    def __init__(
        self,
        icon: str,
        tooltip: str,
        checkable: bool = False,
        *,
        size: int = 32,
        icon_size: int = 16,
        framed: bool = False,
        colour: str = theme.T2,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.icon_name = icon
        self.framed = framed
        self.colour = colour
        self._size = max(24, size)
        self._icon_size = icon_size
        self.setCheckable(checkable)
        self.set_tooltip(tooltip)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def set_tooltip(self, tooltip: str) -> None:
        """Change tooltip and accessible name."""
        self.setToolTip(tooltip)
        self.setAccessibleName(tooltip)

    def set_icon(self, icon: str, colour: str | None = None) -> None:
        """Change the icon and, where given, its colour."""
        self.icon_name = icon
        self.colour = colour or self.colour
        self.update()

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(self._size, self._size)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground and icon."""
        hot = self.isEnabled() and (self.underMouse() or self.isDown())
        p = painter(self)
        rect = QRectF(self.rect())
        colour = self.colour
        if self.isChecked():
            rounded(p, rect, 6, theme.ACCBG, theme.ACC)
            colour = theme.ACC
        elif self.framed:
            rounded(p, rect, 6, theme.BG3_HOVER if hot else theme.BG3, theme.LINE2)
        elif hot:
            rounded(p, rect, 6, theme.BG3)
        side = self._icon_size
        x, y = round((self.width() - side) / 2), round((self.height() - side) / 2)
        theme.icon(self.icon_name, colour if self.isEnabled() else theme.DIS, side).paint(
            p, x, y, side, side
        )
        p.end()
