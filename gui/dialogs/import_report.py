"""What an import brought, and why the rest was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PySide6.QtCore import QModelIndex
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.project.records import ImportReport, Skipped
from gui.dialogs.report_tree import ReportModel, ReportTree, grouped
from gui.dialogs.tags import TagsDialog
from gui.tasks import TaskPool
from gui.widgets import Dialog, EmptyState, SearchField, caption, label


class ImportReportDialog(Dialog):
    """Counts on top, the files left out below, grouped by reason and searchable.

    tasks: with it, a double click on a file shows its DICOM tags.
    """

    def __init__(
        self, parent: QWidget | None, report: ImportReport, tasks: TaskPool | None = None
    ) -> None:
        super().__init__(parent, "", 880)
        self._report = report
        self._tasks = tasks
        cancelled = self.tr("Import stopped") if report.cancelled else self.tr("Import finished")
        self.heading.setText(cancelled)
        self.body.addWidget(label(self._counts(), 13, 400, "t2", wrap=True))
        self.model = ReportModel(self)
        if report.skipped:
            self._build_list()
        else:
            self.body.addWidget(EmptyState("ph.check-circle", self.tr("Nothing was left out")))
        copy = self.add_button(self.tr("Copy"), "secondary", "ph.copy")
        copy.setToolTip(
            self.tr("Copies the chosen files with their reasons, or all that are shown")
        )
        copy.clicked.connect(self.copy)
        copy.setVisible(bool(report.skipped))
        done = self.add_button(self.tr("Done"), "primary")
        done.setDefault(True)
        done.clicked.connect(self.accept)

    def _build_list(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(12)
        self.search = SearchField(self.tr("Search file, folder or reason"))
        self.search.searched.connect(lambda _text: self._show())
        self.count = label("", 12, 400, "t3")
        row.addWidget(self.search, 1)
        row.addWidget(self.count)
        self.body.addLayout(row)
        self.tree = ReportTree(self.model, self.tr("Files left out"))
        self.tree.setFixedHeight(400)
        self.tree.doubleClicked.connect(self.show_tags)
        self.body.addWidget(self.tree)
        if self._tasks is not None:
            hint = self.tr("A double click on a file shows its DICOM tags.")
            self.buttons.insertWidget(0, caption(hint))
        self._show()

    def _show(self) -> None:
        search = self.search.text()
        self.model.show(grouped(self._report.skipped, search))
        self.tree.open_out(bool(search.strip()))
        files = sum(len(group.files) for group in self.model.groups)
        reasons = self.tr("%n reason(s)", "", len(self.model.groups))
        self.count.setText(self.tr("{0} files · {1}").format(files, reasons))

    def _counts(self) -> str:
        report = self._report
        kinds = Counter(record.modality or "CT" for record in report.series)
        series = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        return " · ".join(
            (
                self.tr("{0} series in the project").format(series or "0"),
                self.tr("{0} with labels").format(len(report.labelled)),
                self.tr("{0} files left out").format(len(report.skipped)),
            )
        )

    def show_tags(self, index: QModelIndex) -> TagsDialog | None:
        """Look into a file that was left out; what is no DICOM says so there."""
        item = self.model.file_at(index)
        if item is None or self._tasks is None:
            return None
        dialog = TagsDialog(self, self._tasks, [item.path])
        dialog.open()
        return dialog

    def copy(self) -> None:
        """Put the chosen files, or all that are shown, on the clipboard: path, tab, reason."""
        shown = [item for group in self.model.groups for item in group.files]
        items: Sequence[Skipped] = self.tree.chosen() or shown
        QGuiApplication.clipboard().setText("\n".join(f"{i.path}\t{i.reason}" for i in items))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+C copies."""
        if event.matches(QKeySequence.StandardKey.Copy) and self._report.skipped:
            self.copy()
            return
        super().keyPressEvent(event)
