"""The validation cases of the newest pass as pictures, worst first."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainterPath, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QStackedWidget, QWidget

from core.events import CaseResult
from gui import theme
from gui.run.history import RunHistory
from gui.widgets import Card, EmptyState, label
from gui.widgets.focus import RingMixin
from gui.widgets.paint import painter, rounded, text, width_of

#: Below this a case needs a look; the design's amber line.
POOR_DICE = 0.70
#: Heights of the pictures, in a high and in a low window, and of the words below.
_HIGH, _LOW, _CAPTION = 130, 84, 28
_GAP = 12
_NARROWEST, _WIDEST = 150, 190


def lesion_centre(picture: QImage) -> float:
    """Height (0-1) at which the coloured outlines lie; the middle where there are none."""
    image = picture.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    pixels = rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).astype(np.int16)
    coloured = np.abs(pixels[..., 0] - pixels[..., 2]) > 40
    found = np.flatnonzero(coloured.any(axis=1))
    return 0.5 if found.size == 0 else float(found[0] + found[-1] + 1) / 2 / image.height()


class CaseTile(RingMixin, QAbstractButton):
    """One case: its picture fills the width; a click opens the series."""

    ring_radius = 4

    def __init__(self) -> None:
        super().__init__()
        self.case: CaseResult | None = None
        self._image = QImage()
        self._centre = 0.5
        self._path: Path | None = None
        self._high = _HIGH
        self.setFixedHeight(_HIGH + _CAPTION)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_case(self, case: CaseResult, folder: Path) -> None:
        """Show a case of the run in ``folder``."""
        self.case = case
        path = folder / case.preview if case.preview else None
        if path != self._path:
            self._path = path
            self._image = QImage(str(path)) if path is not None else QImage()
            self._centre = 0.5 if self._image.isNull() else lesion_centre(self._image)
        dice = self.tr("no figure") if math.isnan(case.dice) else f"{case.dice:.2f}"
        self.setAccessibleName(f"{case.patient_id}, Dice {dice}")
        self.setToolTip(self.tr("{0}: Dice {1}. Open in Label").format(case.patient_id, dice))
        self.update()

    def set_picture_height(self, height: int) -> None:
        """How high the picture is."""
        self._high = height
        self.setFixedHeight(height + _CAPTION)
        self.update()

    def sizeHint(self) -> QSize:
        """The row decides the width."""
        return QSize(self.width(), self._high + _CAPTION)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Picture, patient, Dice."""
        if self.case is None:
            return
        p = painter(self)
        area = QRectF(0, 0, self.width(), self._high)
        shape = QPainterPath()
        shape.addRoundedRect(area, 4, 4)
        p.save()
        p.setClipPath(shape)
        p.fillRect(area, theme.BLACK)
        if not self._image.isNull():
            p.drawImage(area, self._image, self._cut(area))
        p.restore()
        if self.underMouse():
            rounded(p, area, 4, None, theme.ACC)
        base = QRectF(0, self._high + 4, self.width(), 24)
        poor = not self.case.dice >= POOR_DICE
        words = "–" if math.isnan(self.case.dice) else f"{self.case.dice:.2f}"
        bold = theme.font(13, 600)
        text(p, base, words, bold, theme.WARN if poor else theme.T1,
             align=Qt.AlignmentFlag.AlignRight)  # fmt: skip
        taken = width_of(words, bold) + 8
        if poor:
            taken += 22
            x = round(self.width() - taken + 2)
            theme.icon("ph.warning", theme.WARN, 14).paint(p, x, self._high + 9, 14, 14)
        text(p, base.adjusted(0, 0, -taken, 0), self.case.patient_id, theme.font(12), theme.T2)
        p.end()

    def _cut(self, area: QRectF) -> QRectF:
        """The part of the picture that fills ``area``, with the lesion in it."""
        width, height = self._image.width(), self._image.height()
        scale = max(area.width() / width, area.height() / height)
        w, h = area.width() / scale, area.height() / scale
        top = min(max(0.0, self._centre * height - h / 2), height - h)
        return QRectF((width - w) / 2, top, w, h)


class _Key(QWidget):
    """The look of reference and prediction."""

    def __init__(self, filled: bool) -> None:
        super().__init__()
        self._filled = filled
        self.setFixedSize(16, 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        colour = QColor(theme.TRUTH if self._filled else theme.PRED)
        p.setPen(QPen(colour, 1.5))
        if self._filled:
            colour.setAlphaF(0.4)
            p.setBrush(colour)
        p.drawRoundedRect(QRectF(0.75, 0.75, 14.5, 10.5), 2, 2)
        p.end()


class _Row(QWidget):
    """As many tiles as fit, all of one width."""

    opened = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.tiles: list[CaseTile] = []
        self._high = _HIGH
        self._count = 0
        self.setFixedHeight(_HIGH + _CAPTION)

    def set_picture_height(self, height: int) -> None:
        self._high = height
        self.setFixedHeight(height + _CAPTION)
        for tile in self.tiles:
            tile.set_picture_height(height)

    def show_cases(self, cases: tuple[CaseResult, ...], folder: Path) -> None:
        while len(self.tiles) < len(cases):
            tile = CaseTile()
            tile.setParent(self)
            tile.set_picture_height(self._high)
            tile.clicked.connect(lambda _checked=False, tile=tile: self._open(tile))
            self.tiles.append(tile)
        self._count = len(cases)
        for tile, case in zip(self.tiles, cases, strict=False):
            tile.show_case(case, folder)
        self._place()

    def _open(self, tile: CaseTile) -> None:
        if tile.case is not None:
            self.opened.emit(tile.case.series_uid)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._place()

    def _place(self) -> None:
        room = self.width() + _GAP
        fit = max(1, room // (_NARROWEST + _GAP))
        shown = min(fit, self._count)
        wide = min(_WIDEST, room // max(1, min(fit, max(shown, 8))) - _GAP)
        for index, tile in enumerate(self.tiles):
            tile.setVisible(index < shown)
            tile.setFixedWidth(max(40, wide))
            tile.move(QPointF(index * (wide + _GAP), 0).toPoint())


class _States(QStackedWidget):
    """Of a height of its own: one that depends on the width would make all of the page scroll."""

    def hasHeightForWidth(self) -> bool:
        """Never, whatever the words of the empty state say."""
        return False


class GalleryCard(Card):
    """opened: UID of the series of a tile that was clicked."""

    opened = Signal(str)

    def __init__(self) -> None:
        super().__init__("Validation cases")
        self.set_title(self.tr("Validation cases"))
        for filled, name in ((True, self.tr("Reference")), (False, self.tr("Prediction"))):
            item = QWidget()
            row = QHBoxLayout(item)
            row.setContentsMargins(12, 0, 0, 0)
            row.setSpacing(8)
            row.addWidget(_Key(filled))
            row.addWidget(label(name, 12, 400, "t2"))
            self.header.addWidget(item)
        self.row = _Row()
        self.row.opened.connect(self.opened)
        self._empty = EmptyState(
            "ph.image",
            self.tr("No validation yet"),
            self.tr("Whole validation cases are predicted several times during the run."),
        )
        self._states = _States()
        self._states.addWidget(self._empty)
        self._states.addWidget(self.row)
        self._states.setFixedHeight(_HIGH + _CAPTION)
        self.body.addWidget(self._states)
        self._shown: tuple[CaseResult, ...] = ()
        #: A patient as the window may name it.
        self.name_of: Callable[[str], str] = str

    def set_low(self, low: bool) -> None:
        """Lower pictures, for a low window."""
        height = _LOW if low else _HIGH
        self._states.setFixedHeight(height + _CAPTION)
        self.row.set_picture_height(height)

    def show_history(self, history: RunHistory, folder: Path) -> None:
        """Show the newest validation of the run in ``folder``."""
        cases = tuple(replace(c, patient_id=self.name_of(c.patient_id)) for c in history.cases)
        if cases == self._shown and cases:
            return
        self._shown = cases
        self._states.setCurrentWidget(self.row if cases else self._empty)
        words = ""
        if cases:
            words = self.tr("Epoch {0} · slice with the largest lesion area").format(
                f"{history.validations[-1].epoch:.0f}"
            )
        self.set_title(self.title.text(), words)
        if cases:
            self.row.show_cases(cases, folder)
