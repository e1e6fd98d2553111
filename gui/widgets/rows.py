"""What tables whose rows are painted share: the row under the pointer, and its height."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)


class HoverDelegate(QStyledItemDelegate):
    """Base of painting delegates. hovered: number of the row under the pointer, else -1."""

    def __init__(self, view: QTableView, row_height: int) -> None:
        super().__init__(view)
        self._view = view
        self._row_height = row_height
        self.hovered = -1
        view.setMouseTracking(True)
        view.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Know which row is under the pointer."""
        row = self.hovered
        if event.type() == QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            row = self._view.rowAt(round(event.position().y()))
        elif event.type() == QEvent.Type.Leave:
            row = -1
        if row != self.hovered:
            self.hovered = row
            self._view.viewport().update()
        return False

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """All rows are of one height."""
        return QSize(60, self._row_height)


def prepare(view: QTableView, row: int) -> None:
    """What all such tables share: whole rows of ``row`` px, no grid, smooth scrolling."""
    view.verticalHeader().hide()
    view.verticalHeader().setMinimumSectionSize(row)
    view.verticalHeader().setDefaultSectionSize(row)
    view.setShowGrid(False)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setFrameShape(QFrame.Shape.NoFrame)
    view.setTabKeyNavigation(False)
