"""The strip below the header while a run is being evaluated: what, how far, Cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.events import Event, StageEvent, StateEvent
from core.jobs.spec import EvaluateJob
from core.project.records import Split
from gui.widgets import Button, Card, ProgressBar, label

if TYPE_CHECKING:
    from gui.run.jobs import JobHandle
    from gui.run.supervisor import RunSupervisor
    from gui.session import Session


class EvaluateStrip(QWidget):
    """Hidden until :meth:`start`. finished: run id, when its result is on disk."""

    finished = Signal(str)

    def __init__(self, session: Session, supervisor: RunSupervisor) -> None:
        super().__init__()
        self._session = session
        self._supervisor = supervisor
        self._handle: JobHandle | None = None
        self._run_id = ""
        self._cancelled = False
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 12)
        card = Card(padding=8)
        row.addWidget(card)
        line = QHBoxLayout()
        line.setContentsMargins(8, 0, 0, 0)
        line.setSpacing(12)
        self.words = label("", 13, 600)
        self.bar = ProgressBar()
        self.count = label("", 12, 400, "t2")
        self.cancel_button = Button(self.tr("Cancel"), "ghost", dense=True)
        self.cancel_button.clicked.connect(self.cancel)
        line.addWidget(self.words)
        line.addWidget(self.bar, 1)
        line.addWidget(self.count)
        line.addWidget(self.cancel_button)
        card.body.addLayout(line)
        self.hide()

    @property
    def busy(self) -> bool:
        """Whether an evaluation is going on."""
        return self._handle is not None

    def start(self, run_id: str, split: Split) -> None:
        """Evaluate a run's model on a split of the open project, in a child process."""
        project = self._session.project
        if project is None or self.busy:
            return
        self._run_id, self._cancelled = run_id, False
        self.words.setText(self.tr("Evaluating {0}").format(run_id))
        self.count.setText(self.tr("Starting"))
        self.bar.set_fraction(0.0)
        self.cancel_button.setEnabled(True)
        self.show()
        job = EvaluateJob(project=project.path, run_id=run_id, split=split)
        self._handle = self._supervisor.submit(job, self._event, self._ended)

    def cancel(self) -> None:
        """Stop at the next case; results that are on disk stay."""
        if self._handle is not None:
            self._cancelled = True
            self.cancel_button.setEnabled(False)
            self.count.setText(self.tr("Stopping"))
            self._handle.cancel()

    def _event(self, event: Event) -> None:
        if isinstance(event, StageEvent) and event.total > 0 and not self._cancelled:
            self.bar.set_fraction(event.done / event.total)
            self.count.setText(self.tr("{0} of {1}").format(event.done, event.total))

    def _ended(self, state: StateEvent) -> None:
        self._handle = None
        self.hide()
        if state.state == "done":
            self.finished.emit(self._run_id)
        elif state.state == "failed" and not self._cancelled:
            title = self.tr("{0} was not evaluated").format(self._run_id)
            self._session.error.emit(title, state.sentence)
