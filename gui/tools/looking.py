"""Tools that only look: window, pan and zoom, measuring."""

from __future__ import annotations

import math
from typing import ClassVar

from PySide6.QtCore import QPointF, Qt

from gui.tools.base import Tool
from gui.view.slice_canvas import SliceCanvas
from gui.view.tool_event import Preview, ToolEvent


class WindowTool(Tool):
    """A left drag sets W/L: across the width, up and down the level."""

    key: ClassVar[str] = "window"
    cursor: Qt.CursorShape = Qt.CursorShape.SizeAllCursor

    _last: tuple[float, float] | None = None

    def press(self, event: ToolEvent) -> None:
        """Begin."""
        self._last = (event.x, event.y)

    def move(self, event: ToolEvent) -> None:
        """Window by the way of the pointer."""
        if self._last is not None:
            event.view.drag_window(event.x - self._last[0], event.y - self._last[1])
            self._last = (event.x, event.y)

    def release(self, event: ToolEvent) -> None:
        """End."""
        self._last = None

    def cancel(self) -> bool:
        """Leave the window as it is."""
        self._last = None
        return super().cancel()


class PanTool(Tool):
    """A left drag moves the slice; up and down with Ctrl zooms."""

    key: ClassVar[str] = "pan"
    cursor: Qt.CursorShape = Qt.CursorShape.OpenHandCursor

    _last: tuple[float, float] | None = None
    _anchor = QPointF()

    def press(self, event: ToolEvent) -> None:
        """Begin."""
        self._last = (event.x, event.y)
        self._anchor = QPointF(event.x, event.y)

    def move(self, event: ToolEvent) -> None:
        """Move or magnify."""
        if self._last is None:
            return
        dx, dy = event.x - self._last[0], event.y - self._last[1]
        if event.modifiers & Qt.KeyboardModifier.ControlModifier:
            event.view.zoom_at(self._anchor, 1.01**-dy)
        else:
            event.view.drag_pan(dx, dy)
        self._last = (event.x, event.y)

    def release(self, event: ToolEvent) -> None:
        """End."""
        self._last = None

    def cancel(self) -> bool:
        """Leave it where it is."""
        self._last = None
        return super().cancel()


class MeasureTool(Tool):
    """A drag measures in mm; the RECIST axes of all lesions show while it is in the hand."""

    key: ClassVar[str] = "recist"

    _from: ToolEvent | None = None
    _to: ToolEvent | None = None
    _held = False

    def press(self, event: ToolEvent) -> None:
        """Begin; a click on a lesion also chooses it."""
        self._from, self._to, self._held = event, None, True
        finding = self.document.findings.at(event.zyx)
        if finding is not None:
            self.document.findings.choose(finding)

    def move(self, event: ToolEvent) -> None:
        """A line from there to here."""
        if self._held and self._from is not None and self._from.view is event.view:
            self._to = event

    def release(self, event: ToolEvent) -> None:
        """The line stays until the next press."""
        self._held = False

    def cancel(self) -> bool:
        """Forget the line."""
        had = self._from is not None
        self._from = self._to = None
        self._held = False
        return super().cancel() or had

    def preview(self, view: SliceCanvas, event: ToolEvent | None) -> Preview | None:
        """The line and its length, on the slice it was drawn on."""
        a, b = self._from, self._to
        if a is None or b is None or view is not a.view or view.index != a.index:
            return None
        return Preview(
            polyline=((a.row, a.column), (b.row, b.column)), centre=(b.row, b.column),
            text=f"{math.dist(a.mm, b.mm):.1f} mm",
        )  # fmt: skip
