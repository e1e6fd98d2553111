"""A part of the side panel that folds at a click on its title."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui.widgets import heading, line
from gui.widgets.focus import RingMixin


class _Title(RingMixin, QWidget):
    def __init__(self, section: Section, words: str) -> None:
        super().__init__()
        self._section = section
        self.setFixedHeight(28)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(words)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(16, 0, 16, 0)
        self.row.setSpacing(4)
        self.row.addWidget(heading(words, 13))
        self.row.addStretch(1)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(
            event.position().toPoint()
        ):
            self._section.set_folded(not self._section.folded)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._section.set_folded(not self._section.folded)
        else:
            super().keyPressEvent(event)


class Section(QWidget):
    """Title with what stands at its right (:attr:`header`), and a body (:attr:`body`)."""

    def __init__(self, words: str, last: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(2)
        self.title = _Title(self, words)
        self.header = self.title.row
        column.addWidget(self.title)
        self._inner = QWidget()
        self.body = QVBoxLayout(self._inner)
        self.body.setContentsMargins(8, 0, 8, 8)
        self.body.setSpacing(0)
        column.addWidget(self._inner)
        if not last:
            column.addSpacing(4)
            column.addWidget(line())

    @property
    def folded(self) -> bool:
        """Whether only the title is shown."""
        return self._inner.isHidden()

    def set_folded(self, folded: bool) -> None:
        """Fold or unfold."""
        self._inner.setVisible(not folded)
