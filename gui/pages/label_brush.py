"""Brush settings: size, shape, and the HU range with the series' histogram behind it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QWidget

from gui import theme
from gui.document.document import LabelDocument
from gui.document.opening import HISTOGRAM_FROM
from gui.pages.label_section import Section
from gui.tools.base import SIZE_MAX, SIZE_MIN, ToolSettings
from gui.widgets import NumberField, RangeSlider, Segmented, Slider, Switch, label
from gui.widgets.paint import painter

_BARS = 64
#: HU the range can be set to; the histogram shows the part of it that the window shows.
_LOWEST, _HIGHEST = -1024, 3071
#: Steps of the size slider, which is finer where the brush is small.
_STEPS = 200


class Histogram(QWidget):
    """How often each HU occurs within the shown part; the range in the class's colour."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._bars = np.zeros(_BARS)
        self._span = (0.0, 1.0)
        self._range = (0.0, 0.0)
        self._colour = theme.T3

    def sizeHint(self) -> QSize:
        """As in the design."""
        return QSize(200, 44)

    def show_counts(self, counts: np.ndarray, low: float, high: float) -> None:
        """Show the HU from ``low`` to ``high`` of a histogram with one HU a bin."""
        edges = np.linspace(low, high, _BARS + 1) - HISTOGRAM_FROM
        if counts.size:
            edges = np.clip(edges, 0, counts.size).astype(int)
            total = np.concatenate(([0], np.cumsum(counts)))
            bars = np.diff(total[edges]).astype(float)
            # Air and fat tower over tissue; the root keeps all of them visible.
            self._bars = np.sqrt(bars / max(bars.max(), 1.0))
        else:
            self._bars = np.zeros(_BARS)
        self._span = (low, high)
        self.update()

    def show_range(self, low: float, high: float, colour: str) -> None:
        """Mark a range."""
        self._range, self._colour = (low, high), colour
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bars on the inset ground."""
        p = painter(self)
        p.fillRect(self.rect(), QColor(theme.INSET))
        width = self.width() / _BARS
        low, high = self._span
        for index, share in enumerate(self._bars):
            hu = low + (index + 0.5) / _BARS * (high - low)
            inside = self._range[0] <= hu <= self._range[1]
            height = max(1.0, share * (self.height() - 4))
            area = QRectF(index * width + 0.5, self.height() - height, width - 1, height)
            p.fillRect(area, QColor(self._colour if inside else theme.LINE2))
        p.end()


class BrushSection(Section):
    """The settings that brush, eraser, HU brush and grow share."""

    def __init__(
        self, document: LabelDocument, settings: ToolSettings, parent: QWidget | None = None
    ) -> None:
        super().__init__(document.tr("Brush settings"), parent=parent)
        self._doc, self._settings = document, settings
        self.size = Slider(lo=0, hi=_STEPS)
        self.size.setAccessibleName(self.tr("Brush size"))
        self.size_field = NumberField(14, "mm", SIZE_MIN, SIZE_MAX, 1, step=0.5, dense=True)
        self.size_field.setFixedWidth(76)
        self.shape = Segmented(
            [("2d", self.tr("2D disc")), ("3d", self.tr("3D ball"))], dense=True, stretch=True
        )
        self.range_on = Switch(self.tr("Paint only in HU range"))
        self.histogram = Histogram()
        self.range = RangeSlider(-160, 240, 0, 90)
        self.low = NumberField(0, "HU", _LOWEST, _HIGHEST, dense=True)
        self.high = NumberField(90, "HU", _LOWEST, _HIGHEST, dense=True)
        self._lay_out()
        self._connect()
        self._follow()
        self._follow_window()

    def _lay_out(self) -> None:
        self.body.setContentsMargins(16, 0, 16, 8)
        self.body.setSpacing(8)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnMinimumWidth(0, 60)
        grid.addWidget(label(self.tr("Size"), tone="t2"), 0, 0)
        grid.addWidget(self.size, 0, 1)
        grid.addWidget(self.size_field, 0, 2)
        grid.addWidget(label(self.tr("Shape"), tone="t2"), 1, 0)
        grid.addWidget(self.shape, 1, 1, 1, 2)
        grid.setColumnStretch(1, 1)
        self.body.addLayout(grid)
        row = QHBoxLayout()
        row.addWidget(label(self.tr("Paint only in HU range"), tone="t2"), 1)
        row.addWidget(self.range_on)
        self.body.addLayout(row)
        self.body.addWidget(self.histogram)
        self.body.addWidget(self.range)
        fields = QHBoxLayout()
        for field in (self.low, self.high):
            field.setFixedWidth(88)
        fields.addWidget(self.low)
        fields.addWidget(label("–", tone="t3"))
        fields.addWidget(self.high)
        fields.addStretch(1)
        self.body.addLayout(fields)

    def _connect(self) -> None:
        settings = self._settings
        self.size.valueChanged.connect(self._slid)
        self.size_field.changed.connect(lambda mm: settings.set(size_mm=mm))
        self.shape.changed.connect(lambda key: settings.set(shape="3d" if key == "3d" else "2d"))
        self.range_on.toggled.connect(lambda on: settings.set(hu_on=on))
        self.range.changed.connect(lambda a, b: settings.set(hu_range=(a, b)))
        self.low.changed.connect(
            lambda hu: settings.set(hu_range=(hu, max(hu, settings.hu_range[1])))
        )
        self.high.changed.connect(
            lambda hu: settings.set(hu_range=(min(hu, settings.hu_range[0]), hu))
        )
        settings.changed.connect(self._follow)
        self._doc.volume_changed.connect(self._follow_window)
        self._doc.window_changed.connect(self._follow_window)
        self._doc.active_changed.connect(self._follow)
        self._doc.schema_changed.connect(self._follow)

    def _slid(self, step: int) -> None:
        mm = SIZE_MIN + (SIZE_MAX - SIZE_MIN) * (step / _STEPS) ** 2
        if round(mm * 2) != round(self._settings.size_mm * 2):
            self._settings.set(size_mm=round(mm * 2) / 2)

    def _follow(self) -> None:
        settings = self._settings
        share = (settings.size_mm - SIZE_MIN) / (SIZE_MAX - SIZE_MIN)
        blocked = self.size.blockSignals(True)
        self.size.setValue(round(share**0.5 * _STEPS))
        self.size.blockSignals(blocked)
        self.size.update()
        self.size_field.set_value(settings.size_mm)
        self.shape.set_key(settings.shape)
        self.range_on.setChecked(settings.hu_on)
        low, high = settings.hu_range
        self.range.set_values(round(low), round(high))
        self.low.set_value(low)
        self.high.set_value(high)
        for widget in (self.range, self.low, self.high):
            widget.setEnabled(settings.hu_on)
        colour = self._doc.colour(self._doc.active) if settings.hu_on else theme.CTL
        self.histogram.show_range(low, high, colour)

    def _follow_window(self) -> None:
        width, level = self._doc.window
        low, high = level - width / 2, level + width / 2
        self.histogram.show_counts(self._doc.histogram, low, high)
        self.range.set_limits(round(low), round(high))
        self._follow()
