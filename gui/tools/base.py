"""What a pointer tool is, and the settings that tools share."""

from __future__ import annotations

from typing import ClassVar, Literal

from PySide6.QtCore import QObject, Qt, Signal

from core.labels.tools import HuRange
from gui.document.document import LabelDocument
from gui.view.slice_canvas import SliceCanvas
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
        #: How far region grow goes from where it was clicked, mm; a drag draws another distance.
        self.reach_mm = 40.0

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
    the press. takes_double: a double click is the tool's, not the view's.
    """

    key: ClassVar[str] = ""
    cursor: Qt.CursorShape = Qt.CursorShape.CrossCursor
    takes_double: ClassVar[bool] = False

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

    def confirm(self) -> bool:
        """Enter was pressed; whether the tool had use for it."""
        return False

    def back(self) -> bool:
        """Backspace was pressed; whether the tool had use for it."""
        return False

    def cancel(self) -> bool:
        """Esc, or another tool was taken; whether there was a gesture to leave."""
        return self.document.cancel_stroke()

    def preview(self, view: SliceCanvas, event: ToolEvent | None) -> Preview | None:
        """What to show on ``view``; event: the pointer there, None where it is elsewhere."""
        return None

    @property
    def colour(self) -> str:
        """Colour of the active class."""
        return self.document.colour(self.document.active)

    def named(self, word: str) -> str:
        """What a step is called in the history: "Brush stroke, Tumour"."""
        return f"{word}, {self.document.class_name(self.document.active)}"

    def ready(self, event: ToolEvent) -> bool:
        """Whether the active class can be painted now; if not, the user is told why."""
        document = self.document
        if not document.editable or not event.inside:
            return False
        if document.active in document.locked:
            name = document.class_name(document.active)
            document.say(
                document.tr("{0} is locked. Unlock it in Labels to change it.").format(name)
            )
            return False
        return True
