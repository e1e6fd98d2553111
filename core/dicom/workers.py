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
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import IO

from core.dicom.headers import Header, read_header
from core.errors import Cancelled, FileRefusedError

Outcome = Header | str

#: Fewer files than this are read faster here than a child starts.
WORTH_CHILDREN = 600
_MOST_CHILDREN = 6
_CHUNK = 64
_AHEAD = 4


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
    children = [_Child() for _ in range(count)]
    idle: SimpleQueue[_Child] = SimpleQueue()
    for child in children:
        idle.put(child)

    def work(chunk: Sequence[Path]) -> list[Outcome]:
        child = idle.get()
        try:
            return child.ask(chunk)
        finally:
            idle.put(child)

    pool = ThreadPoolExecutor(count, "dicom-headers")
    futures: deque[tuple[Sequence[Path], Future[list[Outcome]]]] = deque()
    begun = 0
    try:
        while futures or begun < len(chunks):
            # A few ahead of whoever takes the answers, so that a held import reads no further.
            while begun < len(chunks) and len(futures) < _AHEAD * count:
                futures.append((chunks[begun], pool.submit(work, chunks[begun])))
                begun += 1
            chunk, future = futures.popleft()
            for path, outcome in zip(chunk, future.result(), strict=True):
                if cancelled is not None and cancelled():
                    raise Cancelled
                yield path, outcome
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in children:
            child.kill()
        # Threads that waited for a child's answer must be gone before its pipes are closed.
        pool.shutdown(wait=True)
        for child in children:
            child.close()


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
        """End the child, whatever it is doing."""
        self._closed = True
        self._process.kill()

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
