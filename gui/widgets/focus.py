"""The focus ring: 2 px of accent around a control with a gap of 1 px, drawn outside of it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QFocusEvent, QPaintEvent
from PySide6.QtWidgets import QWidget

from gui import theme
from gui.widgets.paint import painter, rounded

_REACH = 3  # 1 px gap and 2 px ring
_SHOWN_AFTER = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
    Qt.FocusReason.OtherFocusReason,
)


class FocusRing(QWidget):
    """A sibling that lies around one control while that control has the focus."""

    def __init__(self, target: QWidget, radius: float) -> None:
        super().__init__(target.parentWidget())
        self._target = target
        self._radius = radius + _REACH
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        target.installEventFilter(self)
        self._follow()
        self.show()

    def _follow(self) -> None:
        self.setGeometry(self._target.geometry().adjusted(-_REACH, -_REACH, _REACH, _REACH))
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay around the control."""
        if event.type() in (QEvent.Type.Move, QEvent.Type.Resize):
            self._follow()
        elif event.type() == QEvent.Type.Hide:
            self.hide()
        elif event.type() == QEvent.Type.Show:
            self.show()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        """The ring."""
        p = painter(self)
        rounded(p, QRectF(self.rect()), self._radius, None, theme.ACC, width=2)
        p.end()


class RingMixin:
    """Gives a widget the ring when the focus came from the keyboard or from the program.

    Put it before the Qt class. ``ring_radius`` is the corner radius of the control itself.
    """

    ring_radius: float = 6

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ring: FocusRing | None = None

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring, but not after a click: there the pointer says where the focus is."""
        super().focusInEvent(event)  # type: ignore[misc]
        if event.reason() in _SHOWN_AFTER:
            self.show_ring()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        super().focusOutEvent(event)  # type: ignore[misc]
        self.hide_ring()

    def show_ring(self) -> None:
        """Draw the ring now."""
        if self._ring is None and isinstance(self, QWidget) and self.parentWidget() is not None:
            self._ring = FocusRing(self, self.ring_radius)

    def hide_ring(self) -> None:
        """Remove the ring."""
        if self._ring is not None:
            self._ring.hide()
            self._ring.setParent(None)
            self._ring.deleteLater()
            self._ring = None
