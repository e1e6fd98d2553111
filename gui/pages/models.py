"""Models: what was trained or imported, its card, and the files written from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QUrl
from PySide6.QtGui import QDesktopServices, QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from core.errors import UserError
from core.models import store
from core.models.store import ModelEntry
from gui.dialogs.edit_card import EditCardDialog
from gui.dialogs.export_model import ExportDialog
from gui.pages.models_card import CardPanel
from gui.pages.models_exports import ExportsCard
from gui.pages.models_read import Models, collect
from gui.pages.models_table import Column, ModelsModel, ModelsTable
from gui.widgets import Banner, Button, EmptyState, Menu, SearchField, heading

if TYPE_CHECKING:
    from gui.run.supervisor import RunSupervisor
    from gui.session import Session


class ModelsPage(QWidget):
    """Reads the models in the background when it is first shown and when they change."""

    def __init__(
        self, session: Session, supervisor: RunSupervisor, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.title = self.tr("Models")
        self.session, self.supervisor = session, supervisor
        self.models = Models()
        self._stale = True
        self._chosen = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 0, 24, 16)
        column.setSpacing(0)
        column.addLayout(self._head())
        self.banner = Banner("warn", "")
        self.banner.hide()
        column.addWidget(self.banner)
        self.stack = QStackedWidget()
        self.empty = EmptyState(
            "ph.cube",
            self.tr("No models yet"),
            self.tr("A training run leaves its best model here. A model file can be imported."),
            [(self.tr("Go to Train"), lambda: session.page_requested.emit("train")),
             (self.tr("Import model"), self.ask_import)],
            big=True,
        )  # fmt: skip
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self._full())
        column.addWidget(self.stack, 1)
        session.project_changed.connect(self._project_changed)
        session.models_changed.connect(self._mark_stale)
        session.runs_changed.connect(self._mark_stale)
        self._show()

    def _head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(0, 16, 0, 16)
        row.setSpacing(8)
        row.addWidget(heading(self.title))
        row.addSpacing(24)
        self.search = SearchField(self.tr("Search models"))
        self.search.setFixedWidth(264)
        self.search.searched.connect(self._searched)
        row.addWidget(self.search)
        row.addStretch(1)
        self.import_button = Button(self.tr("Import model"), icon="ph.download-simple")
        self.import_button.clicked.connect(self.ask_import)
        self.compare_button = Button(self.tr("Compare"), icon="ph.scales")
        self.compare_button.clicked.connect(lambda: self.session.page_requested.emit("evaluate"))
        self.export_button = Button(self.tr("Export…"), "primary", "ph.export")
        self.export_button.clicked.connect(self.ask_export)
        for button in (self.import_button, self.compare_button, self.export_button):
            row.addWidget(button)
        return row

    def _full(self) -> QWidget:
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        left = QVBoxLayout()
        left.setSpacing(16)
        titles = {
            Column.MODEL: self.tr("Model"),
            Column.RUN: self.tr("Run"),
            Column.DICE: self.tr("Dice"),
            Column.HD95: self.tr("HD95 mm"),
            Column.SENSITIVITY: self.tr("Sensitivity"),
            Column.CASES: self.tr("Cases"),
            Column.PARAMETERS: self.tr("Parameters"),
            Column.CREATED: self.tr("Created"),
        }
        self.rows = ModelsModel(titles, self)
        self.table = ModelsTable(
            self.rows, self.tr("Used for proposals"), self.tr("Imported, not evaluated here")
        )
        self.table.setAccessibleName(self.title)
        self.table.selectionModel().currentRowChanged.connect(lambda _new, _old: self._selected())
        self.rows.modelReset.connect(self._choose_again)
        self.table.menu_asked.connect(lambda _row, at: self._menu(at))
        self.table.opened.connect(lambda _row: self.ask_export())
        self.exports = ExportsCard()
        self.exports.folder_asked.connect(self._show_folder)
        left.addWidget(self.table, 1)
        left.addWidget(self.exports, 1)
        row.addLayout(left, 1)
        self.card = CardPanel()
        self.card.edit_asked.connect(self.edit_card)
        row.addWidget(self.card)
        return whole

    # ---- content -----------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Read only once somebody looks."""
        super().showEvent(event)
        self._read()

    def focus_search(self) -> None:
        """Ctrl+F."""
        self.search.setFocus()
        self.search.selectAll()

    def _project_changed(self) -> None:
        self.models, self._chosen = Models(), ""
        self._show()
        self._mark_stale()

    def _mark_stale(self) -> None:
        self._stale = True
        if self.isVisible():
            self._read()

    def _read(self) -> None:
        project = self.session.project
        if not self._stale or project is None:
            return
        self._stale = False

        def done(models: Models) -> None:
            if self.session.project is project:
                self.models = models
                self._show()

        self.session.tasks.run(
            collect, project, on_done=done, key="models", owner=self,
            on_error=lambda words: self.session.error.emit(self.tr("Models were not read"), words),
        )  # fmt: skip

    def _show(self) -> None:
        self.rows.show(self.models.rows)
        self.exports.show_exports(self.models.exports)
        problems = self.models.problems
        if problems:
            self.banner.set(
                "warn",
                self.tr("%n model(s) cannot be used", "", len(problems)),
                "\n".join(problems),
            )
        self.banner.setVisible(bool(problems))
        self.stack.setCurrentIndex(1 if self.models.rows else 0)

    def _searched(self, needle: str) -> None:
        self.rows.search(needle)

    def _choose_again(self) -> None:
        """Keep the chosen model across sorting, searching and reading; else the first row."""
        ids = [row.entry.id for row in self.rows.rows]
        if ids:
            self.table.selectRow(ids.index(self._chosen) if self._chosen in ids else 0)
        self._selected()

    def chosen(self) -> ModelEntry | None:
        """The chosen model."""
        row = self.table.currentIndex().row()
        return self.rows.rows[row].entry if 0 <= row < len(self.rows.rows) else None

    def _selected(self) -> None:
        entry = self.chosen()
        if entry is not None:
            self._chosen = entry.id
        self.card.show_model(entry)
        for button in (self.export_button, self.compare_button):
            button.setEnabled(entry is not None)
            button.setToolTip("" if entry else self.tr("Train or import a model first"))
        has_project = self.session.project is not None
        self.import_button.setEnabled(has_project)
        self.import_button.setToolTip("" if has_project else self.tr("Open a project first"))

    # ---- commands ----------------------------------------------------------------------------

    def _menu(self, at: QPoint) -> None:
        entry = self.chosen()
        if entry is None:
            return
        row = self.rows.rows[self.table.currentIndex().row()]
        menu = Menu(self)
        menu.add(self.tr("Export…"), self.ask_export, "ph.export")
        menu.add(
            self.tr("Use for proposals"), self.use_for_proposals, "ph.sparkle",
            enabled=not row.proposes, why_not=self.tr("This model proposes labels already"),
        )  # fmt: skip
        menu.add(self.tr("Edit card…"), self.edit_card, "ph.pencil-simple")
        menu.addSeparator()
        menu.add(self.tr("Remove from the project"), self.remove, "ph.trash", danger=True)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(at)

    def _try(self, title: str, change: Callable[[], object]) -> bool:
        """Do a small change on disk; False after announcing an error."""
        try:
            change()
        except UserError as error:
            self.session.error.emit(title, error.sentence)
            return False
        except OSError as error:
            self.session.error.emit(title, error.strerror or str(error))
            return False
        self.session.models_changed.emit()
        return True

    def use_for_proposals(self) -> None:
        """The chosen model proposes labels from now on."""
        entry, project = self.chosen(), self.session.project
        if entry is None or project is None:
            return
        title = self.tr("The model was not chosen")
        if self._try(title, lambda: store.use_for_proposals(project, entry)):
            words = self.tr("{0} proposes labels from now on").format(entry.card.title)
            self.session.message.emit(words, None)

    def remove(self) -> None:
        """Take the chosen model off the list; Undo brings it back."""
        entry, project = self.chosen(), self.session.project
        if entry is None or project is None:
            return

        def undo() -> None:
            if self.session.project is project:
                title = self.tr("The model was not brought back")
                self._try(title, lambda: store.restore_model(project, entry))

        title = self.tr("The model was not removed")
        if self._try(title, lambda: store.remove_model(project, entry)):
            self.session.message.emit(self.tr("{0} removed").format(entry.card.title), undo)

    def edit_card(self) -> None:
        """Edit the texts of the chosen model's card."""
        entry = self.chosen()
        if entry is None:
            return
        dialog = EditCardDialog(self, entry.card)
        if dialog.exec():
            card = dialog.card()
            self._try(self.tr("The card was not saved"), lambda: store.save_card(entry, card))
        dialog.deleteLater()

    def ask_export(self) -> None:
        """Write the chosen model to a file."""
        entry, project = self.chosen(), self.session.project
        if entry is None or project is None:
            return
        dialog = ExportDialog(self, project, entry, self.supervisor)
        dialog.written.connect(self._mark_stale)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def ask_import(self) -> None:
        """Choose a model file and copy it into the project."""
        if self.session.project is None:
            title = self.tr("No project is open")
            self.session.error.emit(title, self.tr("Open or create one in the Library."))
            return
        words = self.tr("Model files (*.safetensors)")
        chosen, _ = QFileDialog.getOpenFileName(self, self.tr("Import model"), "", words)
        if chosen:
            self.import_model(Path(chosen))

    def import_model(self, path: Path) -> None:
        """Copy a model file into the project, in the background."""
        project = self.session.project
        if project is None:
            return

        def done(entry: ModelEntry) -> None:
            if self.session.project is project:
                self._chosen = entry.id
                self.session.models_changed.emit()
                words = self.tr("{0} imported").format(entry.card.title)
                self.session.message.emit(words, None)

        title = self.tr("The model was not imported")
        self.session.tasks.run(
            store.import_model, project, path, on_done=done, owner=self,
            on_error=lambda words: self.session.error.emit(title, words),
        )  # fmt: skip

    def _show_folder(self, path: str) -> None:
        project = self.session.project
        folder = Path(path).parent if path else project.exports_dir if project else None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
