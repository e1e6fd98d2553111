"""Paints the rows of the library: one delegate for the whole table, one for the grid."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from core.project.records import SeriesRecord
from gui import theme
from gui.importing import ImportState
from gui.pages.library_model import (
    READING,
    RECORD,
    Column,
    Index,
    LibraryModel,
    person,
    spacing,
    technique,
)
from gui.pages.library_thumbs import Thumbnails
from gui.pages.library_words import (
    check_title,
    has_doubt,
    has_note,
    note_title,
    reading_words,
    split_name,
    status_look,
    tr,
)
from gui.widgets import Pill
from gui.widgets.paint import colour, glyph, rounded, text
from gui.widgets.rows import HoverDelegate

ROW = 56
PICTURE = (60, 46)
TILE = (198, 214)
TILE_PICTURE = (182, 136)
_HOVER = "#20252A"
_COLUMNS = tuple(Column)
_SELECTED = QStyle.StateFlag.State_Selected


class _Pills:
    """One pill per status, painted again and again."""

    def __init__(self) -> None:
        self._pills: dict[str, Pill] = {}

    def get(self, status: str) -> Pill:
        if status not in self._pills:
            words, tone, icon = status_look(status)
            pill = Pill(words, tone, icon)
            self._pills[status] = pill
        return self._pills[status]


class RowDelegate(HoverDelegate):
    """All cells of the table."""

    def __init__(self, view: QTableView, thumbs: Thumbnails) -> None:
        super().__init__(view, ROW)
        self._thumbs = thumbs
        self._pills = _Pills()
        self._bold = theme.font(13, 600)
        self._plain = theme.font(13)
        self._small = theme.font(12)
        self._warn = theme.font(12, 600)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Ground and content of one cell: 150 times for a screen, so nothing is done twice."""
        rect = QRectF(option.rect)  # type: ignore[attr-defined]
        chosen = bool(option.state & _SELECTED)  # type: ignore[attr-defined]
        row, number = index.row(), index.column()
        if chosen:
            painter.fillRect(rect, colour(theme.ACCBG))
        elif row == self.hovered:
            painter.fillRect(rect, colour(_HOVER))
        line = QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1)
        painter.fillRect(line, colour(theme.LINE))
        column = _COLUMNS[number]
        if chosen and column is Column.SELECT:
            bar = QRectF(rect.left(), rect.top(), 3, rect.height() - 1)
            painter.fillRect(bar, colour(theme.ACC))
        model = index.model()
        record = model.record_at(row) if isinstance(model, LibraryModel) else None
        if record is not None:
            self._cell(painter, rect.adjusted(0, 0, 0, -1), column, record, chosen)
        elif (reading := index.data(READING)) is not None:
            self._reading(painter, rect, column, reading)

    def _cell(
        self, p: QPainter, rect: QRectF, column: Column, record: SeriesRecord, chosen: bool
    ) -> None:
        inner = rect.adjusted(12, 0, -6, 0)
        if column is Column.SELECT:
            paint_check(p, rect, chosen)
        elif column is Column.PICTURE:
            picture = self._thumbs.get(record, *PICTURE, self._view.devicePixelRatioF())
            area = QRectF(rect.left() + 4, rect.top() + 4, *PICTURE)
            paint_picture(p, area, picture)
        elif column is Column.PATIENT:
            self._two(p, inner, record.patient_id or "–", person(record), bold=True)
        elif column is Column.DATE:
            text(p, inner, record.study_date or "–", self._plain, theme.T1)
        elif column is Column.DESCRIPTION:
            self._two(p, inner, record.description or "–", technique(record))
        elif column is Column.SLICES:
            right = Qt.AlignmentFlag.AlignRight
            area = rect.adjusted(4, 0, -12, 0)
            words = str(record.geometry.shape[0])
            text(p, area, words, self._plain, theme.T1, align=right)
        elif column is Column.SPACING:
            odd = any("spacing" in check.code for check in record.checks)
            text(p, inner, spacing(record), self._plain, theme.WARN if odd else theme.T1)
        elif column is Column.LABELS:
            pill = self._pills.get(record.label_status)
            size = pill.sizeHint()
            top = rect.top() + (rect.height() - 24) / 2
            pill.paint_at(p, QRectF(rect.left() + 12, top, size.width(), 24))
        elif column is Column.SPLIT:
            text(p, inner, split_name(record.split), self._plain, theme.T1)
        else:
            self._checks(p, inner, record)

    def _two(self, p: QPainter, rect: QRectF, first: str, second: str, bold: bool = False) -> None:
        middle = rect.center().y()
        font = self._bold if bold else self._plain
        if second == "–":
            text(p, rect, first, font, theme.T1)
            return
        top = QRectF(rect.left(), middle - 19, rect.width(), 20)
        text(p, top, first, font, theme.T1)
        below = QRectF(rect.left(), middle, rect.width(), 18)
        text(p, below, second, self._small, theme.T2)

    def _checks(self, p: QPainter, rect: QRectF, record: SeriesRecord) -> None:
        title = check_title(record)
        middle = round(rect.center().y() - 7)
        if (note := note_title(record)) and not record.missing:
            icon, tint = ("ph.wrench", theme.ACC) if record.usable else ("ph.prohibit", theme.T3)
            glyph(p, icon, tint, QPointF(rect.left(), middle), 14)
            text(p, rect.adjusted(22, 0, 0, 0), note, self._warn, tint)
            return
        if not title:
            glyph(p, "ph.check", theme.T3, QPointF(rect.left(), middle), 14)
            return
        glyph(p, "ph.warning", theme.WARN, QPointF(rect.left(), middle), 14)
        text(p, rect.adjusted(22, 0, 0, 0), title, self._warn, theme.WARN)

    def _reading(self, p: QPainter, rect: QRectF, column: Column, state: ImportState) -> None:
        inner = rect.adjusted(12, 0, -6, 0)
        if column is Column.PICTURE:
            area = QRectF(rect.left() + 4, rect.top() + 4, *PICTURE)
            rounded(p, area, 4, theme.BG3)
        elif column is Column.PATIENT:
            text(p, inner, state.name, self._bold, theme.T3)
        elif column is Column.DATE:
            bar = QRectF(inner.left(), rect.center().y() - 2, inner.width() - 4, 4)
            rounded(p, bar, 2, theme.BG4)
            share = state.done / state.total if state.total else 0
            rounded(p, QRectF(bar.left(), bar.top(), bar.width() * share, 4), 2, theme.ACC)
        elif column is Column.DESCRIPTION:
            text(p, inner, reading_words(state), self._plain, theme.T2)


def paint_check(p: QPainter, rect: QRectF, checked: bool) -> None:
    """A check box in the middle of a cell."""
    box = QRectF(rect.left() + 16, round(rect.center().y() - 8), 16, 16)
    rounded(p, box, 4, theme.ACCF if checked else theme.INSET, None if checked else theme.CTL)
    if checked:
        glyph(p, "ph.check-bold", theme.WHITE, box.topLeft() + QPointF(2, 2), 12)


def paint_picture(p: QPainter, area: QRectF, picture: QPixmap | None) -> None:
    """A thumbnail with its hairline, or the grey place where it will be."""
    if picture is None:
        rounded(p, area, 4, theme.BG3)
        return
    p.save()
    p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    p.drawPixmap(area, picture, QRectF(picture.rect()))
    p.restore()
    rounded(p, area, 4, None, theme.LINE)


class TileDelegate(QStyledItemDelegate):
    """The same series as pictures in a grid."""

    def __init__(self, view: QAbstractItemView, thumbs: Thumbnails) -> None:
        super().__init__(view)
        self._view = view
        self._thumbs = thumbs
        self._pills = _Pills()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index | QModelIndex) -> QSize:
        """One tile with its gap."""
        return QSize(TILE[0] + 16, TILE[1] + 16)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Picture, patient, description, status."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(option.rect)  # type: ignore[attr-defined]
        tile = QRectF(whole.left(), whole.top(), *TILE)
        state = option.state  # type: ignore[attr-defined]
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        hot = bool(state & QStyle.StateFlag.State_MouseOver)
        ground = theme.ACCBG if chosen else _HOVER if hot else theme.BG2
        rounded(painter, tile, 8, ground, theme.ACC if chosen else theme.LINE)
        record: SeriesRecord | None = index.data(RECORD)
        area = QRectF(tile.left() + 8, tile.top() + 8, *TILE_PICTURE)
        if record is None:
            rounded(painter, area, 4, theme.BG3)
            reading: ImportState | None = index.data(READING)
            if reading is not None:
                words = reading_words(reading)
                line = area.translated(0, TILE_PICTURE[1] + 6)
                line.setHeight(18)
                text(painter, line, words, theme.font(12), theme.T2)
            painter.restore()
            return
        ratio = self._view.devicePixelRatioF()
        picture = self._thumbs.get(record, *TILE_PICTURE, ratio)
        paint_picture(painter, area, picture)
        line = QRectF(area.left() + 2, area.bottom() + 6, area.width() - 4, 20)
        marked = self._mark(painter, line, record)
        name = line.adjusted(0, 0, -22, 0) if marked else line
        text(painter, name, record.patient_id or "–", theme.font(13, 600), theme.T1)
        below = line.translated(0, 19)
        text(painter, below, record.description or "–", theme.font(12), theme.T2)
        facts = f"{tr('%n slice(s)', record.geometry.shape[0])} · {spacing(record)} mm"
        text(painter, below.translated(0, 18), facts, theme.font(11), theme.T3)
        pill = self._pills.get(record.label_status)
        width = pill.sizeHint().width()
        badge = QRectF(area.right() - width - 6, area.bottom() - 30, width, 24)
        rounded(painter, badge, 12, theme.BG2)
        pill.paint_at(painter, badge)
        painter.restore()

    @staticmethod
    def _mark(p: QPainter, line: QRectF, record: SeriesRecord) -> bool:
        """A sign at the right where something is doubtful or was mended; the row has the words."""
        at = QPointF(line.right() - 14, line.center().y() - 7)
        if not record.usable:
            glyph(p, "ph.prohibit", theme.T3, at, 14)
        elif has_doubt(record):
            glyph(p, "ph.warning", theme.WARN, at, 14)
        elif has_note(record):
            glyph(p, "ph.wrench", theme.ACC, at, 14)
        else:
            return False
        return True
