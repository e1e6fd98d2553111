"""Pointer and keys on a slice; the picture below is :mod:`gui.view.slice_canvas`."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QWidget

from core.planes import Plane
from gui.document.document import LabelDocument
from gui.view.slice_canvas import SliceCanvas
from gui.view.tool_event import PointerTool

_STEP = 120  # Of a wheel, in eighths of a degree.
_FAST = 10
#: HU per pixel of a W/L drag at width 400; wider windows move faster.
_WINDOW_SPEED = 1.0


class SliceView(SliceCanvas):
    """Hands the left button to a tool; scrolls, zooms, pans and windows by itself.

    size_asked: steps the brush should grow. large_asked: double click. entered: the pointer came.
    tool: gives the tool in use, None before there is one.
    """

    size_asked = Signal(int)
    large_asked = Signal()
    entered = Signal()

    def __init__(
        self,
        doc: LabelDocument,
        plane: Plane,
        tool: Callable[[], PointerTool | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(doc, plane, tool, parent)
        self._last = QPointF()
        self._space = False
        self._wheel = 0

    # ---- pointer -----------------------------------------------------------------------------

    def _to_tool(self, action: str, event: QMouseEvent, double: bool = False) -> None:
        tool = self._tool()
        told = self._event(event.position(), event.modifiers(), double)
        if tool is not None and told is not None and self.doc.volume is not None:
            getattr(tool, action)(told)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start a gesture; the one that is going on goes first."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        button, keys = event.button(), event.modifiers()
        if self._gesture:
            return
        self._last = self._pointer = event.position()
        self._keys = keys
        if button == Qt.MouseButton.LeftButton:
            if self._expand_rect().contains(event.position()):
                self.large_asked.emit()
            elif self._space:
                self._gesture = "pan"
            elif keys & Qt.KeyboardModifier.ShiftModifier:
                self._gesture = "cross"
                self._cross(event.position())
            else:
                self._gesture = "tool"
                self._to_tool("press", event)
        elif button == Qt.MouseButton.RightButton:
            self._gesture = "window"
        elif button == Qt.MouseButton.MiddleButton:
            self._gesture = "pan"
        self._shape()
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with the gesture, or just look."""
        place = event.position()
        delta = place - self._last
        self._pointer, self._keys = place, event.modifiers()
        if self._gesture == "tool":
            self._to_tool("move", event)
        elif self._gesture == "window":
            self.drag_window(delta.x(), delta.y())
        elif self._gesture == "pan":
            self.drag_pan(delta.x(), delta.y())
        elif self._gesture == "cross":
            self._cross(place)
        else:
            self._to_tool("hover", event)
            self._shape()
        self._last = place
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the gesture with the button that started it."""
        ends = {
            Qt.MouseButton.LeftButton: ("tool", "cross", "pan"),
            Qt.MouseButton.RightButton: ("window",),
            Qt.MouseButton.MiddleButton: ("pan",),
        }
        if self._gesture in ends.get(event.button(), ()):
            if self._gesture == "tool":
                self._to_tool("release", event)
            self._gesture = ""
        self._shape()
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Large and back, unless the tool counts clicks itself."""
        tool = self._tool()
        if event.button() != Qt.MouseButton.LeftButton:
            self.mousePressEvent(event)
        elif self._expand_rect().contains(event.position()):
            self.large_asked.emit()
        elif tool is not None and getattr(tool, "takes_double", False):
            self._gesture = "tool"
            self._to_tool("press", event, double=True)
        else:
            self.large_asked.emit()

    def drag_window(self, dx: float, dy: float) -> None:
        """Across is width, up and down is level; wide windows move faster."""
        width, level = self.doc.window
        speed = _WINDOW_SPEED * max(0.25, width / 400.0)
        self.doc.set_window(min(8000.0, max(1.0, width + dx * speed)), level - dy * speed)

    def drag_pan(self, dx: float, dy: float) -> None:
        """Move the image with the pointer."""
        self.framing.pan(dx, dy)
        self._image_changed()

    def zoom_at(self, place: QPointF, factor: float) -> None:
        """Magnify; what is under ``place`` stays there."""
        self.framing.zoom_at(place, factor)
        self._image_changed()

    def _cross(self, place: QPointF) -> None:
        event = self._event(place)
        if event is not None and self.axes is not None:
            row = min(self.axes.rows - 1.0, max(0.0, event.row))
            column = min(self.axes.columns - 1.0, max(0.0, event.column))
            self.doc.set_cursor(self.axes.to_zyx(self._index, row, column))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll, zoom or size the brush."""
        # With Alt some platforms turn the wheel sideways.
        turned = event.angleDelta().y() or event.angleDelta().x()
        keys = event.modifiers()
        event.accept()
        if keys & Qt.KeyboardModifier.ControlModifier:
            self.zoom_at(event.position(), 1.2 ** (turned / _STEP))
            return
        self._wheel += turned
        steps = int(self._wheel / _STEP)
        if steps == 0:
            return
        self._wheel -= steps * _STEP
        if keys & Qt.KeyboardModifier.AltModifier:
            self.size_asked.emit(steps)
        elif self._gesture != "tool":
            self.step(steps * (_FAST if keys & Qt.KeyboardModifier.ShiftModifier else 1))

    def enterEvent(self, event: QEnterEvent) -> None:
        """Keys act on the view under the pointer, unless someone types."""
        if not isinstance(QApplication.focusWidget(), QLineEdit | QAbstractSpinBox):
            self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.entered.emit()

    def leaveEvent(self, event: QEvent) -> None:
        """No ring and no readout here."""
        if not self._gesture:
            self._pointer = None
            self.update()

    def hideEvent(self, event: QHideEvent) -> None:
        """A gesture cannot go on where nothing is seen."""
        self.cancel()
        super().hideEvent(event)

    def cancel(self) -> bool:
        """Leave the gesture without a change; whether there was one."""
        tool = self._tool()
        had = bool(tool is not None and tool.cancel())
        had = had or bool(self._gesture)
        self._gesture = ""
        self.update()
        return had

    def _shape(self) -> None:
        tool = self._tool()
        shape = Qt.CursorShape.ArrowCursor
        over = self._pointer is not None and self._expand_rect().contains(self._pointer)
        if self._gesture == "pan":
            shape = Qt.CursorShape.ClosedHandCursor
        elif self._space:
            shape = Qt.CursorShape.OpenHandCursor
        elif self._gesture == "window":
            shape = Qt.CursorShape.SizeAllCursor
        elif tool is not None and self.doc.volume is not None and not over:
            shape = tool.cursor
        if self.cursor().shape() != shape:
            self.setCursor(shape)

    # ---- keys --------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Slice, pan and brush size; all other keys are the page's."""
        key = event.key()
        if key == Qt.Key.Key_Control:
            self._keys |= Qt.KeyboardModifier.ControlModifier
            self.update()
        if key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._space = True
                self._shape()
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            fast = _FAST if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            self.step(fast if key == Qt.Key.Key_Up else -fast)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End) and self.axes is not None:
            self.go_to(0 if key == Qt.Key.Key_Home else self.axes.slices - 1)
        elif key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
            self.size_asked.emit(1 if key == Qt.Key.Key_BracketRight else -1)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_Escape and self.cancel():
            pass
        else:
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """The hand goes with the Space bar, the eraser with Ctrl."""
        if event.key() == Qt.Key.Key_Control:
            self._keys &= ~Qt.KeyboardModifier.ControlModifier
            self.update()
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._space = False
                self._shape()
        else:
            event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """A key that is released elsewhere must not stay down here."""
        self._space = False
        super().focusOutEvent(event)
