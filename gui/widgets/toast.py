"""A message that goes by itself, with Undo where something can be taken back."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRectF, QTimer
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from gui import theme
from gui.widgets.buttons import Button
from gui.widgets.labels import label
from gui.widgets.paint import painter, rounded

_SHOWN_MS = 5000
_WITH_UNDO_MS = 9000


class Toast(QWidget):
    """Lies over the bottom middle of its parent; one at a time, the newest wins."""

    def __init__(self, parent: QWidget, bottom: int = 52) -> None:
        super().__init__(parent)
        self._bottom = bottom
        self._undo: Callable[[], object] | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 10, 16, 10)
        row.setSpacing(10)
        self._icon = QLabel()
        self._text = label("", 13, 600)
        self._button = Button(self.tr("Undo"), "link")
        self._button.clicked.connect(self._take_back)
        row.addWidget(self._icon)
        row.addWidget(self._text, 1)
        row.addSpacing(16)
        row.addWidget(self._button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        parent.installEventFilter(self)
        self.hide()

    def show_message(
        self, text: str, undo: Callable[[], object] | None = None, tone: str = "ok"
    ) -> None:
        """Show ``text`` for some seconds, longer where it can be undone. tone: ok, info, warn."""
        icons = {"ok": "ph.check-circle", "info": "ph.info", "warn": "ph.warning"}
        colour = theme.TONES[tone][0]
        self._icon.setPixmap(theme.pixmap(icons[tone], colour, 16, self.devicePixelRatioF()))
        self._text.setText(text)
        self._undo = undo
        self._button.setText(self.tr("Undo"))
        self._button.setVisible(undo is not None)
        self._place()
        self.show()
        self.raise_()
        self._timer.start(_WITH_UNDO_MS if undo else _SHOWN_MS)

    def forget(self) -> None:
        """Hide it, and offer Undo no longer: what could be taken back is not open any more."""
        self._undo = None
        self.hide()

    def text(self) -> str:
        """The words shown."""
        return self._text.text()

    @property
    def undo_button(self) -> Button:
        """The link at the right."""
        return self._button

    def _take_back(self) -> None:
        self.hide()
        if self._undo is not None:
            undo, self._undo = self._undo, None
            undo()

    def _place(self) -> None:
        parent = self.parentWidget()
        self.adjustSize()
        width = min(self.sizeHint().width(), parent.width() - 32)
        self.resize(max(width, 240), 44)
        self.move((parent.width() - self.width()) // 2, parent.height() - self._bottom - 44)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the middle when the window changes its size."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        """The raised ground."""
        p = painter(self)
        rounded(p, QRectF(self.rect()), 6, theme.BG4, theme.LINE2)
        p.end()
