"""Headers of many files read by child processes, so that a window in this process stays smooth.

Parsing headers is pure Python and holds the interpreter lock. Children are started as
``python -m core.dicom.workers``, which works the same on every platform and imports nothing of the
program that started them. They talk in lines of JSON: a list of paths in, a list of outcomes back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import IO

from core.dicom import patience
from core.dicom.headers import Header, read_header
from core.errors import Cancelled, FileRefusedError

Outcome = Header | str
_Task = tuple[Sequence[Path], Future[list[Outcome]]]

#: Fewer files than this are read faster here than a child starts.
WORTH_CHILDREN = 600
_MOST_CHILDREN = 6
_CHUNK = 64
_AHEAD = 4
_LET_GO_S = 2.0


def read_one(path: Path) -> Outcome:
    """The header of a file, or the sentence that says why it has none."""
    try:
        return read_header(path)
    except FileRefusedError as error:
        return error.sentence


def read_many(
    files: Sequence[Path], cancelled: Callable[[], bool] | None = None
) -> Iterator[tuple[Path, Outcome]]:
    """For each file, in order, its header or why not, by child processes. Raises Cancelled."""
    count = min(_MOST_CHILDREN, max(1, os.cpu_count() or 1))
    chunks = [files[i : i + _CHUNK] for i in range(0, len(files), _CHUNK)]
    tasks: SimpleQueue[_Task | None] = SimpleQueue()
    # Daemons: one whose child hangs on a share that went away must not keep the program.
    crew = [_Reader(_Child(), tasks) for _ in range(count)]
    for reader in crew:
        reader.start()
    begun: deque[_Task] = deque()
    left = deque(chunks)
    try:
        while begun or left:
            # A few ahead of whoever takes the answers, so that a held import reads no further.
            while left and len(begun) < _AHEAD * count:
                begun.append((left.popleft(), Future()))
                tasks.put(begun[-1])
            chunk, future = begun.popleft()
            for path, outcome in zip(chunk, _answer(chunk, future, cancelled), strict=True):
                if cancelled is not None and cancelled():
                    raise Cancelled
                yield path, outcome
    finally:
        for reader in crew:
            tasks.put(None)
            reader.child.kill()
        for reader in crew:
            reader.join(timeout=_LET_GO_S)


def _answer(
    chunk: Sequence[Path], future: Future[list[Outcome]], cancelled: Callable[[], bool] | None
) -> list[Outcome]:
    """Raises FileRefusedError when none comes in time, and Cancelled."""
    until = time.monotonic() + patience.PATIENCE_S
    while True:
        try:
            return future.result(timeout=0.1)
        except TimeoutError:
            if cancelled is not None and cancelled():
                raise Cancelled from None
            if time.monotonic() > until:
                raise patience.unanswered(chunk[0].parent, patience.PATIENCE_S) from None


class _Reader(threading.Thread):
    """The thread that asks one child."""

    def __init__(self, child: _Child, tasks: SimpleQueue[_Task | None]) -> None:
        super().__init__(name="dicom-headers", daemon=True)
        self.child = child
        self._tasks = tasks

    def run(self) -> None:
        """Until there is nothing more to ask."""
        while (task := self._tasks.get()) is not None:
            chunk, future = task
            try:
                future.set_result(self.child.ask(chunk))
            except BaseException as error:  # noqa: BLE001 - raised where the answer is awaited
                future.set_exception(error)
        # Here, because pipes must not be closed while an answer is awaited.
        self.child.close()


class _Child:
    """One child process. Used by one thread at a time."""

    def __init__(self) -> None:
        # A console window would flash up for each child of a windowed program.
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "core.dicom.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=flags,
        )
        self._closed = False

    def ask(self, paths: Sequence[Path]) -> list[Outcome]:
        """Outcomes of ``paths``; read in this process when the child has died."""
        # ASCII JSON carries any file name, also one that is no valid text.
        line = json.dumps([str(path) for path in paths]).encode("ascii") + b"\n"
        stdin, stdout = self._process.stdin, self._process.stdout
        answer = b""
        if stdin is not None and stdout is not None and self._process.poll() is None:
            try:
                stdin.write(line)
                stdin.flush()
                answer = stdout.readline()
            except (OSError, ValueError):
                answer = b""
        if self._closed:
            return []  # nobody waits for it
        if not answer.endswith(b"\n"):
            return [read_one(path) for path in paths]
        return [o if isinstance(o, str) else Header.from_json(o) for o in json.loads(answer)]

    def kill(self) -> None:
        """End the child, whatever it is doing; one that hangs in a read ends when that does."""
        self._closed = True
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LET_GO_S)

    def close(self) -> None:
        """Let go of the pipes of a killed child."""
        self._process.communicate()


def main(source: IO[bytes], sink: IO[bytes]) -> None:
    """The child: answer each line of paths until the input ends."""
    for line in source:
        outcomes = [read_one(Path(name)) for name in json.loads(line)]
        plain = [o.as_json() if isinstance(o, Header) else o for o in outcomes]
        sink.write(json.dumps(plain).encode("ascii") + b"\n")
        sink.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
