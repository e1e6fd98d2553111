"""Polygon, region grow and smart fill."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Qt

from core.labels.tools import fill_between_slices, fill_polygon, grow
from gui.tools.base import Tool
from gui.view.tool_event import Preview, ToolEvent

#: A press this close to the first corner closes the polygon, screen pixels.
_CLOSE_PIXELS = 8.0


class PolygonTool(Tool):
    """Corners by clicks; a double click, Enter or a click on the first corner closes it."""

    key: ClassVar[str] = "polygon"

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._corners: list[ToolEvent] = []

    def press(self, event: ToolEvent) -> None:
        """Add a corner, or close."""
        if self.blocked:
            event.view.set_preview(Preview(text=self.blocked))
            return
        if self._corners and not self._same_slice(event):
            self._corners = []
        closing = event.double or self._near_first(event)
        if not closing:
            self._corners.append(event)
        if closing:
            self.close()
        else:
            event.view.set_preview(self.preview(event))

    def close(self) -> None:
        """Fill what was drawn; one step to undo."""
        corners, self._corners = self._corners, []
        if not corners:
            return
        first = corners[0]
        first.view.set_preview(None)
        document = self.document
        if len(corners) < 3 or document.labels is None or document.geometry is None:
            return
        erase = bool(first.modifiers & Qt.KeyboardModifier.ControlModifier)
        change = fill_polygon(
            document.labels, document.geometry, [c.zyx for c in corners],
            0 if erase else document.active, normal=first.plane_axes.normal,
            locked=document.locked,
        )  # fmt: skip
        name = document.schema.by_value(document.active).name
        document.change(*change, f"{document.tr('Polygon')}, {name}")

    def cancel(self) -> None:
        """Forget the corners."""
        if self._corners:
            self._corners[0].view.set_preview(None)
        self._corners = []
        super().cancel()

    def preview(self, event: ToolEvent) -> Preview:
        """The corners so far, and a line to the pointer."""
        if not self._corners or not self._same_slice(event):
            return Preview()
        points = tuple((c.row, c.column) for c in self._corners)
        return Preview(polyline=points, colour=self.colour)

    def _same_slice(self, event: ToolEvent) -> bool:
        first = self._corners[0]
        return event.view is first.view and event.index == first.index

    def _near_first(self, event: ToolEvent) -> bool:
        if len(self._corners) < 3:
            return False
        first, canvas = self._corners[0], event.view.canvas
        offset = canvas.place(first.zyx) - canvas.place(event.zyx)
        return abs(offset.x()) + abs(offset.y()) <= _CLOSE_PIXELS


class GrowTool(Tool):
    """A click takes what hangs together with that voxel within the HU range."""

    key: ClassVar[str] = "grow"
    #: Where no range is set: so far round the clicked HU.
    _AROUND = 20

    def press(self, event: ToolEvent) -> None:
        """Grow from here; one step to undo."""
        document = self.document
        if self.blocked:
            event.view.set_preview(Preview(text=self.blocked))
            return
        if document.labels is None or document.volume is None or document.geometry is None:
            return
        z, y, x = (round(i) for i in event.zyx)
        if not document.geometry.contains((z, y, x)):
            return
        hu = int(document.volume.hu[z, y, x])
        around = (hu - self._AROUND, hu + self._AROUND)
        change = grow(
            document.labels, document.volume.hu, document.geometry, (z, y, x), document.active,
            hu_range=self.settings.hu_range if self.settings.hu_on else around,
            max_radius_mm=self.settings.reach_mm,
            normal=event.plane_axes.normal if self.settings.shape == "2d" else None,
            locked=document.locked,
        )  # fmt: skip
        name = document.schema.by_value(document.active).name
        if document.change(*change, f"{document.tr('Region grow')}, {name}") is None:
            event.view.set_preview(Preview(text=document.tr("Nothing in the HU range here")))


class SmartFillTool(Tool):
    """A click fills the gaps between the outlined slices of the active class in this plane."""

    key: ClassVar[str] = "fill"

    def press(self, event: ToolEvent) -> None:
        """Fill across the slices of the view that was clicked; one step to undo."""
        document = self.document
        if self.blocked or document.labels is None or document.geometry is None:
            event.view.set_preview(Preview(text=self.blocked))
            return
        change = fill_between_slices(
            document.labels, document.geometry, document.active,
            normal=event.plane_axes.normal, locked=document.locked,
        )  # fmt: skip
        name = document.schema.by_value(document.active).name
        if document.change(*change, f"{document.tr('Smart fill')}, {name}") is None:
            text = document.tr("Outline two slices first; the gap between them is then filled")
            event.view.set_preview(Preview(text=text))
