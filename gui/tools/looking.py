"""Tools that only look: window, pan and zoom, measuring."""

from __future__ import annotations

import math
from typing import ClassVar

from PySide6.QtCore import QPointF, Qt

from gui.tools.base import Tool
from gui.view.tool_event import Preview, ToolEvent


class WindowTool(Tool):
    """A left drag sets W/L: across the width, up and down the level."""

    key: ClassVar[str] = "window"
    cursor: ClassVar[Qt.CursorShape] = Qt.CursorShape.ArrowCursor

    _last: QPointF | None = None

    def press(self, event: ToolEvent) -> None:
        """Begin."""
        self._last = event.view.pointer

    def move(self, event: ToolEvent) -> None:
        """Window by the way of the pointer."""
        now = event.view.pointer
        if now is not None and self._last is not None:
            event.view.drag_window(now - self._last)
        self._last = now


class PanTool(Tool):
    """A left drag moves the slice; up and down with Ctrl zooms."""

    key: ClassVar[str] = "pan"
    cursor: ClassVar[Qt.CursorShape] = Qt.CursorShape.OpenHandCursor

    _last: QPointF | None = None
    _anchor = QPointF()

    def press(self, event: ToolEvent) -> None:
        """Begin."""
        self._last = event.view.pointer
        self._anchor = event.view.pointer or QPointF()

    def move(self, event: ToolEvent) -> None:
        """Move or magnify."""
        now = event.view.pointer
        if now is not None and self._last is not None:
            delta = now - self._last
            if event.modifiers & Qt.KeyboardModifier.ControlModifier:
                event.view.canvas.zoom_at(self._anchor, 1.01 ** -delta.y())
            else:
                event.view.canvas.pan(delta)
            event.view.update()
        self._last = now


class MeasureTool(Tool):
    """A drag measures in mm; the RECIST axes of the lesions show while it is in the hand."""

    key: ClassVar[str] = "recist"

    _from: ToolEvent | None = None

    def press(self, event: ToolEvent) -> None:
        """Begin."""
        self._from = event

    def move(self, event: ToolEvent) -> None:
        """A line from there to here, and its length."""
        if self._from is not None and self._from.view is event.view:
            points = ((self._from.row, self._from.column), (event.row, event.column))
            length = math.dist(self._from.mm, event.mm)
            event.view.set_preview(Preview(polyline=points, text=f"{length:.1f} mm"))

    def release(self, event: ToolEvent) -> None:
        """The line stays until the next press."""
        self._from = None

    def hover(self, event: ToolEvent) -> None:
        """Leave the measured line where it is."""

    def cancel(self) -> None:
        """Forget the line."""
        if self._from is not None:
            self._from.view.set_preview(None)
        self._from = None
        super().cancel()
