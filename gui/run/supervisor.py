"""The only one who starts and ends children: one training run, and one other job at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEventLoop, QObject, Signal

from core.errors import UserError
from core.events import CheckpointEvent, Event, ResultEvent, StateEvent
from core.jobs.machines import Machine
from core.jobs.remote_run import is_remote, train_on
from core.jobs.spec import Job
from core.project import orders
from core.project.orders import Order
from core.project.project import Project
from core.project.runs import RunRecord, create_run
from core.project.runs import run as find_run
from gui.run.jobs import JobHandle, JobQueue
from gui.run.watch import OnEnd, OnEvent, Watch
from gui.session import Session

if TYPE_CHECKING:
    from core.data.plan import Plan

#: When the window closes: seconds a run gets for its checkpoint, and after it for its model.
_CHECKPOINT_S, _MODEL_S = 60.0, 15.0


class RunSupervisor(QObject):
    """Starts, pauses, stops and resumes the training run of the window, and queues other jobs.

    Every event of a run goes out as ``session.run_event`` (run id, event), device samples
    included. changed: a run or job began, ended, or was asked to do something.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent or session)
        self.session = session
        self.jobs = JobQueue(session, self)
        self.jobs.changed.connect(self.changed)
        self._watch: Watch | None = None
        self._run_id = ""
        self._project: Project | None = None
        self._starting = False
        self._saved_at = 0.0
        session.project_changed.connect(self._project_changed)

    # ---- training ----------------------------------------------------------------------------

    @property
    def live_run(self) -> str | None:
        """Id of the run at work, None without one."""
        return self._run_id if self._watch is not None else None

    @property
    def busy(self) -> bool:
        """Whether a run is at work or about to start, so that no other can be started."""
        return self._watch is not None or self._starting

    @property
    def stopping(self) -> bool:
        """Whether the run at work was asked to stop."""
        return self._watch is not None and self._watch.stopping

    @property
    def away(self) -> bool:
        """Whether the run at work trains on another machine, where it goes on without us."""
        return self._watch is not None and is_remote(self._watch.folder)

    @property
    def paused(self) -> bool:
        """Whether the run at work waits."""
        state = None if self._watch is None else self._watch.state
        return state is not None and state.state == "paused"

    def start(
        self,
        plan: Plan,
        name: str | None = None,
        on_started: Callable[[str], object] | None = None,
        automatic: bool = True,
        machine: Machine | None = None,
    ) -> None:
        """Make a run of ``plan`` and train; on_started gets its id. Errors go to the session.

        automatic: whether the plan is as the planner made it. machine: where to train, None for
        this computer.
        """
        project = self.session.require_project()
        if self._refuse():
            return
        if name:
            plan = replace(plan, name=name)
        self._starting = True
        self.changed.emit()

        def made(record: RunRecord) -> None:
            self._starting = False
            if self.session.project is project:
                if machine is not None:
                    train_on(machine, record.path)
                self._launch(project, record)
                if on_started is not None and self.live_run == record.id:
                    on_started(record.id)
            self.changed.emit()

        def failed(sentence: str) -> None:
            self._starting = False
            self.session.error.emit(self.tr("The run was not started"), sentence)
            self.changed.emit()

        # Label files are read for their hashes: that belongs off the window's thread.
        self.session.tasks.run(
            create_run, project, plan, name, automatic, on_done=made, on_error=failed
        )

    def resume_run(self, run_id: str) -> None:
        """Go on with a run from its last checkpoint (from the beginning where it has none)."""
        project = self.session.require_project()
        if self._refuse():
            return
        try:
            record = find_run(project, run_id)
            if not record.ended and record.state != "queued":
                raise UserError(
                    self.tr("Run {0} is at work in another program. Stop it there first.").format(
                        run_id
                    )
                )
        except UserError as error:
            self.session.error.emit(self.tr("The run was not resumed"), error.sentence)
            return
        self._launch(project, record)

    def order(self, run_id: str, order: Order) -> None:
        """Make a run longer or shorter. One that has ended goes on.

        A run at work in another program finds the order in its folder.
        """
        if run_id == self.live_run and self._watch is not None:
            self._watch.order(order)
            return
        try:
            record = find_run(self.session.require_project(), run_id)
            if record.ended and self._refuse():
                return
            orders.keep(record.path, order)
        except (UserError, OSError) as error:
            words = error.sentence if isinstance(error, UserError) else str(error)
            self.session.error.emit(self.tr("The run was not extended"), words)
            return
        if record.ended:
            self.resume_run(run_id)

    def pause(self) -> None:
        """Save a checkpoint and wait, keeping the device's memory."""
        if self._watch is not None:
            self._watch.pause()
            self.changed.emit()

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        if self._watch is not None:
            self._watch.resume()
            self.changed.emit()

    def stop(self) -> None:
        """Save a checkpoint, measure and keep the best model, end. It can be resumed."""
        if self._watch is not None:
            self._watch.stop()
            self.changed.emit()

    def kill(self) -> None:
        """End the run now, for one that does not answer."""
        if self._watch is not None:
            self._watch.kill()

    def _refuse(self) -> bool:
        if not self.busy:
            return False
        self.session.error.emit(
            self.tr("A run is at work"),
            self.tr("Only one run trains at a time. Stop {0} first, or wait for its end.").format(
                self._run_id
            ),
        )
        return True

    def _launch(self, project: Project, record: RunRecord) -> None:
        try:
            watch = Watch(
                record.path,
                self._happened,
                self._ended,
                hardware=True,
                parent=self,
            )
        except (OSError, UserError) as error:
            sentence = (
                self.tr("The training process could not be started: {0}.").format(
                    error.strerror or str(error)
                )
                if isinstance(error, OSError)
                else error.sentence
            )
            self.session.error.emit(self.tr("The run was not started"), sentence)
            return
        self._watch, self._run_id, self._project = watch, record.id, project
        self._saved_at = 0.0
        self.session.active_run = record.id
        self.session.runs_changed.emit()
        self.changed.emit()

    def _happened(self, event: Event) -> None:
        if isinstance(event, CheckpointEvent):
            self._saved_at = time.monotonic()
        if self.session.project is not self._project:
            return  # Ids are only known within their project.
        self.session.run_event.emit(self._run_id, event)
        if isinstance(event, StateEvent):
            self.changed.emit()
        elif isinstance(event, ResultEvent) and event.name == "model":
            self.session.models_changed.emit()

    def _ended(self, _state: StateEvent) -> None:
        same = self.session.project is self._project
        self._watch, self._project = None, None
        self.session.active_run = None
        if same:
            self.session.runs_changed.emit()
        self.changed.emit()

    def _project_changed(self) -> None:
        """Another project: what belongs to the one before stops, and can be resumed there."""
        self.jobs.cancel_all()
        if self._watch is not None and self.session.project is not self._project:
            away = self.away
            self._let_go(self._watch)
            self.session.active_run = None
            words = (
                self.tr("{0} goes on on its machine; resume it to follow it again")
                if away
                else self.tr("{0} saves and stops, because its project was closed")
            )
            self.session.message.emit(words.format(self._run_id), None)

    def _let_go(self, watch: Watch) -> None:
        """Save and end; what trains on another machine goes on there."""
        watch.leave() if self.away else watch.stop()

    # ---- other jobs --------------------------------------------------------------------------

    def submit(self, job: Job, on_event: OnEvent, on_end: OnEnd) -> JobHandle:
        """Run a predict, evaluate or export job in a child, after those submitted before it.

        on_event: each event, and on_end once with the last state, on the window's thread.
        """
        return self.jobs.submit(job, on_event, on_end)

    def propose(self, uids: list[str]) -> None:
        """Let the chosen model propose labels for these series, one after the other."""
        self.jobs.propose(uids)

    # ---- the end -----------------------------------------------------------------------------

    def shutdown(self) -> None:
        """End all children: the run after its checkpoint, jobs at once. Can be called twice.

        The window goes on painting meanwhile. A run that has not saved within a minute is ended;
        what it had saved before is kept.
        """
        self.jobs.cancel_all()
        if self._watch is not None:
            self._let_go(self._watch)
            self.changed.emit()
        began = time.monotonic()
        while self._watch is not None or self.jobs.busy:
            now = time.monotonic()
            saved = self._saved_at > began
            if now - (self._saved_at if saved else began) > (_MODEL_S if saved else _CHECKPOINT_S):
                self.kill()
                self.jobs.kill()
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents, 100)
            time.sleep(0.01)
