"""The slider at the right of a slice view: where one is, and where the lesions are."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QWidget

from gui import theme
from gui.widgets.paint import dot, painter, rounded

_WIDTH = 24
_END = 8


class SliceBar(QWidget):
    """Emits :attr:`moved` with a slice. upwards: the highest index is at the top."""

    moved = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedWidth(_WIDTH)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        # The view it belongs to takes the keys.
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._count = 1
        self._index = 0
        self._upwards = True
        self._marks: list[tuple[int, int, str]] = []

    def set_slices(self, count: int, upwards: bool) -> None:
        """How many slices there are."""
        self._count, self._upwards = max(1, count), upwards
        self.update()

    def set_index(self, index: int) -> None:
        """Which slice is shown."""
        if index != self._index:
            self._index = index
            self.update()

    def set_marks(self, marks: Sequence[tuple[int, int, str]]) -> None:
        """Half-open runs of slices with a colour."""
        if list(marks) != self._marks:
            self._marks = list(marks)
            self.update()

    def marks(self) -> list[tuple[int, int, str]]:
        """The runs of slices that are marked."""
        return self._marks

    def y_of(self, index: float) -> float:
        """Where a slice (or the edge between two) lies."""
        share = (index + 0.5) / self._count
        length = self.height() - 2 * _END
        return self.height() - _END - share * length if self._upwards else _END + share * length

    def _index_at(self, y: float) -> int:
        share = (y - _END) / max(1.0, self.height() - 2 * _END)
        share = 1 - share if self._upwards else share
        return min(self._count - 1, max(0, int(share * self._count)))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Jump there."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.moved.emit(self._index_at(event.position().y()))
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.moved.emit(self._index_at(event.position().y()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Two quick clicks are two clicks here; the view must not become large."""
        self.mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys are the view's."""
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Track, lesions, knob."""
        p = painter(self)
        middle = self.width() / 2
        track = QColor(theme.BG4)
        track.setAlphaF(0.8)
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(track)
        p.drawRoundedRect(QRectF(middle - 1.5, _END, 3, self.height() - 2 * _END), 1.5, 1.5)
        for first, last, colour in self._marks:
            ends = sorted((self.y_of(first - 0.5), self.y_of(last - 0.5)))
            area = QRectF(middle - 2, ends[0], 4, max(3.0, ends[1] - ends[0]))
            rounded(p, area, 2, colour)
        knob = QPointF(middle, self.y_of(self._index))
        dot(p, knob, 6.5, theme.BLACK)
        rounded(p, QRectF(middle - 6, knob.y() - 4.5, 12, 9), 4.5, theme.T1)
        p.end()
