"""Plots of the Evaluate page: Dice per run as boxes, predicted against reference volume.

Matplotlib takes most of a second to load, so pages import this module when they are first shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MultipleLocator, NullLocator
from PySide6.QtCore import QCoreApplication, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy

from core.evaluation.report import LARGE_VOLUME_ERROR
from gui import theme

_DPI = 100  # At scale 1; the canvas multiplies it by the screen's ratio.


def _points(px: float) -> float:
    return px * 72.0 / _DPI


def _family() -> list[str]:
    """The interface font where Matplotlib can read it, else its own."""
    known = set(font_manager.get_font_names())
    wanted = [name for name in ("Inter", "Noto Sans CJK SC", "DejaVu Sans") if name in known]
    return wanted or ["sans-serif"]


class Plot(FigureCanvasQTAgg):
    """A canvas without toolbar in the design's colours, margins in pixels."""

    #: Left, top, right, bottom in device-independent pixels.
    margins = (36, 8, 4, 24)

    def __init__(self) -> None:
        figure = Figure(dpi=_DPI, facecolor=theme.BG2)
        self.axes: Axes = figure.add_subplot()
        self.family = _family()
        super().__init__(figure)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(140, 160)

    def sizeHint(self) -> QSize:
        """As much as there is; the layout decides."""
        return QSize(300, 300)

    def words(self, source: str) -> str:
        """A text in the language of the window."""
        return QCoreApplication.translate("figures", source)

    def text(self, px: int = 11, colour: str = theme.T2, weight: int = 400) -> dict[str, Any]:
        """Font settings for a text of ``px`` pixels."""
        return {
            "fontsize": _points(px), "color": colour, "fontfamily": self.family,
            "fontweight": weight,
        }  # fmt: skip

    def clear(self) -> Axes:
        """Empty axes: inset ground, quiet grid behind the data, no frame but the lines of it."""
        ax = self.axes
        ax.clear()
        ax.set_facecolor(theme.INSET)
        ax.set_axisbelow(True)
        ax.grid(True, color=theme.LINE, linewidth=_points(1))
        for spine in ax.spines.values():
            spine.set_color(theme.LINE2)
            spine.set_linewidth(_points(1))
        ax.tick_params(length=0, pad=_points(6), labelsize=_points(11), labelcolor=theme.T2)
        return ax

    def finish(self) -> None:
        """Give the tick labels their font and draw."""
        for tick in [*self.axes.get_xticklabels(), *self.axes.get_yticklabels()]:
            tick.set_fontfamily(self.family)
        self._place()
        self.draw_idle()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Margins keep their pixels."""
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        width, height = max(self.width(), 1), max(self.height(), 1)
        left, top, right, bottom = self.margins
        self.figure.subplots_adjust(
            left=min(left / width, 0.45),
            right=max(1 - right / width, 0.55),
            top=max(1 - top / height, 0.55),
            bottom=min(bottom / height, 0.45),
        )


@dataclass(frozen=True, slots=True)
class BoxSeries:
    """The Dice of one run. values: one a case, NaN where there is none. bold: the reference."""

    name: str
    colour: str
    values: Sequence[float]
    bold: bool = False


class DicePlot(Plot):
    """One box a run with all its cases as dots."""

    def show_runs(self, runs: Sequence[BoxSeries]) -> None:
        """Draw these runs from left to right."""
        ax = self.clear()
        ax.grid(False, axis="x")
        lowest = 1.0
        for position, run in enumerate(runs):
            values = np.asarray([v for v in run.values if math.isfinite(v)])
            if values.size:
                lowest = min(lowest, float(values.min()))
                self._box(ax, position, values, run.colour)
        ax.set_xlim(-0.6, max(len(runs), 1) - 0.4)
        ax.set_ylim(min(math.floor(lowest * 10 - 0.2) / 10, 0.5) if runs else 0, 1.0)
        low, high = ax.get_ylim()
        ax.set_ylim(max(low, 0.0) - (0.02 if low <= 0 else 0), high)
        ax.yaxis.set_major_locator(MultipleLocator(0.1 if high - low <= 0.8 else 0.2))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.1f}"))
        ax.set_xticks(range(len(runs)), [run.name for run in runs])
        self.finish()
        for tick, run in zip(ax.get_xticklabels(), runs, strict=True):
            tick.set_color(theme.T1 if run.bold else theme.T2)
            tick.set_fontweight(700 if run.bold else 400)

    def _box(self, ax: Axes, position: int, values: np.ndarray, colour: str) -> None:
        line = {"color": colour, "linewidth": _points(1.5)}
        ax.boxplot(
            [values],
            positions=[position],
            widths=0.42,
            patch_artist=True,
            showfliers=False,
            boxprops={
                "facecolor": colour + "40", "edgecolor": colour, "linewidth": _points(1.5),
            },
            medianprops={"color": colour, "linewidth": _points(2.5)},
            whiskerprops=line,
            capprops=line,
            manage_ticks=False,
        )  # fmt: skip
        # The spread across is only to see them all; golden-ratio steps never fall into a row.
        across = position + 0.22 * (np.arange(values.size) * 0.618 % 1.0 - 0.5)
        ax.scatter(across, np.sort(values), s=_points(5) ** 2, color=colour, zorder=4, linewidths=0)


@dataclass(frozen=True, slots=True)
class VolumePoint:
    """One case: patient, reference and predicted volume in mL."""

    name: str
    reference_ml: float
    predicted_ml: float

    @property
    def outside(self) -> bool:
        """Whether the error is larger than the design's band."""
        return abs(self.predicted_ml - self.reference_ml) > LARGE_VOLUME_ERROR * self.reference_ml


#: Steps of the axes in mL; between two of them there is about a factor of three.
_TICKS = tuple(m * 10.0**e for e in range(-3, 5) for m in (1, 3))

#: Names are written beside at most this many outliers; more would hide each other.
_NAMED = 6


class VolumePlot(Plot):
    """Predicted against reference volume, both logarithmic, with a band of ±15 %."""

    margins = (46, 8, 4, 40)

    def show_cases(self, points: Sequence[VolumePoint]) -> None:
        """Draw the cases that have a reference; no prediction lies on the lower edge."""
        ax = self.clear()
        shown = [p for p in points if p.reference_ml > 0]
        low, high = self._scale(ax, shown)
        edge = np.asarray([low, high])
        band = LARGE_VOLUME_ERROR
        ax.fill_between(
            edge, edge * (1 - band), edge * (1 + band), color=theme.ACC, alpha=0.16, lw=0
        )
        ax.plot(edge, edge, color=theme.T2, lw=_points(1), dashes=(4, 3), dash_capstyle="butt")
        for inside, colour, marker, px in (
            (True, theme.ACC, "o", 7), (False, theme.WARN, "D", 7),
        ):  # fmt: skip
            some = [p for p in shown if p.outside != inside]
            ax.scatter(
                [p.reference_ml for p in some],
                [max(p.predicted_ml, low * 1.12) for p in some],
                s=_points(px) ** 2, color=colour, marker=marker, zorder=4, linewidths=0,
            )  # fmt: skip
        self._name_outliers(ax, shown, low, high)
        self._facts(ax, shown, low, high)
        ax.set_xlabel(self.words("Reference"), **self.text(), labelpad=_points(8))
        ax.set_ylabel(self.words("Predicted"), **self.text(), labelpad=_points(6))
        self.finish()

    def _scale(self, ax: Axes, shown: Sequence[VolumePoint]) -> tuple[float, float]:
        values = [v for p in shown for v in (p.reference_ml, p.predicted_ml) if v > 0] or [1, 100]
        low, high = max(min(values) / 1.6, 1e-3), max(values) * 1.6
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlim(low, high)
        ax.set_ylim(low, high)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(FixedLocator([t for t in _TICKS if low <= t <= high]))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        return low, high

    def _name_outliers(
        self, ax: Axes, shown: Sequence[VolumePoint], low: float, high: float
    ) -> None:
        outside = sorted(
            (p for p in shown if p.outside),
            key=lambda p: -abs(math.log(max(p.predicted_ml, low) / p.reference_ml)),
        )
        for point in outside[:_NAMED]:
            # Away from the diagonal and its points, but not out of the axes.
            over = point.predicted_ml > point.reference_ml
            across = math.log(point.reference_ml / low) / math.log(high / low)
            left = (over and across > 0.3) or across > 0.7
            below = left and not over
            ax.annotate(
                point.name,
                (point.reference_ml, max(point.predicted_ml, low * 1.12)),
                xytext=(_points(5 if below else -10 if left else 10), _points(-8 if below else 0)),
                textcoords="offset points",
                ha="right" if left else "left",
                va="top" if below else "center",
                zorder=5,
                **self.text(11, theme.T1),
            )

    def _facts(self, ax: Axes, shown: Sequence[VolumePoint], low: float, high: float) -> None:
        """Correlation and band, top left; bottom right where cases lie in that corner."""

        def share(volume: float) -> float:
            return math.log(max(volume, low) / low) / math.log(high / low)

        taken = any(share(p.reference_ml) < 0.6 and share(p.predicted_ml) > 0.8 for p in shown)
        x, y, step = (0.96, 0.03, 0.055) if taken else (0.04, 0.97, -0.055)
        place = {
            "transform": ax.transAxes,
            "ha": "right" if taken else "left",
            "va": "bottom" if taken else "top",
        }
        lines = [(self.words("Band: ±15 %"), self.text(11, theme.T2))]
        r = correlation(shown)
        if math.isfinite(r):
            lines.append((f"r = {r:.2f}", self.text(12, theme.T1, 700)))
        for number, (words, font) in enumerate(lines if taken else lines[::-1]):
            ax.text(x, y + number * step, words, **place, **font)


def correlation(points: Sequence[VolumePoint]) -> float:
    """Pearson's r of the volumes in mL; NaN for fewer than three cases or without spread."""
    if len(points) < 3:
        return math.nan
    a = np.asarray([p.reference_ml for p in points])
    b = np.asarray([p.predicted_ml for p in points])
    if not a.std() > 0 or not b.std() > 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])
