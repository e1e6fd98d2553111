"""Evaluate: how well the models do on a split, which cases are worst, what a run costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.errors import UserError
from core.evaluation import report
from core.evaluation.result import EvaluationResult
from gui.pages.evaluate_data import SPLITS, Evaluation, RunView, compare
from gui.pages.evaluate_job import EvaluateStrip
from gui.pages.evaluate_read import collect
from gui.widgets import Banner, Button, ComboField, EmptyState, Menu, Placeholder, heading

if TYPE_CHECKING:
    from core.project.project import Project
    from core.project.records import Split
    from gui.pages.evaluate_view import EvaluateView
    from gui.run.supervisor import RunSupervisor
    from gui.session import Session


def _gather(
    project: Project, split: str, shown: Callable[[str], str], cancelled: Callable[[], bool]
) -> Evaluation:
    # Matplotlib takes most of a second to load; on this thread nobody waits for it.
    import_module("gui.view.figures")
    return collect(project, split, shown, cancelled)


class EvaluatePage(QWidget):
    """The page. It reads the run folders in the background whenever it is shown or runs change."""

    def __init__(
        self, session: Session, supervisor: RunSupervisor, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.title = self.tr("Evaluate")
        self.session = session
        self.evaluation: Evaluation | None = None
        self._reference = ""
        self._stale = True
        self._split_is_chosen = False
        self._view: EvaluateView | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._make_header())
        self.strip = EvaluateStrip(session, supervisor)
        self.strip.finished.connect(self._evaluated)
        self.banner = Banner("warn", "")
        self.banner.hide()
        for widget in (self.strip, self.banner):
            row = QHBoxLayout()
            row.setContentsMargins(24, 0, 24, 0)
            row.addWidget(widget)
            column.addLayout(row)
        self.stack = QStackedWidget()
        self._waiting = Placeholder(6)
        self._empty = QWidget()
        QVBoxLayout(self._empty).setContentsMargins(0, 0, 0, 0)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        for widget in (self._waiting, self._empty, self._scroll):
            self.stack.addWidget(widget)
        column.addWidget(self.stack, 1)
        # Several signals in a row make one reading.
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(150)
        self._wait.timeout.connect(self._read)
        session.project_changed.connect(self._forget)
        for signal in (
            session.project_changed,
            session.runs_changed,
            session.models_changed,
        ):
            signal.connect(self._mark_stale)
        session.series_changed.connect(lambda: self.split.set_options(self._split_options()))

    def _make_header(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(24, 16, 24, 16)
        row.setSpacing(8)
        row.addWidget(heading(self.title))
        row.addSpacing(16)
        self.split = ComboField("", self._split_options())
        self.split.setAccessibleName(self.tr("Split"))
        self.split.setMinimumWidth(210)
        self.split.changed.connect(lambda _key: self._split_changed())
        self.label = ComboField(self.tr("Label"))
        self.label.setMinimumWidth(168)
        self.label.changed.connect(lambda _key: self._show())
        row.addWidget(self.split)
        row.addWidget(self.label)
        row.addStretch(1)
        self.export_button = Button(self.tr("Export report…"), icon="ph.export")
        self.export_button.clicked.connect(self._choose_export)
        self.evaluate_button = Button(self.tr("Evaluate a run"), "primary", "ph.play")
        self.evaluate_button.clicked.connect(self._choose_run)
        row.addWidget(self.export_button)
        row.addWidget(self.evaluate_button)
        return row

    @property
    def view(self) -> EvaluateView:
        """Cards, table and plots; made when they are first needed, since plots load slowly."""
        if self._view is None:
            from gui.pages.evaluate_view import EvaluateView  # noqa: PLC0415 - see _gather

            self._view = EvaluateView()
            self._view.reference_chosen.connect(self.set_reference)
            self._view.case_opened.connect(self._open_case)
            self._scroll.setWidget(self._view)
        return self._view

    def showEvent(self, event: QShowEvent) -> None:
        """Read what changed while the page was hidden."""
        super().showEvent(event)
        if self._stale:
            self._read()

    def set_reference(self, run_id: str) -> None:
        """Make a run the one the others are compared with and the table shows."""
        self._reference = run_id
        self._show()

    def export_report(self, path: Path) -> None:
        """Write the evaluations of the split and class shown to an HTML or CSV file."""
        project = self.session.project
        if project is None or self.evaluation is None:
            return
        shown = self.evaluation.evaluated(self.label.key())
        self.session.tasks.run(
            report.write,
            path,
            [result for _, result in shown],
            [run.path for run, _ in shown],
            project.name,
            on_done=lambda size: self.session.message.emit(
                self.tr("{0} written, {1} kB").format(path.name, max(1, round(size / 1000))), None
            ),
            on_error=lambda sentence: self._failed(self.tr("The report was not written"), sentence),
        )

    def _split_options(self) -> list[tuple[str, str]]:
        counts = dict.fromkeys(SPLITS, 0)
        for record in self.session.series() if self.session.project is not None else []:
            if record.split in counts and record.label_status in ("draft", "reviewed"):
                counts[record.split] += 1
        names = {
            "test": self.tr("Test split"), "val": self.tr("Validation split"),
            "train": self.tr("Training split"),
        }  # fmt: skip
        return [
            (key, self.tr("{0}, {1} cases").format(name, counts[key]))
            for key, name in names.items()
        ]

    def _mark_stale(self) -> None:
        self._stale = True
        if self.isVisible():
            self._wait.start()

    def _forget(self) -> None:
        self.evaluation = None
        self._reference = ""
        self._split_is_chosen = False

    def _split_changed(self) -> None:
        self._split_is_chosen = True
        self.stack.setCurrentWidget(self._waiting)
        self._read()

    def _read(self) -> None:
        self._stale = False
        self.split.set_options(self._split_options())
        project = self.session.project
        if project is None:
            self.evaluation = None
            self._show()
            return
        self.session.tasks.run(
            _gather,
            project,
            self.split.key(),
            self.session.shown,
            on_done=self._take,
            on_error=self._unread,
            key="evaluate",
        )

    def _take(self, evaluation: Evaluation) -> None:
        if evaluation.split != self.split.key():
            return  # Another split was chosen meanwhile; its own reading is on the way.
        if not self._split_is_chosen and evaluation.splits:
            self._split_is_chosen = True
            if evaluation.split not in evaluation.splits:
                self.split.set_key(evaluation.splits[0])
                self._read()
                return
        self.evaluation = evaluation
        self.label.set_options([(name, name) for name in evaluation.labels()])
        self._show()

    def _unread(self, sentence: str) -> None:
        self.evaluation = None
        self._show()
        self._failed(self.tr("The runs cannot be read"), sentence)

    def _open_case(self, series_uid: str) -> None:
        try:
            self.session.open_series(series_uid)
        except UserError as error:
            self.session.error.emit(self.tr("The case was not opened"), error.sentence)

    def _failed(self, title: str, sentence: str) -> None:
        self.banner.set("err", title, sentence)
        self.banner.show()

    def _show(self) -> None:
        evaluation = self.evaluation
        shown = evaluation.evaluated(self.label.key()) if evaluation is not None else []
        evaluable = [r for r in evaluation.runs if r.evaluable] if evaluation is not None else []
        self.label.setVisible(bool(shown))
        self.export_button.setEnabled(bool(shown))
        self.export_button.setToolTip("" if shown else self.tr("No run has been evaluated yet"))
        self.evaluate_button.setEnabled(bool(evaluable))
        self.evaluate_button.setToolTip("" if evaluable else self.tr("Train a model first"))
        self.banner.setVisible(bool(evaluation and evaluation.unreadable))
        if evaluation is not None and evaluation.unreadable:
            self.banner.set(
                "warn", self.tr("Some results cannot be read"), " ".join(evaluation.unreadable)
            )
        if evaluation is None or not shown:
            self._show_empty(evaluable)
            return
        reference = self._reference_of(shown)
        self.view.show_evaluation(shown, reference, compare(evaluation.runs, reference))
        self.stack.setCurrentWidget(self._scroll)

    def _reference_of(self, shown: list[tuple[RunView, EvaluationResult]]) -> str:
        """The chosen reference, else the run with the highest mean Dice that has ended."""
        ids = [run.id for run, _ in shown]
        if self._reference in ids:
            return self._reference
        ended = [pair for pair in shown if not pair[0].running] or shown

        def score(pair: tuple[RunView, EvaluationResult]) -> float:
            mean = pair[1].summary.dice_mean
            return -1.0 if math.isnan(mean) else mean

        return max(ended, key=score)[0].id

    def _show_empty(self, evaluable: list[RunView]) -> None:
        layout = self._empty.layout()
        while layout.count():
            item = layout.takeAt(0)
            if (old := item.widget()) is not None:
                old.deleteLater()
        if self.session.project is None:
            title, text = self.tr("No project is open"), self.tr("Open or create one in Library.")
            action = (self.tr("Open Library"), lambda: self.session.page_requested.emit("library"))
        elif evaluable:
            title = self.tr("No run has been evaluated on this split")
            text = self.tr("Dice, surface distance, volumes and lesions found, case by case.")
            newest = evaluable[-1]
            action = (
                self.tr("Evaluate {0}").format(newest.id), lambda: self._evaluate(newest),
            )  # fmt: skip
        else:
            title = self.tr("No model to evaluate yet")
            text = self.tr("A run leaves one when it ends or is stopped.")
            action = (self.tr("Open Train"), lambda: self.session.page_requested.emit("train"))
        layout.addWidget(EmptyState("ph.scales", title, text, [action], big=True))
        self.stack.setCurrentWidget(self._empty)

    def run_menu(self) -> Menu:
        """The runs that have a model, newest first; choosing one evaluates it."""
        menu = Menu(self)
        runs = self.evaluation.runs if self.evaluation is not None else ()
        for run in reversed([r for r in runs if r.evaluable]):
            words = self.tr("{0} again").format(run.id) if run.result is not None else run.id
            menu.add(
                f"{words}  {run.name}", lambda run=run: self._evaluate(run), "ph.play",
                enabled=not self.strip.busy, why_not=self.tr("An evaluation is going on"),
            )  # fmt: skip
        return menu

    def _choose_run(self) -> None:
        menu = self.run_menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        corner = self.evaluate_button.mapToGlobal(self.evaluate_button.rect().bottomRight())
        menu.popup(corner - QPoint(menu.sizeHint().width(), -4))

    def _evaluate(self, run: RunView) -> None:
        split: Split = self.split.key()  # type: ignore[assignment]
        self.strip.start(run.id, split)

    def _evaluated(self, run_id: str) -> None:
        self._reference = run_id
        self._read()

    def _choose_export(self) -> None:
        project = self.session.project
        if project is None:
            return
        project.exports_dir.mkdir(parents=True, exist_ok=True)
        name, _ = QFileDialog.getSaveFileName(
            self,
            self.tr("Export report"),
            str(project.exports_dir / f"evaluation_{self.split.key()}.html"),
            self.tr("Report with pictures (*.html);;Table (*.csv)"),
        )
        if name:
            self.export_report(Path(name))
