"""Dialogs: a frame with title, content and buttons, and the question before a loss."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from gui import theme
from gui.widgets.buttons import Button, IconButton
from gui.widgets.labels import heading, label, line
from gui.widgets.paint import painter, rounded


class _Shade(QWidget):
    """Darkens the window behind a dialog."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setGeometry(window.rect())
        self.show()
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        p.setOpacity(0.6)
        p.fillRect(self.rect(), Qt.GlobalColor.black)
        p.end()


class Dialog(QDialog):
    """A frameless dialog over its shaded window; Esc closes it.

    Put content into ``body`` and buttons into ``buttons`` (right to left order is the caller's).
    compact: no lines and no close button, as for a short question.
    """

    def __init__(
        self, parent: QWidget | None, title: str, width: int = 560, compact: bool = False
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setWindowFlags(Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setModal(True)
        self.setFixedWidth(width)
        self._shade: _Shade | None = None
        self._drag: QPoint | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        top = QHBoxLayout()
        top.setContentsMargins(24, 20 if compact else 16, 16, 8 if compact else 16)
        self.heading = heading(title, 15 if compact else 18)
        top.addWidget(self.heading)
        top.addStretch(1)
        if not compact:
            close = IconButton("ph.x", self.tr("Close"))
            close.clicked.connect(self.reject)
            top.addWidget(close)
        column.addLayout(top)
        if not compact:
            column.addWidget(line())
        self.body = QVBoxLayout()
        self.body.setContentsMargins(24, 0 if compact else 20, 24, 20)
        self.body.setSpacing(12)
        column.addLayout(self.body, 1)
        if not compact:
            column.addWidget(line())
        self.buttons = QHBoxLayout()
        self.buttons.setContentsMargins(24, 12 if not compact else 4, 24, 12 if not compact else 24)
        self.buttons.setSpacing(8)
        self.buttons.addStretch(1)
        column.addLayout(self.buttons)

    def add_button(self, text: str, kind: str = "secondary", icon: str | None = None) -> Button:
        """Append a button at the right; the caller connects it."""
        button = Button(text, kind, icon)
        self.buttons.addWidget(button)
        return button

    def showEvent(self, event: QShowEvent) -> None:
        """Shade the window and stand in its middle."""
        super().showEvent(event)
        parent = self.parentWidget()
        if parent is not None and self._shade is None:
            window = parent.window()
            self._shade = _Shade(window)
            self.adjustSize()
            self.move(window.mapToGlobal(window.rect().center()) - self.rect().center())

    def fit(self) -> None:
        """Take the height that the content needs now, round the same middle."""
        if not self.isVisible():
            return  # It is fitted when it is shown.
        middle = self.geometry().center()
        self.layout().activate()
        self.resize(self.width(), self.layout().totalHeightForWidth(self.width()))
        self.move(middle - self.rect().center())

    def done(self, result: int) -> None:
        """Take the shade away and close."""
        if self._shade is not None:
            self._shade.hide()
            self._shade.deleteLater()
            self._shade = None
        super().done(result)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The head moves the dialog."""
        if event.button() == Qt.MouseButton.LeftButton and event.position().y() < 64:
            self._drag = event.globalPosition().toPoint() - self.pos()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        if self._drag is not None:
            self.move(event.globalPosition().toPoint() - self._drag)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._drag = None

    def paintEvent(self, event: QPaintEvent) -> None:
        """The surface."""
        p = painter(self)
        rounded(p, QRectF(self.rect()), 12, theme.BG2, theme.BG4)
        p.end()


class Confirm(Dialog):
    """A question before something is lost; the focus is on the safe choice."""

    def __init__(
        self, parent: QWidget | None, title: str, text: str, safe: str, danger: str
    ) -> None:
        super().__init__(parent, title, 400, compact=True)
        self.body.addWidget(label(text, 13, 400, "t2", wrap=True))
        self.safe = self.add_button(safe, "primary")
        self.danger = self.add_button(danger, "danger")
        self.safe.setDefault(True)
        self.safe.clicked.connect(self.reject)
        self.danger.clicked.connect(self.accept)
        self.safe.setFocus(Qt.FocusReason.OtherFocusReason)


def confirm(parent: QWidget | None, title: str, text: str, safe: str, danger: str) -> bool:
    """Ask; True when the user chose ``danger``. Esc and Enter are the safe choice."""
    question = Confirm(parent, title, text, safe, danger)
    chosen = question.exec() == QDialog.DialogCode.Accepted
    question.setParent(None)  # else every question asked would stay a child of the window
    question.deleteLater()
    return chosen
