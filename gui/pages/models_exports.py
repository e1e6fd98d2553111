"""The card below the table: files written from the models, with the outcome of their checks."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QHeaderView,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from core.models.store import ExportRecord
from core.models.words import difference, size
from gui import theme
from gui.pages.models_read import moment
from gui.pages.models_table import Index, PlainHeader
from gui.widgets import Button, Card, EmptyState
from gui.widgets.paint import text
from gui.widgets.rows import prepare

ROW = 48


class Column(IntEnum):
    """Columns in order."""

    FILE = 0
    FORMAT = 1
    PRECISION = 2
    SIZE = 3
    CHECK = 4
    WHEN = 5


_WIDTHS = (230, 130, 92, 92, 286, 110)
_NUMBERS = {Column.SIZE, Column.WHEN}
_FORMATS = {"onnx": "ONNX", "safetensors": "Checkpoint"}


class _Rows(QAbstractTableModel):
    """The exported files, newest first."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.records: tuple[ExportRecord, ...] = ()
        self.titles = {
            Column.FILE: self.tr("File"),
            Column.FORMAT: self.tr("Format"),
            Column.PRECISION: self.tr("Precision"),
            Column.SIZE: self.tr("Size"),
            Column.CHECK: self.tr("Check"),
            Column.WHEN: self.tr("When"),
        }

    def show(self, records: tuple[ExportRecord, ...]) -> None:
        """Replace the rows."""
        self.beginResetModel()
        self.records = records
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """Files."""
        return 0 if parent is not None and parent.isValid() else len(self.records)

    def columnCount(self, parent: Index | None = None) -> int:
        """Always all."""
        return 0 if parent is not None and parent.isValid() else len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Words of a cell; the whole path as tooltip of the file."""
        if not index.isValid():
            return None
        record, column = self.records[index.row()], Column(index.column())
        if role == Qt.ItemDataRole.ToolTipRole and column is Column.FILE:
            return record.path
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return None
        return {
            Column.FILE: Path(record.path).name,
            Column.FORMAT: _FORMATS.get(record.format, record.format),
            Column.PRECISION: record.precision,
            Column.SIZE: size(record.bytes),
            Column.CHECK: self._check(record),
            Column.WHEN: moment(record.when),
        }[column]

    def _check(self, record: ExportRecord) -> str:
        if record.max_difference is None:
            return self.tr("Not checked")
        words = f"max |Δ| {difference(record.max_difference)}"
        if record.passed:
            return words
        return self.tr("{0}, above {1}").format(words, difference(record.limit))

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The titles."""
        wanted = orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return self.titles[Column(section)] if wanted else None


class _Delegate(QStyledItemDelegate):
    """All cells."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """One line with room."""
        return QSize(60, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Icon and words."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect)  # type: ignore[attr-defined]
        if option.state & QStyle.StateFlag.State_Selected:  # type: ignore[attr-defined]
            painter.fillRect(rect, theme.ACCBG)
        painter.fillRect(QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), theme.LINE)
        model = index.model()
        assert isinstance(model, _Rows)  # noqa: S101 - this delegate serves that model only
        record, column = model.records[index.row()], Column(index.column())
        inner = rect.adjusted(16, 0, -14, 0)
        font, colour = theme.font(13), theme.T2
        icon = ""
        if column is Column.FILE:
            font, colour, icon = theme.font(13, 600), theme.T1, "ph.file"
        elif column is Column.CHECK and record.max_difference is not None:
            icon = "ph.check-circle" if record.passed else "ph.warning-circle"
            colour = theme.T1 if record.passed else theme.ERR
        if icon:
            tint = theme.T2 if column is Column.FILE else theme.OK if record.passed else theme.ERR
            middle = round(inner.center().y()) - 8
            theme.icon(icon, tint).paint(painter, round(inner.left()), middle, 16, 16)
            inner.adjust(24, 0, 0, 0)
        right = Qt.AlignmentFlag.AlignRight
        align = right if column in _NUMBERS else Qt.AlignmentFlag.AlignLeft
        text(painter, inner, str(index.data() or ""), font, colour, align=align)
        painter.restore()


class ExportsCard(Card):
    """folder_asked: show the folder of the chosen file, or of all exports (empty path)."""

    folder_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__("", padding=0)
        self.set_title(self.tr("Exported files"))
        outer = self.layout()
        outer.setSpacing(4)  # type: ignore[union-attr]
        self._top.layout().setContentsMargins(16, 12, 8, 0)  # type: ignore[union-attr]
        self.folder_button = Button(self.tr("Show folder"), "ghost", "ph.folder-open", dense=True)
        self.folder_button.clicked.connect(self._ask)
        self.header.addWidget(self.folder_button)
        self._rows = _Rows(self)
        self.table = QTableView()
        self.table.setModel(self._rows)
        self.table.setItemDelegate(_Delegate(self.table))
        header = PlainHeader(self.table, set(_NUMBERS), sorts=False)
        self.table.setHorizontalHeader(header)
        for column, width in zip(Column, _WIDTHS, strict=True):
            self.table.setColumnWidth(column, width)
        header.setSectionResizeMode(Column.FILE, QHeaderView.ResizeMode.Stretch)
        prepare(self.table, ROW)
        self.table.doubleClicked.connect(lambda _index: self._ask())
        self._empty = EmptyState(
            "ph.export",
            self.tr("No exported files"),
            self.tr("Export a model to use it in other programs."),
        )
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.table)
        self.body.addWidget(self._stack, 1)

    def show_exports(self, records: tuple[ExportRecord, ...]) -> None:
        """Show these files."""
        self._rows.show(records)
        self._stack.setCurrentIndex(1 if records else 0)

    def _ask(self) -> None:
        row = self.table.currentIndex().row()
        chosen = self._rows.records[row].path if 0 <= row < len(self._rows.records) else ""
        self.folder_asked.emit(chosen)
