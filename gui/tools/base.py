"""What a pointer tool is, and the settings that tools share."""

from __future__ import annotations

from typing import ClassVar, Literal

from PySide6.QtCore import QObject, Qt, Signal

from core.labels.tools import HuRange
from gui.document.document import LabelDocument
from gui.view.overlay import colour_of
from gui.view.tool_event import Preview, ToolEvent

BrushShape = Literal["2d", "3d"]

#: Brush diameters, mm: from under a voxel to a large organ.
SIZE_MIN, SIZE_MAX = 1.0, 80.0


class ToolSettings(QObject):
    """Brush diameter (mm), shape, and HU range; the same for every tool that has them."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.size_mm = 14.0
        self.shape: BrushShape = "2d"
        self.hu_on = False
        self.hu_range: HuRange = (0, 90)
        #: How far region grow may go from where it was clicked, mm.
        self.reach_mm = 60.0

    def set(
        self,
        *,
        size_mm: float | None = None,
        shape: BrushShape | None = None,
        hu_on: bool | None = None,
        hu_range: HuRange | None = None,
    ) -> None:
        """Change some of them."""
        if size_mm is not None:
            self.size_mm = min(max(size_mm, SIZE_MIN), SIZE_MAX)
        self.shape = shape or self.shape
        self.hu_on = self.hu_on if hu_on is None else hu_on
        self.hu_range = hu_range or self.hu_range
        self.changed.emit()

    def step_size(self, steps: int) -> None:
        """Grow or shrink the brush by steps of a tenth, at least 0.5 mm."""
        size = self.size_mm
        for _ in range(abs(steps)):
            size += max(0.5, size * 0.1) * (1 if steps > 0 else -1)
        self.set(size_mm=round(size * 2) / 2)


class Tool:
    """One gesture: pressed, moved, released, on one view at a time.

    A tool changes labels only through its document. ``cancel`` leaves everything as it was before
    the press.
    """

    key: ClassVar[str] = ""
    cursor: ClassVar[Qt.CursorShape] = Qt.CursorShape.CrossCursor

    def __init__(self, document: LabelDocument, settings: ToolSettings) -> None:
        self.document = document
        self.settings = settings

    def press(self, event: ToolEvent) -> None:
        """The left button went down."""

    def move(self, event: ToolEvent) -> None:
        """The pointer moved with the button down."""

    def release(self, event: ToolEvent) -> None:
        """The button went up."""

    def hover(self, event: ToolEvent) -> None:
        """The pointer moved with no button down."""
        event.view.set_preview(self.preview(event))

    def cancel(self) -> None:
        """Esc, or another tool was taken."""
        self.document.cancel_stroke()

    def preview(self, event: ToolEvent) -> Preview | None:
        """What to show round the pointer."""
        return None

    @property
    def colour(self) -> str:
        """Colour of the active class."""
        return colour_of(self.document.schema, self.document.active).name()

    @property
    def blocked(self) -> str:
        """Why nothing can be painted now, or empty."""
        document = self.document
        if not document.editable:
            return document.tr("The series is still being read")
        if document.active in document.locked:
            name = document.schema.by_value(document.active).name
            return document.tr("{0} is locked").format(name)
        return ""
