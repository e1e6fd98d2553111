"""The probe of a plan from the window: started by itself once, or when the user asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.data.measured import probe_seconds, step_key
from core.data.plan import Plan
from core.events import Event, StageEvent, StateEvent
from core.jobs.spec import ProbeJob
from gui.pages.train_planning import Asked
from gui.session import Session

if TYPE_CHECKING:
    from gui.run.jobs import JobHandle
    from gui.run.supervisor import RunSupervisor


class Measuring(QObject):
    """progressed: share done. ended: with the last state of a probe, stopped where it was
    cancelled."""

    progressed = Signal(float)
    ended = Signal(object)

    def __init__(self, session: Session, supervisor: RunSupervisor, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._supervisor = session, supervisor
        self._handle: JobHandle | None = None
        self._trial = ""
        #: Plans asked about: a probe that ended without a figure is not begun again by itself.
        self._tried: set[str] = set()

    @property
    def busy(self) -> bool:
        """Whether a probe is at work or waits for its turn."""
        return self._handle is not None

    def start(self, asked: Asked, plan: Plan, edited: bool, again: bool) -> None:
        """Measure ``plan``; nothing beside a run at work, or twice without being asked.

        edited: just this plan, not what the planner would choose. again: the user asks for it.
        """
        project = self._session.project
        trial = step_key(plan, None) + asked.device
        if project is None or self.busy or self._supervisor.busy:
            return
        if trial in self._tried and not again:
            return
        self._trial = trial
        self._tried.add(trial)
        job = ProbeJob(
            project=project.path,
            seconds=probe_seconds(plan.estimates.seconds),
            plan=plan.as_json() if edited else None,
            minutes=asked.minutes,
            epochs=asked.epochs,
            device=asked.device,
            quality=asked.quality,
            again=again,
        )
        self.progressed.emit(0.0)
        self._handle = self._supervisor.submit(job, self._happened, self._over)

    def leave(self) -> None:
        """Something else goes first: end it; it may be begun again by itself."""
        if self.busy:
            self._tried.discard(self._trial)
            self.cancel()

    def cancel(self) -> None:
        """The user does not want it."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            handle.cancel()
            self.ended.emit(StateEvent(state="stopped"))

    def _happened(self, event: Event) -> None:
        if self._handle is not None and isinstance(event, StageEvent) and event.total > 0:
            self.progressed.emit(event.done / event.total)

    def _over(self, state: StateEvent) -> None:
        if self._handle is not None:
            self._handle = None
            self.ended.emit(state)
