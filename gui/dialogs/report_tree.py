"""What an import left out, grouped by reason: a model of two floors and the tree that shows it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
)

from core.project.records import Skipped
from gui import i18n, theme
from gui.widgets.paint import rounded, text, width_of

Index = QModelIndex | QPersistentModelIndex

ROW = 32
_TOP = QModelIndex()
_NUMBER = re.compile(r"\d[\d.,]*")
#: Files of a reason that are opened out from the start.
_FEW = 3


@dataclass(frozen=True, slots=True)
class Group:
    """The files left out for one reason; ``reason`` without the numbers in which they differ."""

    reason: str
    files: tuple[Skipped, ...]


def plain_reason(item: Skipped) -> str:
    """The sentence without the file's name in front, which stands in its own column."""
    reason = item.reason.removeprefix(f"{item.path.name} ").removeprefix("cannot be used: ")
    return reason[:1].upper() + reason[1:]


def grouped(skipped: Sequence[Skipped], search: str = "") -> list[Group]:
    """Groups, the largest first, of the files whose path or reason holds all words of a search."""
    words = search.casefold().split()
    found: dict[str, list[Skipped]] = {}
    for item in skipped:
        reason = plain_reason(item)
        if words:
            hay = f"{item.path}\n{reason}".casefold()
            if not all(word in hay for word in words):
                continue
        # "30 of 60 bytes" and "12 of 60 bytes" are one reason.
        found.setdefault(_NUMBER.sub("…", reason), []).append(item)
    groups = []
    for pattern, items in found.items():
        first = plain_reason(items[0])
        same = all(plain_reason(item) == first for item in items)
        groups.append(Group(first if same else pattern, tuple(items)))
    return sorted(groups, key=lambda group: -len(group.files))


class ReportModel(QAbstractItemModel):
    """Reasons, and below each its files: name and folder."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.groups: list[Group] = []

    def show(self, groups: list[Group]) -> None:
        """Other groups."""
        self.beginResetModel()
        self.groups = groups
        self.endResetModel()

    def file_at(self, index: Index) -> Skipped | None:
        """The file of a row, None for a reason."""
        if not index.isValid() or index.internalId() == 0:
            return None
        return self.groups[index.internalId() - 1].files[index.row()]

    def index(self, row: int, column: int, parent: Index = _TOP) -> QModelIndex:
        """Reasons carry 0, files one more than the row of their reason."""
        if not self.hasIndex(row, column, parent):
            return _TOP
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else 0)

    def parent(self, index: Index = _TOP) -> QModelIndex:  # type: ignore[override]
        """The reason of a file."""
        if not index.isValid() or index.internalId() == 0:
            return _TOP
        return self.createIndex(index.internalId() - 1, 0, 0)

    def rowCount(self, parent: Index = _TOP) -> int:
        """Reasons, or the files of one."""
        if not parent.isValid():
            return len(self.groups)
        return len(self.groups[parent.row()].files) if parent.internalId() == 0 else 0

    def columnCount(self, parent: Index = _TOP) -> int:
        """One: the delegate paints name and folder side by side."""
        return 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Plain text for screen readers and tooltips."""
        item = self.file_at(index)
        if role == Qt.ItemDataRole.ToolTipRole:
            words = i18n.sentence(plain_reason(item) if item else self.groups[index.row()].reason)
            where = f"<br>{escape(str(item.path))}" if item else ""
            return f"<p>{escape(words)}{where}</p>"
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            if item is not None:
                return f"{item.path.name}, {item.path.parent}"
            group = self.groups[index.row()]
            return f"{len(group.files)} × {i18n.sentence(group.reason)}"
        return None


class _Delegate(QStyledItemDelegate):
    """Reasons with a count in front, files below them with their folder."""

    def __init__(self, view: QTreeView, model: ReportModel) -> None:
        super().__init__(view)
        self._view = view
        self._rows = model

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """All rows are of one height."""
        return QSize(100, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One row."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect)  # type: ignore[attr-defined]
        rect.setLeft(0)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)  # type: ignore[attr-defined]
        if chosen:
            painter.fillRect(rect, theme.ACCBG)
        painter.fillRect(QRectF(0, rect.bottom() - 1, rect.width(), 1), theme.LINE)
        item = self._rows.file_at(index)
        if item is None:
            self._reason(painter, rect, index)
        else:
            name = QRectF(48, rect.top(), min(280.0, rect.width() * 0.38), rect.height() - 1)
            text(painter, name, item.path.name, theme.font(12), theme.T1)
            folder = QRectF(name.right() + 12, rect.top(), rect.right() - name.right() - 24, ROW)
            text(painter, folder, str(item.path.parent), theme.font(12), theme.T3)
        painter.restore()

    def _reason(self, p: QPainter, rect: QRectF, index: Index) -> None:
        group = self._rows.groups[index.row()]
        opened = self._view.isExpanded(QModelIndex(index))
        caret = theme.icon("ph.caret-down" if opened else "ph.caret-right", theme.T2, 12)
        caret.paint(p, 14, round(rect.center().y()) - 6, 12, 12)
        font, count = theme.font(13, 600), str(len(group.files))
        used = width_of(count, theme.font(12, 600)) + 16
        pill = QRectF(34, rect.center().y() - 10, used, 20)
        rounded(p, pill, 10, theme.BG3)
        centre = Qt.AlignmentFlag.AlignHCenter
        text(p, pill, count, theme.font(12, 600), theme.T2, align=centre)
        words = QRectF(pill.right() + 10, rect.top(), rect.right() - pill.right() - 22, ROW - 1)
        text(p, words, i18n.sentence(group.reason), font, theme.T1)


class ReportTree(QTreeView):
    """A click on a reason opens or folds it; a double click on a file is ``doubleClicked``."""

    def __init__(self, model: ReportModel, name: str) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setAccessibleName(name)
        self._rows = model
        self.setModel(model)
        self.setItemDelegate(_Delegate(self, model))
        self.setHeaderHidden(True)
        self.header().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setUniformRowHeights(True)
        self.setExpandsOnDoubleClick(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.clicked.connect(self._clicked)

    def open_out(self, everything: bool) -> None:
        """Show all files, or only those of reasons that few files share."""
        for row, group in enumerate(self._rows.groups):
            few = len(group.files) <= _FEW or len(self._rows.groups) == 1
            self.setExpanded(self._rows.index(row, 0), everything or few)

    def chosen(self) -> list[Skipped]:
        """The chosen files; of a chosen reason all of its files."""
        found: dict[int, Skipped] = {}
        for index in self.selectionModel().selectedIndexes():
            item = self._rows.file_at(index)
            files = (item,) if item else self._rows.groups[index.row()].files
            found.update({id(file): file for file in files})
        return list(found.values())

    def _clicked(self, index: QModelIndex) -> None:
        if self._rows.file_at(index) is None:
            self.setExpanded(index, not self.isExpanded(index))
