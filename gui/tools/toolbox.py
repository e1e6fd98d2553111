"""All tools, their keys and icons, and which one is in the hand."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from gui.document.document import LabelDocument
from gui.tools.base import Tool, ToolSettings
from gui.tools.brush import BrushTool, EraserTool, HuBrushTool
from gui.tools.looking import MeasureTool, PanTool, WindowTool
from gui.tools.regions import GrowTool, PolygonTool, SmartFillTool


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """A tool in the strip. group: a line is drawn between two groups."""

    kind: type[Tool]
    letter: str
    icon: str
    group: int


TOOLS: tuple[ToolInfo, ...] = (
    ToolInfo(WindowTool, "W", "ph.circle-half", 0),
    ToolInfo(PanTool, "V", "ph.arrows-out-cardinal", 0),
    ToolInfo(BrushTool, "B", "ph.paint-brush", 1),
    ToolInfo(EraserTool, "E", "ph.eraser", 1),
    ToolInfo(HuBrushTool, "T", "ph.sliders-horizontal", 1),
    ToolInfo(PolygonTool, "P", "ph.polygon", 1),
    ToolInfo(GrowTool, "G", "ph.magic-wand", 1),
    ToolInfo(SmartFillTool, "F", "ph.stack-simple", 1),
    ToolInfo(MeasureTool, "R", "ph.ruler", 2),
)


class Toolbox(QObject):
    """Holds one of each tool. changed: another tool was taken, by its key."""

    changed = Signal(str)

    def __init__(self, document: LabelDocument, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.settings = ToolSettings(self)
        self.tools = {t.kind.key: t.kind(document, self.settings) for t in TOOLS}
        self._current = "brush"

    @property
    def current(self) -> Tool:
        """The tool in the hand."""
        return self.tools[self._current]

    def take(self, key: str) -> None:
        """Take another tool; the gesture of the old one is left without a change."""
        if key == self._current:
            return
        self.current.cancel()
        self._current = key
        self._document.set_style(all_measured=key == "recist")
        self.changed.emit(key)

    def take_letter(self, letter: str) -> bool:
        """Take the tool of a key of the keyboard; False when there is none."""
        for info in TOOLS:
            if info.letter == letter:
                self.take(info.kind.key)
                return True
        return False
