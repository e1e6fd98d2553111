"""Rows of the library's table and grid: filtered, sorted, with pictures that arrive later."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from core.project.records import SeriesRecord
from gui import i18n
from gui.importing import ImportState

Index = QModelIndex | QPersistentModelIndex

RECORD = int(Qt.ItemDataRole.UserRole)
READING = RECORD + 1

_TOP = QModelIndex()
_READING_FLAGS = Qt.ItemFlag.ItemIsEnabled
_FLAGS = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class Column(IntEnum):
    """Columns in the order of the design."""

    SELECT = 0
    PICTURE = 1
    PATIENT = 2
    DATE = 3
    DESCRIPTION = 4
    SLICES = 5
    SPACING = 6
    LABELS = 7
    SPLIT = 8
    CHECKS = 9


#: Column -> word of core.project.search for its order.
ORDERS: dict[int, str] = {
    Column.PATIENT: "patient",
    Column.DATE: "date",
    Column.DESCRIPTION: "description",
    Column.SLICES: "slices",
    Column.SPACING: "spacing",
    Column.LABELS: "labels",
    Column.SPLIT: "split",
    Column.CHECKS: "checks",
}


def joined(*parts: str) -> str:
    """The parts that are there, with a middle dot between; "–" for none."""
    return " · ".join(part for part in parts if part) or "–"


def person(record: SeriesRecord) -> str:
    """Sex and age: "F · 61"."""
    return joined(record.sex, record.age)


def technique(record: SeriesRecord) -> str:
    """Kernel and tube voltage: "B30f · 120 kV"."""
    return joined(record.kernel, f"{record.kvp} kV" if record.kvp else "")


def number(value: float) -> str:
    """Millimetres with the digits that matter: 0.78, 2.5, 3."""
    return f"{value:.2f}" if value < 1 else f"{value:.2f}".rstrip("0").rstrip(".")


def spacing(record: SeriesRecord) -> str:
    """Spacing as x × y × z in mm, in plane with two digits."""
    z, y, x = record.geometry.spacing
    return f"{x:.2f} × {y:.2f} × {z:.1f}" if z >= 1 else f"{x:.2f} × {y:.2f} × {z:.2f}"


class LibraryModel(QAbstractTableModel):
    """Rows are records; while an import runs, one more row at the end says how far it is."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[SeriesRecord] = []
        self._reading: ImportState | None = None
        self._titles: dict[int, str] = {}
        self._places: dict[str, int] = {}

    def set_titles(self, titles: dict[int, str]) -> None:
        """Heads of the columns, translated by the page."""
        self._titles = titles
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(Column) - 1)

    def set_rows(self, rows: list[SeriesRecord]) -> bool:
        """Show these records in this order; True when rows came, went or moved.

        The same series in the same order are only redrawn, so that selection and scroll
        position stay.
        """
        places = {r.series_uid: i for i, r in enumerate(rows)}
        if len(rows) == len(self._rows) and list(places) == list(self._places):
            # Most are the very same objects; comparing those costs nothing.
            changed = [
                i for i, (new, old) in enumerate(zip(rows, self._rows, strict=True))
                if new is not old and new != old
            ]  # fmt: skip
            self._rows = rows
            for row in changed:
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(Column) - 1))
            return False
        self.beginResetModel()
        self._rows, self._places = rows, places
        self.endResetModel()
        return True

    def set_reading(self, state: ImportState | None) -> None:
        """The last row: what is being read, or None to take it away."""
        row = len(self._rows)
        if (state is None) != (self._reading is None):
            if state is None:
                self.beginRemoveRows(_TOP, row, row)
                self._reading = None
                self.endRemoveRows()
            else:
                self.beginInsertRows(_TOP, row, row)
                self._reading = state
                self.endInsertRows()
        elif state is not None:
            self._reading = state
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(Column) - 1))

    def rows(self) -> list[SeriesRecord]:
        """The records shown, in order."""
        return self._rows

    def row_of(self, uid: str) -> int:
        """Row of a series, -1 when it is not shown."""
        return self._places.get(uid, -1)

    def record_at(self, row: int) -> SeriesRecord | None:
        """The record of a row, None for the row of the import."""
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def picture_arrived(self, uid: str) -> None:
        """Draw a row's picture anew."""
        row = self.row_of(uid)
        if row >= 0:
            index = self.index(row, Column.PICTURE)
            self.dataChanged.emit(index, index)

    def rowCount(self, parent: Index = _TOP) -> int:
        """Records, and the row of the import."""
        return 0 if parent.isValid() else len(self._rows) + (self._reading is not None)

    def columnCount(self, parent: Index = _TOP) -> int:
        """Fixed."""
        return 0 if parent.isValid() else len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The record itself for the delegate; plain text for screen readers and tooltips."""
        record = self.record_at(index.row())
        if record is None:
            return self._reading if role == READING else None
        if role == RECORD:
            return record
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._text(record, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(record, index.column())
        return None

    @staticmethod
    def _tip(record: SeriesRecord, column: int) -> str:
        return {
            Column.CHECKS: "\n".join(i18n.sentence(check.message) for check in record.checks),
            Column.PATIENT: record.patient_id,
            Column.DESCRIPTION: joined(record.description, technique(record)),
        }.get(Column(column), "")

    @staticmethod
    def _text(record: SeriesRecord, column: int) -> str:
        return {
            Column.PATIENT: record.patient_id or "–",
            Column.DATE: record.study_date or "–",
            Column.DESCRIPTION: record.description or "–",
            Column.SLICES: str(record.geometry.shape[0]),
            Column.SPACING: spacing(record),
            Column.LABELS: record.label_status,
            Column.SPLIT: record.split,
            Column.CHECKS: ", ".join(check.code for check in record.checks),
        }.get(Column(column), "")

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Column titles."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._titles.get(section, "")
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """The row of the import cannot be selected."""
        return _READING_FLAGS if self.record_at(index.row()) is None else _FLAGS
