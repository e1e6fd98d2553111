"""What else can be done with a run: notes, comparison, TensorBoard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from core.errors import UserError
from core.export.tensorboard import export_tensorboard
from core.project.runs import RunRecord, write_notes
from gui.dialogs.run_notes import RunNotes
from gui.widgets import Menu

if TYPE_CHECKING:
    from gui.session import Session


class RunExtras(QObject):
    """The menu beside a run's buttons. shown: gives the run on the screen; all_runs: all of them.

    changed: called after the run's folder was changed.
    """

    def __init__(
        self,
        page: QWidget,
        session: Session,
        shown: Callable[[], RunRecord | None],
        all_runs: Callable[[], list[RunRecord]],
        changed: Callable[[], None],
    ) -> None:
        super().__init__(page)
        self._page, self._session = page, session
        self._shown, self._all_runs, self._changed = shown, all_runs, changed

    def show_menu(self, place: QPoint) -> None:
        """Open the menu at ``place`` on the screen."""
        if self._shown() is not None:
            menu = self.menu()
            menu.aboutToHide.connect(menu.deleteLater)
            menu.popup(place)

    def menu(self) -> Menu:
        """The menu for the run on the screen."""
        menu = Menu(self._page)
        menu.add(self.tr("Notes…"), self.edit_notes, icon="ph.note-pencil")
        menu.add(
            self.tr("Compare runs…"), self.compare, icon="ph.columns",
            enabled=len(self._all_runs()) > 1,
            why_not=self.tr("There is only one run so far"),
        )  # fmt: skip
        menu.add(self.tr("Export for TensorBoard…"), self.choose_folder, icon="ph.export")
        return menu

    def edit_notes(self) -> None:
        """Ask for the notes and keep them; the toast takes them back."""
        run = self._shown()
        if run is None:
            return
        dialog = RunNotes(self._page.window(), run)
        if dialog.exec() == QDialog.DialogCode.Accepted and dialog.notes() != run.notes:
            self._write(run, dialog.notes())

    def _write(self, run: RunRecord, notes: str) -> None:
        try:
            earlier = write_notes(run.path, notes)
        except UserError as error:
            self._session.error.emit(self.tr("The notes were not saved"), error.sentence)
            return
        self._changed()
        words = self.tr("Notes on {0} saved").format(run.id)
        self._session.message.emit(words, lambda: self._restore(run, earlier))

    def _restore(self, run: RunRecord, notes: str) -> None:
        write_notes(run.path, notes)
        self._changed()

    def compare(self) -> None:
        """Show the runs side by side."""
        # Matplotlib takes most of a second to load.
        from gui.dialogs.compare_runs import CompareRuns  # noqa: PLC0415

        CompareRuns(self._page.window(), self._session, self._all_runs()).exec()

    def choose_folder(self) -> None:
        """Ask where to, and export."""
        folder = QFileDialog.getExistingDirectory(
            self._page.window(), self.tr("Folder for TensorBoard"))  # fmt: skip
        if folder:
            self.export(Path(folder))

    def export(self, folder: Path) -> None:
        """Write the run on the screen for TensorBoard, in the background."""
        run = self._shown()
        if run is None:
            return
        self._session.tasks.run(
            export_tensorboard, run, folder,
            on_done=lambda written: self._session.message.emit(
                self.tr("{0} written; open it with: tensorboard --logdir {1}").format(
                    written.name, folder), None),
            on_error=lambda sentence: self._session.error.emit(
                self.tr("{0} was not exported").format(run.id), sentence),
            key="tensorboard", owner=self,
        )  # fmt: skip
