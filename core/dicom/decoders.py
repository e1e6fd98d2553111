"""The children that decode compressed frames: a few, started when needed, ended when idle.

Every compressed frame is decoded in a child (:mod:`core.dicom.codecs`). One that dies or takes too
long costs the file it was at, with a sentence; the next frame gets a new child. Children also
decode truly side by side, whatever a decoder does with the interpreter lock.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.dicom.codecs import ANSWER, REQUEST, SYNTAXES
from core.errors import FileRefusedError

#: A frame of 8192 x 8192 in JPEG 2000, the slowest coder, takes a core 5 seconds.
LIMIT_S = 60.0
#: A child that had nothing to do for so long ends; it holds some 60 MB.
IDLE_S = 60.0
_MOST = 8
_LOOK_S = 0.5

_COMMAND = (sys.executable, "-m", "core.dicom.codecs")


@dataclass(frozen=True, slots=True)
class Codestream:
    """One compressed frame. path: its file, for messages. bits: allocated."""

    path: Path
    syntax: str
    rows: int
    columns: int
    bits: int
    data: bytes


class Decoders:
    """A pool of children. Safe to use from any thread."""

    def __init__(
        self,
        command: Sequence[str] = _COMMAND,
        most: int | None = None,
        limit_s: float = LIMIT_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self.most = most or min(_MOST, os.cpu_count() or 1)
        self._command, self._limit_s, self._idle_s = tuple(command), limit_s, idle_s
        self._free = threading.Semaphore(self.most)
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()
        self._watched = False

    def decode(self, stream: Codestream, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Stored values [y, x] of a frame.

        out: where to put them if their type has its item size, [y, x], contiguous; what is
        returned is then a view of it. Raises FileRefusedError.
        """
        if stream.syntax not in SYNTAXES:
            reason = f"its pixels are in a transfer syntax ({stream.syntax}) that is not read"
            raise FileRefusedError(stream.path, reason, "Export it uncompressed.")
        with self._child() as child:
            try:
                return child.ask(stream, out, self._limit_s)
            except (OSError, EOFError, ValueError) as error:
                child.end()
                name = SYNTAXES[stream.syntax][0]
                late = f"could not be decoded within {self._limit_s:g} s"
                what = late if child.overdue else "made the decoder crash"
                raise FileRefusedError(
                    stream.path,
                    f"its pixel data ({name}) {what}",
                    "Copy it again, or export it uncompressed.",
                ) from error

    @property
    def pids(self) -> set[int]:
        """The process ids of the children there are."""
        with self._lock:
            return {child.pid for child in self._all}

    def close(self) -> None:
        """End all children."""
        with self._lock:
            children, self._all, self._idle = list(self._all), set(), []
        for child in children:
            child.end()

    @contextmanager
    def _child(self) -> Generator[_Child]:
        with self._free:
            with self._lock:
                child = self._idle.pop() if self._idle else None
            if child is None:
                child = _Child(self._command)
                with self._lock:
                    self._all.add(child)
                    if not self._watched:
                        self._watched = True
                        threading.Thread(target=self._watch, daemon=True).start()
            try:
                yield child
            finally:
                with self._lock:
                    if child.ended:
                        self._all.discard(child)
                    elif child in self._all:
                        child.since = time.monotonic()
                        self._idle.append(child)

    def _watch(self) -> None:
        """End children that are overdue, or idle for long; until there are none."""
        while True:
            time.sleep(_LOOK_S)
            now = time.monotonic()
            with self._lock:
                bored = [c for c in self._idle if now - c.since > self._idle_s]
                self._idle = [c for c in self._idle if c not in bored]
                self._all.difference_update(bored)
                late = [c for c in self._all if c.deadline is not None and now > c.deadline]
                if not self._all:
                    self._watched = False
            for child in bored:
                child.end()
            for child in late:
                child.overdue = True
                child.end()
            if not self._watched:
                return


class _Child:
    """One child process; used by one thread at a time, ended by any."""

    def __init__(self, command: Sequence[str]) -> None:
        # A console window would flash up for each child of a windowed program.
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=flags,
        )
        self.pid = self._process.pid
        self.since = time.monotonic()
        self.deadline: float | None = None
        self.overdue = False
        self.ended = False

    def ask(self, stream: Codestream, out: NDArray[Any] | None, limit_s: float) -> NDArray[Any]:
        """Raises OSError, EOFError or ValueError when the child died, FileRefusedError when the
        frame cannot be decoded.
        """
        wanted = {
            "syntax": stream.syntax,
            "rows": stream.rows,
            "columns": stream.columns,
            "bits": stream.bits,
        }
        described = json.dumps(wanted).encode()
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise EOFError
        self.deadline = time.monotonic() + limit_s
        try:
            stdin.write(REQUEST.pack(len(described), len(stream.data)) + described)
            stdin.write(stream.data)
            stdin.flush()
            head = stdout.read(ANSWER.size)
            if len(head) < ANSWER.size:
                raise EOFError
            good, kind, size = ANSWER.unpack(head)
            if not good:
                message = stdout.read(size).decode(errors="replace")
                name = SYNTAXES[stream.syntax][0]
                raise FileRefusedError(
                    stream.path,
                    f"its pixel data ({name}) could not be decoded",
                    "Copy it again, or export it uncompressed.",
                ) from ValueError(message)
            dtype = np.dtype(kind.decode())
            if out is None or out.itemsize != dtype.itemsize:
                out = np.empty((stream.rows, stream.columns), dtype)
            if size != out.nbytes:
                raise EOFError
            if stdout.readinto(out.reshape(-1).view(np.uint8).data) != size:  # type: ignore[attr-defined]
                raise EOFError
            return out.view(dtype)
        finally:
            self.deadline = None

    def end(self) -> None:
        """Kill the process and, unless a thread waits for its answer, let go of its pipes.

        Such a thread sees the end of its pipe, and then ends the child in turn.
        """
        self.ended = True
        self._process.kill()
        self._process.wait()
        if self.deadline is None:
            for pipe in (self._process.stdin, self._process.stdout):
                with suppress(OSError):  # what was not yet sent cannot be
                    if pipe is not None:
                        pipe.close()


_shared: list[Decoders] = []
_shared_lock = threading.Lock()


def decoders() -> Decoders:
    """The pool of this process."""
    with _shared_lock:
        if not _shared:
            _shared.append(Decoders())
            atexit.register(_shared[0].close)
        return _shared[0]
