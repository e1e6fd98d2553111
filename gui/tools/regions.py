"""Polygon, region grow and smart fill."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from PySide6.QtCore import Qt

from core.geometry import Zyx
from core.labels.tools import HuRange, fill_between_slices, fill_polygon, grow
from gui.tools.base import Tool
from gui.view.slice_canvas import SliceCanvas
from gui.view.tool_event import Preview, ToolEvent

#: A press this close to the first corner closes the polygon; a drag sets corners so far apart.
_CLOSE_PIXELS, _DRAG_PIXELS = 8.0, 5.0


class PolygonTool(Tool):
    """Corners by clicks, or drawn with the button held.

    A double click, Enter or a click on the first corner closes it; Backspace takes a corner back.
    """

    key: ClassVar[str] = "polygon"
    takes_double: ClassVar[bool] = True

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._corners: list[ToolEvent] = []
        self._drawn = False

    def press(self, event: ToolEvent) -> None:
        """Add a corner, or close."""
        if self._corners and not self._same_slice(event):
            self._corners = []
        self._drawn = False
        if self._corners and (event.double or self._near_first(event)):
            self.confirm()
        elif self.ready(event):
            self._corners.append(event)

    def move(self, event: ToolEvent) -> None:
        """Draw freely."""
        if self._corners and self._same_slice(event):
            last = self._corners[-1]
            if math.hypot(event.x - last.x, event.y - last.y) >= _DRAG_PIXELS:
                self._corners.append(event)
                self._drawn = True

    def release(self, event: ToolEvent) -> None:
        """A line that was drawn back to its start is closed."""
        if self._drawn and len(self._corners) > 8 and self._near_first(event):
            self.confirm()
        self._drawn = False

    def confirm(self) -> bool:
        """Fill what was drawn; one step to undo."""
        corners, self._corners = self._corners, []
        document = self.document
        if len(corners) < 3 or document.labels is None or document.geometry is None:
            return bool(corners)
        first = corners[0]
        erasing = bool(first.modifiers & Qt.KeyboardModifier.ControlModifier)
        change = fill_polygon(
            document.labels, document.geometry, [c.zyx for c in corners],
            0 if erasing else document.active, normal=first.plane_axes.normal,
            locked=document.guarded,
        )  # fmt: skip
        document.change(*change, self.named(document.tr("Polygon")))
        first.view.update()
        return True

    def back(self) -> bool:
        """Take the last corner back."""
        if not self._corners:
            return False
        self._corners.pop().view.update()
        return True

    def cancel(self) -> bool:
        """Forget the corners."""
        had = bool(self._corners)
        self._corners = []
        return super().cancel() or had

    def preview(self, view: SliceCanvas, event: ToolEvent | None) -> Preview | None:
        """The corners so far, and a line to the pointer."""
        if not self._corners or view is not self._corners[0].view:
            return None
        if view.index != self._corners[0].index:
            return None
        points = [(c.row, c.column) for c in self._corners]
        if event is not None:
            points.append((event.row, event.column))
        return Preview(polyline=tuple(points), colour=self.colour)

    def _same_slice(self, event: ToolEvent) -> bool:
        first = self._corners[0]
        return event.view is first.view and event.index == first.index

    def _near_first(self, event: ToolEvent) -> bool:
        if len(self._corners) < 3:
            return False
        first = self._corners[0]
        x, y = event.view.framing.to_screen(first.row, first.column)
        return math.hypot(event.x - x, event.y - y) <= _CLOSE_PIXELS


class GrowTool(Tool):
    """A press takes what hangs together with that voxel within the HU range, as one sees it grow.

    A drag sets how far it may go; a click goes as far as the settings say.
    """

    key: ClassVar[str] = "grow"
    #: Where no range is set: so many standard deviations of the HU round the click, at least HU.
    _SPREAD, _LEAST = 2.5, 20
    #: A drag shorter than this is a click, mm; and the region is grown anew in steps of it.
    _CLICK = 3.0

    _start: ToolEvent | None = None
    _reach = 0.0

    def press(self, event: ToolEvent) -> None:
        """Grow from here."""
        if self.ready(event):
            self._start = event
            self._grow(self.settings.reach_mm)

    def move(self, event: ToolEvent) -> None:
        """Grow as far as the pointer is from the press."""
        if self._start is None:
            return
        reach = math.dist(self._start.mm, event.mm)
        if reach >= self._CLICK and abs(reach - self._reach) >= self._CLICK / 2:
            self._grow(reach)

    def release(self, event: ToolEvent) -> None:
        """One step to undo."""
        if self._start is None:
            return
        self._start = None
        if self.document.finish(self.named(self.document.tr("Region grow"))) is None:
            self.document.say(self.document.tr("Nothing to take here within the HU range"))

    def cancel(self) -> bool:
        """Take it back."""
        had = self._start is not None
        self._start = None
        return super().cancel() or had

    def preview(self, view: SliceCanvas, event: ToolEvent | None) -> Preview | None:
        """How far it may go."""
        if self._start is None or view is not self._start.view:
            return None
        return Preview(
            circle_mm=self._reach, centre=(self._start.row, self._start.column),
            colour=self.colour, dashed=True, text=f"{self._reach:.0f} mm",
        )  # fmt: skip

    def _grow(self, reach: float) -> None:
        document, start = self.document, self._start
        if document.labels is None or document.volume is None or document.geometry is None:
            return
        if start is None:
            return
        document.cancel_stroke()
        self._reach = reach
        z, y, x = (round(i) for i in start.zyx)
        change = grow(
            document.labels, document.volume.hu, document.geometry, (z, y, x), document.active,
            hu_range=self._range((z, y, x)), max_radius_mm=reach,
            normal=start.plane_axes.normal if self.settings.shape == "2d" else None,
            locked=document.guarded,
        )  # fmt: skip
        document.apply(*change)

    def _range(self, seed: Zyx) -> HuRange:
        if self.settings.hu_on or self.document.volume is None:
            return self.settings.hu_range
        hu = self.document.volume.hu
        near = hu[
            tuple(slice(max(0, i - r), i + r + 1) for i, r in zip(seed, (1, 2, 2), strict=True))
        ]
        mean = float(np.median(near))
        spread = max(self._SPREAD * float(np.std(near)), self._LEAST)
        return (round(mean - spread), round(mean + spread))


class SmartFillTool(Tool):
    """A click fills the gaps between the outlined slices of the active class in this plane."""

    key: ClassVar[str] = "fill"
    cursor: Qt.CursorShape = Qt.CursorShape.PointingHandCursor

    def press(self, event: ToolEvent) -> None:
        """Fill across the slices of the view that was clicked; one step to undo."""
        document = self.document
        if not self.ready(event) or document.labels is None or document.geometry is None:
            return
        change = fill_between_slices(
            document.labels, document.geometry, document.active,
            normal=event.plane_axes.normal, locked=document.guarded, within=document.bounds,
        )  # fmt: skip
        if document.change(*change, self.named(document.tr("Smart fill"))) is None:
            document.say(
                document.tr("Outline two slices first; the gap between them is then filled")
            )
