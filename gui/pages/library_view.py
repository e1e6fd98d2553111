"""The table and the grid over one model and one selection."""

from __future__ import annotations

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QListView,
    QTableView,
    QWidget,
)

from gui import theme
from gui.pages.library_delegate import ROW, TILE, RowDelegate, TileDelegate, paint_check
from gui.pages.library_model import ORDERS, Column, LibraryModel
from gui.pages.library_thumbs import Thumbnails
from gui.widgets.paint import text, width_of
from gui.widgets.rows import prepare

_WIDTHS = {
    Column.SELECT: 44,
    Column.PICTURE: 71,
    Column.PATIENT: 105,
    Column.DATE: 100,
    Column.DESCRIPTION: 200,
    Column.SLICES: 62,
    Column.SPACING: 140,
    Column.LABELS: 123,
    Column.SPLIT: 77,
    Column.CHECKS: 160,
}


class Header(QHeaderView):
    """Titles, the arrow of the order, and a box that chooses all rows."""

    all_clicked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setFixedHeight(36)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setStretchLastSection(False)
        self.all_chosen = False

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The box in the first column."""
        if self.logicalIndexAt(event.position().toPoint()) == Column.SELECT:
            self.all_clicked.emit()
            return
        super().mouseReleaseEvent(event)

    def paintSection(self, painter: QPainter, rect: object, section: int) -> None:
        """One title."""
        area = QRectF(rect)  # type: ignore[call-overload]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(area, theme.BG2)
        painter.fillRect(QRectF(area.left(), area.bottom() - 1, area.width(), 1), theme.LINE)
        if section == Column.SELECT:
            paint_check(painter, area, self.all_chosen)
            painter.restore()
            return
        title = str(self.model().headerData(section, Qt.Orientation.Horizontal) or "")
        sorted_by = self.sortIndicatorSection() == section and section in ORDERS
        colour = theme.T1 if sorted_by else theme.T2
        font = theme.font(12, 600)
        right = section == Column.SLICES
        inner = area.adjusted(4 if right else 12, 0, -12 if right else -4, 0)
        align = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        text(painter, inner, title, font, colour, align=align)
        if sorted_by:
            up = self.sortIndicatorOrder() == Qt.SortOrder.AscendingOrder
            icon = theme.icon("ph.arrow-up" if up else "ph.arrow-down", theme.T2, 12)
            x = inner.left() + width_of(title, font) + 5
            if right:
                x = inner.right() - width_of(title, font) - 16
            icon.paint(painter, round(x), round(area.center().y() - 6), 12, 12)
        painter.restore()


class LibraryTable(QTableView):
    """Rows of 56 px. Emits ``opened`` (row), ``menu_asked`` (global point) and ``delete_asked``."""

    opened = Signal(int)
    menu_asked = Signal(object)
    delete_asked = Signal()
    typed = Signal(str)

    def __init__(self, model: LibraryModel, thumbs: Thumbnails) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setAccessibleName(self.tr("Series"))
        self.setModel(model)
        self._rows = model
        self.delegate = RowDelegate(self, thumbs)
        self.setItemDelegate(self.delegate)
        self.header = Header(self)
        self.setHorizontalHeader(self.header)
        self.header.all_clicked.connect(self.toggle_all)
        prepare(self, ROW)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.verticalScrollBar().setSingleStep(ROW // 2)
        for column, width in _WIDTHS.items():
            self.setColumnWidth(column, width)
        self.header.setMinimumSectionSize(40)
        self.header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.header.setSectionResizeMode(Column.DESCRIPTION, QHeaderView.ResizeMode.Stretch)
        self.header.setSortIndicatorShown(True)
        self.header.setSortIndicator(Column.PATIENT, Qt.SortOrder.AscendingOrder)
        self.doubleClicked.connect(lambda index: self.opened.emit(index.row()))

    def toggle_all(self) -> None:
        """Choose all rows, or none when all are chosen."""
        if self.header.all_chosen:
            self.clearSelection()
        else:
            self.selectAll()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The box of a row adds or takes away that row, as Ctrl and click do."""
        index = self.indexAt(event.position().toPoint())
        left = event.button() == Qt.MouseButton.LeftButton
        if left and index.isValid() and index.column() == Column.SELECT:
            if index.flags() & Qt.ItemFlag.ItemIsSelectable:
                flag = QItemSelectionModel.SelectionFlag
                self.selectionModel().setCurrentIndex(index, flag.Toggle | flag.Rows)
            return
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, Del removes, letters and digits go to the search field."""
        if not take_key(self, event):
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The menu of the chosen rows."""
        choose_under(self, self.indexAt(event.pos()))
        self.menu_asked.emit(event.globalPos())


class LibraryGrid(QListView):
    """The same rows as tiles."""

    opened = Signal(int)
    menu_asked = Signal(object)
    delete_asked = Signal()
    typed = Signal(str)

    def __init__(self, model: LibraryModel, thumbs: Thumbnails) -> None:
        super().__init__()
        self.setAccessibleName(self.tr("Series as pictures"))
        self.setModel(model)
        self.delegate = TileDelegate(self, thumbs)
        self.setItemDelegate(self.delegate)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setGridSize(QSize(TILE[0] + 16, TILE[1] + 16))
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setStyleSheet(f"background: {theme.BG1};")
        self.doubleClicked.connect(lambda index: self.opened.emit(index.row()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """As in the table."""
        if not take_key(self, event):
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The menu of the chosen tiles."""
        choose_under(self, self.indexAt(event.pos()))
        self.menu_asked.emit(event.globalPos())


def take_key(view: LibraryTable | LibraryGrid, event: QKeyEvent) -> bool:
    """The keys that table and grid share; False for any other."""
    key, row = event.key(), view.currentIndex().row()
    if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and row >= 0:
        view.opened.emit(row)
    elif key == Qt.Key.Key_Delete:
        view.delete_asked.emit()
    elif event.text().isalnum() and not event.modifiers():
        view.typed.emit(event.text())
    else:
        return False
    return True


def choose_under(view: QAbstractItemView, index: QModelIndex) -> None:
    """A right click on a row that is not chosen chooses it alone."""
    if index.isValid() and not view.selectionModel().isSelected(index):
        flag = QItemSelectionModel.SelectionFlag
        view.selectionModel().setCurrentIndex(index, flag.ClearAndSelect | flag.Rows)


def chosen_rows(selection: QItemSelectionModel) -> list[int]:
    """The chosen rows in order. Qt's own list asks every row of every column."""
    rows: set[int] = set()
    for part in selection.selection():
        rows.update(range(part.top(), part.bottom() + 1))
    return sorted(rows)


def ranges(model: LibraryModel, rows: list[int]) -> QItemSelection:
    """A selection of whole rows, neighbours put together: one call instead of ten thousand."""
    result = QItemSelection()
    last = len(Column) - 1
    ordered = sorted(rows)
    start = 0
    for at in range(1, len(ordered) + 1):
        if at == len(ordered) or ordered[at] != ordered[at - 1] + 1:
            top, bottom = model.index(ordered[start], 0), model.index(ordered[at - 1], last)
            result.select(top, bottom)
            start = at
    return result
