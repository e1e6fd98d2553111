"""Device comparison on the Evaluate page: measured times, editable prices."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from core.evaluation.usage import DeviceUse, duration
from gui import theme
from gui.pages.evaluate_data import Comparison, Measured
from gui.pages.evaluate_prices import Prices
from gui.widgets import Elided, NumberField, label, line
from gui.widgets.paint import painter, rounded


class _Bar(QWidget):
    """A share of 0-1 as a thin bar; an empty track where it is not known."""

    def __init__(self, colour: str) -> None:
        super().__init__()
        self.setFixedHeight(5)
        self._colour = colour
        self._share = math.nan

    def set_share(self, share: float) -> None:
        self._share = share
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        area = QRectF(self.rect())
        rounded(p, area, 2.5, theme.BG4)
        if self._share > 0:
            area.setWidth(max(5.0, area.width() * min(self._share, 1.0)))
            rounded(p, area, 2.5, self._colour)
        p.end()


class _Row:
    """The widgets of one device, put into the grid."""

    def __init__(self, grid: QGridLayout, row: int, *, gpu: bool, price: float, name: str) -> None:
        colour = theme.ACC if gpu else theme.T2
        icon = QLabel()
        icon.setPixmap(theme.pixmap("ph.lightning" if gpu else "ph.cpu", colour, 16))
        grid.addWidget(icon, row, 0)
        self.run = label("", 12, 400, "t3")
        self.device = Elided("", 12, 400, "t2")
        names = QWidget()
        line_up = QHBoxLayout(names)
        line_up.setContentsMargins(0, 0, 0, 0)
        line_up.addWidget(label(name, 13, 600))
        line_up.addWidget(self.run)
        line_up.addStretch(1)
        grid.addLayout(_stack(names, self.device), row, 1)
        self.time, self.time_bar = label("–", 13, 600), _Bar(colour)
        grid.addLayout(_stack(self.time, self.time_bar), row, 2)
        self.use, self.use_bar = label("–", 13, 600), _Bar(colour)
        grid.addLayout(_stack(self.use, self.use_bar), row, 3)
        self.price = NumberField(price, "$/h", 0.0, 10_000.0, 2, step=0.1)
        self.price.setFixedWidth(92)
        grid.addWidget(self.price, row, 4)
        self.cost = label("–", 15, 600)
        grid.addWidget(self.cost, row, 5, Qt.AlignmentFlag.AlignRight)

    def show_run(self, run: Measured | None, longest: float, none: str) -> None:
        if run is None:
            self.device.set_text(none)
            self.run.setText("")
            self.time.setText("–")
            self.use.setText("–")
            self.time_bar.set_share(math.nan)
            self.use_bar.set_share(math.nan)
            return
        use = run.use
        self.device.set_text(use.device_name or run.run_id)
        self.run.setText(run.run_id)
        self.time.setText(("≈ " if use.projected else "") + duration(use.seconds))
        self.time_bar.set_share(use.seconds / longest)
        known = math.isfinite(use.utilisation)
        self.use.setText(f"{use.utilisation * 100:.0f} %" if known else "–")
        self.use_bar.set_share(use.utilisation)


def _stack(*widgets: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(4)
    column.addStretch(1)
    for widget in widgets:
        column.addWidget(widget)
    column.addStretch(1)
    return column


class _Verdict(QWidget):
    """The factors on an accent ground."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumWidth(120)
        self.setMaximumWidth(152)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(2)
        self.numbers: list[QLabel] = []
        self.words: list[QLabel] = []
        column.addStretch(1)
        for index, px in enumerate((28, 20, 15)):
            if index:
                column.addSpacing(6)
                column.addWidget(line())
                column.addSpacing(6)
            number, words = label("–", px, 600), label("", 12, 400, "t2", wrap=True)
            for widget in (number, words):
                widget.setAlignment(Qt.AlignmentFlag.AlignHCenter)
                column.addWidget(widget)
            self.numbers.append(number)
            self.words.append(words)
        column.addStretch(1)

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        rounded(p, QRectF(self.rect()), 8, theme.ACCBG)
        p.end()


class DeviceComparison(QWidget):
    """CPU and GPU beside each other. prices_changed: the Prices, once a field was left."""

    prices_changed = Signal(object)

    def __init__(self, prices: Prices | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        prices = prices or Prices()
        self._comparison = Comparison(None, None, same_work=False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(6)
        for column, words in enumerate(
            (
                "", "", self.tr("Run time"), self.tr("Utilisation"), self.tr("Price per hour"),
                self.tr("Cost per run"),
            )
        ):  # fmt: skip
            head = label(words, 12, 600, "t2")
            if column == 5:
                head.setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(head, 0, column)
        grid.addWidget(line(), 1, 0, 1, 6)
        self.cpu = _Row(grid, 2, gpu=False, price=prices.cpu, name=self.tr("CPU"))
        self.gpu = _Row(grid, 3, gpu=True, price=prices.gpu, name=self.tr("GPU"))
        grid.addWidget(line(), 4, 0, 1, 6)
        for index in (2, 3):
            grid.setRowMinimumHeight(index, 52)
        grid.setColumnStretch(1, 3)
        grid.setColumnStretch(2, 2)
        grid.setColumnStretch(3, 2)
        left = QVBoxLayout()
        left.addLayout(grid)
        self.note = label("", 12, 400, "t2", wrap=True)
        left.addWidget(self.note)
        left.addStretch(1)
        row.addLayout(left, 4)
        self.verdict = _Verdict()
        row.addWidget(self.verdict, 1)
        for device, name in ((self.cpu, self.tr("CPU")), (self.gpu, self.tr("GPU"))):
            device.price.setAccessibleName(self.tr("Price per hour, {0}").format(name))
            device.price.changed.connect(lambda _value: self._show_costs())
            device.price.editingFinished.connect(self._prices_set)

    def show_comparison(self, comparison: Comparison) -> None:
        """Show what was measured; – where nothing was."""
        self._comparison = comparison
        uses = [r.use for r in (comparison.cpu, comparison.gpu) if r is not None]
        longest = max((use.seconds for use in uses), default=math.nan)
        self.cpu.show_run(comparison.cpu, longest, self.tr("No run yet"))
        self.gpu.show_run(comparison.gpu, longest, self.tr("No run yet"))
        self.note.setText(self._note(comparison, uses))
        self._show_costs()

    def prices(self) -> Prices:
        """As they stand in the fields."""
        return Prices(self.cpu.price.value(), self.gpu.price.value())

    def _prices_set(self) -> None:
        self.prices_changed.emit(self.prices())

    def _show_costs(self) -> None:
        c = self._comparison
        prices = (self.prices().cpu, self.prices().gpu)
        for row, cost in zip((self.cpu, self.gpu), c.costs(*prices), strict=True):
            row.cost.setText(f"${cost:.2f}" if math.isfinite(cost) else "–")
        speed, saving = c.speed, c.saving(*prices)
        slower, dearer = speed < 1, saving < 1
        speed_words = self.tr("slower on the GPU") if slower else self.tr("faster on the GPU")
        cost_words = self.tr("dearer on the GPU") if dearer else self.tr("cheaper on the GPU")
        rates = "–"
        if math.isfinite(speed) and c.cpu and c.gpu:
            rates = f"{c.gpu.use.patches_per_second:.1f} vs {c.cpu.use.patches_per_second:.1f}"
        texts = (factor(speed), factor(saving), rates)
        words = (speed_words, cost_words, self.tr("patches per second"))
        for index in range(3):
            self.verdict.numbers[index].setText(texts[index])
            self.verdict.words[index].setText(words[index])

    def _note(self, c: Comparison, uses: list[DeviceUse]) -> str:
        parts: list[str] = []
        projected = [use for use in uses if use.projected]
        for use in projected:
            parts.append(
                self.tr("{0}: measured over {1} epochs and projected (≈) to {2}.").format(
                    self.tr("GPU") if use.is_gpu else self.tr("CPU"),
                    f"{use.epochs_done:.0f}" if use.epochs_done >= 1 else f"{use.epochs_done:.1f}",
                    f"{use.epochs:.0f}",
                )
            )
        if uses and not projected:
            parts.append(self.tr("Times as measured while the runs trained."))
        if c.cpu is not None and c.gpu is not None and not c.same_work:
            parts.append(
                self.tr("The two runs have different networks or patches: no factor is given.")
            )
        elif len(uses) < 2:
            parts.append(self.tr("Factors need a run of the same plan on each device."))
        return " ".join(parts)


def factor(ratio: float) -> str:
    """24.0× of a ratio or its inverse; – where there is none."""
    if not math.isfinite(ratio) or ratio <= 0:
        return "–"
    return f"{max(ratio, 1 / ratio):.1f}×"
