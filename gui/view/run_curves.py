"""Tumour Dice of several runs over their training time, drawn over each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator, MultipleLocator

from gui import theme
from gui.view.figures import Plot


@dataclass(frozen=True, slots=True)
class RunCurve:
    """One run. minutes, dice: its validations; may be empty."""

    name: str
    colour: str
    minutes: Sequence[float]
    dice: Sequence[float]


class DiceOverTime(Plot):
    """Lines from 0 to the longest run; a dot on each validation, a ring on the best."""

    margins = (40, 8, 14, 40)

    def show_curves(self, curves: Sequence[RunCurve]) -> None:
        """Draw these runs; the first lies on top."""
        ax = self.clear()
        longest = max((m for c in curves for m in c.minutes), default=1.0)
        ax.set_xlim(0, longest * 1.02)
        ax.set_ylim(0, 1)
        ax.yaxis.set_major_locator(MultipleLocator(0.25))
        ax.xaxis.set_major_locator(MaxNLocator(8))
        ax.set_xlabel(self.words("Minutes of training"), **self.text(11))
        for order, curve in enumerate(reversed(curves)):
            ax.plot(
                curve.minutes, curve.dice, color=curve.colour, linewidth=1.4, marker="o",
                markersize=3, zorder=2 + order,
            )  # fmt: skip
            if curve.dice:
                best = max(range(len(curve.dice)), key=lambda i, dice=curve.dice: dice[i])
                ax.plot(
                    [curve.minutes[best]], [curve.dice[best]], marker="o", markersize=8,
                    markerfacecolor="none", markeredgecolor=curve.colour, zorder=2 + order,
                )  # fmt: skip
        if not any(curve.dice for curve in curves):
            ax.text(
                0.5, 0.5, self.words("No validation yet"), transform=ax.transAxes, ha="center",
                **self.text(13, theme.T3),
            )  # fmt: skip
        self.finish()
