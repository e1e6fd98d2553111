"""What the commands print: one JSON document or lines of it, or text for people."""

from __future__ import annotations

import io
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from core.errors import printable

#: Seconds between two redraws of the progress line.
_REDRAW = 0.1


def use_utf8() -> None:
    """Print UTF-8 whatever the console's code page is, so that JSON is the same everywhere."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


@contextmanager
def standard_output(quiet: bool) -> Generator[TextIO]:
    """The stream for results. quiet: nothing but results reaches it.

    Libraries print, some below Python (the ONNX exporter, codecs). With ``quiet`` whatever
    they send to standard output goes to standard error instead, and only the stream given here
    leads to the real one.
    """
    if not quiet:
        yield sys.stdout
        return
    stream = sys.stdout
    if stream is not sys.__stdout__ or not _is_real(stream):
        with redirect_stdout(sys.stderr):
            yield stream
        return
    stream.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with (
            os.fdopen(kept, "w", encoding="utf-8", newline="\n") as real,
            redirect_stdout(sys.stderr),
        ):
            yield real
            real.flush()
    finally:
        # The interpreter flushes and closes 1 at exit; leading to stderr does it no harm.
        stream.flush()


def _is_real(stream: TextIO) -> bool:
    try:
        return stream.fileno() == 1
    except (OSError, ValueError):
        return False


class Output:
    """Results to ``stream``; progress to stderr where a person watches."""

    def __init__(self, stream: TextIO, as_json: bool) -> None:
        self.as_json = as_json
        self._stream = stream
        self._shown = 0.0
        self._width = 0
        self._watched = not as_json and sys.stderr.isatty()

    def result(self, document: Any, text: str) -> None:
        """The outcome: ``document`` as JSON on one line, or ``text`` for people."""
        self.clear()
        self.line(to_json(document) if self.as_json else text)

    def line(self, text: str) -> None:
        """One line of the result, at once."""
        if text:
            print(printable(text), file=self._stream, flush=True)

    def progress(self, text: str) -> None:
        """A line that the next one replaces; shown only on a terminal, ten times a second."""
        now = time.monotonic()
        if not self._watched or now - self._shown < _REDRAW:
            return
        print(f"\r{text.ljust(self._width)}", end="", file=sys.stderr, flush=True)
        self._shown, self._width = now, len(text)

    def counter(self, what: str) -> Callable[[int, int], None]:
        """A progress function of (done, total) that shows "what 57 of 142"."""
        return lambda done, total: self.progress(f"{what} {done} of {total}")

    def clear(self) -> None:
        """Take the progress line away."""
        if self._width:
            print(f"\r{' ' * self._width}\r", end="", file=sys.stderr, flush=True)
            self._width, self._shown = 0, 0.0


def to_json(value: Any) -> str:
    """JSON on one line. Paths become text, NaN and infinity null: JSON has neither."""
    plain = _plain(value)
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
    # A path need not be text; escaped it still says which one it is.
    return text if text == printable(text) else json.dumps(plain, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def table(head: list[str], rows: list[list[str]]) -> str:
    """Rows under a head, columns as wide as needed."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in
             [head, *rows]]  # fmt: skip
    return "\n".join(line.rstrip() for line in lines)


@contextmanager
def stop_on_interrupt() -> Generator[Callable[[], bool]]:
    """A ``cancelled`` function that turns true at the first Ctrl-C; the second one interrupts.

    So work stops at a safe point with what is done kept, and can still be broken off.
    """
    pressed = False

    def handle(_signal: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True
        print("Stopping… (Ctrl-C again to break off)", file=sys.stderr)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
