"""The table of models: two lines a row, sorted by any column."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    Qt,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QHeaderView,
    QStyle,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from core.models.words import figure, parameters
from gui import theme
from gui.pages.models_read import ModelRow, day
from gui.widgets.paint import text, width_of
from gui.widgets.rows import HoverDelegate, prepare

Index = QModelIndex | QPersistentModelIndex
ROW = 64
HOVER = "#20252A"
_RIGHT = Qt.AlignmentFlag.AlignRight
_LEFT = Qt.AlignmentFlag.AlignLeft


class Column(IntEnum):
    """Columns in order."""

    MODEL = 0
    RUN = 1
    DICE = 2
    HD95 = 3
    SENSITIVITY = 4
    CASES = 5
    PARAMETERS = 6
    CREATED = 7
    MENU = 8


_WIDTHS = (220, 84, 76, 90, 104, 76, 108, 130, 48)
_NUMBERS = {Column.DICE, Column.HD95, Column.SENSITIVITY, Column.CASES, Column.PARAMETERS}


def _number(value: float) -> float:
    """Unmeasured figures sort below all others."""
    return value if math.isfinite(value) else -1.0


_ORDERS: dict[Column, Callable[[ModelRow], Any]] = {
    Column.MODEL: lambda row: (row.entry.card.name.casefold(), row.entry.card.version),
    Column.RUN: lambda row: row.entry.card.run_id,
    Column.DICE: lambda row: _number(row.entry.card.dice),
    Column.HD95: lambda row: _number(row.entry.card.hd95),
    Column.SENSITIVITY: lambda row: _number(row.entry.card.sensitivity),
    Column.CASES: lambda row: row.entry.card.cases_train,
    Column.PARAMETERS: lambda row: row.entry.card.parameters,
    Column.CREATED: lambda row: row.entry.card.created,
}


class ModelsModel(QAbstractTableModel):
    """The rows, sorted and filtered."""

    def __init__(self, titles: dict[Column, str], parent: QObject) -> None:
        super().__init__(parent)
        self._titles = titles
        self._all: tuple[ModelRow, ...] = ()
        self._needle = ""
        self._order = (Column.CREATED, Qt.SortOrder.DescendingOrder)
        self.rows: list[ModelRow] = []

    def show(self, rows: tuple[ModelRow, ...]) -> None:
        """Replace the rows."""
        self._all = rows
        self._arrange()

    def search(self, needle: str) -> None:
        """Keep rows whose name, version or run holds the text."""
        self._needle = needle.strip().casefold()
        self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; the menu column does nothing."""
        if Column(column) in _ORDERS:
            self._order = (Column(column), order)
            self._arrange()

    def _arrange(self) -> None:
        column, order = self._order
        rows = [
            row
            for row in self._all
            if self._needle in f"{row.entry.card.title} {row.entry.card.run_id}".casefold()
        ]
        rows.sort(key=_ORDERS[column], reverse=order == Qt.SortOrder.DescendingOrder)
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """Models shown."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        """Always all."""
        return 0 if parent is not None and parent.isValid() else len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The words of a cell, for screen readers, tooltips and the delegate."""
        if not index.isValid() or role not in (
            Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole
        ):  # fmt: skip
            return None
        card = self.rows[index.row()].entry.card
        return {
            Column.MODEL: card.title,
            Column.RUN: card.run_id,
            Column.DICE: figure(card.dice),
            Column.HD95: figure(card.hd95, 1),
            Column.SENSITIVITY: figure(card.sensitivity),
            Column.CASES: str(card.cases_train) if card.cases_train else "–",
            Column.PARAMETERS: parameters(card.parameters),
            Column.CREATED: day(card.created),
            Column.MENU: "",
        }[Column(index.column())]

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The titles."""
        wanted = orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return self._titles.get(Column(section), "") if wanted else None


class PlainHeader(QHeaderView):
    """Titles over a line, with the arrow of the order where the table sorts."""

    def __init__(self, parent: QWidget, numbers: set[Any], sorts: bool) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setFixedHeight(36)
        self.setSectionsClickable(sorts)
        self.setHighlightSections(False)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._numbers = numbers
        self._sorts = sorts

    def paintSection(self, painter: QPainter, rect: object, section: int) -> None:
        """One title."""
        area = QRectF(rect)  # type: ignore[call-overload]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(area, theme.BG2)
        painter.fillRect(QRectF(area.left(), area.bottom() - 1, area.width(), 1), theme.LINE)
        title = str(self.model().headerData(section, Qt.Orientation.Horizontal) or "")
        right = section in self._numbers
        here = self._sorts and self.sortIndicatorSection() == section
        font = theme.font(12, 600)
        colour = theme.T1 if here else theme.T2
        align = _RIGHT if right else _LEFT
        inner = area.adjusted(16, 0, -14, 0)
        text(painter, inner, title, font, colour, align=align)
        if here:
            down = self.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder
            icon = theme.icon("ph.arrow-down" if down else "ph.arrow-up", theme.T2, 12)
            x = inner.right() + 2 if right else inner.left() + width_of(title, font) + 6
            icon.paint(painter, round(x), round(area.center().y() - 6), 12, 12)
        painter.restore()


class _Delegate(HoverDelegate):
    """All cells."""

    def __init__(self, view: ModelsTable, uses: str, imported: str) -> None:
        super().__init__(view, ROW)
        self._uses, self._imported = uses, imported
        self._bold, self._plain = theme.font(13, 600), theme.font(13)
        self._small = theme.font(12)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Ground and words of one cell."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect)  # type: ignore[attr-defined]
        state = option.state  # type: ignore[attr-defined]
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.ACCBG)
            if index.column() == Column.MODEL:
                painter.fillRect(QRectF(rect.left(), rect.top(), 3, rect.height()), theme.ACC)
        elif index.row() == self.hovered:
            painter.fillRect(rect, HOVER)
        painter.fillRect(QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), theme.LINE)
        row = self._view.rows.rows[index.row()]
        self._cell(painter, rect, Column(index.column()), row, str(index.data() or ""))
        painter.restore()

    def _cell(self, p: QPainter, rect: QRectF, column: Column, row: ModelRow, words: str) -> None:
        if column is Column.MODEL:
            self._name(p, rect.adjusted(16, 0, -6, 0), row)
        elif column is Column.MENU:
            icon = theme.icon("ph.dots-three-vertical", theme.T2)
            centre = rect.center()
            icon.paint(p, round(centre.x()) - 8, round(centre.y()) - 8, 16, 16)
        else:
            # Figures that were not measured here stand back.
            quiet = row.entry.card.imported and column not in (Column.PARAMETERS, Column.CREATED)
            align = _RIGHT if column in _NUMBERS else _LEFT
            font = self._bold if column is Column.DICE else self._plain
            colour = theme.T3 if quiet else theme.T1
            text(p, rect.adjusted(16, 0, -14, 0), words, font, colour, align=align)

    def _name(self, p: QPainter, rect: QRectF, row: ModelRow) -> None:
        card = row.entry.card
        middle = rect.center().y()
        below = self._uses if row.proposes else self._imported if card.imported else ""
        top = middle - 20 if below else middle - 10
        first = QRectF(rect.left(), top, rect.width(), 20)
        version = width_of(card.short_version, self._plain) + 8
        room = first.adjusted(0, 0, -version, 0)
        used = text(p, room, card.name, self._bold, theme.T1)
        text(p, first.adjusted(used + 8, 0, 0, 0), card.short_version, self._plain, theme.T2)
        if not below:
            return
        second = QRectF(rect.left(), middle + 1, rect.width(), 18)
        if row.proposes:
            glyph = theme.icon("ph.sparkle", theme.ACC, 14)
            glyph.paint(p, round(second.left()), round(second.center().y()) - 7, 14, 14)
            text(p, second.adjusted(20, 0, 0, 0), below, self._small, theme.ACC)
        else:
            text(p, second, below, self._small, theme.T3)


class ModelsTable(QTableView):
    """menu_asked: row, global point. opened: row, by Enter or double click."""

    menu_asked = Signal(int, object)
    opened = Signal(int)

    def __init__(self, rows: ModelsModel, uses: str, imported: str) -> None:
        super().__init__()
        self.setObjectName("card")
        self.rows = rows
        self.setModel(rows)
        self.setItemDelegate(_Delegate(self, uses, imported))
        header = PlainHeader(self, set(_NUMBERS), sorts=True)
        self.setHorizontalHeader(header)
        for column, width in zip(Column, _WIDTHS, strict=True):
            self.setColumnWidth(column, width)
        header.setSectionResizeMode(Column.MODEL, QHeaderView.ResizeMode.Stretch)
        header.setSortIndicator(Column.CREATED, Qt.SortOrder.DescendingOrder)
        self.setSortingEnabled(True)
        prepare(self, ROW)
        self.doubleClicked.connect(lambda index: self.opened.emit(index.row()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The dots of a row open its menu."""
        super().mousePressEvent(event)
        index = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and index.column() == Column.MENU:
            self.menu_asked.emit(index.row(), event.globalPosition().toPoint())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens; the menu key asks for the menu of the row."""
        row = self.currentIndex().row()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and row >= 0:
            self.opened.emit(row)
        elif event.key() == Qt.Key.Key_Menu and row >= 0:
            at = self.visualRect(self.currentIndex()).bottomLeft()
            self.menu_asked.emit(row, self.viewport().mapToGlobal(at))
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The menu of the row under the pointer."""
        index = self.indexAt(event.pos())
        if index.isValid():
            self.selectRow(index.row())
            self.menu_asked.emit(index.row(), QPoint(event.globalPos()))
