"""The strip of tools at the left of the views."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QFrame, QVBoxLayout, QWidget

from gui import theme
from gui.tools.toolbox import TOOLS, Toolbox
from gui.widgets import line
from gui.widgets.focus import RingMixin
from gui.widgets.paint import painter, rounded, text, width_of

_WIDTH = 64
_HEIGHT = 52


class ToolButton(RingMixin, QAbstractButton):
    """Icon over name; checked it is the tool in the hand."""

    def __init__(self, name: str, icon: str, tip: str) -> None:
        super().__init__()
        self.setText(name)
        self.icon_name = icon
        self.accent = False
        self.setToolTip(tip)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFixedSize(_WIDTH - 8, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, icon, name."""
        p = painter(self)
        rect = QRectF(self.rect())
        on = self.isChecked()
        if on:
            rounded(p, rect, 6, theme.ACCBG, theme.ACC)
        elif self.underMouse() and self.isEnabled():
            rounded(p, rect, 6, theme.BG3)
        colour = theme.ACC if on or self.accent else theme.T2
        colour = colour if self.isEnabled() else theme.DIS
        left = (self.width() - 20) // 2
        theme.icon(self.icon_name, colour, 20).paint(p, left, 8, 20, 20)
        font = theme.font(11, 600 if on else 500)
        if width_of(self.text(), font) > rect.width() - 2:
            font = theme.font(10, 500)
        words = theme.T1 if on else colour if not self.isEnabled() else theme.T2
        area = rect.adjusted(0, 31, 0, -4)
        text(p, area, self.text(), font, words, align=Qt.AlignmentFlag.AlignHCenter)
        p.end()


class ToolStrip(QFrame):
    """Takes tools from the toolbox. propose: the last button."""

    propose = Signal()

    def __init__(self, toolbox: Toolbox, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._toolbox = toolbox
        self.setFixedWidth(_WIDTH)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 8, 4, 8)
        column.setSpacing(4)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, ToolButton] = {}
        names = self._names()
        group = 0
        for info in TOOLS:
            if info.group != group:
                self._rule(column)
                group = info.group
            key = info.kind.key
            name, tip = names[key]
            button = ToolButton(name, info.icon, f"{name} ({info.letter})\n{tip}")
            button.setCheckable(True)
            button.clicked.connect(lambda _checked=False, key=key: toolbox.take(key))
            self._group.addButton(button)
            self.buttons[key] = button
            column.addWidget(button)
        self._rule(column)
        tip = self.tr("The model outlines lesions; you accept or reject each")
        name = self.tr("Propose")
        self.propose_button = ToolButton(name, "ph.sparkle", f"{name} (M)\n{tip}")
        self.propose_button.accent = True
        self.propose_button.clicked.connect(self.propose)
        column.addWidget(self.propose_button)
        column.addStretch(1)
        toolbox.changed.connect(self._follow)
        self._follow(toolbox.current.key)

    def _rule(self, column: QVBoxLayout) -> None:
        column.addSpacing(2)
        column.addWidget(line())
        column.addSpacing(2)

    def _names(self) -> dict[str, tuple[str, str]]:
        return {
            "window": (self.tr("W/L"), self.tr("Drag across for width, up and down for level")),
            "pan": (self.tr("Pan/zoom"), self.tr("Drag to move, with Ctrl to zoom")),
            "brush": (self.tr("Brush"), self.tr("Paints the chosen label; with Ctrl it erases")),
            "eraser": (self.tr("Eraser"), self.tr("Takes the chosen label away")),
            "hu_brush": (
                self.tr("HU brush"),
                self.tr("Paints what looks like the place where the stroke began"),
            ),
            "polygon": (
                self.tr("Polygon"), self.tr("Click corners or draw; double click closes"),
            ),
            "grow": (
                self.tr("Grow"), self.tr("A click fills what hangs together; a drag sets how far"),
            ),
            "fill": (self.tr("Smart fill"), self.tr("Fills between outlined slices")),
            "recist": (self.tr("RECIST"), self.tr("Shows lesion axes; drag to measure")),
        }  # fmt: skip

    def sizeHint(self) -> QSize:
        """64 wide."""
        return QSize(_WIDTH, 600)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrow keys go through the tools."""
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        keys = list(self.buttons)
        if event.key() in steps:
            place = keys.index(self._toolbox.current.key) + steps[Qt.Key(event.key())]
            if 0 <= place < len(keys):
                self._toolbox.take(keys[place])
                self.buttons[keys[place]].setFocus(Qt.FocusReason.TabFocusReason)
        else:
            super().keyPressEvent(event)

    def _follow(self, key: str) -> None:
        self.buttons[key].setChecked(True)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Dark ground with a hairline at the right."""
        p = painter(self)
        p.fillRect(self.rect(), theme.BG0)
        p.fillRect(self.width() - 1, 0, 1, self.height(), theme.LINE)
        p.end()
