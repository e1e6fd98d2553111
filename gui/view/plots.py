"""Curves of a training run over its epochs: axes drawn once, lines blitted on top of them.

Matplotlib takes most of a second to load, so pages import this module when they are first shown.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backend_bases import Event as DrawEvent
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator
from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent

from gui import theme
from gui.view.figures import Plot

#: Milliseconds between two redraws: at most four a second.
REDRAW_MS = 250
#: Upper ends of the loss axis; each makes four even steps.
_TOPS = (0.4, 0.6, 0.8, 1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0, 12.0, 20.0, 40.0, 100.0)
#: The empty part of the axes must be this wide, as a share, to hold words.
_ROOM = 0.22

Curve = tuple[Sequence[float], Sequence[float]]


def _points(px: float) -> float:
    """Pixels at scale 1 as Matplotlib's points; the canvas is made with 100 of them an inch."""
    return px * 0.72


class EpochPlot(Plot):
    """Axes from 0 to the last planned epoch. Subclasses add lines and change them.

    Call :meth:`redraw` after a change: it draws now, or when a quarter of a second has passed
    since the last time.
    """

    margins = (40, 8, 14, 44)

    def __init__(self) -> None:
        super().__init__()
        self.epochs = 1.0
        self.top = 1.0
        self._background: Any = None
        self._moving: list[Artist] = []
        self._drawn_at = 0.0
        #: Redraws so far: full ones and those of the lines alone.
        self.full_draws = self.line_draws = 0
        self._stale = True
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.timeout.connect(self._draw_now)
        self.mpl_connect("draw_event", self._drawn)
        self._frame()
        ax = self.axes
        self._now: Line2D = self.moving(
            ax.axvline(0, color=theme.CTL, lw=_points(1), dashes=(4, 3), dash_capstyle="butt")
        )
        self._to_go = self.moving(
            ax.text(0, 0.56, "", transform=ax.get_xaxis_transform(), ha="center", va="center",
                    **self.text(12, theme.T3))
        )  # fmt: skip
        self.show_now(math.nan, "")

    def moving(self, artist: Any) -> Any:
        """Take ``artist`` out of the frame: it is drawn on top of it at each redraw."""
        artist.set_animated(True)
        self._moving.append(artist)
        return artist

    def line(self, colour: str, px: float = 1.6, **more: Any) -> Line2D:
        """An empty curve."""
        line = Line2D([], [], color=colour, lw=_points(px), solid_joinstyle="round", **more)
        self.axes.add_line(line)
        result: Line2D = self.moving(line)
        return result

    def set_axes(self, epochs: float, top: float) -> None:
        """Change the ends of the axes; only then the frame is drawn anew.

        A run with a time budget estimates its epochs anew all the time: the axis follows when the
        estimate leaves it, or is off by a tenth.
        """
        epochs = max(1.0, epochs)
        far = epochs > self.epochs or epochs < 0.9 * self.epochs
        if (far and epochs != self.epochs) or top != self.top:
            self.epochs = epochs if far else self.epochs
            self.top = top
            self._frame()
            self._stale = True

    def show_now(self, epoch: float, words: str) -> None:
        """The dashed line at ``epoch`` (NaN: none), and words in the empty part right of it."""
        known = math.isfinite(epoch)
        self._now.set_visible(known and bool(words))
        self._to_go.set_visible(known and bool(words) and epoch < (1 - _ROOM) * self.epochs)
        if known:
            self._now.set_xdata([epoch, epoch])
            self._to_go.set_x((epoch + self.epochs) / 2)
        self._to_go.set_text(words)

    def redraw(self) -> None:
        """Draw what has changed, but not more often than four times a second."""
        if self._wait.isActive():
            return
        left = REDRAW_MS - (time.monotonic() - self._drawn_at) * 1000
        self._wait.start(max(0, math.ceil(left)))

    def showEvent(self, event: QShowEvent) -> None:
        """What changed while the page was hidden is drawn now."""
        super().showEvent(event)
        self.redraw()

    # ---- drawing -----------------------------------------------------------------------------

    def _frame(self) -> None:
        ax = self.axes
        ax.set_facecolor(theme.INSET)
        ax.set_axisbelow(True)
        ax.grid(True, axis="y", color=theme.LINE, linewidth=_points(1))
        ax.tick_params(axis="y", length=0, pad=_points(8), labelsize=_points(11))
        ax.tick_params(axis="x", length=_points(4), width=_points(1), color=theme.CTL,
                       pad=_points(5), labelsize=_points(11))  # fmt: skip
        ax.tick_params(labelcolor=theme.T2)
        for side, spine in ax.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(theme.CTL)
            spine.set_linewidth(_points(1))
        ax.set_xlim(0, self.epochs)
        ax.set_ylim(0, self.top)
        ax.xaxis.set_major_locator(MaxNLocator(7, integer=True, steps=[1, 2, 2.5, 5, 10]))
        ax.yaxis.set_major_locator(MultipleLocator(self.top / 4))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.2f}"))
        ax.set_xlabel(self.words("Epoch"), labelpad=_points(6), **self.text(11, theme.T2))
        for tick in [*ax.get_xticklabels(), *ax.get_yticklabels()]:
            tick.set_fontfamily(self.family)
        self._place()

    def _draw_now(self) -> None:
        self._drawn_at = time.monotonic()
        if not self.isVisible():
            return  # showEvent comes back to it.
        if self._stale or self._background is None:
            self._stale = False
            self.draw()
            return
        self.restore_region(self._background)
        self._draw_moving()
        self.line_draws += 1
        self.update()

    def _drawn(self, _event: DrawEvent) -> None:
        """The frame was drawn (first time, other size, other axes): keep it, draw the lines."""
        self.full_draws += 1
        self._background = self.copy_from_bbox(self.figure.bbox)
        self._draw_moving()

    def _draw_moving(self) -> None:
        for artist in self._moving:
            if artist.get_visible():
                self.axes.draw_artist(artist)


class LossPlot(EpochPlot):
    """Training loss, the dashed one of the validations, and faintly the learning rate.

    The rate has no axis of its own: its highest value stands at nine tenths of the plot.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rate = self.line(theme.T3, 1.0, alpha=0.8)
        self._val = self.line(theme.RUN_COLOURS[2], dashes=(4, 2.4), dash_capstyle="butt")
        self._train = self.line(theme.ACC, 1.8)
        self._ends = [
            self.moving(
                self.axes.plot([], [], "o", ms=_points(7), color=colour, mew=_points(1.5),
                               mec=theme.INSET)[0]
            )
            for colour in (theme.RUN_COLOURS[2], theme.ACC)
        ]  # fmt: skip

    def show_curves(
        self, train: Curve, validation: Curve, epochs: float, rate: Curve = ((), ())
    ) -> None:
        """Set the curves (epochs, losses) and (epochs, learning rates)."""
        values = [v for v in (*train[1], *validation[1]) if math.isfinite(v)]
        self.set_axes(epochs, loss_top(values))
        highest = max((v for v in rate[1] if math.isfinite(v)), default=0.0) or 1.0
        self._rate.set_data(list(rate[0]), [0.9 * self.top * v / highest for v in rate[1]])
        for line, end, (x, y) in zip(
            (self._val, self._train), self._ends, (validation, train), strict=True
        ):
            line.set_data(list(x), list(y))
            line.set_marker("o" if 0 < len(x) <= 12 and line is self._val else "")
            line.set_markersize(_points(3.5))
            end.set_data(list(x)[-1:], list(y)[-1:])
        self.redraw()


class DicePlot(EpochPlot):
    """Dice of each validation, its moving average, and a star at the best."""

    def __init__(self) -> None:
        super().__init__()
        ax = self.axes
        self._level = self.line(theme.OK, 1.2, dashes=(1.2, 2.4), dash_capstyle="butt", alpha=0.7)
        self._each = self.line(theme.T3, 1.1)
        self._smooth = self.line(theme.ACC, 2.2)
        self._star = self.moving(
            ax.plot([], [], "*", ms=_points(15), color=theme.OK, mec=theme.INSET,
                    mew=_points(0.8))[0]
        )  # fmt: skip
        self._box = self.moving(
            ax.annotate(
                "", (0, 0), xytext=(0, 0), textcoords="offset points", va="center",
                bbox={"boxstyle": "round,pad=0.55,rounding_size=0.35", "fc": theme.BG3,
                      "ec": theme.LINE2, "lw": _points(1)},
                **self.text(12, theme.T1, 600),
            )
        )  # fmt: skip

    def show_curves(
        self, each: Curve, smooth: Sequence[float], epochs: float, best: int | None, words: str
    ) -> None:
        """Set the curves. best: index of the best validation. words: what its box says."""
        self.set_axes(epochs, 1.0)
        x, y = list(each[0]), list(each[1])
        self._each.set_data(x, y)
        self._each.set_marker("o" if 0 < len(x) <= 40 else "")
        self._each.set_markersize(_points(3.5))
        self._smooth.set_data(x, list(smooth))
        known = best is not None and math.isfinite(y[best])
        self._level.set_visible(known)
        self._star.set_visible(known)
        self._box.set_visible(known)
        if best is not None and known:
            self._level.set_data([0, self.epochs], [y[best], y[best]])
            self._star.set_data([x[best]], [y[best]])
            self._place_box(x[-1], y[best], words)
        self.redraw()

    def _place_box(self, now: float, height: float, words: str) -> None:
        """Right of the newest validation where there is room, else left of the curves' middle."""
        right = now < 0.72 * self.epochs
        self._box.set_text(words)
        self._box.set_ha("left" if right else "right")
        self._box.xy = (now if right else self.epochs, height)
        # At the right edge it hangs below the level of the best, clear of the curve.
        down = -34 if height > 0.3 else 34
        up = _points(14) if height < 0.08 else 0.0
        offset = (_points(14), up) if right else (_points(-10), _points(down))
        self._box.set_position(offset)
        self._box.set_visible(True)


def loss_top(values: Sequence[float]) -> float:
    """The upper end of the loss axis: holds all but the few odd ones of the first steps."""
    if not values:
        return 1.0
    wanted = float(np.percentile(np.asarray(values), 98 if len(values) > 60 else 100))
    return next((top for top in _TOPS if wanted <= top), _TOPS[-1])
