"""How the open series is looked at: crosshair, window, overlay, classes shown and locked."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from core.geometry import Geometry
from core.labels.schema import LabelSchema
from gui.document.marks import Point

#: Limits of a window's width and level, HU.
_WIDEST, _FURTHEST = 20000.0, 20000.0


class Look(QObject):
    """The part of a document that no file keeps. Every change is announced.

    labels_changed: the half-open box (z, y, x) that changed and the class values concerned, or
    None and None for all. active_changed: another class is painted with. style_changed: overlay.
    """

    volume_changed = Signal()
    labels_changed = Signal(object, object)
    proposal_changed = Signal()
    cursor_changed = Signal()
    window_changed = Signal()
    style_changed = Signal()
    lesions_changed = Signal()
    state_changed = Signal()
    schema_changed = Signal()
    active_changed = Signal()
    history_changed = Signal()
    opened = Signal()
    said = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.geometry: Geometry | None = None
        self.schema: LabelSchema = LabelSchema.default()
        self.hidden: set[int] = set()
        self.locked: set[int] = set()
        self.active = 1
        self.cursor: Point = (0.0, 0.0, 0.0)
        self.window: tuple[float, float] = (400.0, 40.0)
        self.opacity = 0.4
        self.contour_only = False
        self.overlay_hidden = False
        self.crosshair_shown = True
        #: Whether the axes of all lesions show, not only those of the chosen one.
        self.all_measured = False

    def set_cursor(self, zyx: Point) -> None:
        """Move the crosshair; the other planes follow."""
        if self.geometry is None:
            return
        z, y, x = (min(max(v, 0.0), n - 1.0) for v, n in zip(zyx, self.geometry.shape, strict=True))
        if (z, y, x) != self.cursor:
            self.cursor = (z, y, x)
            self.cursor_changed.emit()

    def set_window(self, width: float, level: float) -> None:
        """Set the window, HU."""
        window = (min(max(width, 1.0), _WIDEST), min(max(level, -_FURTHEST), _FURTHEST))
        if window != self.window:
            self.window = window
            self.window_changed.emit()

    def set_style(self, **style: Any) -> None:
        """Set opacity, contour_only, overlay_hidden, crosshair_shown or all_measured."""
        changed = {k: v for k, v in style.items() if getattr(self, k) != v}
        for name, value in changed.items():
            setattr(self, name, value)
        if changed:
            self.style_changed.emit()

    def set_active(self, value: int) -> None:
        """Paint with another class; a hidden one is shown, so that a stroke can be seen."""
        if value in self.hidden:
            self.toggle(self.hidden, value)
        if value != self.active:
            self.active = value
            self.active_changed.emit()

    def toggle(self, which: set[int], value: int) -> None:
        """Hide or show, lock or unlock a class. which: ``hidden`` or ``locked``."""
        which ^= {value}
        self.schema_changed.emit()
        self.style_changed.emit()

    @property
    def guarded(self) -> set[int]:
        """Classes that no tool may change: the locked and the hidden ones."""
        return self.locked | self.hidden

    def class_name(self, value: int) -> str:
        """What a class is called."""
        try:
            return self.schema.by_value(value).name
        except KeyError:
            return self.tr("Label {0}").format(value)

    def say(self, words: str) -> None:
        """A short message beside the views."""
        self.said.emit(words)
