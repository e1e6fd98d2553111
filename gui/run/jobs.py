"""Jobs that are no training: proposals, evaluations, exports; one at a time, in order."""

from __future__ import annotations

import shutil
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from core.errors import UserError
from core.events import Event, StateEvent
from core.jobs.spec import EvaluateJob, ExportJob, Job, PredictJob, ProbeJob
from core.project.runs import new_job_folder
from gui.run.watch import OnEnd, OnEvent, Watch

if TYPE_CHECKING:
    from gui.session import Session

#: Silence after which a job that was cancelled is ended from here.
_PATIENCE_MS = 10_000


class JobHandle(QObject):
    """A job that waits, runs or has ended."""

    def __init__(self, job: Job, on_event: OnEvent, on_end: OnEnd, queue: JobQueue) -> None:
        super().__init__(queue)
        self.job = job
        self.on_event, self.on_end = on_event, on_end
        self.running = False
        self.ended = False
        self._queue = queue

    def cancel(self) -> None:
        """End it at its next safe point, or take it out of the queue; on_end says stopped."""
        self._queue.cancel(self)


class JobQueue(QObject):
    """Runs the jobs. changed: one began, ended or joined."""

    changed = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._waiting: deque[JobHandle] = deque()
        self._current: JobHandle | None = None
        self._watch: Watch | None = None

    @property
    def current(self) -> Job | None:
        """The job at work."""
        return None if self._current is None else self._current.job

    @property
    def waiting(self) -> int:
        """How many jobs wait for their turn."""
        return len(self._waiting)

    @property
    def busy(self) -> bool:
        """Whether a child is at work."""
        return self._current is not None

    def submit(self, job: Job, on_event: OnEvent, on_end: OnEnd) -> JobHandle:
        """Append a job; it starts at once where none is before it."""
        handle = JobHandle(job, on_event, on_end, self)
        self._waiting.append(handle)
        # Not before the caller has the handle.
        QTimer.singleShot(0, self, self._next)
        return handle

    def cancel(self, handle: JobHandle) -> None:
        """See :meth:`JobHandle.cancel`."""
        if handle is self._current:
            if self._watch is not None:
                self._watch.stop(_PATIENCE_MS)
        elif handle in self._waiting:
            self._waiting.remove(handle)
            self._tell_end(handle, StateEvent(state="stopped"))
            self.changed.emit()

    def cancel_all(self) -> None:
        """Cancel what runs and what waits."""
        for handle in [*self._waiting, *([self._current] if self._current else [])]:
            self.cancel(handle)

    def kill(self) -> None:
        """End the job at work now."""
        if self._watch is not None:
            self._watch.kill()

    def _next(self) -> None:
        if self._current is not None or not self._waiting:
            self.changed.emit()
            return
        handle = self._waiting.popleft()
        self._current = handle
        handle.running = True
        try:
            self._start(handle)
        except (OSError, UserError) as error:
            words = error.sentence if isinstance(error, UserError) else error.strerror or str(error)
            sentence = self.tr("The job could not be started: {0}").format(words)
            self._ended(handle, None, StateEvent(state="failed", sentence=sentence))
        self.changed.emit()

    def _start(self, handle: JobHandle) -> None:
        folder = new_job_folder(self._session.require_project())
        handle.job.save(folder)
        self._watch = Watch(
            folder,
            lambda event: self._happened(handle, event),
            lambda state: self._ended(handle, folder, state),
            hardware=False,
            parent=self,
        )

    def _happened(self, handle: JobHandle, event: Event) -> None:
        if not handle.ended:
            handle.on_event(event)

    def _ended(self, handle: JobHandle, folder: Path | None, state: StateEvent) -> None:
        self._current = self._watch = None
        if folder is not None and state.state != "failed":
            # Of a job that failed the log is kept with the cache.
            shutil.rmtree(folder, ignore_errors=True)
        self._tell_end(handle, state)
        QTimer.singleShot(0, self, self._next)

    def _tell_end(self, handle: JobHandle, state: StateEvent) -> None:
        handle.running = False
        if not handle.ended:
            handle.ended = True
            handle.on_end(state)
        handle.deleteLater()

    # ---- proposals ---------------------------------------------------------------------------

    def propose(self, uids: list[str]) -> None:
        """Submit a proposal for each series with the model chosen for it."""
        # Cards are JSON, but the module that reads them need not be there to show the window.
        from core.models.store import proposal_model  # noqa: PLC0415

        project = self._session.require_project()
        title = self.tr("No labels were proposed")
        try:
            model = proposal_model(project)
        except UserError as error:
            self._session.error.emit(title, error.sentence)
            return
        if model is None:
            self._session.error.emit(title, self.tr("Train a model first, then it can propose."))
            return
        for uid in uids:
            job = PredictJob(project=project.path, series_uid=uid, model_id=model.id)
            self.submit(job, lambda _event: None, lambda state, uid=uid: self._proposed(uid, state))

    def _proposed(self, uid: str, state: StateEvent) -> None:
        if state.state == "done":
            self._session.proposal_changed.emit(uid)
        elif state.state == "failed":
            self._session.error.emit(self.tr("No labels were proposed"), state.sentence)

    def words(self) -> str:
        """What the job at work does, for the status bar; "" without one."""
        match self.current:
            case PredictJob():
                return self.tr("Proposing labels")
            case EvaluateJob():
                return self.tr("Evaluating")
            case ExportJob():
                return self.tr("Exporting")
            case ProbeJob():
                return self.tr("Measuring")
            case _:
                return ""
