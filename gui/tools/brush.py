"""Brush, eraser and HU brush."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from PySide6.QtCore import Qt

from core.geometry import Triple
from core.labels.tools import Change, HuRange, erase, paint
from gui.tools.base import Tool
from gui.view.tool_event import Preview, ToolEvent


class BrushTool(Tool):
    """Paints the active class along the pointer's way; with Ctrl it erases."""

    key: ClassVar[str] = "brush"
    cursor: ClassVar[Qt.CursorShape] = Qt.CursorShape.CrossCursor
    erasing: ClassVar[bool] = False

    _last: Triple | None = None
    _erase = False
    _range: HuRange | None = None

    def press(self, event: ToolEvent) -> None:
        """Begin a stroke."""
        if self.blocked:
            event.view.set_preview(Preview(text=self.blocked))
            return
        self._erase = self.erasing or bool(event.modifiers & Qt.KeyboardModifier.ControlModifier)
        self._range = self.range_at(event)
        self._last = event.zyx
        self._dab(event, [event.zyx])

    def move(self, event: ToolEvent) -> None:
        """Go on with it: the brush covers everything between two points of the mouse."""
        event.view.set_preview(self.preview(event))
        if self._last is not None:
            self._dab(event, [self._last, event.zyx])
            self._last = event.zyx

    def release(self, event: ToolEvent) -> None:
        """End it: one step to undo."""
        if self._last is None:
            return
        self._last = None
        document = self.document
        word = document.tr("Erase") if self._erase else self.word()
        document.finish(f"{word}, {document.schema.by_value(document.active).name}")

    def cancel(self) -> None:
        """Take the stroke back."""
        self._last = None
        super().cancel()

    def preview(self, event: ToolEvent) -> Preview:
        """The brush's outline in the colour it paints."""
        erasing = self.erasing or bool(event.modifiers & Qt.KeyboardModifier.ControlModifier)
        colour = "#E8EBEE" if erasing else self.colour
        return Preview(circle_mm=self.settings.size_mm / 2, colour=colour)

    def word(self) -> str:
        """What the step is called."""
        return self.document.tr("Brush stroke")

    def range_at(self, event: ToolEvent) -> HuRange | None:
        """The HU the stroke keeps to."""
        return self.settings.hu_range if self.settings.hu_on else None

    def _dab(self, event: ToolEvent, path: list[Triple]) -> None:
        document = self.document
        assert document.labels is not None and document.volume is not None  # noqa: S101
        assert document.geometry is not None  # noqa: S101
        radius = self.settings.size_mm / 2
        normal = event.plane_axes.normal
        change: Change
        if self._erase:
            change = erase(
                document.labels, document.geometry, path, radius,
                value=document.active, shape=self.settings.shape, normal=normal,
                locked=document.locked,
            )  # fmt: skip
        else:
            change = paint(
                document.labels, document.geometry, path, radius, document.active,
                shape=self.settings.shape, normal=normal, locked=document.locked,
                hu=document.volume.hu, hu_range=self._range,
            )  # fmt: skip
        document.apply(*change, "stroke")


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
        """Round the mean HU of the 5 x 5 pixels under the pointer."""
        volume = self.document.volume
        assert volume is not None  # noqa: S101 - a stroke begins only on a series
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
