"""Remedies of doubtful volumes in the window: offered, applied and taken back in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.dicom.remedies import Offer, Remedy
from core.project.project import Project
from core.project.records import SeriesRecord
from gui.session import Session

Rows = Sequence[SeriesRecord]


def _offers(project: Project, uid: str) -> tuple[Offer, ...]:
    return project.remedies(uid)


def _apply(project: Project, uid: str, remedy: Remedy) -> Rows:
    return project.apply_remedy(uid, remedy)


def _undo(project: Project, uid: str) -> Rows:
    return project.undo_remedy(uid)


def remedies_of(session: Session) -> Remedies:
    """The one of a session: pages are made anew with another language, a remedy goes on."""
    return session.findChild(Remedies) or Remedies(session)


class Remedies(QObject):
    """Lives as long as the session; ask :func:`remedies_of` for it.

    changed: the UID of a series whose remedy is being changed, or was.
    """

    changed = Signal(str)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._busy: set[str] = set()
        session.project_changed.connect(self._busy.clear)

    def busy(self, uid: str) -> bool:
        """Whether a remedy of this series is being applied or taken back."""
        return uid in self._busy

    def offers(self, uid: str, then: Callable[[tuple[Offer, ...]], None], owner: QObject) -> None:
        """Ask what can safely be done; ``then`` gets the answer, empty where files are gone."""
        self._session.tasks.run(
            _offers, self._session.require_project(), uid,
            on_done=then, on_error=lambda _sentence: then(()), key="remedies", owner=owner,
            priority=1,
        )  # fmt: skip

    def apply(self, uid: str, remedy: Remedy) -> None:
        """Choose a remedy; labels follow by their place. The message at the end offers Undo."""
        name = self._session.record(uid).patient_id or "–"

        def done(rows: Rows) -> None:
            words = {
                "keep": self.tr("{0} is used as it was scanned"),
                "interpolate": self.tr("Missing slices of {0} interpolated"),
                "resample": self.tr("{0} resampled to a regular grid"),
                "shear": self.tr("Gantry tilt of {0} corrected"),
                "split": self.tr("{0} split into {1} volumes"),
                "refuse": self.tr("{0} is not used"),
            }[remedy.kind]
            first = rows[0].series_uid if rows else uid
            self._session.message.emit(
                words.format(name, len(rows)), lambda: self.undo(first, quiet=True)
            )

        self._run(_apply, uid, done, remedy)

    def undo(self, uid: str, quiet: bool = False) -> None:
        """Take the last choice back; for a part of a split the split."""
        name = self._session.record(uid).patient_id or "–"

        def done(_rows: Rows) -> None:
            if not quiet:
                self._session.message.emit(self.tr("Remedy of {0} taken back").format(name), None)

        self._run(_undo, uid, done)

    def _run(self, fn: Any, uid: str, then: Callable[[Rows], None], *args: Any) -> None:
        session = self._session
        project = session.require_project()
        if uid in self._busy:
            return
        record = session.record(uid)
        family = {uid, record.part_of} - {""}
        reopened = session.open_uid is not None and (
            session.open_uid in family or self._beside(session.open_uid, family)
        )
        if reopened:
            session.let_go()
        self._busy.add(uid)
        self.changed.emit(uid)

        def end() -> bool:
            self._busy.discard(uid)
            if session.project is not project:
                return False
            session.refresh_series()
            self.changed.emit(uid)
            return True

        def done(rows: Rows) -> None:
            if end():
                if reopened and rows and rows[0].usable:
                    session.take_up(rows[0].series_uid)
                then(rows)

        def failed(sentence: str) -> None:
            if end():
                if reopened:
                    session.take_up(uid)
                session.error.emit(self.tr("The volume was left as it was"), sentence)

        session.tasks.run(fn, project, uid, *args, on_done=done, on_error=failed, priority=2)

    def _beside(self, open_uid: str, family: set[str]) -> bool:
        """Whether the open series is a part of the same split."""
        return self._session.record(open_uid).part_of in family
