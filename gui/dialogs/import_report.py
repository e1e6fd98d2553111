"""What an import brought, and why the rest was left out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from core.project.records import ImportReport, Skipped
from gui import theme
from gui.widgets import Dialog, EmptyState, label

#: More rows help nobody; the rest is counted.
_SHOWN = 500


def summary_rows(skipped: tuple[Skipped, ...]) -> list[tuple[str, str, str]]:
    """(file, folder, reason), files that share folder and reason put together as "12 files"."""
    groups: dict[tuple[Path, str], list[str]] = {}
    for item in skipped:
        reason = item.reason.removeprefix(f"{item.path.name} ")
        reason = reason.removeprefix("cannot be used: ")
        groups.setdefault((item.path.parent, reason), []).append(item.path.name)
    rows: list[tuple[str, str, str]] = []
    for (folder, reason), names in groups.items():
        first = names[0] if len(names) == 1 else f"{names[0]} +{len(names) - 1}"
        rows.append((first, str(folder), reason[:1].upper() + reason[1:]))
    return rows


class ImportReportDialog(Dialog):
    """Counts on top, the files left out below."""

    def __init__(self, parent: QWidget | None, report: ImportReport) -> None:
        super().__init__(parent, "", 880)
        self._report = report
        cancelled = self.tr("Import stopped") if report.cancelled else self.tr("Import finished")
        self.heading.setText(cancelled)
        self.body.addWidget(label(self._counts(), 13, 400, "t2", wrap=True))
        rows = summary_rows(report.skipped)
        if rows:
            self.table = self._table(rows)
            self.body.addWidget(self.table)
        else:
            self.body.addWidget(EmptyState("ph.check-circle", self.tr("Nothing was left out")))
        if len(rows) > _SHOWN:
            more = self.tr("and {0} more; Copy takes all of them").format(len(rows) - _SHOWN)
            self.body.addWidget(label(more, 12, 400, "t3"))
        copy = self.add_button(self.tr("Copy"), "secondary", "ph.copy")
        copy.clicked.connect(self._copy)
        copy.setVisible(bool(rows))
        done = self.add_button(self.tr("Done"), "primary")
        done.setDefault(True)
        done.clicked.connect(self.accept)

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

    def _table(self, rows: list[tuple[str, str, str]]) -> QTableWidget:
        table = QTableWidget(min(len(rows), _SHOWN), 3)
        table.setHorizontalHeaderLabels([self.tr("File"), self.tr("Folder"), self.tr("Reason")])
        table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        table.horizontalHeader().setFont(theme.font(12, 600))
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(32)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.setMinimumHeight(min(420, 36 + 32 * len(rows) + 4))
        for row, values in enumerate(rows[:_SHOWN]):
            for column, value in enumerate(values):
                item = QTableWidgetItem(value)
                item.setToolTip(value)
                table.setItem(row, column, item)
        header = table.horizontalHeader()
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        table.setColumnWidth(0, 180)
        table.setColumnWidth(1, 200)
        return table

    def _copy(self) -> None:
        lines = [f"{item.path}\t{item.reason}" for item in self._report.skipped]
        QGuiApplication.clipboard().setText("\n".join(lines))
