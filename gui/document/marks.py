"""What is marked on slices beside the labels: plates and measured lines."""

from __future__ import annotations

from dataclasses import dataclass

#: An array index (z, y, x), fractional, or a position (x, y, z) in mm.
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Tag:
    """A small plate beside a lesion. zyx: where it points. proposal: a model said it."""

    zyx: Point
    text: str
    proposal: bool = False
    colour: str = "#E8EBEE"


@dataclass(frozen=True, slots=True)
class Measurement:
    """A line between two places in the array; RECIST's short axis is dashed."""

    zyx_a: Point
    zyx_b: Point
    dashed: bool = False
    text: str = ""
