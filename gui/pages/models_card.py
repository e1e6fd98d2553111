"""The panel on the right: the card of the chosen model."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.models.card import ModelCard, SizeBand
from core.models.store import ModelEntry
from core.models.words import figure, parameters
from gui import theme
from gui.pages.models_read import NETWORKS, day
from gui.widgets import Button, Elided, KeyValue, ProgressBar, heading, label, line
from gui.widgets.paint import painter

WIDTH = 472


class _Figure(QFrame):
    """One headline number in a well."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName("well")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 10)
        column.setSpacing(2)
        column.addWidget(label(name, 12, 400, "t2"))
        self.value = label("–", 20, 600)
        column.addWidget(self.value)
        self.detail = Elided("", 12, 400, "t2")
        column.addWidget(self.detail)


class _Picture(QWidget):
    """A validation case, cut to the tile."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._pixmap = QPixmap(str(path))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(96)
        self.setAccessibleName(path.stem)
        self.setToolTip(path.stem)

    def sizeHint(self) -> QSize:
        """A third of the panel."""
        return QSize(138, 96)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The picture fills the tile, its middle in the middle."""
        p = painter(self)
        area = QRectF(self.rect())
        path = QPainterPath()
        path.addRoundedRect(area, 4, 4)
        p.setClipPath(path)
        p.fillRect(self.rect(), theme.BLACK)
        if not self._pixmap.isNull():
            ratio = self.devicePixelRatioF()
            scaled = self._pixmap.scaled(
                self.size() * ratio,
                Qt.AspectRatioMode.KeepAspectRatioByExpanding,
                Qt.TransformationMode.SmoothTransformation,
            )
            scaled.setDevicePixelRatio(ratio)
            size = scaled.deviceIndependentSize()
            p.drawPixmap(
                round((self.width() - size.width()) / 2),
                round((self.height() - size.height()) / 2),
                scaled,
            )
        p.end()


class CardPanel(QFrame):
    """edit_asked: the card shall be edited."""

    edit_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setFixedWidth(WIDTH)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 1, 1, 1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        outer.addWidget(self._scroll)
        self.title = heading("", 15)
        self.facts: dict[str, str] = {}

    def show_model(self, entry: ModelEntry | None) -> None:
        """Show the card of a model; nothing without one."""
        inside = QWidget()
        inside.setObjectName("scrolled")
        column = QVBoxLayout(inside)
        column.setContentsMargins(20, 14, 20, 20)
        column.setSpacing(8)
        self.facts = {}
        if entry is not None:
            self._fill(column, entry)
        column.addStretch(1)
        self._scroll.setWidget(inside)  # Deletes the card before.

    def _fill(self, column: QVBoxLayout, entry: ModelEntry) -> None:
        card = entry.card
        top = QHBoxLayout()
        self.title = heading(card.title, 15)
        top.addWidget(self.title)
        top.addStretch(1)
        edit = Button(self.tr("Edit card"), "ghost", "ph.pencil-simple", dense=True)
        edit.clicked.connect(self.edit_asked)
        top.addWidget(edit)
        column.addLayout(top)
        column.addWidget(Elided(self._subtitle(card), 13, 400, "t2"))
        column.addSpacing(4)
        column.addLayout(self._figures(card))
        if pictures := entry.previews[:3]:
            row = QHBoxLayout()
            row.setContentsMargins(0, 4, 0, 4)
            row.setSpacing(8)
            for path in pictures:
                row.addWidget(_Picture(path))
            column.addLayout(row)
        self._text(column, self.tr("Intended use"), card.intended_use)
        self._rows(column, self.tr("Training data"), self._data(card))
        self._rows(column, self.tr("Input and output"), self._interface(card))
        self._text(column, self.tr("Known limits"), card.limits or self.tr("Nothing noted yet."))
        if card.by_size:
            self._section(column, self.tr("Lesions found by size"))
            column.addLayout(self._bands(card.by_size))

    def _subtitle(self, card: ModelCard) -> str:
        run = self.tr("Imported") if card.imported else self.tr("Run {0}").format(card.run_id)
        count = self.tr("{0} parameters").format(parameters(card.parameters))
        network = NETWORKS.get(card.network, card.network)
        made = f"{network}, {count}" if network else count
        return " · ".join(part for part in (run, day(card.created), made) if part)

    def _figures(self, card: ModelCard) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        cases = self.tr("%n case(s)", "", card.cases) if card.cases else ""
        low_high = card.dice_range
        dice = _Figure(self.tr("Dice"))
        dice.value.setText(figure(card.dice))
        dice.detail.set_text(
            cases if low_high is None else f"95 % CI {low_high[0]:.2f}–{low_high[1]:.2f}"
        )
        distance = _Figure(self.tr("HD95"))
        distance.value.setText(f"{figure(card.hd95, 1)} mm")
        spread = card.hd95_range
        distance.detail.set_text(cases if spread is None else f"{spread[0]:.1f}–{spread[1]:.1f}")
        found = _Figure(self.tr("Sensitivity"))
        found.value.setText(figure(card.sensitivity))
        lesions = self.tr("{0} of {1} lesions").format(card.lesions_found, card.lesions)
        found.detail.set_text(lesions if card.lesions else cases)
        for well in (dice, distance, found):
            row.addWidget(well, 1)
        return row

    def _section(self, column: QVBoxLayout, title: str) -> None:
        column.addSpacing(4)
        column.addWidget(line())
        column.addSpacing(4)
        column.addWidget(heading(title, 13))

    def _text(self, column: QVBoxLayout, title: str, words: str) -> None:
        self._section(column, title)
        column.addWidget(label(words, 13, 400, "t2", wrap=True))
        self.facts[title] = words

    def _rows(self, column: QVBoxLayout, title: str, rows: list[tuple[str, str]]) -> None:
        if not rows:
            return
        self._section(column, title)
        column.addWidget(KeyValue(rows, key_width=120))
        self.facts.update(rows)

    def _data(self, card: ModelCard) -> list[tuple[str, str]]:
        parts = (
            (card.cases_train, self.tr("{0} train")),
            (card.cases_val, self.tr("{0} validation")),
            (card.cases_test, self.tr("{0} test")),
        )
        cases = ", ".join(words.format(count) for count, words in parts if count)
        rows = (
            (self.tr("Cases"), cases),
            (self.tr("Scanners"), card.scanners),
            (self.tr("Spacing"), card.spacings),
            (self.tr("Readers"), card.readers),
        )
        return [(name, value) for name, value in rows if value]

    def _interface(self, card: ModelCard) -> list[tuple[str, str]]:
        rows: list[tuple[str, str]] = []
        if card.spacing is not None:
            z, y, x = card.spacing
            words = self.tr("CT in HU, resampled to {0} mm").format(f"{x:.2f} × {y:.2f} × {z:.1f}")
            rows.append((self.tr("Input"), words))
        if card.classes:
            names = ", ".join(card.classes)
            rows.append((self.tr("Output"), self.tr("Background, {0}").format(names)))
        return rows

    def _bands(self, bands: tuple[SizeBand, ...]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.setColumnMinimumWidth(0, 108)
        grid.setColumnStretch(1, 1)
        for row, band in enumerate(bands):
            bar = ProgressBar()
            bar.set_fraction(band.found / band.lesions if band.lesions else 0)
            grid.addWidget(label(self._band(band), 13, 400, "t2"), row, 0)
            grid.addWidget(bar, row, 1)
            count = label(self.tr("{0} of {1}").format(band.found, band.lesions))
            grid.addWidget(count, row, 2, Qt.AlignmentFlag.AlignRight)
        return grid

    def _band(self, band: SizeBand) -> str:
        if band.low_ml <= 0 and band.high_ml is not None:
            return self.tr("Under {0:g} mL").format(band.high_ml)
        if band.high_ml is None:
            return self.tr("Over {0:g} mL").format(band.low_ml)
        return f"{band.low_ml:g}–{band.high_ml:g} mL"
