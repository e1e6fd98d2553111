"""What a slice view tells a tool, and what a tool lets it draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtCore import Qt

from core.planes import PlaneAxes
from gui.document.marks import Point

if TYPE_CHECKING:
    from gui.view.slice_view import SliceView


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEvent:
    """The pointer over a slice.

    index: of the slice. row, column: on the screen's slice, fractional, pixel centres at whole
    numbers. zyx: the same place in the array. mm: in the patient, LPS x, y, z. inside: over the
    image, not beside it. x, y: in the widget. double: second press of a double click.
    """

    view: SliceView
    plane_axes: PlaneAxes
    index: int
    row: float
    column: float
    zyx: Point
    mm: Point
    inside: bool
    x: float
    y: float
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    double: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a tool shows while it is used; none of it is part of a label.

    circle_mm: radius of a ring round the pointer, or round ``centre`` (row, column). polyline:
    (row, column) corners, closed back to the first if ``closed``. text: beside the pointer.
    colour: ``#RRGGBB``. plane: where polyline and centre lie; None everywhere.
    """

    circle_mm: float | None = None
    centre: tuple[float, float] | None = None
    polyline: tuple[tuple[float, float], ...] = ()
    closed: bool = False
    text: str = ""
    colour: str = "#E8EBEE"
    dashed: bool = False


class PointerTool(Protocol):
    """What a slice view hands the left button to. gui.tools has the tools."""

    cursor: Qt.CursorShape

    def press(self, event: ToolEvent) -> None:
        """The left button went down."""
        ...

    def move(self, event: ToolEvent) -> None:
        """The pointer moved while it is down."""
        ...

    def release(self, event: ToolEvent) -> None:
        """It went up."""
        ...

    def hover(self, event: ToolEvent) -> None:
        """The pointer moved while no button is down."""
        ...

    def cancel(self) -> bool:
        """Leave the gesture without a change; whether there was one."""
        ...

    def preview(self, view: Any, event: ToolEvent | None) -> Preview | None:
        """What to draw in ``view``; event: the pointer there, None where it is elsewhere."""
        ...
