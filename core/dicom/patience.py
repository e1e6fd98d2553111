"""Work on files that may never answer: on threads that nobody has to wait for.

A read from a share that has gone can block for minutes, and no thread can be told to give up. So
reading is left to daemon threads; who waits for them asks now and then how long they have been at
their file, and gives up with a sentence. A thread that was given up on ends whenever its read does,
and keeps neither the window nor the end of the program waiting.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

from core.errors import Cancelled, FileRefusedError

#: Seconds one slice may take to be read and decoded. A sleeping disk or a dialled connection
#: answers within ten, and half a megabyte over 100 KB/s takes five.
PATIENCE_S = 40.0
_LOOK_S = 0.1

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
Stop = Callable[[], bool]


def unanswered(path: Path, seconds: float) -> FileRefusedError:
    """The sentence for a file that did not answer."""
    return FileRefusedError(
        path,
        f"it did not answer within {seconds:g} seconds",
        "Check that its drive or network share is connected, then try again.",
    )


def patiently(
    work: Callable[[], _Result],
    path: Path,
    cancelled: Stop | None = None,
    seconds: float | None = -1.0,
) -> _Result:
    """``work()`` on a thread of its own; ``path`` is what it reads.

    seconds: how long it may take, None for as long as nobody cancels, below 0 for
    :data:`PATIENCE_S`. Raises what ``work`` raises,
    FileRefusedError when it takes longer, and Cancelled.
    """
    done: list[_Result] = []
    each([path], lambda _: work(), done.append, path_of=lambda p: p, threads=1,
         cancelled=cancelled, seconds=seconds)  # fmt: skip
    return done[0]


class _Reader:
    """One thread. item, since: what it is at, and from when on; None while it waits."""

    def __init__(self) -> None:
        self.at: tuple[object, float] | None = None


def each(
    items: Iterable[_Item],
    work: Callable[[_Item], _Result],
    done: Callable[[_Result], object],
    *,
    path_of: Callable[[_Item], Path],
    threads: int,
    cancelled: Stop | None = None,
    seconds: float | None = -1.0,
) -> None:
    """``work`` on every item on some threads; ``done`` on the calling thread as results come.

    path_of: the file an item is read from, for the sentence. Raises the first thing ``work``
    raises, FileRefusedError when one item takes longer than ``seconds``, and Cancelled; items that
    were not begun are left then.
    """
    seconds = PATIENCE_S if seconds is not None and seconds < 0 else seconds
    waiting = deque(items)
    total = len(waiting)
    ended: SimpleQueue[tuple[_Result | None, BaseException | None]] = SimpleQueue()
    readers = [_Reader() for _ in range(max(1, min(threads, total)))]

    def run(reader: _Reader) -> None:
        while True:
            try:
                item = waiting.popleft()
            except IndexError:
                return
            reader.at = (item, time.monotonic())
            try:
                outcome = (work(item), None)
            except BaseException as error:  # noqa: BLE001 - raised again by who waits
                outcome = (None, error)
            reader.at = None
            ended.put(outcome)

    for reader in readers:
        threading.Thread(target=run, args=(reader,), name="reader", daemon=True).start()
    try:
        for _ in range(total):
            result, error = _next(ended, readers, path_of, cancelled, seconds)
            if error is not None:
                raise error
            done(result)  # type: ignore[arg-type]
    finally:
        waiting.clear()


def _next(
    ended: SimpleQueue[tuple[_Result | None, BaseException | None]],
    readers: list[_Reader],
    path_of: Callable[[_Item], Path],
    cancelled: Stop | None,
    seconds: float | None,
) -> tuple[_Result | None, BaseException | None]:
    while True:
        if cancelled is not None and cancelled():
            raise Cancelled
        try:
            return ended.get(timeout=_LOOK_S)
        except Empty:
            now = time.monotonic()
            for at in [reader.at for reader in readers]:
                if seconds is not None and at is not None and now - at[1] > seconds:
                    raise unanswered(path_of(at[0]), seconds) from None  # type: ignore[arg-type]
