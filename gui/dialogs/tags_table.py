"""The rows of the DICOM tag viewer: a model that filters, a delegate that indents, a table."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from gui import theme
from gui.widgets.paint import text
from gui.widgets.rows import HoverDelegate, prepare

if TYPE_CHECKING:
    from core.dicom.tags import TagListing, TagRow

Index = QModelIndex | QPersistentModelIndex

ROW = 28
_INDENT = 14
TAG, NAME, VR, VALUE = range(4)
_WIDTHS = {TAG: 170, NAME: 250, VR: 52}
_TOP = QModelIndex()
_ROW_ROLE = int(Qt.ItemDataRole.UserRole)


class TagsModel(QAbstractTableModel):
    """The rows of one listing that match a search; sequences stay above what was found in them."""

    def __init__(self, titles: tuple[str, str, str, str], parent: QWidget) -> None:
        super().__init__(parent)
        self._titles = titles
        self._listing: TagListing | None = None
        self._shown: list[int] = []

    def show(self, listing: TagListing | None, search: str) -> None:
        """Show the rows of ``listing`` that hold every word of ``search``."""
        self.beginResetModel()
        self._listing = listing
        self._shown = []
        if listing is not None:
            # Loaded late: it brings pydicom, which is there by the time there is a listing.
            from core.dicom.tags import matching  # noqa: PLC0415

            self._shown = matching(listing, search)
        self.endResetModel()

    def rows(self) -> list[TagRow]:
        """The rows shown."""
        return [] if self._listing is None else [self._listing.rows[i] for i in self._shown]

    def row_at(self, row: int) -> TagRow:
        """One of the rows shown."""
        assert self._listing is not None  # noqa: S101 - there is no row without a listing
        return self._listing.rows[self._shown[row]]

    def rowCount(self, parent: Index = _TOP) -> int:
        """Rows that match."""
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = _TOP) -> int:
        """Tag, name, VR, value."""
        return 0 if parent.isValid() else 4

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The row for the delegate; plain text for screen readers; the whole value as tooltip."""
        row = self.row_at(index.row())
        if role == _ROW_ROLE:
            return row
        words = (row.tag, row.name, row.vr, row.value)[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return words
        if role == Qt.ItemDataRole.ToolTipRole and words:
            # A value that looks like HTML must not be taken for it.
            extra = f" · {row.keyword}" if index.column() == NAME and row.keyword else ""
            return f"<p>{escape(words + extra)}</p>"
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The titles."""
        wanted = orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return self._titles[section] if wanted else None


class _Delegate(HoverDelegate):
    """Numbers in the fixed face, sequences bold, everything below a sequence indented."""

    def __init__(self, view: QTableView) -> None:
        super().__init__(view, ROW)
        self._mono = theme.font(12, mono=True)
        self._plain = theme.font(12)
        self._bold = theme.font(12, 600)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One cell."""
        painter.save()
        rect = QRectF(option.rect)  # type: ignore[attr-defined]
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)  # type: ignore[attr-defined]
        if chosen:
            painter.fillRect(rect, theme.ACCBG)
        elif index.row() == self.hovered:
            painter.fillRect(rect, theme.BG3)
        painter.fillRect(QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), theme.LINE)
        row: TagRow = index.data(_ROW_ROLE)
        self._cell(painter, rect.adjusted(8, 0, -8, -1), index.column(), row)
        painter.restore()

    def _cell(self, p: QPainter, area: QRectF, column: int, row: TagRow) -> None:
        indent = area.adjusted(_INDENT * row.depth, 0, 0, 0)
        if column == TAG:
            words, font = (row.tag, self._mono) if row.tag else (row.name, self._plain)
            text(p, indent, words, font, theme.T3)
        elif column == NAME and row.tag:
            font = self._bold if row.vr == "SQ" else self._plain
            text(p, area, row.name, font, theme.T1)
        elif column == VR:
            text(p, area, row.vr, self._plain, theme.T3)
        elif column == VALUE:
            text(p, area, row.value, self._plain, theme.T2 if row.vr == "SQ" else theme.T1)


class TagsTable(QTableView):
    """Rows of 28 px; Ctrl+C copies the chosen ones."""

    def __init__(self, model: TagsModel, name: str) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setAccessibleName(name)
        self._rows = model
        self.setModel(model)
        self.setItemDelegate(_Delegate(self))
        prepare(self, ROW)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        header = self.horizontalHeader()
        header.setFixedHeight(36)
        header.setHighlightSections(False)
        header.setFont(theme.font(12, 600))
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setMinimumSectionSize(40)
        for column, width in _WIDTHS.items():
            self.setColumnWidth(column, width)
        header.setSectionResizeMode(VALUE, QHeaderView.ResizeMode.Stretch)

    def chosen(self) -> list[TagRow]:
        """The chosen rows in their order."""
        rows = sorted({index.row() for index in self.selectionModel().selectedRows()})
        return [self._rows.row_at(row) for row in rows]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copying is the dialog's, which also knows what to copy where nothing is chosen."""
        if event.matches(QKeySequence.StandardKey.Copy):
            event.ignore()
            return
        super().keyPressEvent(event)
