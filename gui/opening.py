"""Paths from outside: command line, the file manager's "open with", files dropped on the window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QFileOpenEvent

from core.errors import UserError
from core.project.given import Given, meaning
from core.project.records import ImportReport
from gui.session import Session, projects_home


class Opener(QObject):
    """Does with paths what they mean. Also takes macOS's request to open a file (event filter)."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._shown: Path | None = None
        session.import_finished.connect(self._imported)
        session.project_changed.connect(self._forget)

    def open(self, paths: Sequence[Path]) -> bool:
        """From the command line or a file manager: a project, or pixel data.

        Without an open project, pixel data go into a project of their folder's name among the
        user's documents, the same one each time. False after announcing an error.
        """
        asked = self._meaning(paths)
        if asked is None:
            return False
        if asked.kind == "project":
            return self._session.open_project(asked.paths[0])
        if asked.kind == "make":
            return self._session.create_project(asked.paths[0])
        if self._session.project is None and not self._own_project(asked.name):
            return False
        self._shown = asked.shown
        self._session.import_paths(asked.paths)
        return True

    def drop(self, paths: Sequence[Path]) -> bool:
        """Onto the window: a project opens, anything else goes into the project that is open."""
        asked = self._meaning(paths)
        if asked is None:
            return False
        if asked.kind == "project":
            return self._session.open_project(asked.paths[0])
        # As dropped: whoever drags one slice has seen the others beside it.
        self._session.import_paths([path.absolute() for path in paths])
        return True

    def _meaning(self, paths: Sequence[Path]) -> Given | None:
        try:
            return meaning(paths)
        except UserError as error:
            self._session.error.emit(self.tr("Nothing was opened"), error.sentence)
            return None
        except OSError as error:
            sentence = self.tr("{0} could not be read ({1}).")
            words = sentence.format(paths[0].name, error.strerror or "")
            self._session.error.emit(self.tr("Nothing was opened"), words)
            return None

    def _own_project(self, name: str) -> bool:
        safe = "".join(c if c.isalnum() or c in " -_." else "_" for c in name).strip(" .")
        folder = projects_home() / (safe or "Project")
        if (folder / "project.json").is_file():
            return self._session.open_project(folder)
        return self._session.create_project(folder)

    def _imported(self, report: ImportReport) -> None:
        """A single file was given: look at its series, whichever of the imports brings it."""
        path = self._shown
        if path is None:
            return
        if not self._session.imports_waiting:
            self._forget()
        for record in report.series:
            if path in record.files:
                self._forget()
                self._session.open_series(record.series_uid)
                return

    def _forget(self) -> None:
        self._shown = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Installed on the application: macOS hands files over as an event."""
        if event.type() == QEvent.Type.FileOpen and isinstance(event, QFileOpenEvent):
            if event.file():
                self.open([Path(event.file())])
            return True
        return False
