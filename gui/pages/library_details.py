"""What is known of the chosen series: picture, figures, labels, doubts, and what to do with it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.project.records import SeriesRecord
from gui import theme
from gui.pages.library_checks import Checks
from gui.pages.library_model import joined, number, technique
from gui.pages.library_preview import Preview
from gui.pages.library_words import split_name, status_look, thousands
from gui.remedying import remedies_of
from gui.session import Session
from gui.widgets import (
    Button,
    ComboField,
    Elided,
    EmptyState,
    IconButton,
    KeyValue,
    Pill,
    label,
    line,
)
from gui.widgets.paint import painter, rounded

if TYPE_CHECKING:
    from core.project.preview import Preview as Opened

WIDTH = 376


class Swatch(QWidget):
    """The colour of a class."""

    def __init__(self, colour: str) -> None:
        super().__init__()
        self._colour = colour
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """12 × 12."""
        return QSize(12, 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A rounded square."""
        p = painter(self)
        rounded(p, QRectF(self.rect()), 3, self._colour)
        p.end()


class Details(QFrame):
    """376 wide. Emits :attr:`menu_asked` for the three dots and :attr:`close_asked` as a drawer."""

    menu_asked = Signal(object)
    close_asked = Signal()
    split_chosen = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setFixedWidth(WIDTH)
        self._session = session
        self._remedies = remedies_of(session)
        self._record: SeriesRecord | None = None
        self._ml: dict[int, float] = {}
        self._shown: tuple[object, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 16, 16)
        column.setSpacing(8)
        self._empty = EmptyState(
            "ph.cursor",
            self.tr("No series chosen"),
            self.tr("Choose a row to look through its slices."),
        )
        column.addWidget(self._empty, 1)
        self._full = QWidget()
        column.addWidget(self._full, 1)
        self._build(QVBoxLayout(self._full))
        self.show_record(None)

    def _build(self, column: QVBoxLayout) -> None:
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.setSpacing(12)
        self._title = Elided("", 15, 600)
        self._title.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._facts = Elided("", 13, 400, "t2")
        more = IconButton("ph.dots-three", self.tr("More"), size=28)
        more.clicked.connect(lambda: self.menu_asked.emit(more))
        self.close_button = IconButton("ph.x", self.tr("Close"), size=28)
        self.close_button.clicked.connect(self.close_asked)
        self.close_button.hide()
        head.addWidget(self._title)
        head.addWidget(self._facts, 1)
        head.addWidget(more)
        head.addWidget(self.close_button)
        column.addLayout(head)
        self.preview = Preview(self._session)
        self.preview.loaded.connect(self._loaded)
        column.addWidget(self.preview)
        column.addWidget(line())
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inner.setObjectName("scrolled")
        self._lines = QVBoxLayout(inner)
        self._lines.setContentsMargins(0, 0, 0, 0)
        self._lines.setSpacing(8)
        self.figures = KeyValue()
        self._lines.addWidget(self.figures)
        self._lines.addWidget(line())
        self._build_labels()
        self.checks = Checks(self._session, self._remedies)
        self._lines.addWidget(self.checks)
        self._lines.addStretch(1)
        scroll.setWidget(inner)
        column.addWidget(scroll, 1)
        column.addLayout(self._build_actions())

    def _build_labels(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(16)
        self._status = Pill("", "outline")
        self._saved = label("", 12, 400, "t3")
        row.addWidget(label(self.tr("Labels"), 13, 600))
        row.addWidget(self._status)
        row.addStretch(1)
        row.addWidget(self._saved)
        self._lines.addLayout(row)
        self._classes = QVBoxLayout()
        self._classes.setSpacing(6)
        self._lines.addLayout(self._classes)

    def _build_actions(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.open_button = Button(self.tr("Open in Label"), "primary", "ph.paint-brush")
        self.open_button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.open_button.clicked.connect(self._open)
        names = [(key, split_name(key)) for key in ("none", "train", "val", "test")]
        self.split = ComboField(self.tr("Split"), names)
        self.split.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.split.changed.connect(self.split_chosen)
        row.addWidget(self.open_button, 1)
        row.addWidget(self.split, 1)
        return row

    # ---- content -----------------------------------------------------------------------------

    @property
    def record(self) -> SeriesRecord | None:
        """The series shown."""
        return self._record

    def show_record(self, record: SeriesRecord | None, chosen: int = 1) -> None:
        """Show a series; ``chosen``: how many rows are selected in all."""
        shown = (record, chosen, self._session.schema, self._session.project)
        if shown == self._shown:
            return  # asked with every key that is pressed in the search
        self._shown = shown
        other = (record and record.series_uid) != (self._record and self._record.series_uid)
        self._record = record
        self._empty.setVisible(record is None)
        self._full.setVisible(record is not None)
        self.preview.show_record(record)
        if record is None:
            return
        if other:
            self._ml = {}
        self._title.set_text(record.patient_id or "–")
        facts = joined(record.sex, record.age, record.study_date)
        if chosen > 1:
            facts = self.tr("and {0} more chosen").format(chosen - 1)
        self._facts.set_text(facts)
        self.figures.set_rows(self._figures(record))
        self.split.set_key(record.split)
        self._show_labels(record)
        self.checks.show_record(record)
        self.open_button.setEnabled(record.usable)
        why = "" if record.usable else self.tr("This volume is not used")
        self.open_button.setToolTip(why)

    def _figures(self, record: SeriesRecord) -> list[tuple[str, str]]:
        slices, rows, columns = record.geometry.shape
        z, y, x = record.geometry.spacing
        mm = f"{number(x)} × {number(y)} × {z:.1f} mm"
        return [
            (self.tr("Description"), record.description or "–"),
            (self.tr("Scanner"), record.scanner or "–"),
            (self.tr("Matrix, slices"), f"{columns} × {rows} × {slices}"),
            (self.tr("Spacing"), mm),
            (self.tr("Kernel, tube"), technique(record)),
        ]

    def _show_labels(self, record: SeriesRecord) -> None:
        self._status.set(*status_look(record.label_status))
        self._saved.setText(self._when(record.label_saved))
        while self._classes.count():
            item = self._classes.takeAt(0)
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        partly = [c.name for c in self._session.schema.classes if c.value in record.unannotated]
        names = [*record.labels, *(name for name in partly if name not in record.labels)]
        for name in names:
            self._classes.addWidget(self._class_row(record, name, name in partly))
        if not names:
            words = self.tr("Nothing is labelled in this series yet.")
            self._classes.addWidget(label(words, 12, 400, "t3", wrap=True))

    def _class_row(self, record: SeriesRecord, name: str, partly: bool) -> QWidget:
        found = self._session.schema.by_name(name)
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(Swatch(found.colour if found else theme.T3))
        row.addWidget(Elided(name), 1)
        words = ""
        only = found is not None and found.lesion and self._lesion_classes(record) == 1
        if found is not None and found.value in self._ml:
            words = millilitres(self._ml[found.value])
        elif only:
            words = millilitres(record.lesion_ml)
        if only:
            words = joined(self.tr("%n lesion(s)", "", record.lesion_count), words)
        if partly:
            words = joined(words, self.tr("not everywhere"))
        row.addWidget(label(words, 13, 400, "t2"))
        return box

    def _lesion_classes(self, record: SeriesRecord) -> int:
        schema = self._session.schema
        found = [schema.by_name(name) for name in record.labels]
        return sum(1 for c in found if c is not None and c.lesion)

    def _loaded(self, opened: Opened) -> None:
        self._ml = {} if opened.labels is None else opened.labels.ml
        if self._record is not None:
            self._show_labels(self._record)

    def _when(self, stamp: str) -> str:
        if not stamp:
            return ""
        moment = datetime.fromisoformat(stamp)
        if moment.date() == datetime.now(moment.tzinfo).date():
            return self.tr("saved {0}").format(moment.strftime("%H:%M"))
        day = QLocale().toString(moment.date(), "d MMM")
        return self.tr("saved {0}").format(day)

    # ---- actions -----------------------------------------------------------------------------

    def _open(self) -> None:
        if self._record is not None:
            self._session.open_series(self._record.series_uid)


def millilitres(value: float) -> str:
    """A volume with the digits that matter: 0.42 mL, 31.6 mL, 1 604 mL."""
    if value >= 1000:
        return f"{thousands(round(value))} mL"
    return f"{value:.1f} mL" if value >= 1 else f"{value:.2f} mL"
