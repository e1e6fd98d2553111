"""Short background jobs: the window never waits, results come back on its own thread.

A job that the user can mend ends in ``on_error(sentence)``; a bug goes to ``sys.excepthook`` on
the window's thread, as if it had happened there.
"""

from __future__ import annotations

import inspect
import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QRunnable, Qt, QThread, QThreadPool, Signal, Slot
from shiboken6 import isValid

from core.errors import Cancelled, UserError

log = logging.getLogger(__name__)

Callback = Callable[..., object]

#: A reader of pixels, an import and the thumbnails must not wait for each other.
_MIN_THREADS = 4


class Task:
    """One job, from :meth:`TaskPool.run`. Its callbacks run on the window's thread."""

    def __init__(
        self,
        fn: Callback,
        args: tuple[Any, ...],
        on_done: Callback | None,
        on_error: Callback | None,
        *,
        on_progress: Callback | None,
        on_cancelled: Callback | None,
        key: str | None,
        owner: QObject | None,
    ) -> None:
        self._fn = fn
        self._args = args
        self.on_done = on_done
        self.on_error = on_error
        self.on_progress = on_progress
        self.on_cancelled = on_cancelled
        self.key = key
        self.owner = owner
        self._stop = threading.Event()
        self._dropped = False
        self.running = True
        self._lock = threading.Lock()
        self._latest: tuple[Any, ...] | None = None

    def cancel(self) -> None:
        """Ask the job to end; whatever it still returns is dropped."""
        self._dropped = True
        self._stop.set()

    def finish_early(self) -> None:
        """Ask the job to end; what it then returns is delivered (an import's partial report)."""
        self._stop.set()

    @property
    def cancelled(self) -> bool:
        """Whether the job was asked to end."""
        return self._stop.is_set()

    @property
    def dropped(self) -> bool:
        """Whether nobody wants the result any more."""
        return self._dropped

    @property
    def orphaned(self) -> bool:
        """Whether the widget that wanted the result is gone."""
        return self.owner is not None and not isValid(self.owner)

    def note_progress(self, args: tuple[Any, ...]) -> bool:
        """Keep the newest progress; True when the window has to be told that there is some."""
        with self._lock:
            first = self._latest is None
            self._latest = args
            return first

    def take_progress(self) -> tuple[Any, ...]:
        """The newest progress, on the window's thread."""
        with self._lock:
            latest, self._latest = self._latest, None
            return latest or ()

    def call(self, tell: Callable[[], None]) -> Any:
        """Run the job on the calling thread; ``tell`` announces progress."""

        def progress(*args: Any) -> None:
            if self.note_progress(args):
                tell()

        wanted = inspect.signature(self._fn).parameters
        extra: dict[str, Any] = {}
        if "progress" in wanted:
            extra["progress"] = progress
        if "cancelled" in wanted:
            extra["cancelled"] = self._stop.is_set
        return self._fn(*self._args, **extra)


class _Runner(QRunnable):
    def __init__(self, task: Task, tell: Callable[[Task, str, Any], None]) -> None:
        super().__init__()
        # The pool keeps this object until the end was delivered; Qt must not delete it before.
        self.setAutoDelete(False)
        self._task = task
        self._tell = tell

    def run(self) -> None:
        task = self._task
        if task.cancelled and task.dropped:
            self._tell(task, "cancelled", None)
            return
        try:
            result = task.call(lambda: self._tell(task, "progress", None))
        except Cancelled:
            self._tell(task, "cancelled", None)
        except UserError as error:
            self._tell(task, "error", error.sentence)
        except Exception as error:  # noqa: BLE001 - handed whole to the window's excepthook
            self._tell(task, "bug", error)
        else:
            self._tell(task, "done", result)


class TaskPool(QObject):
    """Runs jobs on a few threads. Made on the window's thread; :meth:`shutdown` ends it."""

    _told = Signal(object, str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(max(_MIN_THREADS, QThread.idealThreadCount()))
        self._runners: dict[Task, _Runner] = {}
        self._keys: dict[str, Task] = {}
        self._afterwards: list[tuple[set[Task], Callable[[], object]]] = []
        self._told.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def run(
        self,
        fn: Callback,
        *args: Any,
        on_done: Callback | None = None,
        on_error: Callback | None = None,
        on_progress: Callback | None = None,
        on_cancelled: Callback | None = None,
        key: str | None = None,
        owner: QObject | None = None,
        priority: int = 0,
    ) -> Task:
        """Run ``fn(*args)`` in the background.

        fn: gets ``progress`` (a callable, any arguments) and ``cancelled`` (a callable giving a
        bool) when it has parameters of these names. on_done(result), on_error(sentence),
        on_progress(*args) and on_cancelled() run on the window's thread; of progress only the
        newest is delivered. Without on_error a UserError counts as a bug; on_cancelled() also
        follows a bug, before it is told: either way there is no result. key: a job with the same
        key that still runs is cancelled. owner: with it gone (a page closed), nothing is
        delivered. priority: higher starts earlier.
        """
        task = Task(
            fn, args, on_done, on_error,
            on_progress=on_progress, on_cancelled=on_cancelled, key=key, owner=owner,
        )  # fmt: skip
        if key is not None:
            if (older := self._keys.get(key)) is not None:
                older.cancel()
            self._keys[key] = task
        runner = _Runner(task, self._tell)
        self._runners[task] = runner
        self._pool.start(runner, priority)
        return task

    def afterwards(self, then: Callable[[], object]) -> None:
        """Call ``then`` once every job that runs or waits now has ended, at once without any."""
        if self._runners:
            self._afterwards.append((set(self._runners), then))
        else:
            then()

    @property
    def busy(self) -> int:
        """Jobs that have not been delivered yet."""
        return len(self._runners)

    def cancel_all(self) -> None:
        """Ask all jobs to end and drop their results."""
        for task in list(self._runners):
            task.cancel()

    def shutdown(self, wait_ms: int = 20_000) -> bool:
        """Cancel everything and wait for the threads; False when one did not end in time."""
        self.cancel_all()
        self._pool.clear()
        ended = self._pool.waitForDone(wait_ms)
        self._runners.clear()
        self._keys.clear()
        self._after(None)
        if not ended:
            log.error("a background job did not end within %d ms", wait_ms)
        return ended

    def _tell(self, task: Task, what: str, value: Any) -> None:
        """Called on the worker's thread."""
        self._told.emit(task, what, value)

    @Slot(object, str, object)
    def _deliver(self, task: Task, what: str, value: Any) -> None:
        if task not in self._runners:
            return  # The pool was shut down in between.
        if what == "progress":
            args = task.take_progress()
            if task.on_progress is not None and not task.dropped and not task.orphaned:
                task.on_progress(*args)
            return
        del self._runners[task]
        task.running = False
        if task.key is not None and self._keys.get(task.key) is task:
            del self._keys[task.key]
        self._after(task)
        self._end(task, what, value)

    def _after(self, task: Task | None) -> None:
        """A job has ended, or (None) all have: do what waits for nothing else."""
        waiting, self._afterwards = self._afterwards, []
        for jobs, then in waiting:
            left = set[Task]() if task is None else jobs - {task}
            if left:
                self._afterwards.append((left, then))
            else:
                then()

    @staticmethod
    def _end(task: Task, what: str, value: Any) -> None:
        if what == "bug" or (what == "error" and task.on_error is None):
            error = value if isinstance(value, BaseException) else UserError(str(value))
            log.error("a background job failed", exc_info=error)
            if task.on_cancelled is not None and not task.orphaned:
                task.on_cancelled()  # first: the dialog of a bug stays until it is closed
            sys.excepthook(type(error), error, error.__traceback__)
        elif task.orphaned:
            return
        elif task.dropped or what == "cancelled":
            if task.on_cancelled is not None:
                task.on_cancelled()
        elif what == "error":
            assert task.on_error is not None  # noqa: S101 - the case without is above
            task.on_error(value)
        elif task.on_done is not None:
            task.on_done(value)
