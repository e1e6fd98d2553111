"""Propose: the chosen model outlines the open series in a child process, shown until decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.errors import UserError
from core.events import Event, StageEvent, StateEvent
from core.jobs.spec import PredictJob
from gui.document.document import LabelDocument

if TYPE_CHECKING:
    from core.models.store import ModelEntry
    from gui.run.supervisor import JobHandle, RunSupervisor


class Proposer(QObject):
    """One proposal at a time for the open series. changed: state words and how far, 0-1.

    A proposal goes on when another series is opened; its result waits beside its own label.
    """

    changed = Signal(str, float)

    def __init__(
        self, document: LabelDocument, supervisor: RunSupervisor, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._doc = document
        self._session = document.session
        self._supervisor = supervisor
        self._handles: dict[str, JobHandle] = {}
        self._state: dict[str, tuple[str, float]] = {}

    def model(self) -> ModelEntry | None:
        """The model that proposes; None where there is none."""
        # Loaded late: what it brings must not hold up the window.
        from core.models.store import proposal_model  # noqa: PLC0415

        project = self._session.project
        if project is None:
            return None
        try:
            return proposal_model(project)
        except UserError as error:
            self._session.error.emit(self.tr("The model was not read"), error.sentence)
            return None

    def busy(self, uid: str) -> bool:
        """Whether a proposal for a series is on its way."""
        return uid in self._handles

    def start(self) -> None:
        """Propose for the open series; tells the user why where that is not possible."""
        project, uid = self._session.project, self._doc.uid
        if project is None or not uid or self.busy(uid):
            return
        model = self.model()
        if model is None:
            self._doc.say(self.tr("No model yet. Train one first, then it can propose."))
            return
        job = PredictJob(project=project.path, series_uid=uid, model_id=model.id)
        self._note(uid, self.tr("{0} is being loaded").format(model.id), 0.0)
        self._handles[uid] = self._supervisor.submit(
            job, lambda event: self._happened(uid, event), lambda state: self._ended(uid, state)
        )
        self.announce()

    def cancel(self) -> None:
        """End the proposal for the open series; nothing of it is kept."""
        handle = self._handles.get(self._doc.uid)
        if handle is not None:
            handle.cancel()

    def announce(self) -> None:
        """Tell the state of the open series, for when another was opened."""
        words, fraction = self._state.get(self._doc.uid, ("", 0.0))
        self.changed.emit(words, fraction)

    def _note(self, uid: str, words: str, fraction: float) -> None:
        self._state[uid] = (words, fraction)
        if uid == self._doc.uid:
            self.changed.emit(words, fraction)

    def _happened(self, uid: str, event: Event) -> None:
        if isinstance(event, StageEvent) and event.total > 0:
            words = self.tr("Proposing, {0} of {1} blocks").format(event.done, event.total)
            self._note(uid, words, event.done / event.total)

    def _ended(self, uid: str, state: StateEvent) -> None:
        self._handles.pop(uid, None)
        self._state.pop(uid, None)
        if uid == self._doc.uid:
            self.changed.emit("", 0.0)
        if state.state == "done":
            self._session.proposal_changed.emit(uid)
        elif state.state == "failed":
            self._session.error.emit(self.tr("No labels were proposed"), state.sentence)
