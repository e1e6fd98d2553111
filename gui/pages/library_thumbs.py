"""Thumbnails of the rows that are on the screen, made in the background, newest wish first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage, QPixmap

from core.project.project import Project
from core.project.records import SeriesRecord
from gui.session import Session

log = logging.getLogger(__name__)

#: At the same time; the rest waits, the newest wish in front.
_AT_ONCE = 2
#: Wishes that wait. Whoever scrolls through thousands of rows wants those where he stops; a row
#: asks again when it is painted again.
_WAITING = 64
#: Of pictures in memory; all of them are on disk.
_KEPT_BYTES = 64 << 20

#: UID, what its voxels and label depend on, width, height.
Key = tuple[str, tuple[int, str], int, int]


def _make(project: Project, record: SeriesRecord, size: tuple[int, int], cancelled: Any) -> Any:
    # Loaded late: reading pixels brings pydicom and SimpleITK.
    from core.project.thumbnails import thumbnail  # noqa: PLC0415

    return thumbnail(project, record, size, cancelled)


def _size(picture: QPixmap | None) -> int:
    """Bytes of a picture, as a screen's format holds it."""
    return 0 if picture is None else picture.width() * picture.height() * 4


class Thumbnails(QObject):
    """:meth:`get` answers at once, with None while the picture is still being made."""

    arrived = Signal(str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._ready: dict[Key, QPixmap | None] = {}
        self._wanted: dict[Key, SeriesRecord] = {}
        self._running: dict[Key, Any] = {}
        self._bytes = 0
        session.project_changed.connect(self.clear)
        session.series_changed.connect(self._try_again)

    def _try_again(self) -> None:
        """Something changed: what could not be made may be there now (a folder found again)."""
        for key in [key for key, picture in self._ready.items() if picture is None]:
            del self._ready[key]

    def clear(self) -> None:
        """Forget everything, for another project."""
        for task in self._running.values():
            task.cancel()
        self._ready.clear()
        self._bytes = 0
        self._wanted.clear()
        self._running.clear()

    def get(self, record: SeriesRecord, width: int, height: int, ratio: float) -> QPixmap | None:
        """The picture at ``width`` × ``height`` device-independent pixels, or None for now."""
        voxels = (record.label_version, record.remedy.identity)
        key = (record.series_uid, voxels, round(width * ratio), round(height * ratio))
        if key in self._ready:
            picture = self._ready.pop(key)  # to the end: looked at last
            self._ready[key] = picture
            return picture
        if key not in self._running:
            self._wanted.pop(key, None)
            self._wanted[key] = record
            while len(self._wanted) > _WAITING:
                self._wanted.pop(next(iter(self._wanted)))
            self._next()
        return self._older(key)

    def _older(self, key: Key) -> QPixmap | None:
        """The picture of the label version before, rather than a flash of grey."""
        uid, (version, remedy), width, height = key
        return self._ready.get((uid, (version - 1, remedy), width, height)) if version else None

    def _next(self) -> None:
        project = self._session.project
        while project is not None and self._wanted and len(self._running) < _AT_ONCE:
            key, record = self._wanted.popitem()
            self._running[key] = self._session.tasks.run(
                _make, project, record, (key[3], key[2]),
                on_done=self._done(key), on_error=self._failed(key), owner=self, priority=-1,
            )  # fmt: skip

    def _done(self, key: Key) -> Callable[[Any], None]:
        def take(picture: Any) -> None:
            height, width = picture.shape
            image = QImage(picture.tobytes(), width, height, width, QImage.Format.Format_Grayscale8)
            self._finish(key, QPixmap.fromImage(image.copy()))

        return take

    def _failed(self, key: Key) -> Callable[[str], None]:
        def take(_sentence: str) -> None:
            log.info("a thumbnail could not be made")
            self._finish(key, None)

        return take

    def _finish(self, key: Key, picture: QPixmap | None) -> None:
        self._running.pop(key, None)
        self._ready[key] = picture
        self._bytes += _size(picture)
        while self._bytes > _KEPT_BYTES and len(self._ready) > _WAITING:
            self._bytes -= _size(self._ready.pop(next(iter(self._ready))))
        self.arrived.emit(key[0])
        self._next()
