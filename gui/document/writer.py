"""Labels to disk, off the window's thread and in the order they were made.

One thread takes one thing after the other: an edit for the journal (on disk before the next), or
a snapshot that folds the journal into the label file. So a snapshot always holds exactly the edits
before it, and a kill at any instant loses no finished stroke.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.errors import UserError
from core.labels.edits import Edit, Labels
from core.labels.store import LabelStore
from core.project.project import Project

Work = Callable[[], str]


class LabelWriter(QObject):
    """Writes the label of one series after the other.

    saved: uid and local time HH:MM. failed: uid and why the disk refused. changed_meanwhile: uid;
    the label was painted on while its snapshot was taken, so that nothing was written.
    """

    saved = Signal(str, str)
    failed = Signal(str, str)
    changed_meanwhile = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue: queue.SimpleQueue[tuple[str, Work] | None] = queue.SimpleQueue()
        self._idle = threading.Event()
        self._idle.set()
        self._waiting = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def commit(self, uid: str, store: LabelStore, edit: Edit) -> None:
        """Put a finished edit into the journal."""

        def work() -> str:
            store.commit(edit)
            return ""

        self._put(uid, work)

    def save(
        self,
        uid: str,
        project: Project,
        store: LabelStore,
        labels: Labels,
        generation: Callable[[], int],
    ) -> None:
        """Fold the journal into the label file and note in the library what the label holds.

        labels: the live map; it is copied here, off the window's thread. generation: a number
        that grows with each change of it. When that grew during the copy nothing is written.
        """

        def work() -> str:
            before = generation()
            snapshot = labels.copy()
            if generation() != before:
                return "changed"
            store.save(snapshot)
            project.save_label_summary(uid, snapshot)
            return "saved"

        self._put(uid, work)

    def keep_proposal(
        self, uid: str, store: LabelStore, labels: Labels | None, info: dict[str, Any]
    ) -> None:
        """Store what is left of a proposal; None: nothing is."""

        def work() -> str:
            if labels is None:
                store.drop_proposal()
            else:
                store.save_proposal(labels, info)
            return ""

        self._put(uid, work)

    def flush(self, timeout: float = 60.0) -> bool:
        """Wait until everything handed over is on disk; False when that took too long."""
        return self._idle.wait(timeout)

    def close(self) -> None:
        """Finish what is waiting and end the thread; the next work starts a new one."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _put(self, uid: str, work: Work) -> None:
        with self._lock:
            self._waiting += 1
            self._idle.clear()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="label writer")
            self._thread.start()
        self._queue.put((uid, work))

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            uid, work = item
            try:
                self._tell(uid, work())
            except OSError as error:
                # Everything is still in memory, and the next save holds it whole.
                name = Path(error.filename).name if error.filename else ""
                self.failed.emit(uid, f"{error.strerror or error} {name}".strip())
            except UserError as error:
                self.failed.emit(uid, error.sentence)
            finally:
                with self._lock:
                    self._waiting -= 1
                    if self._waiting == 0:
                        self._idle.set()

    def _tell(self, uid: str, outcome: str) -> None:
        if outcome == "saved":
            self.saved.emit(uid, time.strftime("%H:%M"))
        elif outcome == "changed":
            self.changed_meanwhile.emit(uid)
