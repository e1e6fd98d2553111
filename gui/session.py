"""The open project, its series and runs: the only announcer of change, by Qt signals.

Pages read from here and listen; nobody else tells a page that something changed. Stands on core
and on the task pool, and knows no widget.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QStandardPaths, Signal

from core.dicom.deidentify.identity import Identity
from core.errors import UserError
from core.labels.schema import LabelSchema
from core.project.identity import identity_of
from core.project.project import Project
from core.project.recent import remember
from core.project.records import ImportReport, LabelStatus, SeriesRecord, Split
from core.project.search import sort_records
from gui.importing import ImportState, import_held, make_demo
from gui.names import Names
from gui.tasks import Task, TaskPool

#: While an import runs, new rows appear at most this often.
_REFRESH_S = 0.5
DEMO_CASES = 16


def projects_home() -> Path:
    """Where projects go that the user gave no place: the documents, in ``LesionForge``."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return (Path(documents) if documents else Path.home()) / "LesionForge"


def new_project_folder() -> Path:
    """A folder that does not exist yet: ``Project``, ``Project 2``..."""
    home = projects_home()
    numbers = itertools.count(2)
    folder = home / "Project"
    while folder.exists():
        folder = home / f"Project {next(numbers)}"
    return folder


class Session(QObject):
    """What is open. Signals are emitted on the window's thread, after the change.

    message: text and a callable that takes it back, or None. error: title and sentence.
    flush_requested: save what is unsaved before the handler returns; the project closes next.
    """

    project_changed = Signal()
    series_changed = Signal()
    open_series_changed = Signal()
    runs_changed = Signal()
    models_changed = Signal()
    run_event = Signal(str, object)
    labels_saved_changed = Signal(str, str)
    label_changed = Signal(str)
    proposal_changed = Signal(str)
    page_requested = Signal(str)
    message = Signal(str, object)
    error = Signal(str, str)
    import_progress = Signal(object)
    import_finished = Signal(object)
    flush_requested = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskPool(self)
        self.project: Project | None = None
        self.open_uid: str | None = None
        self.active_run: str | None = None
        self.importing: ImportState | None = None
        self._series: list[SeriesRecord] | None = None
        self._by_uid: dict[str, SeriesRecord] = {}
        self._names: Names | None = None
        self._import: Task | None = None
        self._waiting: list[Path] = []
        self._pseudonyms = False
        self._identity: Identity | None = None
        self._hold = threading.Event()
        self._refreshed = 0.0
        self.label_changed.connect(self.refresh_series)
        self.proposal_changed.connect(self.refresh_series)

    # ---- project -----------------------------------------------------------------------------

    def open_project(self, path: Path | str) -> bool:
        """Open a project folder; False after announcing an error."""
        return self._take(lambda: Project.open(path), self.tr("The project was not opened"))

    def create_project(self, path: Path | str, name: str | None = None) -> bool:
        """Make a project in a new or empty folder and open it; False after announcing an error."""
        return self._take(lambda: Project.create(path, name), self.tr("No project was made"))

    def _take(self, make: Any, title: str) -> bool:
        try:
            project = make()
        except UserError as error:
            self.error.emit(title, error.sentence)
            return False
        self.close_project(announce=False)
        self.project = project
        remember(project.path, project.name)
        self._announce_project()
        return True

    def close_project(self, announce: bool = True) -> None:
        """Save what is unsaved and let go of the project; an import of it ends soon.

        Its library is closed once the jobs have ended that may still read or write it.
        """
        if self.project is None:
            return
        self.flush_requested.emit()
        self.cancel_import()
        project, self.project = self.project, None
        self._import = self.importing = None
        self.tasks.afterwards(project.close)
        if announce:
            self._announce_project()

    def _announce_project(self) -> None:
        self._identity = None
        self.open_uid = None
        self._series = self._names = None
        self.project_changed.emit()
        self.series_changed.emit()
        self.open_series_changed.emit()
        self.runs_changed.emit()
        self.models_changed.emit()

    def shutdown(self) -> None:
        """Close the project and wait for all background jobs."""
        self.flush_requested.emit()
        self.cancel_import()
        self.tasks.shutdown()
        if self.project is not None:
            self.project.close()
            self.project = None

    def require_project(self) -> Project:
        """The open project. Raises UserError when there is none."""
        if self.project is None:
            raise UserError(self.tr("No project is open. Open or create one in the Library."))
        return self.project

    @property
    def schema(self) -> LabelSchema:
        """The label classes of the open project, the default ones without a project."""
        return LabelSchema.default() if self.project is None else self.project.schema

    # ---- series ------------------------------------------------------------------------------

    def series(self) -> list[SeriesRecord]:
        """All series of the project by patient; read once and kept until something changes."""
        if self._series is None:
            records = [] if self.project is None else self.project.series()
            self._series = sort_records([self._as_shown(record) for record in records])
            self._by_uid = {record.series_uid: record for record in self._series}
        return self._series

    def record(self, uid: str) -> SeriesRecord:
        """The row of a series. Raises UserError when the project does not hold it."""
        self.series()
        if uid in self._by_uid:
            return self._by_uid[uid]
        return self._as_shown(self.require_project().record(uid))

    @property
    def pseudonyms(self) -> bool:
        """Whether patients are shown under pseudonyms."""
        return self._pseudonyms

    def set_pseudonyms(self, on: bool) -> None:
        """Show patients under the project's pseudonyms, everywhere, or under their own names."""
        if on != self._pseudonyms:
            self._pseudonyms = on
            self._identity = None
            self.refresh_series()
            self.open_series_changed.emit()
            self.runs_changed.emit()

    def shown(self, patient_id: str) -> str:
        """A patient as the window may name it; may be called from any thread."""
        if not self._pseudonyms or self.project is None or not patient_id:
            return patient_id
        if self._identity is None:
            self._identity = identity_of(self.project)
        return self._identity.pseudonym(patient_id)

    def shown_text(self, text: str) -> str:
        """A sentence of core with the patients in it as the window may name them."""
        if not self._pseudonyms or self.project is None:
            return text
        if self._names is None:
            self._names = Names(record.patient_id for record in self.project.series())
        return self._names.replaced(text, self.shown)

    def _as_shown(self, record: SeriesRecord) -> SeriesRecord:
        """A row with its patient as the window may name it; descriptions can hold names, too."""
        if not self._pseudonyms:
            return record
        return replace(record, patient_id=self.shown(record.patient_id), description="")

    def refresh_series(self, _uid: str = "") -> None:
        """Read the library anew and announce it; for whoever changed rows through the project."""
        self._series = self._names = None
        self.series_changed.emit()

    def open_series(self, uid: str) -> None:
        """Open a series in Label."""
        record = self.record(uid)
        if not record.usable:
            words = self.tr("It is not used. Undo that in the Library's details to open it.")
            self.error.emit(self.tr("{0} was not opened").format(record.patient_id or "–"), words)
            return
        self.take_up(uid)
        self.page_requested.emit("label")

    def take_up(self, uid: str) -> None:
        """Make a series the open one, without leaving the page."""
        if uid != self.open_uid:
            self.record(uid)
            self.open_uid = uid
            self.open_series_changed.emit()

    def let_go(self) -> None:
        """Save what is unsaved of the open series, and have none open."""
        if self.open_uid is not None:
            self.flush_requested.emit()
            self.open_uid = None
            self.open_series_changed.emit()

    def set_status(self, uids: str | Iterable[str], status: LabelStatus) -> None:
        """Set the label status of one or several series."""
        project = self.require_project()
        for uid in [uids] if isinstance(uids, str) else list(uids):
            project.set_status(uid, status)
        self.refresh_series()

    def set_split(self, uids: str | Iterable[str], split: Split) -> None:
        """Put one or several series into a split."""
        chosen = [uids] if isinstance(uids, str) else list(uids)
        self.require_project().set_split(chosen, split)
        self.refresh_series()

    def set_outlined(self, uid: str, value: int, whole: bool) -> None:
        """Say whether a class is outlined in the whole of a series: if not, the rest is unknown."""
        project = self.require_project()
        others = {v for v in project.record(uid).unannotated if v != value}
        project.update(uid, unannotated=tuple(sorted(others if whole else {*others, value})))
        self.refresh_series()

    def set_splits(self, parts: dict[str, Split]) -> None:
        """Put each series into its split."""
        project = self.require_project()
        for split in set(parts.values()):
            project.set_split([uid for uid, part in parts.items() if part == split], split)
        self.refresh_series()

    def remove_series(self, uids: Sequence[str]) -> None:
        """Take series out of the project; the message that follows offers Undo."""
        project = self.require_project()
        chosen = list(uids)
        if self.open_uid in chosen:
            self.let_go()
        project.remove(chosen)
        self.refresh_series()

        def undo() -> None:
            if self.project is project:
                project.restore(chosen)
                self.refresh_series()

        self.message.emit(self.tr("%n series removed", "", len(chosen)), undo)

    # ---- import ------------------------------------------------------------------------------

    def import_paths(self, paths: Sequence[Path]) -> None:
        """Import in the background; while one import runs, further paths wait for their turn."""
        if self.project is None and not self.create_project(new_project_folder()):
            return
        if self._import is not None:
            self._waiting.extend(paths)
            return
        name = paths[0].name if len(paths) == 1 else self.tr("%n item(s)", "", len(paths))
        what = (list(paths), self._hold.is_set)
        self._start(import_held, what, ImportState("import", name, started=time.monotonic()))

    def open_demo(self, folder: Path | None = None) -> None:
        """Open the demo project in the user's documents; make the cases that it lacks."""
        where = folder or projects_home() / "Demo"
        made = (where / "project.json").is_file()
        name = self.tr("Demo: liver lesions")
        opened = self.open_project(where) if made else self.create_project(where, name)
        if opened and self.project is not None:
            kept = len(self.series()) + len(self.project.library.removed())
            if kept < DEMO_CASES:
                self.fill_demo()

    def fill_demo(self, cases: int = DEMO_CASES) -> None:
        """Make the demo's cases in the background, one row after the other."""
        state = ImportState("demo", self.tr("demo cases"), "", 0, cases, started=time.monotonic())
        self._start(make_demo, cases, state)

    def cancel_import(self) -> None:
        """End the import after the file it is at; what it found so far stays."""
        self._waiting.clear()
        if self._import is not None:
            self._import.finish_early()

    @property
    def imports_waiting(self) -> bool:
        """Whether further paths are imported once the import that runs, or just ended, is over."""
        return bool(self._waiting)

    @property
    def import_paused(self) -> bool:
        """Whether an import waits to be told to go on."""
        return self.importing is not None and self._hold.is_set()

    def pause_import(self, hold: bool) -> None:
        """Hold the import that runs before its next file, or let it go on."""
        if self.importing is None or self.importing.kind != "import":
            return
        (self._hold.set if hold else self._hold.clear)()
        self.import_progress.emit(self.importing)

    def _start(self, fn: Any, what: Any, state: ImportState) -> None:
        project = self.require_project()
        self._hold.clear()
        self.importing = state
        self.import_progress.emit(state)
        self._import = self.tasks.run(
            fn,
            project,
            what,
            state,
            on_progress=lambda new: self._progressed(project, new),
            on_done=lambda report: self._imported(project, report),
            on_error=lambda sentence: self._import_failed(project, sentence),
            on_cancelled=lambda: self._imported(project, ImportReport((), (), (), True)),
        )

    def _progressed(self, project: Project, state: ImportState) -> None:
        if self.project is not project or self.importing is None:
            return
        found = state.series_found != self.importing.series_found or state.kind == "demo"
        self.importing = state
        self.import_progress.emit(state)
        if found and time.monotonic() - self._refreshed > _REFRESH_S:
            self._refreshed = time.monotonic()
            self.refresh_series()

    def _imported(self, project: Project, report: ImportReport) -> None:
        if self.project is not project:
            return
        self._import = self.importing = None
        self.refresh_series()
        self.import_finished.emit(report)
        if self._waiting:
            paths, self._waiting = self._waiting, []
            self.import_paths(paths)

    def _import_failed(self, project: Project, sentence: str) -> None:
        if self.project is not project:
            return
        self._import = self.importing = None
        self._waiting.clear()
        self.refresh_series()
        self.import_finished.emit(ImportReport((), ()))
        self.error.emit(self.tr("The import stopped"), sentence)
