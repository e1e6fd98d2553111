"""Brush, eraser and HU brush."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from PySide6.QtCore import Qt

from core.geometry import Triple
from core.labels.tools import HuRange, erase, paint
from gui.tools.base import Tool
from gui.view.slice_canvas import SliceCanvas
from gui.view.tool_event import Preview, ToolEvent

#: The eraser's ring.
_NEUTRAL = "#E8EBEE"


class BrushTool(Tool):
    """Paints the active class along the pointer's way; with Ctrl it erases."""

    key: ClassVar[str] = "brush"
    erasing: ClassVar[bool] = False

    _last: Triple | None = None
    _erase = False
    _range: HuRange | None = None

    def press(self, event: ToolEvent) -> None:
        """Begin a stroke."""
        if not self.ready(event):
            return
        self._erase = self._erases(event)
        self._range = self.range_at(event)
        self._last = event.zyx
        self._dab(event, [event.zyx])

    def move(self, event: ToolEvent) -> None:
        """Go on with it: the brush covers everything between two points of the mouse."""
        if self._last is not None:
            self._dab(event, [self._last, event.zyx])
            self._last = event.zyx

    def release(self, event: ToolEvent) -> None:
        """End it: one step to undo."""
        if self._last is None:
            return
        self._last = None
        word = self.document.tr("Erase") if self._erase else self.word()
        self.document.finish(self.named(word))

    def cancel(self) -> bool:
        """Take the stroke back."""
        had = self._last is not None
        self._last = None
        return super().cancel() or had

    def preview(self, view: SliceCanvas, event: ToolEvent | None) -> Preview | None:
        """The brush's outline in the colour it paints; dashed where it takes away."""
        if event is None or not self.document.editable:
            return None
        away = self._erase if self._last is not None else self._erases(event)
        colour = _NEUTRAL if away else self.colour
        return Preview(circle_mm=self.settings.size_mm / 2, colour=colour, dashed=away)

    def word(self) -> str:
        """What the step is called."""
        return self.document.tr("Brush stroke")

    def range_at(self, event: ToolEvent) -> HuRange | None:
        """The HU the stroke keeps to."""
        return self.settings.hu_range if self.settings.hu_on else None

    def _erases(self, event: ToolEvent) -> bool:
        return self.erasing or bool(event.modifiers & Qt.KeyboardModifier.ControlModifier)

    def _dab(self, event: ToolEvent, path: list[Triple]) -> None:
        document = self.document
        if document.labels is None or document.volume is None or document.geometry is None:
            return
        radius = self.settings.size_mm / 2
        normal = event.plane_axes.normal
        if self._erase:
            change = erase(
                document.labels, document.geometry, path, radius, value=document.active,
                shape=self.settings.shape, normal=normal, locked=document.guarded,
            )  # fmt: skip
        else:
            change = paint(
                document.labels, document.geometry, path, radius, document.active,
                shape=self.settings.shape, normal=normal, locked=document.guarded,
                hu=document.volume.hu, hu_range=self._range,
            )  # fmt: skip
        document.apply(*change)


class EraserTool(BrushTool):
    """Takes the active class away."""

    key: ClassVar[str] = "eraser"
    erasing: ClassVar[bool] = True


class HuBrushTool(BrushTool):
    """Paints what has nearly the HU of the place where the stroke began."""

    key: ClassVar[str] = "hu_brush"
    #: Half width of the range in standard deviations of the HU under the brush, and at least HU.
    _SPREAD, _LEAST = 2.0, 15

    def range_at(self, event: ToolEvent) -> HuRange | None:
        """The range of the settings where that is on, else round the 5 x 5 pixels pressed on."""
        if self.settings.hu_on:
            return self.settings.hu_range
        volume = self.document.volume
        if volume is None:
            return None
        cut = event.plane_axes.cut(volume.hu, event.index)
        row, column = round(event.row), round(event.column)
        near = cut[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
        if near.size == 0:
            return None
        mean = float(near.mean())
        spread = max(self._SPREAD * float(np.std(near)), self._LEAST)
        return (round(mean - spread), round(mean + spread))

    def word(self) -> str:
        """What the step is called."""
        return self.document.tr("HU brush")
