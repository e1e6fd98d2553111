"""Looking through the chosen series: picture and slider; slices are decoded in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.project.project import Project
from core.project.records import SeriesRecord
from gui import i18n, theme
from gui.pages.library_picture import Picture
from gui.session import Session
from gui.tasks import Task
from gui.widgets import ProgressBar, Slider

if TYPE_CHECKING:
    from core.project.preview import Preview as Opened

#: Pictures kept of the series that is shown: 250 slices of 512 x 512.
_CACHE_BYTES = 64 << 20
#: Slices read ahead on either side of the one shown.
_AHEAD = 16


def _open(project: Project, record: SeriesRecord, progress: Any, cancelled: Any) -> Any:
    # Loaded late: it brings pydicom and SimpleITK.
    from core.project.preview import open_preview  # noqa: PLC0415

    opened = open_preview(project, record, progress, cancelled)
    return opened, opened.slice(opened.start)


def _slice(opened: Opened, index: int) -> tuple[int, NDArray[np.uint8]]:
    return index, opened.slice(index)


class Preview(QWidget):
    """The newest wish is read first, then the slices around it. loaded: the series is open."""

    loaded = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._what: object = None
        self._opening: Task | None = None
        self._reading: Task | None = None
        self._cache: dict[int, NDArray[np.uint8]] = {}
        self._bytes = 0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.picture = Picture()
        self.picture.moved.connect(self._move)
        self.picture.dragged.connect(self._drag)
        self.slider = Slider()
        self.slider.setAccessibleName(self.tr("Slice"))
        self.slider.valueChanged.connect(lambda _value: self._want())
        self._bar = ProgressBar(4)
        column.addWidget(self.picture)
        column.addWidget(self.slider)
        column.addWidget(self._bar)
        self._bar.hide()

    @property
    def opened(self) -> Opened | None:
        """The series that can be looked through now."""
        return self.picture.loaded

    def show_record(self, record: SeriesRecord | None) -> None:
        """Open a series; the same one with the same label and remedy is left alone."""
        what = None
        if record is not None:
            what = (record.series_uid, record.label_version, record.choices, record.files)
        if what == self._what:
            return
        same = what is not None and isinstance(self._what, tuple) and what[0] == self._what[0]
        self._what = what
        self._stop()
        if not same:
            self.picture.words = ""
            self.picture.show_series(None, self._session.schema)
            self.slider.setEnabled(False)
        project = self._session.project
        if record is None or project is None:
            return
        self._bar.set_fraction(0)
        self._opening = self._session.tasks.run(
            _open, project, record,
            on_done=lambda result: self._show(*result, same), on_error=self._failed,
            on_progress=self._progress, owner=self, priority=1,
        )  # fmt: skip

    def _stop(self) -> None:
        for task in (self._opening, self._reading):
            if task is not None:
                task.cancel()
        self._opening = self._reading = None
        self._cache.clear()
        self._bytes = 0

    def _progress(self, done: int, total: int) -> None:
        self.slider.hide()
        self._bar.show()
        self._bar.set_fraction(done / max(1, total))

    def _show(self, opened: Opened, first: NDArray[np.uint8], same: bool) -> None:
        self._settle()
        stay = same and self.slider.maximum() == opened.axes.slices - 1
        start = self.slider.value() if stay else opened.start
        self.picture.show_series(opened, self._session.schema)
        self._keep(opened.start, first)
        self.slider.setEnabled(True)
        self.slider.setRange(0, opened.axes.slices - 1)
        colour = next((c.colour for c in self._session.schema.classes if c.lesion), theme.PRED)
        lesions = () if opened.labels is None else opened.labels.lesion_slices
        self.slider.set_marks(
            [(i, theme.WARN) for i in sorted(opened.made)] + [(i, colour) for i in lesions]
        )
        self.slider.setValue(start)
        self._want()
        self.loaded.emit(opened)

    def _failed(self, sentence: str) -> None:
        self._settle()
        self.picture.words = i18n.sentence(sentence)
        self.picture.show_series(None, self._session.schema)

    def _settle(self) -> None:
        self._opening = None
        self._bar.hide()
        self.slider.show()

    # ---- slices ------------------------------------------------------------------------------

    def _move(self, steps: int) -> None:
        if self.slider.isEnabled():
            self.slider.setValue(self.slider.value() + steps)

    def _drag(self, share: float) -> None:
        if self.slider.isEnabled():
            self.slider.setValue(round(share * self.slider.maximum()))

    def _want(self) -> None:
        """Show the slider's slice as soon as it is there, and read on."""
        index = self.slider.value()
        if self.opened is None:
            return
        if index in self._cache:
            self.picture.show_slice(index, self._cache[index])
        self._read_next()

    def _read_next(self) -> None:
        """One slice at a time: the one that is wanted, then the nearest that is not there."""
        opened = self.opened
        if opened is None or self._reading is not None:
            return
        index = self._missing(opened)
        if index is None:
            return
        self._reading = self._session.tasks.run(
            _slice, opened, index, on_done=self._arrived, on_error=self._slice_failed, owner=self,
            priority=1 if index == self.slider.value() else -2,
        )  # fmt: skip

    def _missing(self, opened: Opened) -> int | None:
        wanted, last = self.slider.value(), opened.axes.slices - 1
        if wanted not in self._cache:
            return wanted
        for distance in range(1, min(_AHEAD, last) + 1):
            for index in (wanted + distance, wanted - distance):
                if 0 <= index <= last and index not in self._cache:
                    return index
        return None

    def _arrived(self, result: tuple[int, NDArray[np.uint8]]) -> None:
        self._reading = None
        index, grey = result
        self._keep(index, grey)
        if index == self.slider.value():
            self.picture.show_slice(index, grey)
        self._read_next()

    def _slice_failed(self, sentence: str) -> None:
        """A file that went away while somebody looked through: say so instead of a wrong slice."""
        self._reading = None
        self._failed(sentence)
        self.slider.setEnabled(False)

    def _keep(self, index: int, grey: NDArray[np.uint8]) -> None:
        if index in self._cache:
            return
        self._cache[index] = grey
        self._bytes += grey.nbytes
        while self._bytes > _CACHE_BYTES and len(self._cache) > 2 * _AHEAD + 1:
            # The farthest: what is near is about to be looked at.
            far = max(self._cache, key=lambda i: abs(i - self.slider.value()))
            self._bytes -= self._cache.pop(far).nbytes
