"""Train: plan a run, start it, watch it, look at old ones."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from core.events import Event, StateEvent
from core.project import orders
from core.project.project import Project
from core.project.runs import RunRecord, list_runs, read_events
from core.project.splits import is_labelled
from gui.pages.train_length import RunLength
from gui.pages.train_more import RunExtras
from gui.pages.train_new import NewRun
from gui.pages.train_parts import HeadState
from gui.pages.train_view import RunView
from gui.run.history import RunHistory
from gui.widgets import EmptyState, Placeholder, confirm

if TYPE_CHECKING:
    from gui.run.supervisor import RunSupervisor
    from gui.session import Session

#: Cases a run needs: two to learn from, one to validate on.
_LEAST_CASES = 3
#: Seconds after which a run that was asked to stop and has not may be ended.
_SLOW_S = 60.0
#: Milliseconds between two looks at the files of a run of another program.
_FOREIGN_MS = 2000

#: Names an event: live ones may have been read from the file already.
_Key = tuple[str, float]


def read_history(folder: Path, cancelled: Callable[[], bool]) -> tuple[RunHistory, set[_Key]]:
    """Background: everything a run has said, and the names of these events."""
    history = RunHistory()
    known: set[_Key] = set()
    for event in read_events(folder):
        if cancelled():
            break
        history.apply(event)
        known.add((event.kind, event.time))
    return history, known


class TrainPage(QWidget):
    """The page. An old run and a live one are shown by the same code: events, one by one."""

    def __init__(
        self, session: Session, supervisor: RunSupervisor, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.title = self.tr("Train")
        self.session = session
        self.supervisor = supervisor
        self.runs: list[RunRecord] = []
        self.run_id = ""
        self.history = RunHistory()
        self._known: set[_Key] = set()
        self._loading = False
        self._early: list[Event] = []
        self._wanted_new = False
        self._stop_asked = math.inf
        self._stale = True
        self._pseudonyms: bool | None = None
        self._build()
        self._connect()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 12, 24, 12)
        self.stack = QStackedWidget()
        column.addWidget(self.stack)
        self._reading = Placeholder(6)
        self._empty = QWidget()
        QVBoxLayout(self._empty).setContentsMargins(0, 0, 0, 0)
        self.new = NewRun(self.session, self.supervisor)
        self.view = RunView()
        for widget in (self._reading, self._empty, self.new, self.view):
            self.stack.addWidget(widget)
        self._draw = QTimer(self)
        self._draw.setSingleShot(True)
        self._draw.setInterval(200)
        self._draw.timeout.connect(self._show_run)
        self._foreign = QTimer(self)
        self._foreign.setSingleShot(True)
        self._foreign.setInterval(_FOREIGN_MS)
        self._foreign.timeout.connect(self._load_history)

    def _connect(self) -> None:
        session, header = self.session, self.view.header
        session.project_changed.connect(self._project_changed)
        session.runs_changed.connect(self._name_patients)
        session.runs_changed.connect(self._mark_stale)
        session.series_changed.connect(self._series_changed)
        session.run_event.connect(self._happened)
        self.supervisor.changed.connect(self._supervisor_changed)
        self.new.started.connect(self.show_run)
        self.new.left.connect(self._leave_new)
        header.run_chosen.connect(self.show_run)
        header.new_asked.connect(self.show_new)
        header.pause_asked.connect(self.supervisor.pause)
        header.resume_asked.connect(self._resume)
        header.stop_asked.connect(self._ask_stop)
        header.kill_asked.connect(self._ask_kill)
        header.evaluate_asked.connect(lambda: session.page_requested.emit("evaluate"))
        self.view.resume_asked.connect(self._resume)
        self.view.stop_asked.connect(self._ask_stop)
        self.view.gallery.opened.connect(self._open_case)
        self._name_patients()
        self.extras = RunExtras(self, session, self.record, lambda: self.runs, self._mark_stale)
        header.more_asked.connect(self.extras.show_menu)
        self.length = RunLength(self, self.supervisor, self.record)
        header.length_asked.connect(self.length.show_menu)
        self.view.hints.opened.connect(self._open_case)
        self.view.hints.extend_asked.connect(self.length.ask)

    # ---- what there is -----------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Read the runs where something changed while the page was hidden."""
        super().showEvent(event)
        if self._stale:
            self._read_runs()
        else:
            self._draw.start()

    def _mark_stale(self) -> None:
        self._stale = True
        if self.isVisible():
            self._read_runs()

    def _name_patients(self) -> None:
        """After the switch, what is drawn is drawn anew at once: the page may be hidden."""
        if self._pseudonyms != self.session.pseudonyms:
            self._pseudonyms = self.session.pseudonyms
            self.view.name_patients(self.session.shown, self.session.shown_text)

    def _project_changed(self) -> None:
        self.runs, self.run_id, self._wanted_new = [], "", False
        self.history = RunHistory()
        self.stack.setCurrentWidget(self._reading)
        self._mark_stale()

    def _series_changed(self) -> None:
        if self.stack.currentWidget() in (self._empty, self.new) and self.isVisible():
            self._choose_state()

    def _read_runs(self) -> None:
        self._stale = False
        project = self.session.project
        if project is None:
            self.runs = []
            self._choose_state()
            return
        self.session.tasks.run(
            list_runs, project, on_done=lambda runs: self._runs_read(project, runs),
            on_error=lambda sentence: self.session.error.emit(
                self.tr("The runs cannot be read"), sentence),
            key="train runs", owner=self,
        )  # fmt: skip

    def _runs_read(self, project: Project, runs: list[RunRecord]) -> None:
        if project is not self.session.project:
            return
        self.runs = runs
        self.view.header.set_runs(runs)
        self._choose_state()

    def _choose_state(self) -> None:
        """Empty, a new run, or the run chosen, the live one, the newest one."""
        ids = [run.id for run in self.runs]
        live = self.supervisor.live_run
        if self.run_id not in ids:
            self.run_id = live if live in ids else (ids[-1] if ids else "")
        if ids and not self._wanted_new:
            self.stack.setCurrentWidget(self.view)
            self._load_history()
            return
        labelled = sum(is_labelled(record) for record in self.session.series())
        if labelled < _LEAST_CASES:
            self._show_empty(labelled)
        elif self.stack.currentWidget() is self.new:
            self.new.refresh()
        else:
            self.new.open(can_go_back=bool(ids))
            self.stack.setCurrentWidget(self.new)

    def _show_empty(self, labelled: int) -> None:
        library = (self.tr("Open Library"), lambda: self.session.page_requested.emit("library"))
        label_page = (self.tr("Open Label"), lambda: self.session.page_requested.emit("label"))
        if self.session.project is None:
            title, text = self.tr("No project is open"), self.tr("Open or create one in Library.")
            actions = [library]
        else:
            title = self.tr("Too few labelled cases to train")
            text = self.tr(
                "A run needs at least {0} series whose label is a draft or reviewed: two to learn "
                "from and one to validate on. This project has {1}. Label some more, or import "
                "labels together with their images."
            ).format(_LEAST_CASES, labelled)
            actions = [library, label_page]
        layout: Any = self._empty.layout()
        while layout.count():
            item = layout.takeAt(0)
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        state = EmptyState("ph.chart-line", title, text, actions, big=True)
        state.setFixedWidth(640)
        layout.addWidget(state, 0, Qt.AlignmentFlag.AlignHCenter)
        self.stack.setCurrentWidget(self._empty)

    # ---- one run -----------------------------------------------------------------------------

    def show_new(self) -> None:
        """Plan a new run."""
        self._wanted_new = True
        self._choose_state()

    def _leave_new(self) -> None:
        self._wanted_new = False
        self._choose_state()

    def show_run(self, run_id: str) -> None:
        """Show a run of the project, live or old."""
        self.run_id, self._wanted_new = run_id, False
        self._read_runs()

    def record(self) -> RunRecord | None:
        """The run that is shown."""
        return next((run for run in self.runs if run.id == self.run_id), None)

    def _load_history(self) -> None:
        record = self.record()
        if record is None:
            return
        self._loading = True
        self._early.clear()
        self.session.tasks.run(
            read_history, record.path,
            on_done=lambda found: self._history_read(record, *found),
            key="train history", owner=self,
        )  # fmt: skip

    def _history_read(self, record: RunRecord, history: RunHistory, known: set[_Key]) -> None:
        if record.id != self.run_id:
            return
        self._loading = False
        self.history, self._known = history, known
        for event in self._early:
            self._apply(event)
        self._early.clear()
        mine = self.supervisor.live_run == record.id
        if not mine and record.state == "failed" and history.run_state != "failed":
            # Its process is gone without a word; the files cannot say so themselves.
            history.apply(
                StateEvent(state="failed", sentence=record.sentence, time=history.last_time)
            )
        elif not mine and not record.ended and record.state != "queued":
            self._foreign.start()
        self._show_run()

    def _happened(self, run_id: str, event: Event) -> None:
        if run_id != self.run_id:
            return
        if self._loading:
            self._early.append(event)
            return
        self._apply(event)
        if not self._draw.isActive():
            self._draw.start()

    def _apply(self, event: Event) -> None:
        if (event.kind, event.time) not in self._known:
            self.history.apply(event)

    def _supervisor_changed(self) -> None:
        if not self.supervisor.stopping:
            self._stop_asked = math.inf
        elif math.isinf(self._stop_asked):
            self._stop_asked = time.monotonic()
        self._draw.start()

    def _show_run(self) -> None:
        record = self.record()
        if record is None or self.stack.currentWidget() is not self.view or not self.isVisible():
            return
        live = self.supervisor.live_run == record.id
        state = HeadState(
            live=live,
            stopping=live and self.supervisor.stopping,
            slow=time.monotonic() - self._stop_asked > _SLOW_S,
            busy=self.supervisor.busy,
        )
        self.view.show_run(
            record, self.history, state, time.time() if live else self.history.last_time
        )

    # ---- buttons -----------------------------------------------------------------------------

    def _resume(self) -> None:
        if self.supervisor.live_run == self.run_id:
            self.supervisor.resume()
        else:
            self.supervisor.resume_run(self.run_id)

    def _ask_stop(self) -> None:
        if confirm(
            self.window(),
            self.tr("Stop run {0}?").format(self.run_id),
            self.tr(
                "It saves a checkpoint, keeps its best model so far and ends. You can go on from "
                "there later."
            ),
            self.tr("Keep training"),
            self.tr("Stop run"),
        ):
            self._stop()

    def _stop(self) -> None:
        """This window's own run by its pipe, one of another program by a word in its folder."""
        record = self.record()
        if record is None or self.supervisor.live_run == record.id:
            self.supervisor.stop()
            return
        try:
            orders.ask(record.path, "stop")
        except OSError as error:
            words = error.strerror or str(error)
            self.session.error.emit(self.tr("{0} was not told").format(record.id), words)
            return
        words = self.tr("{0} was told to save and end").format(record.id)
        self.session.message.emit(words, None)

    def _ask_kill(self) -> None:
        saved = self.history.checkpoints
        kept = self.tr("There is no checkpoint: all of it is lost.")
        if saved:
            kept = self.tr(
                "The checkpoint of epoch {0} is kept; what came after it is lost."
            ).format(f"{saved[-1].epoch:.0f}")
        if confirm(
            self.window(), self.tr("End run {0} now?").format(self.run_id), kept,
            self.tr("Wait"), self.tr("End now"),
        ):  # fmt: skip
            self.supervisor.kill()

    def _open_case(self, uid: str) -> None:
        if any(record.series_uid == uid for record in self.session.series()):
            self.session.open_series(uid)
