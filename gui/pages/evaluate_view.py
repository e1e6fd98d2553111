"""The content of the Evaluate page once there is a result: cards, table, plots, worst cases."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.evaluation.result import CaseEvaluation, EvaluationResult
from gui import theme
from gui.pages import evaluate_prices
from gui.pages.evaluate_cases import CasesTable
from gui.pages.evaluate_data import Comparison, RunView
from gui.pages.evaluate_devices import DeviceComparison
from gui.pages.evaluate_parts import Legend, RunCard, WorstCases
from gui.view.figures import BoxSeries, DicePlot, VolumePlot, VolumePoint
from gui.widgets import Button, Card

Evaluated = tuple[RunView, EvaluationResult]

#: As many as the design has colours for; the newest of the project.
MAX_RUNS = len(theme.RUN_COLOURS)
#: Width of the table and of the worst cases on the smallest window, and where they stop growing.
_NARROW, _WIDE = 540, 704


def _limit(card: Card) -> None:
    card.setMinimumWidth(_NARROW)
    card.setMaximumWidth(_WIDE)


class EvaluateView(QWidget):
    """reference_chosen: run id. case_opened: series UID."""

    reference_chosen = Signal(str)
    case_opened = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("scrolled")
        self._runs: list[Evaluated] = []
        self._reference: Evaluated | None = None
        self._hidden: set[str] = set()
        self._worst_first = True
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 8, 24, 16)
        column.setSpacing(16)
        self.cards = [RunCard() for _ in range(MAX_RUNS)]
        row = QHBoxLayout()
        row.setSpacing(16)
        for card in self.cards:
            card.chosen.connect(self.reference_chosen)
            card.shown.connect(self._set_shown)
            row.addWidget(card, 1)
        column.addLayout(row)
        column.addLayout(self._make_middle(), 452)
        column.addLayout(self._make_bottom(), 288)

    def _make_middle(self) -> QHBoxLayout:
        self.cases_card = Card(self.tr("Cases"), padding=1)
        self.cases_card.layout().setContentsMargins(1, 10, 1, 1)
        self.cases_card.layout().setSpacing(0)
        self.cases_card.title.setContentsMargins(15, 0, 0, 0)
        self.order = Button(self.tr("Worst first"), "ghost", "ph.arrow-up", dense=True)
        self.order.clicked.connect(self._turn_order)
        self.cases_card.header.addWidget(self.order)
        self.cases_card.header.addSpacing(4)
        self.table = CasesTable()
        self.table.opened.connect(self.case_opened)
        self.cases_card.body.addWidget(self.table)
        _limit(self.cases_card)
        self.dice_card = Card(self.tr("Dice per run"))
        self.dice_plot = DicePlot()
        self.dice_card.body.addWidget(self.dice_plot)
        self.volume_card = Card(self.tr("Volume"))
        self.volume_plot = VolumePlot()
        self.volume_card.body.addWidget(self.volume_plot)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self.cases_card, 704)
        row.addWidget(self.dice_card, 371)
        row.addWidget(self.volume_card, 371)
        for card in (self.cases_card, self.dice_card, self.volume_card):
            card.setMinimumHeight(380)
        return row

    def _make_bottom(self) -> QHBoxLayout:
        worst = Card(self.tr("Worst cases"))
        worst.header.addWidget(Legend())
        _limit(worst)
        self.worst = WorstCases()
        self.worst.clicked.connect(self.table.select)
        worst.body.addWidget(self.worst)
        self.devices_card = Card(self.tr("Device comparison"))
        self.devices = DeviceComparison(evaluate_prices.load())
        self.devices.prices_changed.connect(evaluate_prices.save)
        self.devices_card.body.addWidget(self.devices)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(worst, 704)
        row.addWidget(self.devices_card, 758)
        for card in (worst, self.devices_card):
            card.setMinimumHeight(272)
        return row

    def show_evaluation(
        self, runs: Sequence[Evaluated], reference: str, comparison: Comparison
    ) -> None:
        """Show the newest runs; ``reference`` (a run id among ``runs``) is always one of them."""
        chosen = next(pair for pair in runs if pair[0].id == reference)
        newest = list(runs[-MAX_RUNS:])
        if chosen not in newest:
            newest = [chosen, *newest[1:]]
        self._runs, self._reference = newest, chosen
        summary = chosen[1].summary
        for index, card in enumerate(self.cards):
            policy = card.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            card.setSizePolicy(policy)
            card.setVisible(index < len(newest))
            if index < len(newest):
                run, result = newest[index]
                card.show_run(
                    run,
                    result.summary,
                    summary,
                    colour=theme.RUN_COLOURS[index],
                    is_reference=run.id == reference,
                    checked=run.id not in self._hidden,
                )
        self._show_reference(*chosen)
        self._show_boxes()
        self.devices.show_comparison(comparison)
        self.devices_card.set_title(self.tr("Device comparison"), self._subtitle(comparison))

    def _subtitle(self, comparison: Comparison) -> str:
        if comparison.same_work:
            return self.tr("Same network and patches")
        runs = [m.run_id for m in (comparison.cpu, comparison.gpu) if m is not None]
        return ", ".join(runs)

    def _show_reference(self, run: RunView, result: EvaluationResult) -> None:
        count = self.tr("{0}, {1} cases").format(run.id, len(result.cases))
        self.cases_card.set_title(self.tr("Cases"), count)
        self.volume_card.set_title(self.tr("Volume"), self.tr("{0}, mL").format(run.id))
        self.table.set_cases(self._ordered(result))
        self.volume_plot.show_cases(
            [
                VolumePoint(c.patient_id, c.metrics.reference_ml, c.metrics.predicted_ml)
                for c in result.cases
            ]
        )
        self.worst.show_cases(result.worst_first()[: WorstCases.COUNT], run.path)

    def _ordered(self, result: EvaluationResult) -> list[CaseEvaluation]:
        if self._worst_first:
            return result.worst_first()
        return sorted(result.cases, key=lambda c: (c.patient_id, c.series_uid))

    def _turn_order(self) -> None:
        self._worst_first = not self._worst_first
        self.order.setText(self.tr("Worst first") if self._worst_first else self.tr("By patient"))
        self.order.updateGeometry()
        if self._reference is not None:
            self.table.set_cases(self._ordered(self._reference[1]))

    def _set_shown(self, run_id: str, on: bool) -> None:
        (self._hidden.discard if on else self._hidden.add)(run_id)
        self._show_boxes()

    def _show_boxes(self) -> None:
        reference = self._reference[0].id if self._reference is not None else ""
        self.dice_plot.show_runs(
            [
                BoxSeries(
                    run.id,
                    theme.RUN_COLOURS[index],
                    [c.metrics.dice for c in result.cases],
                    run.id == reference,
                )
                for index, (run, result) in enumerate(self._runs)
                if run.id not in self._hidden
            ]
        )
        self.dice_plot.setAccessibleName(self.tr("Dice per run"))
        self.volume_plot.setAccessibleName(self.tr("Predicted against reference volume"))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
