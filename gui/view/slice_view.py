"""One plane of a series: the image, what lies over it, and the gestures that only look.

The view windows, zooms, pans, scrolls and moves the crosshair by itself. Everything that could
change a label leaves it as a signal with the place in voxels and mm.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QWidget

from core.planes import Plane, PlaneAxes
from gui.document.document import LabelDocument
from gui.view import slice_paint as paint
from gui.view.overlay import Box
from gui.view.slice_canvas import SliceCanvas
from gui.view.tool_event import Preview, ToolEvent

_MOD = Qt.KeyboardModifier
_BUTTON = Qt.MouseButton

#: HU a pixel of a right drag changes, per HU of the width: faster in wide windows.
_WINDOW_RATE = 1 / 250
_ZOOM_STEP = 1.15
#: Distance from the right edge in which the pointer takes the slider.
_SLIDER_ZONE = 22.0
_MAXIMISE = 28.0


class SliceView(QWidget):
    """See the module. A document is set with :meth:`set_document`; without one it is black."""

    pressed = Signal(object)
    moved = Signal(object)
    released = Signal(object)
    hovered = Signal(object)
    left = Signal()
    cancelled = Signal()
    maximise_requested = Signal()
    brush_size_step = Signal(int)
    focused = Signal()
    index_changed = Signal(int)

    def __init__(self, plane: Plane, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plane: Plane = plane
        self.canvas = SliceCanvas(self)
        self.plane_axes: PlaneAxes | None = None
        self.index = 0
        self.pointer: QPointF | None = None
        self.preview: Preview | None = None
        self._doc: LabelDocument | None = None
        self._gesture = ""
        self._last = QPointF()
        self._space = False
        self._wheel = 0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(160, 120)
        self._name()

    # ---- document ----------------------------------------------------------------------------

    @property
    def document(self) -> LabelDocument | None:
        """What is shown."""
        return self._doc

    def set_document(self, doc: LabelDocument) -> None:
        """Show ``doc``, and follow its signals from now on. Call once."""
        self._doc = doc
        doc.volume_changed.connect(self._volume_changed)
        doc.labels_changed.connect(self._labels_changed)
        doc.proposal_changed.connect(self._proposal_changed)
        doc.cursor_changed.connect(self._cursor_changed)
        for signal in (doc.window_changed, doc.style_changed, doc.lesions_changed):
            signal.connect(self.update)
        doc.state_changed.connect(self.update)
        self._volume_changed()

    def _volume_changed(self) -> None:
        doc = self._doc
        geometry = doc.geometry if doc is not None else None
        axes = PlaneAxes.of(geometry, self.plane) if geometry is not None else None
        same = axes == self.plane_axes
        self.plane_axes = axes
        self.canvas.forget()
        if axes is not None and doc is not None and not same:
            self.index = min(max(round(doc.cursor[axes.normal]), 0), axes.slices - 1)
            self.fit()
        self._name()
        self.update()

    def _labels_changed(self, box: Box | None) -> None:
        if self.plane_axes is not None and self.canvas.overlay.touched(self.plane_axes, box):
            self.update()

    def _proposal_changed(self) -> None:
        self.canvas.overlay.forget_proposal()
        self.update()

    def _cursor_changed(self) -> None:
        if self._doc is not None and self.plane_axes is not None:
            self._show(round(self._doc.cursor[self.plane_axes.normal]))
        self.update()

    # ---- slices ------------------------------------------------------------------------------

    def set_index(self, index: int) -> None:
        """Show a slice; the crosshair goes with it, so that the other planes show where."""
        axes, doc = self.plane_axes, self._doc
        if axes is None or doc is None:
            return
        index = min(max(index, 0), axes.slices - 1)
        if index == self.index:
            return
        zyx = list(doc.cursor)
        zyx[axes.normal] = float(index)
        doc.set_cursor((zyx[0], zyx[1], zyx[2]))

    def _show(self, index: int) -> None:
        axes = self.plane_axes
        if axes is not None and index != self.index:
            self.index = min(max(index, 0), axes.slices - 1)
            self._name()
            self.index_changed.emit(self.index)

    def step(self, up: int) -> None:
        """Go ``up`` slices towards the slider's top: head, anterior or the patient's right."""
        self.set_index(self.index + (up if self._up_is_more() else -up))

    def _up_is_more(self) -> bool:
        """Whether a growing index leads to the top of the slider."""
        doc, axes = self._doc, self.plane_axes
        if doc is None or axes is None or doc.geometry is None:
            return True
        lps = {"axial": 2, "coronal": 1, "sagittal": 0}[self.plane]
        grows = doc.geometry.axes[lps, 2 - axes.normal] > 0
        # LPS z grows towards the head; y and x grow away from anterior and right.
        return bool(grows) if self.plane == "axial" else not grows

    def share(self, index: float) -> float:
        """Place of a slice on the slider, 0 at the top."""
        axes = self.plane_axes
        if axes is None or axes.slices < 2:
            return 0.0
        place = index / (axes.slices - 1)
        return 1 - place if self._up_is_more() else place

    def _slide(self, y: float) -> None:
        axes = self.plane_axes
        if axes is None:
            return
        line = paint.track(QRectF(self.rect()))
        place = min(max((y - line.y1()) / max(line.length(), 1.0), 0.0), 1.0)
        place = 1 - place if self._up_is_more() else place
        self.set_index(round(place * (axes.slices - 1)))

    # ---- looking -----------------------------------------------------------------------------

    def fit(self) -> None:
        """The whole slice, centred."""
        self.canvas.fit()
        self.update()

    @property
    def zoom(self) -> float:
        """Screen pixels for the smaller side of an image pixel."""
        return self.canvas.zoom

    def set_preview(self, preview: Preview | None) -> None:
        """What the tool shows, until the next call."""
        self.preview = preview
        self.update()

    def tool_event(self, at: QPointF, modifiers: Any, *, double: bool = False) -> ToolEvent | None:
        """The place under a point of the widget; None without a series."""
        axes, doc = self.plane_axes, self._doc
        if axes is None or doc is None or doc.geometry is None:
            return None
        row, column = self.canvas.to_image(at)
        zyx = axes.to_zyx(self.index, row, column)
        x, y, z = doc.geometry.index_to_mm(zyx).tolist()
        return ToolEvent(
            view=self, plane_axes=axes, index=self.index, row=row, column=column,
            zyx=zyx, mm=(x, y, z), modifiers=modifiers, double=double,
        )  # fmt: skip

    # ---- mouse -------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the gesture; all but the tool's stay inside the view."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._last = event.position()
        button, keys = event.button(), event.modifiers()
        if button == _BUTTON.RightButton:
            self._gesture = "window"
        elif button == _BUTTON.MiddleButton or (button == _BUTTON.LeftButton and self._space):
            self._gesture = "pan"
        elif button == _BUTTON.LeftButton and self._over_maximise(event.position()):
            self.maximise_requested.emit()
        elif button == _BUTTON.LeftButton and self._over_slider(event.position()):
            self._gesture = "slide"
            self._slide(event.position().y())
        elif button == _BUTTON.LeftButton and keys & _MOD.ShiftModifier:
            self._gesture = "cross"
            self._cross(event.position())
        elif button == _BUTTON.LeftButton:
            self._gesture = "tool"
            self._tell(self.pressed, event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with the gesture, or tell the tool where the pointer is."""
        at = event.position()
        delta, self._last = at - self._last, at
        self.pointer = at
        match self._gesture:
            case "window":
                self.drag_window(delta)
            case "pan":
                self.canvas.pan(delta)
            case "slide":
                self._slide(at.y())
            case "cross":
                self._cross(at)
            case "tool":
                self._tell(self.moved, event)
            case _:
                self._tell(self.hovered, event)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the gesture."""
        gesture, self._gesture = self._gesture, ""
        if gesture == "tool":
            self._tell(self.released, event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """One view large, and back. The tool hears of it too: a polygon closes with it."""
        if event.button() != _BUTTON.LeftButton or self._over_slider(event.position()):
            self.mousePressEvent(event)
            return
        told = self.tool_event(event.position(), event.modifiers(), double=True)
        if self.preview is not None and self.preview.polyline and told is not None:
            self.pressed.emit(told)
        else:
            self.maximise_requested.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The right button windows; no menu."""
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Slices; with Ctrl zoom at the pointer; with Alt the brush."""
        delta = event.angleDelta()
        # Alt turns a vertical wheel into a horizontal one on several platforms.
        self._wheel += delta.y() or delta.x()
        steps = int(self._wheel / 120)
        if not steps:
            return
        self._wheel -= steps * 120
        keys = event.modifiers()
        if keys & _MOD.ControlModifier:
            self.canvas.zoom_at(event.position(), _ZOOM_STEP**steps)
            self.update()
        elif keys & _MOD.AltModifier:
            self.brush_size_step.emit(steps)
        else:
            self.step(steps * (10 if keys & _MOD.ShiftModifier else 1))
        event.accept()

    def enterEvent(self, event: QEnterEvent) -> None:
        """Keys act on the view under the pointer, unless text is being typed."""
        if not isinstance(QApplication.focusWidget(), QLineEdit | QPlainTextEdit):
            self.setFocus(Qt.FocusReason.MouseFocusReason)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """No pointer, no read-out."""
        self.pointer = None
        self.left.emit()
        self.update()
        super().leaveEvent(event)

    def _tell(self, signal: Any, event: QMouseEvent) -> None:
        told = self.tool_event(event.position(), event.modifiers())
        if told is not None:
            signal.emit(told)

    def _over_slider(self, at: QPointF) -> bool:
        line = paint.track(QRectF(self.rect()))
        inside = line.y1() - 8 <= at.y() <= line.y2() + 8
        return inside and at.x() >= self.width() - _SLIDER_ZONE

    def _over_maximise(self, at: QPointF) -> bool:
        left = self.width() - _MAXIMISE - _SLIDER_ZONE
        return at.y() <= _MAXIMISE and left <= at.x() <= self.width() - _SLIDER_ZONE + 6

    def drag_window(self, delta: QPointF) -> None:
        """Window by a way of the pointer: across the width, up and down the level."""
        if self._doc is None:
            return
        width, level = self._doc.window
        rate = max(1.0, width * _WINDOW_RATE)
        self._doc.set_window(max(1.0, width + delta.x() * rate), level - delta.y() * rate)

    def _cross(self, at: QPointF) -> None:
        axes = self.plane_axes
        if axes is None or self._doc is None:
            return
        row, column = self.canvas.to_image(at)
        row = min(max(row, 0.0), axes.rows - 1.0)
        column = min(max(column, 0.0), axes.columns - 1.0)
        self._doc.set_cursor(axes.to_zyx(self.index, row, column))

    # ---- keys --------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Slices, brush size, Space to pan, Esc; the rest belongs to the page."""
        axes = self.plane_axes
        last = axes.slices - 1 if axes is not None else 0
        top, bottom = (last, 0) if self._up_is_more() else (0, last)
        match event.key():
            case Qt.Key.Key_Up:
                self.step(1)
            case Qt.Key.Key_Down:
                self.step(-1)
            case Qt.Key.Key_Home:
                self.set_index(top)
            case Qt.Key.Key_End:
                self.set_index(bottom)
            case Qt.Key.Key_BracketLeft:
                self.brush_size_step.emit(-1)
            case Qt.Key.Key_BracketRight:
                self.brush_size_step.emit(1)
            case Qt.Key.Key_Space:
                self._space = True
            case Qt.Key.Key_Escape:
                self._gesture = ""
                self.cancelled.emit()
            case _:
                super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Space let go."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
            return
        super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The page may follow the focus."""
        self.focused.emit()
        self.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """A key held while the focus goes must not stay pressed."""
        self._space = False
        self.update()
        super().focusOutEvent(event)

    # ---- painting ----------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A view that showed the whole slice goes on to."""
        self.canvas.resized()
        super().resizeEvent(event)

    def paintEvent(self, _: QPaintEvent) -> None:
        """All of it."""
        self.canvas.paint()

    def _name(self) -> None:
        name = {
            "axial": self.tr("Axial"),
            "sagittal": self.tr("Sagittal"),
            "coronal": self.tr("Coronal"),
        }[self.plane]
        self.title = name
        if self.plane_axes is not None:
            where = self.tr("slice {0} of {1}").format(self.index + 1, self.plane_axes.slices)
            name = f"{name}, {where}"
        self.setAccessibleName(name)
