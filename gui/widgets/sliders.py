"""Sliders, range sliders and thin bars of progress."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QSlider, QWidget

from gui import theme
from gui.widgets.focus import RingMixin
from gui.widgets.paint import dot, painter, rounded

_KNOB = 6


class Slider(RingMixin, QSlider):
    """A slider whose knob jumps to a click. ``set_marks`` draws ticks, such as lesion slices."""

    def __init__(
        self,
        orientation: Qt.Orientation = Qt.Orientation.Horizontal,
        lo: int = 0,
        hi: int = 100,
        value: int = 0,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(orientation, parent)
        self.setRange(lo, hi)
        self.setValue(value)
        self._marks: tuple[tuple[int, str], ...] = ()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_marks(self, marks: Sequence[tuple[int, str]]) -> None:
        """Ticks as (value, colour)."""
        self._marks = tuple(marks)
        self.update()

    def sizeHint(self) -> QSize:
        """24 across for the hand."""
        return QSize(96, 24) if self._across() else QSize(24, 96)

    minimumSizeHint = sizeHint

    def _across(self) -> bool:
        return self.orientation() == Qt.Orientation.Horizontal

    def _length(self) -> int:
        return (self.width() if self._across() else self.height()) - 2 * _KNOB

    def _at(self, value: int) -> float:
        """Distance of a value from the start of the widget; vertical sliders start at the top."""
        span = max(1, self.maximum() - self.minimum())
        share = (value - self.minimum()) / span
        if self.invertedAppearance():
            share = 1 - share
        return _KNOB + share * self._length()

    def _value_at(self, place: QPointF) -> int:
        along = place.x() if self._across() else place.y()
        share = min(1.0, max(0.0, (along - _KNOB) / max(1, self._length())))
        if self.invertedAppearance():
            share = 1 - share
        return round(self.minimum() + share * (self.maximum() - self.minimum()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Jump there and start to drag."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setSliderPosition(self._value_at(event.position()))
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        if self.isSliderDown():
            self.setSliderPosition(self._value_at(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End of the drag."""
        self.setSliderDown(False)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Track, filled part, ticks, knob."""
        p = painter(self)
        if not self._across():
            p.rotate(90)
            p.translate(0, -self.width())
        middle = (self.height() if self._across() else self.width()) / 2
        length = self.width() if self._across() else self.height()
        at = self._at(self.value())
        rounded(p, QRectF(0, middle - 2, length, 4), 2, theme.BG4)
        colour = theme.ACC if self.isEnabled() else theme.LINE2
        if self._across():
            rounded(p, QRectF(0, middle - 2, at, 4), 2, colour)
        for value, tint in self._marks:
            rounded(p, QRectF(self._at(value) - 1.5, middle - 5, 3, 10), 1, tint)
        if self.isEnabled():
            dot(p, QPointF(at, middle), _KNOB + 2, theme.BG2)
            dot(p, QPointF(at, middle), _KNOB, theme.T1)
        else:
            dot(p, QPointF(at, middle), _KNOB, theme.LINE2)
        p.end()


class RangeSlider(RingMixin, QWidget):
    """Two knobs on one track. Emits :attr:`changed` (low, high). Arrow keys move the last knob."""

    changed = Signal(int, int)

    def __init__(
        self,
        lo: int,
        hi: int,
        low: int,
        high: int,
        *,
        colour: str = theme.PRED,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._lo, self._hi, self._low, self._high = lo, hi, low, high
        self._colour = colour
        self._held = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """24 high for the hand."""
        return QSize(120, 24)

    def values(self) -> tuple[int, int]:
        """Low and high."""
        return (self._low, self._high)

    def set_limits(self, lo: int, hi: int) -> None:
        """Change the ends of the track without emitting; call :meth:`set_values` after it."""
        self._lo, self._hi = lo, max(lo + 1, hi)
        self.update()

    def set_values(self, low: int, high: int) -> None:
        """Move the knobs without emitting."""
        self._low = min(self._hi, max(self._lo, min(low, high)))
        self._high = min(self._hi, max(self._lo, low, high))
        self.update()

    def _x(self, value: int) -> float:
        span = max(1, self._hi - self._lo)
        return _KNOB + (value - self._lo) / span * (self.width() - 2 * _KNOB)

    def _move(self, value: int) -> None:
        value = min(self._hi, max(self._lo, value))
        if self._held == 0:
            self._low = min(value, self._high)
        else:
            self._high = max(value, self._low)
        self.update()
        self.changed.emit(self._low, self._high)

    def _value(self, x: float) -> int:
        share = (x - _KNOB) / max(1, self.width() - 2 * _KNOB)
        return round(self._lo + share * (self._hi - self._lo))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the nearer knob."""
        x = event.position().x()
        self._held = 0 if abs(x - self._x(self._low)) <= abs(x - self._x(self._high)) else 1
        if self._low == self._high:
            self._held = 1 if x > self._x(self._high) else 0
        self._move(self._value(x))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag it."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._move(self._value(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrow keys move the knob last held."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}
        if event.key() in steps:
            now = self._high if self._held else self._low
            self._move(now + steps[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Track, range, knobs."""
        p = painter(self)
        middle = self.height() / 2
        rounded(p, QRectF(0, middle - 2, self.width(), 4), 2, theme.BG4)
        low, high = self._x(self._low), self._x(self._high)
        colour = self._colour if self.isEnabled() else theme.LINE2
        rounded(p, QRectF(low, middle - 2, high - low, 4), 2, colour)
        for x in (low, high):
            dot(p, QPointF(x, middle), _KNOB + 1.5, theme.BG2)
            dot(p, QPointF(x, middle), _KNOB, theme.T1 if self.isEnabled() else theme.LINE2)
        p.end()


class ProgressBar(QWidget):
    """A thin bar that moves in steps. Marks are dots, such as checkpoints."""

    def __init__(
        self, height: int = 6, colour: str = theme.ACC, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._height = height
        self._colour = colour
        self._fraction = 0.0
        self._marks: tuple[float, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_fraction(self, fraction: float) -> None:
        """Fill up to ``fraction`` (0-1; clipped, NaN is 0)."""
        fraction = 0.0 if math.isnan(fraction) else min(1.0, max(0.0, fraction))
        if fraction != self._fraction:
            self._fraction = fraction
            self.update()

    def fraction(self) -> float:
        """How full it is."""
        return self._fraction

    def set_colour(self, colour: str) -> None:
        """Change the colour of the filled part, as for a paused run."""
        self._colour = colour
        self.update()

    def set_marks(self, marks: Sequence[float]) -> None:
        """Dots at these fractions."""
        self._marks = tuple(marks)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """As high as the bar, or as its dots."""
        return QSize(120, max(self._height, 12) if self._marks else self._height)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        """Track, filled part, dots."""
        p = painter(self)
        middle, half = self.height() / 2, self._height / 2
        rounded(p, QRectF(0, middle - half, self.width(), self._height), half, theme.BG4)
        filled = self._fraction * self.width()
        if filled > 0:
            area = QRectF(0, middle - half, max(filled, self._height), self._height)
            rounded(p, area, half, self._colour)
        for index, mark in enumerate(self._marks):
            at = QPointF(min(self.width() - 5.0, max(5.0, mark * self.width())), middle)
            last = index == len(self._marks) - 1
            dot(p, at, 6 if last else 4.5, theme.BG1)
            dot(p, at, 4.5 if last else 3, theme.WHITE if last else theme.T2)
        p.end()
