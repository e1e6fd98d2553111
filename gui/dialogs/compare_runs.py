"""Runs of the project side by side: their curves over time, and the settings in which they differ.

Matplotlib takes most of a second to load, so pages import this module when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from core.evaluation.comparison import Row, RunFigures, compare, figures
from core.project.runs import RunRecord, read_events
from gui import i18n, theme
from gui.view.run_curves import DiceOverTime, RunCurve
from gui.widgets import Dialog, Switch, caption, label, line

if TYPE_CHECKING:
    from gui.session import Session

_WIDTH = 1160
#: As many as there are colours that can be told apart on one plot.
MOST = len(theme.RUN_COLOURS)


def read_figures(
    records: Sequence[RunRecord], cancelled: Callable[[], bool]
) -> dict[str, RunFigures]:
    """Background: what each run is compared by, by its id."""
    found: dict[str, RunFigures] = {}
    for record in records:
        if cancelled():
            break
        found[record.id] = figures(record, read_events(record.path))
    return found


class CompareRuns(Dialog):
    """Choose up to four runs; the newest with a Dice are chosen at first."""

    def __init__(self, parent: QWidget | None, session: Session, runs: Sequence[RunRecord]) -> None:
        super().__init__(parent, "", _WIDTH)
        self.heading.setText(self.tr("Compare runs"))
        self.figures: dict[str, RunFigures] = {}
        self._runs = list(reversed(runs))
        self._boxes: dict[str, QCheckBox] = {}
        row = QHBoxLayout()
        row.setSpacing(20)
        row.addWidget(self._list())
        self.plot = DiceOverTime()
        self.plot.setFixedHeight(250)
        row.addWidget(self.plot, 1)
        self.body.addLayout(row)
        self.only = Switch()
        self.only.setChecked(True)
        self.only.setAccessibleName(self.tr("Only what differs"))
        self.only.toggled.connect(lambda _on: self._show())
        options = QHBoxLayout()
        options.setSpacing(8)
        options.addWidget(self.only)
        options.addWidget(label(self.tr("Only what differs"), 13, 400, "t2"))
        options.addStretch(1)
        self.body.addLayout(options)
        self.table = QScrollArea()
        self.table.setWidgetResizable(True)
        self.table.setFixedHeight(360)
        self.body.addWidget(self.table)
        close = self.add_button(self.tr("Close"), "secondary")
        close.clicked.connect(self.accept)
        session.tasks.run(
            read_figures, self._runs, on_done=self._read,
            on_error=lambda sentence: session.error.emit(
                self.tr("The runs cannot be read"), sentence),
            key="compare runs", owner=self,
        )  # fmt: skip

    def _list(self) -> QWidget:
        """The runs to choose from, newest first."""
        inside = QWidget()
        inside.setObjectName("scrolled")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(6)
        good = [run.id for run in self._runs if run.best_dice is not None]
        chosen = (good or [run.id for run in self._runs])[:MOST]
        for run in self._runs:
            dice = "" if run.best_dice is None else f"  ·  {run.best_dice:.3f}"
            box = QCheckBox(f"{run.id}  {run.name}{dice}")
            box.setFont(theme.font(13))
            box.setChecked(run.id in chosen)
            box.toggled.connect(lambda _on: self._show())
            self._boxes[run.id] = box
            column.addWidget(box)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        area.setFixedSize(300, 250)
        return area

    def _read(self, found: dict[str, RunFigures]) -> None:
        self.figures = found
        self._show()

    def chosen(self) -> list[RunFigures]:
        """The runs that are compared, newest first."""
        return [self.figures[key] for key, box in self._boxes.items()
                if box.isChecked() and key in self.figures]  # fmt: skip

    def _show(self) -> None:
        runs = self.chosen()
        for box in self._boxes.values():
            box.setEnabled(box.isChecked() or len(runs) < MOST)
            full = self.tr("{0} runs at most").format(MOST)
            box.setToolTip("" if box.isEnabled() else full)
        # The newest takes the colour that stands out most.
        colours = theme.RUN_COLOURS[::-1]
        self.plot.show_curves(
            [
                RunCurve(run.record.id, colour, run.minutes, run.dice)
                for run, colour in zip(runs, colours, strict=False)
            ]
        )
        rows = compare(runs) if runs else []
        outcome = [row for row in rows if row.section == "Outcome"]
        rest = [row for row in rows if row not in outcome]
        if self.only.isChecked() and len(runs) > 1:
            rest = [row for row in rest if row.differs]
        self.table.setWidget(self._grid(runs, outcome, rest, colours))

    def _grid(
        self, runs: Sequence[RunFigures], outcome: Sequence[Row], rest: Sequence[Row],
        colours: Sequence[str],
    ) -> QWidget:  # fmt: skip
        inside = QWidget()
        inside.setObjectName("scrolled")
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 12, 0)
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(6)
        grid.setColumnMinimumWidth(0, 190)
        if not runs:
            grid.addWidget(caption(self.tr("Choose the runs to compare.")), 0, 0)
            grid.setRowStretch(1, 1)
            return inside
        for column, (run, colour) in enumerate(zip(runs, colours, strict=False), start=1):
            head = label(f"●  {run.record.id}  {run.record.name}", 13, 600)
            head.setStyleSheet(f"color: {colour}")
            grid.addWidget(head, 0, column)
            grid.setColumnStretch(column, 1)
        at = 1
        section = ""
        for row in (*outcome, *rest):
            if row.section != section:
                section = row.section
                grid.addWidget(line(), at, 0, 1, len(runs) + 1)
                grid.addWidget(label(self.tr(section), 12, 600, "t3"), at + 1, 0)
                at += 2
            self._add_row(grid, at, row)
            at += 1
        if not rest and len(runs) > 1:
            words = self.tr("The plans of these runs are the same.")
            grid.addWidget(caption(words), at, 0, 1, len(runs) + 1)
        grid.setRowStretch(at + 1, 1)
        return inside

    def _add_row(self, grid: QGridLayout, at: int, row: Row) -> None:
        top = Qt.AlignmentFlag.AlignTop
        grid.addWidget(label(self.tr(row.label), 13, 400, "t3"), at, 0, top)
        for column, value in enumerate(map(i18n.sentence, row.values), start=1):
            tone = "t1" if row.differs else "t2"
            cell = label(value, 13, 600 if row.differs else 400, tone, wrap=True)
            cell.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(cell, at, column, top)
