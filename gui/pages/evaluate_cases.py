"""The table of cases on the Evaluate page: one painting delegate, medians below."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from core.evaluation.report import percent, show, warnings
from core.evaluation.result import CaseEvaluation
from gui import theme
from gui.widgets.paint import dot, painter, rounded, text, width_of

Index = QModelIndex | QPersistentModelIndex

PATIENT, DICE, HD95, VOLUME, ERROR, LESIONS = range(6)
_KEYS = {DICE: "dice", HD95: "hd95", ERROR: "volume", LESIONS: "lesions"}
#: Smallest widths of the columns, and how they share what there is beyond.
_WIDTHS = (80, 112, 74, 84, 66, 122)
_SHARES = (0.10, 0.30, 0.18, 0.17, 0.12, 0.13)
_ROW = 28
_RIGHT = Qt.AlignmentFlag.AlignRight
#: More lesions than this would push the count out of its column; it says the same.
_MAX_DOTS = 8


class CasesModel(QAbstractTableModel):
    """Rows are cases; the texts are what is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cases: list[CaseEvaluation] = []

    def set_cases(self, cases: Sequence[CaseEvaluation]) -> None:
        """Show these, in this order."""
        self.beginResetModel()
        self.cases = list(cases)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """One a case."""
        return 0 if parent.isValid() else len(self.cases)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Six."""
        return 0 if parent.isValid() else len(_WIDTHS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Names of the columns; numbers stand right."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return (
                self.tr("Patient"), self.tr("Dice"), self.tr("HD95 mm"), self.tr("Volume mL"),
                self.tr("Error"), self.tr("Lesions found"),
            )[section]  # fmt: skip
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if section == PATIENT else _RIGHT
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Text of a cell; for screen readers the same with its column's name."""
        case = self.cases[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(case, index.column())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            name = self.headerData(index.column(), Qt.Orientation.Horizontal)
            return f"{name}: {self._text(case, index.column())}"
        return None

    def _text(self, case: CaseEvaluation, column: int) -> str:
        m = case.metrics
        found = self.tr("{0} of {1}").format(m.lesions_found, m.lesions)
        return (
            case.patient_id, show(m.dice, 2), show(m.hd95_mm, 1), show(m.reference_ml, 1),
            percent(m.volume_error), found,
        )[column]  # fmt: skip


class _Header(QHeaderView):
    """Names in the columns' own alignment; the one that orders the rows is brighter."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setFixedHeight(34)
        self.setHighlightSections(False)
        self.setSectionsClickable(False)
        self.setMinimumSectionSize(40)

    def paintSection(self, p: QPainter, rect: QRect, section: int) -> None:
        """One name and the line below."""
        area = QRectF(rect)
        p.save()
        p.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        p.fillRect(QRectF(area.left(), area.bottom() - 1, area.width(), 1), QColor(theme.LINE))
        words = str(self.model().headerData(section, self.orientation()))
        colour = theme.T1 if section == DICE else theme.T2
        font = theme.font(12, 600)
        if section == PATIENT:
            text(p, area.adjusted(16, 0, 0, -1), words, font, colour)
        else:
            area.adjust(0, 0, -(16 if section == LESIONS else 8), -1)
            text(p, area, words, font, colour, align=_RIGHT)
        p.restore()


class _Delegate(QStyledItemDelegate):
    """Paints a row: name, Dice with its bar, figures, lesions as dots. Amber needs a look."""

    def paint(self, p: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        if not isinstance(model, CasesModel):
            return
        case, column = model.cases[index.row()], index.column()
        rect = QRectF(option.rect)
        p.save()
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            p.fillRect(rect, QColor(theme.ACCBG))
            if column == PATIENT:
                p.fillRect(QRectF(rect.left(), rect.top(), 3, rect.height()), QColor(theme.ACC))
        amber = _KEYS.get(column, "") in warnings(case.metrics)
        colour = theme.WARN if amber else theme.T1
        words = str(index.data())
        weight = 600 if column in (PATIENT, DICE) else 500
        if column == PATIENT:
            area = rect.adjusted(16, 0, -4, 0)
            text(p, area, words, theme.font(13, 600), colour)
        else:
            area = rect.adjusted(0, 0, -(16 if column == LESIONS else 8), 0)
            text(p, area, words, theme.font(13, weight), colour, align=_RIGHT)
        if column == DICE:
            self._bar(p, rect, case.metrics.dice, amber)
        elif column == LESIONS:
            left = area.right() - max(48, width_of(words, theme.font(13, 500))) - 8
            self._dots(p, QPointF(left, rect.center().y()), case)
        p.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(_WIDTHS[index.column()], _ROW)

    def _bar(self, p: QPainter, rect: QRectF, dice: float, amber: bool) -> None:
        track = QRectF(rect.left() + 4, round(rect.center().y()) - 2.5, rect.width() - 60, 5)
        rounded(p, track, 2.5, theme.BG4)
        if dice > 0:
            track.setWidth(max(5.0, track.width() * min(dice, 1.0)))
            rounded(p, track, 2.5, theme.WARN if amber else theme.ACC)

    def _dots(self, p: QPainter, right: QPointF, case: CaseEvaluation) -> None:
        m = case.metrics
        if m.lesions > _MAX_DOTS:
            return
        for place in range(m.lesions):
            centre = right - QPointF((m.lesions - 1 - place) * 11, 0)
            if place < m.lesions_found:
                dot(p, centre, 3.5, theme.ACC)
            else:
                p.setPen(QPen(QColor(theme.WARN), 1.5))
                p.setBrush(Qt.BrushStyle.NoBrush)
                p.drawEllipse(centre, 3.5, 3.5)


class _Footer(QWidget):
    """Medians under the columns of the table."""

    def __init__(self, table: QTableView) -> None:
        super().__init__()
        self._table = table
        self._cells: tuple[str, ...] = ()
        self.setFixedHeight(36)

    def set_cases(self, cases: Sequence[CaseEvaluation]) -> None:
        """Medians of what there is; lesions are summed."""
        metrics = [c.metrics for c in cases]

        def median(values: list[float]) -> float:
            known = [v for v in values if math.isfinite(v)]
            return statistics.median(known) if known else math.nan

        found, total = sum(m.lesions_found for m in metrics), sum(m.lesions for m in metrics)
        self._cells = (
            self.tr("Median"),
            show(median([m.dice for m in metrics]), 2),
            show(median([m.hd95_mm for m in metrics]), 1),
            show(median([m.reference_ml for m in metrics]), 1),
            percent(median([m.volume_error for m in metrics]), 1),
            self.tr("{0} of {1}").format(found, total),
        )
        self.setAccessibleName(" ".join(self._cells))
        self.update()

    def cells(self) -> tuple[str, ...]:
        """The texts shown."""
        return self._cells

    def paintEvent(self, event: QPaintEvent) -> None:
        """A hairline and the figures."""
        p = painter(self)
        p.fillRect(QRectF(0, 0, self.width(), 1), QColor(theme.LINE))
        for column, words in enumerate(self._cells):
            left, width = (
                self._table.columnViewportPosition(column),
                self._table.columnWidth(column),
            )
            rect = QRectF(left, 2, width, self.height() - 2)
            if column == PATIENT:
                text(p, rect.adjusted(16, 0, 0, 0), words, theme.font(13), theme.T2)
            else:
                area = rect.adjusted(0, 0, -(16 if column == LESIONS else 8), 0)
                text(p, area, words, theme.font(13, 600), theme.T1, align=_RIGHT)
        p.end()


class _Table(QTableView):
    def resizeEvent(self, event: QResizeEvent) -> None:
        """All columns grow with the table."""
        super().resizeEvent(event)
        spare = max(0, self.viewport().width() - sum(_WIDTHS))
        widths = [w + int(spare * s) for w, s in zip(_WIDTHS, _SHARES, strict=True)]
        widths[DICE] += max(0, spare + sum(_WIDTHS) - sum(widths))
        for column, width in enumerate(widths):
            self.setColumnWidth(column, width)


class CasesTable(QWidget):
    """Table and medians. selected, opened: series UID of a click, of a double click or Enter."""

    selected = Signal(str)
    opened = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = CasesModel(self)
        self.view = _Table()
        self.view.setModel(self.model)
        self.view.setItemDelegate(_Delegate(self.view))
        self.view.setAccessibleName(self.tr("Cases"))
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.setShowGrid(False)
        self.view.setTabKeyNavigation(False)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.view.verticalHeader().setDefaultSectionSize(_ROW)
        self.view.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.footer = _Footer(self.view)
        self._set_up_header()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.view, 1)
        column.addWidget(self.footer)
        self.view.selectionModel().currentRowChanged.connect(self._row_changed)
        self.view.activated.connect(lambda index: self.opened.emit(self._uid(index)))

    def set_cases(self, cases: Sequence[CaseEvaluation]) -> None:
        """Show these cases; the first is selected."""
        self.model.set_cases(cases)
        self.footer.set_cases(cases)
        if cases:
            self.view.selectRow(0)

    def select(self, series_uid: str) -> None:
        """Select the case of a series, when it is there."""
        for row, case in enumerate(self.model.cases):
            if case.series_uid == series_uid:
                self.view.selectRow(row)

    def _set_up_header(self) -> None:
        header = _Header(self.view)
        self.view.setHorizontalHeader(header)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.sectionResized.connect(lambda *_: self.footer.update())

    def _uid(self, index: Index) -> str:
        return self.model.cases[index.row()].series_uid

    def _row_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self.selected.emit(self._uid(current))
