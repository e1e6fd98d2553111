"""The two cards with curves: loss and tumour Dice, with legends that carry the newest figures."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from gui import theme
from gui.run.history import RunHistory
from gui.view.plots import DicePlot, LossPlot
from gui.widgets import Card, label
from gui.widgets.paint import painter


class _Sample(QWidget):
    """A piece of the line, as it is drawn in the plot. shape: line, dash or star."""

    def __init__(self, colour: str, shape: str, width: float) -> None:
        super().__init__()
        self._colour, self._shape, self._width = colour, shape, width
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(14 if self._shape == "star" else 20, 14)

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        if self._shape == "star":
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(QColor(self._colour))
            p.drawPolygon(_star(QPointF(7, 7.5), 6.5))
        else:
            pen = QPen(QColor(self._colour), self._width)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            if self._shape == "dash":
                pen.setDashPattern([8 / self._width, 4 / self._width])
            p.setPen(pen)
            p.drawLine(QPointF(0, 7.5), QPointF(20, 7.5))
        p.end()


def _star(centre: QPointF, radius: float) -> QPolygonF:
    points: list[QPointF] = []
    for corner in range(10):
        angle = -math.pi / 2 + corner * math.pi / 5
        reach = radius if corner % 2 == 0 else radius * 0.42
        points.append(centre + QPointF(math.cos(angle) * reach, math.sin(angle) * reach))
    return QPolygonF(points)


class LegendItem(QWidget):
    """Sample, name, figure."""

    def __init__(self, name: str, colour: str, shape: str = "line", width: float = 2.0) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 0, 0)
        row.setSpacing(7)
        self.value = label("", 12, 400, "t1")
        row.addWidget(_Sample(colour, shape, width))
        row.addWidget(label(name, 12, 400, "t2"))
        row.addWidget(self.value)
        self._brief = False
        self.set_value(math.nan)

    def set_brief(self, brief: bool) -> None:
        """Without the figure."""
        self._brief = brief
        self.value.setVisible(not brief and bool(self.value.text()))

    def set_value(self, value: float) -> None:
        """Show a figure with three places; NaN shows none."""
        self.set_words(f"{value:.3f}" if math.isfinite(value) else "")

    def set_words(self, words: str) -> None:
        """Show a figure as it is to be read."""
        self.value.setText(words)
        self.set_brief(self._brief)


class _CurveCard(Card):
    """A card whose subtitle, and then whose lesser figures, give way where not all fit."""

    lesser: tuple[LegendItem, ...] = ()

    def set_narrow(self, narrow: bool) -> None:
        """Names and the most telling figure only."""
        self.subtitle.setVisible(not narrow)
        for item in self.lesser:
            item.set_brief(narrow)


class LossCard(_CurveCard):
    """Training and validation loss over the epochs."""

    def __init__(self) -> None:
        super().__init__("Loss")
        self.set_title(self.tr("Loss"))
        self.train = LegendItem(self.tr("Train"), theme.ACC)
        self.validation = LegendItem(self.tr("Validation"), theme.RUN_COLOURS[2], "dash")
        self.rate = LegendItem(self.tr("Learning rate"), theme.T3, width=1.0)
        self.lesser = (self.rate,)
        for item in (self.rate, self.train, self.validation):
            self.header.addWidget(item)
        self.plot = LossPlot()
        self.body.addWidget(self.plot, 1)

    def show_history(self, history: RunHistory) -> None:
        """Draw what the run has said."""
        x, y = history.loss_line()
        done = [v for v in history.validations if math.isfinite(v.loss)]
        epochs = max(history.epochs, history.epoch)
        when, rates = history.rate_line()
        self.plot.show_curves(
            (list(x), list(y)),
            ([v.epoch for v in done], [v.loss for v in done]),
            epochs,
            (list(when), list(rates)),
        )
        rate = history.step.learning_rate if history.step is not None else math.nan
        known = f"{rate:.1e}" if rate else "0"
        self.rate.set_words(known if math.isfinite(rate) else "")
        self.train.set_value(float(y[-1]) if len(y) else math.nan)
        self.validation.set_value(done[-1].loss if done else math.nan)
        self.plot.setAccessibleName(
            self.tr("Loss: train {0}, validation {1}").format(
                self.train.value.text() or "–", self.validation.value.text() or "–"
            )
        )
        show_rest(self.plot, history, self.tr("%n epoch(s) to go", "", _epochs_left(history)))


class DiceCard(_CurveCard):
    """Tumour Dice on whole validation cases over the epochs."""

    def __init__(self) -> None:
        super().__init__("Tumour Dice")
        self.set_title(self.tr("Tumour Dice"))
        self.each = LegendItem(self.tr("Each validation"), theme.T3, width=1.4)
        self.smooth = LegendItem(self.tr("Moving average"), theme.ACC)
        self.best = LegendItem(self.tr("Best"), theme.OK, "star")
        self.lesser = (self.each, self.smooth)
        for item in (*self.lesser, self.best):
            self.header.addWidget(item)
        self.plot = DicePlot()
        self.body.addWidget(self.plot, 1)

    def show_history(self, history: RunHistory) -> None:
        """Draw what the run has said."""
        done = [v for v in history.validations if math.isfinite(v.dice)]
        best = max((i for i, v in enumerate(done) if v.best), default=None)
        words = ""
        if best is not None:
            words = self.tr("Best {0} at epoch {1}").format(
                f"{done[best].dice:.3f}", f"{done[best].epoch:.0f}"
            )
        self.plot.show_curves(
            ([v.epoch for v in done], [v.dice for v in done]),
            [v.smoothed for v in done],
            max(history.epochs, history.epoch),
            best,
            words,
        )
        self.each.set_value(done[-1].dice if done else math.nan)
        self.smooth.set_value(done[-1].smoothed if done else math.nan)
        self.best.set_value(done[best].dice if best is not None else math.nan)
        self.plot.setAccessibleName(words or self.tr("Tumour Dice: no validation yet"))
        waiting = "" if done else self.tr("Waiting for the first validation")
        show_rest(self.plot, history, waiting or " ")


def _epochs_left(history: RunHistory) -> int:
    return max(0, math.ceil(history.epochs - history.epoch))


def show_rest(plot: LossPlot | DicePlot, history: RunHistory, words: str) -> None:
    """The line at the present epoch while there is something left to do."""
    left = _epochs_left(history)
    going = history.run_state in ("preparing", "running", "paused") and history.step is not None
    if going and left > 0:
        plot.show_now(history.epoch, words)
    else:
        plot.show_now(math.nan, "")
    plot.redraw()
