"""What a slice view tells a tool, and what a tool lets it draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from core.planes import PlaneAxes

if TYPE_CHECKING:
    from gui.view.slice_view import SliceView

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEvent:
    """The pointer over a slice.

    index: of the slice. row, column: on the screen's slice, fractional, pixel centres at whole
    numbers. zyx: the same place in the array. mm: in the patient, LPS x, y, z. double: second press
    of a double click.
    """

    view: SliceView
    plane_axes: PlaneAxes
    index: int
    row: float
    column: float
    zyx: Point
    mm: Point
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    double: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a tool shows while it is used; none of it is part of a label.

    circle_mm: radius of a ring round the pointer. polyline: (row, column) corners, closed back to
    the first if ``closed``. text: beside the pointer. colour: ``#RRGGBB``.
    """

    circle_mm: float | None = None
    polyline: tuple[tuple[float, float], ...] = ()
    closed: bool = False
    text: str = ""
    colour: str = "#E8EBEE"


@dataclass(frozen=True, slots=True)
class Tag:
    """A small plate beside a lesion. zyx: where it points. proposal: a model said it."""

    zyx: Point
    text: str
    proposal: bool = False


@dataclass(frozen=True, slots=True)
class Measurement:
    """A line between two places in the array; RECIST's short axis is dashed."""

    zyx_a: Point
    zyx_b: Point
    dashed: bool = False
    text: str = ""
