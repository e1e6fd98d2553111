"""What a slice view needs of the series that is open, whoever holds it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.geometry import Geometry
from core.labels.schema import LabelSchema
from core.planes import Plane
from core.volume import Volume
from gui.view.tool_event import Measurement, Point, Tag


class Document(Protocol):
    """A series with its labels, and how it is looked at.

    volume: None while it is read; then first holds the index along array axis 0 and the HU [y, x]
    of the slice that came first. labels, proposal: uint8 ``[z, y, x]``. window: width and level in
    HU. cursor: array index (z, y, x) of the crosshair. loading: slices read and to be read, None
    when all is there. labels_changed carries the half-open box ``((z0, z1), (y0, y1), (x0, x1))``
    and the class values concerned, both None for all.
    """

    volume: Volume | None
    first: tuple[int, NDArray[np.int16]] | None
    labels: NDArray[np.uint8] | None
    proposal: NDArray[np.uint8] | None
    schema: LabelSchema
    geometry: Geometry | None
    hidden: set[int]
    cursor: Point
    window: tuple[float, float]
    opacity: float
    contour_only: bool
    overlay_hidden: bool
    crosshair_shown: bool
    loading: tuple[int, int] | None
    problem: str

    # Qt signals; typed loosely because a Protocol cannot name a bound signal.
    volume_changed: Any
    labels_changed: Any
    proposal_changed: Any
    cursor_changed: Any
    window_changed: Any
    style_changed: Any
    lesions_changed: Any
    state_changed: Any

    def set_cursor(self, zyx: Point) -> None:
        """Move the crosshair; the other planes follow."""
        ...

    def set_window(self, width: float, level: float) -> None:
        """Set the window, HU."""
        ...

    def lesion_slices(self, plane: Plane) -> list[tuple[int, int, str]]:
        """Half-open runs of slices that hold a lesion, and its colour."""
        ...

    def tags(self, plane: Plane, index: int) -> list[Tag]:
        """Plates on a slice."""
        ...

    def measurements(self, plane: Plane, index: int) -> list[Measurement]:
        """Measured lines on a slice."""
        ...
