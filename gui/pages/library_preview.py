"""The picture in the details: one axial slice with its labels, a slider to go through them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QImage,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.labels.schema import LabelSchema
from core.planes import PlaneAxes
from core.project.project import Project
from core.project.records import SeriesRecord
from core.volume import Volume, apply_window, count_values, window_lut
from gui import theme
from gui.session import Session
from gui.tasks import Task
from gui.view.contours import outline
from gui.widgets import ProgressBar, Slider
from gui.widgets.paint import painter

WIDTH, LEVEL = 400, 40


@dataclass(frozen=True, slots=True)
class Loaded:
    """A series ready to be looked through.

    labels: uint8 [z, y, x] on the same grid, None where nothing is labelled. ml: class value ->
    volume. lesion_slices: axial slices that hold a lesion. start: the slice to show first.
    box: (top, bottom, left, right) of the axial picture that holds the body, in pixels.
    """

    volume: Volume
    axes: PlaneAxes
    labels: NDArray[np.uint8] | None
    ml: dict[int, float]
    lesion_slices: tuple[int, ...]
    start: int
    box: tuple[int, int, int, int]


def body_box(volume: Volume, axes: PlaneAxes) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) round the body, half-open, in pixels of the axial picture.

    Judged on every few slices; a row counts with 3 % of its pixels above −300 HU, so that a thin
    table alone does not.
    """
    step = max(1, axes.slices // 12)
    rows = np.zeros(axes.rows, bool)
    columns = np.zeros(axes.columns, bool)
    for index in range(0, axes.slices, step):
        dense = axes.cut(volume.hu, index) > -300
        rows |= dense.mean(axis=1) > 0.03
        columns |= dense.mean(axis=0) > 0.03
    if not rows.any() or not columns.any():
        return (0, axes.rows, 0, axes.columns)
    high, wide = np.flatnonzero(rows), np.flatnonzero(columns)
    rim = round(0.02 * max(axes.rows, axes.columns))
    return (
        max(0, int(high[0]) - rim), min(axes.rows, int(high[-1]) + 1 + rim),
        max(0, int(wide[0]) - rim), min(axes.columns, int(wide[-1]) + 1 + rim),
    )  # fmt: skip


def load(project: Project, record: SeriesRecord, progress: Any, cancelled: Any) -> Loaded:
    """Background: volume and label of a series. Raises FileRefusedError and Cancelled."""
    # Loaded late: it brings pydicom and SimpleITK.
    from core.project.reading import read_volume  # noqa: PLC0415

    volume = read_volume(record, progress, cancelled)
    axes = PlaneAxes.of(volume.geometry, "axial")
    middle = axes.slices // 2
    box = body_box(volume, axes)
    if record.label_status in ("none", "proposed"):
        return Loaded(volume, axes, None, {}, (), middle, box)
    labels = project.label_store(record.series_uid).load()
    counts = count_values(labels)
    ml = {v: float(counts[v]) * record.geometry.voxel_ml for v in range(1, 256) if counts[v]}
    others = tuple(axis for axis in range(3) if axis != axes.normal)
    area = np.isin(labels, project.schema.lesion_values).sum(axis=others)
    slices = tuple(int(i) for i in np.flatnonzero(area))
    start = int(area.argmax()) if slices else middle
    return Loaded(volume, axes, labels, ml, slices, start, box)


def halo_text(p: QPainter, at: QPointF, words: str, font: QFont) -> None:
    """White text with a dark edge, readable over any picture; ``at`` is the baseline's start."""
    path = QPainterPath()
    path.addText(at, font, words)
    p.setBrush(Qt.BrushStyle.NoBrush)
    p.setPen(QPen(QColor(0, 0, 0, 190), 3))
    p.drawPath(path)
    p.fillPath(path, QColor(theme.T1))


class Picture(QWidget):
    """One slice, fitted, on black."""

    wheeled = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(256)
        self.loaded: Loaded | None = None
        self.schema = LabelSchema.default()
        self.words = ""
        self._index = 0
        self._image: QImage | None = None
        self._paths: list[tuple[QPainterPath, str]] = []
        self._lut = window_lut(WIDTH, LEVEL)

    def show_series(self, loaded: Loaded | None, schema: LabelSchema) -> None:
        """Another series, or none."""
        self.loaded, self.schema = loaded, schema
        self._image = None
        self._paths = []
        if loaded is not None:
            self.show_slice(loaded.start)
        self.update()

    def show_slice(self, index: int) -> None:
        """Cut and window one slice."""
        if self.loaded is None:
            return
        axes = self.loaded.axes
        self._index = min(max(0, index), axes.slices - 1)
        grey = np.ascontiguousarray(
            apply_window(axes.cut(self.loaded.volume.hu, self._index), self._lut)
        )
        rows, columns = grey.shape
        kind = QImage.Format.Format_Grayscale8
        self._image = QImage(grey.tobytes(), columns, rows, columns, kind).copy()
        self._paths = []
        if self.loaded.labels is not None:
            cut = axes.cut(self.loaded.labels, self._index)
            for value in np.unique(cut).tolist():
                names = {c.value: c.colour for c in self.schema.classes}
                if value in names:
                    self._paths.append((outline(cut == value), names[value]))
        self.setAccessibleName(self.tr("Axial, slice {0} of {1}").format(index + 1, axes.slices))
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """One slice a notch, ten with Shift."""
        delta = event.angleDelta().y() or event.angleDelta().x()
        if delta:
            ten = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            self.wheeled.emit((-1 if delta > 0 else 1) * (10 if ten else 1))
        event.accept()

    def _target(self, loaded: Loaded) -> QRectF:
        """Where the body's box goes: as large as fits, square in mm."""
        down, right = loaded.axes.pixel_mm
        top, bottom, first, last = loaded.box
        height, width = (bottom - top) * down, (last - first) * right
        scale = min(self.width() / width, self.height() / height)
        size = (width * scale, height * scale)
        return QRectF((self.width() - size[0]) / 2, (self.height() - size[1]) / 2, size[0], size[1])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Slice, outlines, letters and figures."""
        p = painter(self)
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(self.rect()), 4, 4)
        p.setClipPath(clip)
        p.fillRect(self.rect(), theme.BLACK)
        if self.loaded is not None and self._image is not None:
            top, bottom, first, last = self.loaded.box
            target = self._target(self.loaded)
            p.save()
            p.translate(target.topLeft())
            p.scale(target.width() / (last - first), target.height() / (bottom - top))
            p.translate(-first, -top)
            p.drawImage(QPointF(0, 0), self._image)
            self._draw_labels(p)
            p.restore()
            self._draw_words(p, self.loaded.axes)
        elif self.words:
            p.setPen(theme.T2)
            p.setFont(theme.font(12))
            area = QRectF(self.rect()).adjusted(24, 0, -24, 0)
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            p.drawText(area, flags, self.words)
        p.end()

    def _draw_labels(self, p: QPainter) -> None:
        """Outlines in pixels of the slice; a painter that is scaled to them."""
        p.translate(0.5, 0.5)  # an outline counts from the centre of the first pixel
        for path, colour in self._paths:
            pen = QPen(QColor(colour), 1.6)
            pen.setCosmetic(True)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            p.setPen(pen)
            fill = QColor(colour)
            fill.setAlphaF(0.2)
            p.setBrush(fill)
            p.drawPath(path)

    def _draw_words(self, p: QPainter, axes: PlaneAxes) -> None:
        strong, small = theme.font(12, 600), theme.font(11, 600)
        _, _, left, right = axes.letters
        middle = self.height() / 2 + 4
        halo_text(p, QPointF(8, middle), left, strong)
        halo_text(p, QPointF(self.width() - 18, middle), right, strong)
        halo_text(p, QPointF(10, self.height() - 10), f"W {WIDTH}  L {LEVEL}", small)
        words = self.tr("Slice {0} / {1}").format(self._index + 1, axes.slices)
        p.setFont(small)
        width = p.fontMetrics().horizontalAdvance(words)
        halo_text(p, QPointF(self.width() - 10 - width, self.height() - 10), words, small)


class Preview(QWidget):
    """Picture and slider; loads in the background, keeps one series."""

    loaded = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._task: Task | None = None
        self._what: tuple[str, int] | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.picture = Picture()
        self.picture.wheeled.connect(self._wheel)
        self.slider = Slider()
        self.slider.setAccessibleName(self.tr("Slice"))
        self.slider.valueChanged.connect(self.picture.show_slice)
        self._bar = ProgressBar(4)
        column.addWidget(self.picture)
        column.addWidget(self.slider)
        column.addWidget(self._bar)
        self._bar.hide()

    def show_record(self, record: SeriesRecord | None) -> None:
        """Load a series; the same one with the same label is left alone."""
        what = None if record is None else (record.series_uid, record.label_version)
        if what == self._what:
            return
        same = what is not None and self._what is not None and what[0] == self._what[0]
        self._what = what
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if not same:
            self.picture.words = ""
            self.picture.show_series(None, self._session.schema)
            self.slider.setEnabled(False)
        project = self._session.project
        if record is None or project is None:
            return
        self._bar.set_fraction(0)
        self._task = self._session.tasks.run(
            load, project, record,
            on_done=self._show, on_error=self._failed, on_progress=self._progress, owner=self,
            priority=1,
        )  # fmt: skip

    def _progress(self, done: int, total: int) -> None:
        self.slider.hide()
        self._bar.show()
        self._bar.set_fraction(done / max(1, total))

    def _show(self, loaded: Loaded) -> None:
        self._settle()
        self.picture.show_series(loaded, self._session.schema)
        self.slider.setEnabled(True)
        self.slider.setRange(0, loaded.axes.slices - 1)
        colour = next((c.colour for c in self._session.schema.classes if c.lesion), theme.PRED)
        self.slider.set_marks([(i, colour) for i in loaded.lesion_slices])
        self.slider.setValue(loaded.start)
        self.loaded.emit(loaded)

    def _failed(self, sentence: str) -> None:
        self._settle()
        self.picture.words = sentence
        self.picture.show_series(None, self._session.schema)

    def _settle(self) -> None:
        self._task = None
        self._bar.hide()
        self.slider.show()

    def _wheel(self, steps: int) -> None:
        if self.slider.isEnabled():
            self.slider.setValue(self.slider.value() + steps)
