"""The column of device figures: the newest value and the last ten minutes of each."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui.run.history import WINDOW_S, RunHistory
from gui.widgets import Card, label, line
from gui.widgets.sparkline import Sparkline

_GIGA = 1e9


@dataclass(frozen=True, slots=True)
class Reading:
    """What a gauge shows. value, unit: the words. top: the figure at the strip's upper edge."""

    value: str = "–"
    unit: str = ""
    top: float = 1.0


class Gauge(QWidget):
    """A name, a figure with its unit, and the strip below."""

    def __init__(self, name: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(5)
        self.name = label(name, 13, 400, "t2")
        self.value = label("–", 15, 600)
        self.unit = label("", 12, 400, "t3")
        bottom = Qt.AlignmentFlag.AlignBottom
        row.addWidget(self.name, 0, bottom)
        row.addStretch(1)
        row.addWidget(self.value, 0, bottom)
        row.addWidget(self.unit, 0, bottom)
        column.addLayout(row)
        self.strip = Sparkline(WINDOW_S)
        column.addWidget(self.strip, 1)

    def show_reading(self, reading: Reading, points: list[tuple[float, float]], now: float) -> None:
        """Show a figure and its past."""
        self.value.setText(reading.value)
        self.unit.setText(reading.unit)
        self.unit.setVisible(bool(reading.unit))
        self.strip.show_points(points, now, reading.top)
        self.setAccessibleName(f"{self.name.text()} {reading.value} {reading.unit}".strip())


class GaugeCard(Card):
    """GPU use, or the processor's where there is no GPU: the title says which."""

    def __init__(self) -> None:
        super().__init__("GPU")
        self.minutes = label(self.tr("Last 10 min"), 12, 400, "t3")
        self.header.addWidget(self.minutes)
        names = {
            "utilisation": self.tr("Utilisation"),
            "memory": self.tr("Memory"),
            "power": self.tr("Power"),
            "temperature": self.tr("Temperature"),
            "data_wait": self.tr("Data wait"),
            "patches": self.tr("Patches per second"),
        }
        self.gauges: dict[str, Gauge] = {}
        self.body.setSpacing(0)
        for index, (key, name) in enumerate(names.items()):
            if index:
                self.body.addStretch(1)
                self.body.addWidget(line())
                self.body.addStretch(1)
            self.gauges[key] = Gauge(name)
            self.body.addWidget(self.gauges[key], 8)
        self.setFixedWidth(288)

    def show_history(self, history: RunHistory, now: float) -> None:
        """Show the newest figures; ``now`` (seconds since the epoch) is the right edge."""
        device = history.device
        title = self.tr("Device")  # Nobody watched the run, so nothing says which it was.
        if device is not None:
            title = "GPU" if device.is_gpu else "CPU"
        if history.devices > 1 and device is not None:
            title = self.tr("GPU, busiest of {0}").format(history.devices)
        self.set_title(title)
        self.title.setToolTip(device.name if device is not None else "")
        readings = _readings(history)
        for key, gauge in self.gauges.items():
            trend = history.trends.get(key)
            points = list(trend.points) if trend is not None else []
            gauge.show_reading(readings.get(key, Reading()), points, now)


def _readings(history: RunHistory) -> dict[str, Reading]:
    result: dict[str, Reading] = {}
    device = history.device
    if device is not None:
        known = math.isfinite(device.utilisation)
        result["utilisation"] = Reading(f"{device.utilisation:.0f}" if known else "–", "%", 100.0)
        total = device.memory_total / _GIGA
        result["memory"] = Reading(
            f"{device.memory_used / _GIGA:.1f}", f"/ {total:.0f} GB", float(device.memory_total)
        )
        if device.power is not None:
            limit = device.power_limit
            unit = f"/ {limit:.0f} W" if limit else "W"
            result["power"] = Reading(
                f"{device.power:.0f}", unit, limit or 1.2 * _highest(history, "power")
            )
        if device.temperature is not None:
            result["temperature"] = Reading(f"{device.temperature:.0f}", "°C", 110.0)
    step = history.step
    if step is not None:
        wait = step.data_wait * 100
        top = max(10.0, 1.6 * _highest(history, "data_wait"))
        result["data_wait"] = Reading(f"{wait:.1f}" if math.isfinite(wait) else "–", "%", top)
        rate = step.patches_per_second
        result["patches"] = Reading(
            f"{rate:.1f}" if math.isfinite(rate) else "–", "", 1.25 * _highest(history, "patches")
        )
    return result


def _highest(history: RunHistory, name: str) -> float:
    trend = history.trends.get(name)
    values = [v for _, v in trend.points if math.isfinite(v)] if trend is not None else []
    return max(values, default=0.0)
