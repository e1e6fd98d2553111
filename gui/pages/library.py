"""Library: all series of the project, found, filtered, looked at, split and opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from core.project.records import ImportReport, SeriesRecord, Split
from core.project.search import Order, filter_records
from gui.dialogs.split import SplitDialog
from gui.importing import ImportState
from gui.pages.library_actions import Actions
from gui.pages.library_details import Details
from gui.pages.library_empty import LibraryEmpty
from gui.pages.library_filters import Filters
from gui.pages.library_head import LibraryHead
from gui.pages.library_import import ImportEnd
from gui.pages.library_model import ORDERS, Column, LibraryModel
from gui.pages.library_strip import ImportStrip
from gui.pages.library_thumbs import Thumbnails
from gui.pages.library_view import LibraryGrid, LibraryTable, chosen_rows, ranges
from gui.session import Session
from gui.widgets import EmptyState

#: Narrower than this, the details lie over the table as a drawer (1400 less the rail).
_DRAWER_BELOW = 1328


class LibraryPage(QWidget):
    """Made by the main window; announces nothing, listens to the session."""

    def __init__(self, session: Session, supervisor: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        # Below what table and details need side by side: then the details become a drawer.
        self.setMinimumWidth(1000)
        self.title = self.tr("Library")
        self.session = session
        self.actions_ = Actions(session, supervisor, self)
        self.model = LibraryModel(self)
        self.thumbs = Thumbnails(session, self)
        self.thumbs.arrived.connect(self.model.picture_arrived)
        self._chosen: list[str] = []
        self._order = "patient"
        self._drawer = False
        self._restoring = False
        self.import_end = ImportEnd(session, self)
        self._build()
        self._connect()
        self.refresh()
        self._progress(session.importing)

    # ---- building ----------------------------------------------------------------------------

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 0, 24, 16)
        column.setSpacing(0)
        self.head = LibraryHead(self.session)
        column.addWidget(self.head)
        self.strip = ImportStrip(self.session)
        column.addWidget(self.strip)
        self._gap = QWidget()
        self._gap.setFixedHeight(16)
        column.addWidget(self._gap)
        self._states = QStackedWidget()
        self.empty = LibraryEmpty()
        self._states.addWidget(self.empty)
        self._full = QWidget()
        self._states.addWidget(self._full)
        column.addWidget(self._states, 1)
        self._row = QHBoxLayout(self._full)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(16)
        left = QVBoxLayout()
        left.setSpacing(16)
        self.filters = Filters()
        left.addWidget(self.filters)
        self.table = LibraryTable(self.model, self.thumbs)
        self.grid = LibraryGrid(self.model, self.thumbs)
        self.grid.setSelectionModel(self.table.selectionModel())
        self._views = QStackedWidget()
        self._views.addWidget(self.table)
        self._views.addWidget(self.grid)
        self.nothing = EmptyState(
            "ph.funnel",
            self.tr("No series matches"),
            self.tr("Nothing fits the search and the filters."),
            [(self.tr("Show all series"), self._show_all)],
        )
        self._views.addWidget(self.nothing)
        left.addWidget(self._views, 1)
        self._row.addLayout(left, 1)
        self.details = Details(self.session)
        self._row.addWidget(self.details)
        self.model.set_titles(
            {
                Column.PATIENT: self.tr("Patient"),
                Column.DATE: self.tr("Study date"),
                Column.DESCRIPTION: self.tr("Description"),
                Column.SLICES: self.tr("Slices"),
                Column.SPACING: self.tr("Spacing mm"),
                Column.LABELS: self.tr("Labels"),
                Column.SPLIT: self.tr("Split"),
                Column.CHECKS: self.tr("Checks"),
            }
        )

    def _connect(self) -> None:
        session = self.session
        session.series_changed.connect(self.refresh)
        session.project_changed.connect(self._project_changed)
        session.import_progress.connect(self._progress)
        session.import_finished.connect(self._import_finished)
        session.models_changed.connect(self._show_chosen)
        self.filters.changed.connect(self.refresh)
        self.filters.view_changed.connect(self._show_view)
        self.filters.search.below.connect(self._into_rows)
        self.table.header.sortIndicatorChanged.connect(self._sorted)
        self.table.selectionModel().selectionChanged.connect(lambda _on, _off: self._selected())
        self.table.selectionModel().currentChanged.connect(lambda _new, _old: self._selected())
        for view in (self.table, self.grid):
            view.opened.connect(self._open)
            view.menu_asked.connect(self._menu)
            view.delete_asked.connect(lambda: self.actions_.remove(self.chosen()))
            view.typed.connect(self.filters.type_on)
        self.details.menu_asked.connect(
            lambda button: self._menu(button.mapToGlobal(QPoint(0, button.height() + 4)))
        )
        self.details.close_asked.connect(self.details.hide)
        self.details.split_chosen.connect(self._set_split)
        self.head.details_button.clicked.connect(self._toggle_drawer)
        self.head.folder_asked.connect(self.ask_folder)
        self.head.files_asked.connect(self.ask_files)
        self.head.split_asked.connect(self.ask_split)
        self.head.report_asked.connect(self.import_end.show_report)
        self.head.propose_asked.connect(lambda: self.actions_.propose(self.chosen()))
        self.empty.open_asked.connect(self.ask_folder)
        self.empty.demo_asked.connect(self.session.open_demo)
        self.empty.project_asked.connect(self.session.open_project)
        QShortcut(QKeySequence("Ctrl+T"), self).activated.connect(self._show_tags)

    # ---- content -----------------------------------------------------------------------------

    def refresh(self) -> None:
        """Filter and sort anew; selection and scroll position stay."""
        records = self.session.series()
        # Counted first: what is new depends on it.
        self.filters.show_counts(records)
        wanted = self.filters.wanted()
        rows = filter_records(
            records,  # all of them: what is known of this list from the last time still holds
            wanted.text,
            status=wanted.status,
            split=wanted.split,
            order=cast(Order, self._order),
        )
        if wanted.fits is not None:
            rows = [record for record in rows if wanted.fits(record)]
        scrolled = self.table.verticalScrollBar().value()
        if self.model.set_rows(rows):
            self._restore(scrolled)
        nothing = not records and self.session.importing is None
        self._states.setCurrentWidget(self.empty if nothing else self._full)
        self._show_view()
        self.head.show_series(len(records))
        self._show_chosen()

    def _restore(self, scrolled: int) -> None:
        """Choose again after the rows were set anew; the first row where nothing was chosen."""
        model, selection = self.model, self.table.selectionModel()
        flag = QItemSelectionModel.SelectionFlag
        rows = [row for uid in self._chosen if (row := model.row_of(uid)) >= 0]
        if not rows and model.rows():
            rows = [0]
        self._restoring = True  # one look at what is chosen, in the end
        if rows:
            selection.select(ranges(model, rows), flag.Select | flag.Rows)
            last = model.index(rows[-1], Column.PATIENT)
            selection.setCurrentIndex(last, flag.NoUpdate)
        self._restoring = False
        self._note_chosen(self.chosen())
        self.table.verticalScrollBar().setValue(scrolled)

    def chosen(self) -> list[SeriesRecord]:
        """The chosen series, in the order of the table."""
        rows = chosen_rows(self.table.selectionModel())
        records = (self.model.record_at(row) for row in rows)
        return [record for record in records if record is not None]

    def _selected(self) -> None:
        if not self._restoring:
            chosen = self.chosen()
            self._note_chosen(chosen)
            self._show_chosen(chosen)

    def _note_chosen(self, chosen: list[SeriesRecord]) -> None:
        self._chosen = [record.series_uid for record in chosen]
        total = len(self.model.rows())
        self.table.header.all_chosen = total > 0 and len(chosen) == total
        self.table.header.viewport().update()

    def _show_chosen(self, chosen: list[SeriesRecord] | None = None) -> None:
        chosen = self.chosen() if chosen is None else chosen
        current = self.model.record_at(self.table.currentIndex().row())
        if current not in chosen:
            current = chosen[-1] if chosen else None
        if self.isVisible():
            self.details.show_record(current, len(chosen))
        self.head.show_actions(self.actions_.why_no_proposal(), bool(chosen))

    def showEvent(self, event: QShowEvent) -> None:
        """Load the picture only once somebody looks."""
        super().showEvent(event)
        self._show_chosen()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The details become a drawer in a narrow window."""
        super().resizeEvent(event)
        drawer = self.width() < _DRAWER_BELOW
        if drawer != self._drawer:
            self._drawer = drawer
            self.head.show_drawer(drawer)
            self.details.close_button.setVisible(drawer)
            if drawer:
                self._row.removeWidget(self.details)
                self.details.setParent(self)
                self.details.hide()
            else:
                self._row.addWidget(self.details)
                self.details.show()
        if drawer:
            top = self._states.y()
            self.details.setGeometry(
                self.width() - self.details.width(), top, self.details.width(),
                self.height() - top,
            )  # fmt: skip

    def _toggle_drawer(self) -> None:
        self.details.setVisible(not self.details.isVisible())
        self.details.raise_()

    def focus_search(self) -> None:
        """Ctrl+F."""
        self.filters.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filters.search.selectAll()

    def _show_view(self, _view: str = "") -> None:
        view = self.grid if self.filters.view.key() == "grid" else self.table
        empty = self.model.rowCount() == 0 and self.filters.narrowed()
        self._views.setCurrentWidget(self.nothing if empty else view)

    def _into_rows(self) -> None:
        """From the search into what it found, at once, though the last letter may still wait."""
        self.refresh()
        view = self._views.currentWidget()
        if view is not self.nothing:
            view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_all(self) -> None:
        self.filters.reset()
        self.refresh()

    def _sorted(self, section: int, order: Qt.SortOrder) -> None:
        if section in ORDERS:
            down = order == Qt.SortOrder.DescendingOrder
            self._order = ("-" if down else "") + ORDERS[section]
            self.refresh()

    def _project_changed(self) -> None:
        self._chosen = []
        self.filters.reset()
        self.head.show_projects()
        project = self.session.project
        self.empty.show_recent(None if project is None else project.path)
        self._progress(self.session.importing)
        self.refresh()

    # ---- commands ----------------------------------------------------------------------------

    def _open(self, row: int) -> None:
        record = self.model.record_at(row)
        if record is not None:
            self.session.open_series(record.series_uid)

    def _menu(self, where: QPoint) -> None:
        self.actions_.show_menu(self.chosen(), where)

    def _show_tags(self) -> None:
        current = self.details.record
        if current is not None:
            self.actions_.show_tags(current)

    def _set_split(self, split: str) -> None:
        self.actions_.move(self.chosen(), cast(Split, split))

    def ask_folder(self) -> None:
        """Choose a folder and import it."""
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Import a folder"))
        if chosen:
            self.session.import_paths([Path(chosen)])

    def ask_files(self) -> None:
        """Choose files and import them."""
        chosen, _ = QFileDialog.getOpenFileNames(self, self.tr("Import files"))
        if chosen:
            self.session.import_paths([Path(path) for path in chosen])

    def ask_split(self) -> None:
        """Deal the labelled cases into the splits."""
        dialog = SplitDialog(self, self.session.require_project().series())
        if dialog.exec() and dialog.parts:
            self.session.set_splits(dialog.parts)
        dialog.deleteLater()

    # ---- import ------------------------------------------------------------------------------

    def _progress(self, state: ImportState | None) -> None:
        self.strip.show_state(state)
        self.model.set_reading(state)
        if state is not None:
            self._states.setCurrentWidget(self._full)

    def _import_finished(self, report: ImportReport) -> None:
        self._progress(None)
        self.refresh()
        self.head.report.setEnabled(True)
        self.import_end.take(report)
