"""Find what can be imported below some paths: every file is read, kept, or skipped with a reason.

Names do not matter, contents do. Few headers are read in this process; many by worker processes
(:mod:`core.dicom.workers`), so that a window in this one stays smooth.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.dicom.headers import Header
from core.dicom.patience import patiently
from core.dicom.workers import WORTH_CHILDREN, read_many, read_one
from core.errors import Cancelled, FileRefusedError

Progress = Callable[[int, int], None]
Stop = Callable[[], bool]


#: Files read between two looks whether to go on.
_CHUNK = 16


@dataclass(frozen=True, slots=True)
class ScanResult:
    """headers: files that can be imported, in path order. skipped: the others, with a sentence."""

    headers: tuple[Header, ...]
    skipped: tuple[tuple[Path, str], ...]


def find_files(
    paths: Sequence[Path], cancelled: Stop | None = None
) -> tuple[list[Path], list[tuple[Path, str]]]:
    """All regular files at or below ``paths``, sorted within each, and what is no such file.

    Links to folders are followed once, so a loop ends; a file reached twice is listed once.
    Raises Cancelled.
    """
    files: dict[Path, None] = {}
    skipped: list[tuple[Path, str]] = []
    seen: set[tuple[int, int]] = set()
    for start in paths:
        stack = [Path(os.path.abspath(start))]  # noqa: PTH100 - keeps links as the user sees them
        while stack:
            if cancelled is not None and cancelled():
                raise Cancelled
            path = stack.pop()
            try:
                status = path.stat()
                if stat.S_ISDIR(status.st_mode):
                    if (status.st_dev, status.st_ino) not in seen:
                        seen.add((status.st_dev, status.st_ino))
                        stack.extend(sorted(path.iterdir(), reverse=True))
                elif stat.S_ISREG(status.st_mode):
                    files[path] = None
                else:
                    # A pipe would be waited for, a device never ends.
                    skipped.append((path, _sentence(path, "it is no ordinary file")))
            except OSError as error:
                reason = f"it could not be opened ({error.strerror})"
                skipped.append((path, _sentence(path, reason)))
    return list(files), skipped


def scan(
    paths: Sequence[Path], progress: Progress | None = None, cancelled: Stop | None = None
) -> ScanResult:
    """Headers of all CT images, RTSTRUCTs and SEGs at or below ``paths``.

    progress: called with files done and files in all. cancelled: asked between files. Raises
    Cancelled; no file makes it fail.
    """
    files, skipped = find_files(paths, cancelled)
    headers: list[Header] = []
    for done, (path, outcome) in enumerate(read_headers(files, cancelled), start=1):
        if isinstance(outcome, Header):
            headers.append(outcome)
        else:
            skipped.append((path, outcome))
        if progress is not None:
            progress(done, len(files))
    return ScanResult(tuple(headers), tuple(skipped))


def read_headers(
    files: Sequence[Path], cancelled: Stop | None = None
) -> Iterator[tuple[Path, Header | str]]:
    """For each file in order its header or the sentence that says why not.

    Raises FileRefusedError when a drive or share does not answer, and Cancelled.
    """
    if len(files) >= WORTH_CHILDREN:
        yield from read_many(files, cancelled)
        return
    for start in range(0, len(files), _CHUNK):
        chunk = files[start : start + _CHUNK]
        found: list[Header | str] = []

        def read(chunk: Sequence[Path] = chunk, found: list[Header | str] = found) -> None:
            found.extend(read_one(path) for path in chunk)

        patiently(read, chunk[0].parent, cancelled)
        for path, outcome in zip(chunk, found, strict=True):
            if cancelled is not None and cancelled():
                raise Cancelled
            yield path, outcome


def _sentence(path: Path, reason: str) -> str:
    return FileRefusedError(path, reason).sentence
