"""Menus with icons, quiet key names and red for what removes something."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QAction, QPaintEvent
from PySide6.QtWidgets import QMenu, QWidget

from gui import theme
from gui.widgets.paint import painter, rounded, text


class Menu(QMenu):
    """A context or drop-down menu that paints its own rows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowFlag(Qt.WindowType.FramelessWindowHint)
        self.setWindowFlag(Qt.WindowType.NoDropShadowWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setMinimumWidth(200)
        self.setFont(theme.font(13))
        self._looks: dict[QAction, tuple[str, str, bool]] = {}

    def add(
        self,
        words: str,
        slot: Callable[[], object],
        icon: str = "",
        key: str = "",
        *,
        danger: bool = False,
        enabled: bool = True,
        why_not: str = "",
        checked: bool = False,
    ) -> QAction:
        """Append a row. key is only shown, not bound. why_not: tooltip of a disabled row."""
        shown = f"{words}      {key}" if key else words
        action = QAction(shown, self)
        action.setData(words)
        action.triggered.connect(lambda _checked=False: slot())
        action.setEnabled(enabled)
        if why_not and not enabled:
            action.setToolTip(why_not)
            self.setToolTipsVisible(True)
        # The icon makes the menu reserve room for it; the row itself is painted below.
        action.setIcon(theme.icon(icon or "ph.check", theme.T2))
        self._looks[action] = (icon or ("ph.check" if checked else ""), key, danger)
        self.addAction(action)
        return action

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground and rows."""
        p = painter(self)
        rounded(p, QRectF(self.rect()), 8, theme.MENU, theme.BG4)
        for action in self.actions():
            rect = QRectF(self.actionGeometry(action))
            if action.isSeparator():
                p.fillRect(QRectF(1, round(rect.center().y()), self.width() - 2, 1), theme.LINE2)
                continue
            icon, key, danger = self._looks.get(action, ("", "", False))
            on = action.isEnabled()
            if action is self.activeAction() and on:
                rounded(p, rect, 6, theme.BG4)
            colour = theme.DIS if not on else theme.ERR if danger else theme.T1
            tint = theme.DIS if not on else theme.ERR if danger else theme.T2
            if icon:
                middle = round(rect.center().y() - 8)
                theme.icon(icon, tint).paint(p, round(rect.left()) + 12, middle, 16, 16)
            words = str(action.data() or action.text())
            text(p, rect.adjusted(40, 0, -8, 0), words, theme.font(13), colour)
            if key:
                quiet = theme.T3 if action is not self.activeAction() else theme.T2
                area = rect.adjusted(40, 0, -12, 0)
                text(p, area, key, theme.font(12), quiet, align=Qt.AlignmentFlag.AlignRight)
        p.end()
