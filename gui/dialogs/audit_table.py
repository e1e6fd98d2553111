"""What de-identifying does to each attribute, as a table to be looked through and searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from gui import theme

if TYPE_CHECKING:
    from core.dicom.deidentify.audit import AuditRow

Index = QModelIndex | QPersistentModelIndex
_TOP = QModelIndex()
_ROW = 28
_HIDDEN = "•••"


class AuditModel(QAbstractTableModel):
    """One row an attribute: tag, name, action, files, an example before and after.

    hide: not what stood in an attribute that changes, where patients are under pseudonyms.
    """

    def __init__(self, parent: QObject | None = None, *, hide: bool = False) -> None:
        super().__init__(parent)
        self._hide = hide
        self._all: Sequence[AuditRow] = ()
        self._rows: list[AuditRow] = []
        self._search = ""
        self._titles = (
            self.tr("Tag"), self.tr("Attribute"), self.tr("Action"), self.tr("Files"),
            self.tr("Before"), self.tr("After"),
        )  # fmt: skip
        self._actions = {
            "kept": self.tr("Kept"),
            "kept, a name of this project": self.tr("Kept, a name of this project"),
            "UID replaced": self.tr("UID replaced"),
            "pseudonym": self.tr("Pseudonym"),
            "date shifted": self.tr("Date shifted"),
            "emptied": self.tr("Emptied"),
            "replaced": self.tr("Replaced"),
            "written anew": self.tr("Written anew"),
            "removed": self.tr("Removed"),
            "removed, private": self.tr("Removed, private"),
            "removed, not known to be safe": self.tr("Removed, not known to be safe"),
            "removed, not what its attribute should hold": self.tr("Removed, malformed"),
            "removed, held an identifier": self.tr("Removed, held an identifier"),
        }

    def show_rows(self, rows: Sequence[AuditRow]) -> None:
        """Show other rows."""
        self._all = rows
        self.search(self._search)

    def search(self, text: str) -> None:
        """Only the rows that hold all words of ``text``."""
        self._search = text
        words = text.casefold().split()
        self.beginResetModel()
        self._rows = [
            row for row in self._all
            if all(w in " ".join(self.texts(row)).casefold() for w in words)
        ]  # fmt: skip
        self.endResetModel()

    def texts(self, row: AuditRow) -> tuple[str, ...]:
        """A row in words."""
        tag = row.tag.replace(" > ", "›")
        action = self._actions[row.action.value]
        before = _HIDDEN if self._hide and row.changed and row.before else row.before
        return (tag, row.name, action, str(row.files), before, row.after)

    def rowCount(self, parent: Index = _TOP) -> int:
        """Rows that match the search."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _TOP) -> int:
        """Six."""
        return 0 if parent.isValid() else len(self._titles)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Titles."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, with the whole of it as tooltip; what stays is quieter."""
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self.texts(row)[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(theme.T1 if row.changed else theme.T3)
        if role == Qt.ItemDataRole.FontRole and index.column() == 0:
            return theme.font(12, mono=True)
        return None


class AuditTable(QTableView):
    """The table in the look of the cards."""

    def __init__(self, model: AuditModel, name: str) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setModel(model)
        self.setAccessibleName(name)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW)
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setFont(theme.font(12, 600))
        header.setHighlightSections(False)
        for column, width in enumerate((120, 220, 190, 52, 180)):
            self.setColumnWidth(column, width)
        header.setSectionResizeMode(5, QHeaderView.ResizeMode.Stretch)
