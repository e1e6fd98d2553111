"""What earlier imports read in files, so that files which did not change are not read again.

A file counts as unchanged while its path, size and time of change are the same. An import that was
cancelled or killed goes on where it was, for what it read is written down every second. Paths are
kept as hashes, so a name that is in no series is nowhere on disk; headers go with the trash. The
index lies in the project's cache: without it, files are read again and nothing else is lost.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from core.dicom.headers import Header
from core.dicom.patience import patiently
from core.dicom.scan import read_headers
from core.errors import Cancelled

#: Grows when headers say something else of the same file. An index of another version is left.
_VERSION = 2
#: Files kept, the last ones read: some 250 bytes each. A thousand series of 500 slices.
MOST_FILES = 500_000
_WRITE_S = 1.0
_ASKED = 500

#: What a slice has for itself; the rest of its header is kept once a series.
_OWN = ("sop_uid", "instance", "location", "frames")

_TABLES = """
CREATE TABLE IF NOT EXISTS kinds (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS files (
    number INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL, changed INTEGER NOT NULL, kind INTEGER, own TEXT NOT NULL
);
"""

Stop = Callable[[], bool]
Stamp = tuple[int, int]


class KnownFiles:
    """The index of one project, for one import. Used by one thread; :meth:`close` it."""

    def __init__(self, cache: Path) -> None:
        """Open or make the index in the folder ``cache``; a damaged or older one is made anew."""
        self._kinds: dict[str, int] = {}
        self._texts: dict[int, str] = {}
        self._fresh: list[tuple[Path, Stamp, int | None, str]] = []
        self._written = time.monotonic()
        self._connection = self._open(cache / "files.sqlite")

    def headers(self, files: Sequence[Path], stop: Stop | None = None) -> Iterator[
        tuple[Path, Header | str]
    ]:  # fmt: skip
        """For each file in order its header, or the sentence that says why not; only files that
        are new or have changed are read. Raises Cancelled.
        """
        stamps = _stamps(files, stop)
        known = self._known(stamps)
        reading = read_headers([path for path in files if path not in known], stop)
        try:
            for path in files:
                outcome = known.get(path)
                if outcome is not None:
                    if stop is not None and stop():
                        raise Cancelled
                    yield path, outcome
                    continue
                read, found = next(reading)
                if path in stamps:
                    self._note(path, stamps[path], found)
                yield read, found
        finally:
            self.write()

    def volume(self, paths: Sequence[Path]) -> str:
        """The UID of the volume that an unchanged image file held; empty when it is to be read.

        paths: the file, and the one with its values where that is another.
        """
        stamp = stamp_of(paths)
        row = None if stamp is None else self._row(paths[0], stamp)
        return row[1].removeprefix("uid:") if row and row[1].startswith("uid:") else ""

    def note_volume(self, paths: Sequence[Path], uid: str) -> None:
        """Note that an image file, as it is now, holds the volume ``uid``."""
        stamp = stamp_of(paths)
        if stamp is not None:
            self._fresh.append((paths[0], stamp, None, f"uid:{uid}"))
            self.write()

    def write(self) -> None:
        """Put what was read since the last time on disk."""
        self._written = time.monotonic()
        fresh, self._fresh = self._fresh, []
        if not fresh or self._connection is None:
            return
        with suppress(sqlite3.Error), self._connection as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO files (path, size, changed, kind, own) "
                "VALUES (?, ?, ?, ?, ?)",
                [(_key(path), *stamp, kind, own) for path, stamp, kind, own in fresh],
            )
            connection.execute(
                "DELETE FROM files WHERE number <= (SELECT MAX(number) FROM files) - ?",
                (MOST_FILES,),
            )

    def close(self) -> None:
        """Write and let go of the file."""
        self.write()
        if self._connection is not None:
            self._connection.close()

    @staticmethod
    def forget(cache: Path) -> None:
        """Delete what is known, with the headers of patients who left the project."""
        for name in ("files.sqlite", "files.sqlite-wal", "files.sqlite-shm"):
            with suppress(OSError):  # another process imports; it forgets when it next opens
                (cache / name).unlink(missing_ok=True)

    def _open(self, path: Path) -> sqlite3.Connection | None:
        """None where the folder cannot be written: then every file is read."""
        for attempt in range(2):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                connection = sqlite3.connect(path, timeout=5.0)
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if version not in (0, _VERSION):
                    connection.close()
                    raise sqlite3.DatabaseError("another version")
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(_TABLES)
                connection.execute(f"PRAGMA user_version = {_VERSION}")
            except (sqlite3.Error, OSError):
                if attempt == 0:
                    self.forget(path.parent)
            else:
                return connection
        return None

    def _known(self, stamps: dict[Path, Stamp]) -> dict[Path, Header | str]:
        found: dict[Path, Header | str] = {}
        if self._connection is None:
            return found
        paths = list(stamps)
        with suppress(sqlite3.Error, ValueError, KeyError, TypeError):
            for start in range(0, len(paths), _ASKED):
                some = {_key(path): path for path in paths[start : start + _ASKED]}
                marks = ", ".join("?" * len(some))
                sql = f"SELECT path, size, changed, kind, own FROM files WHERE path IN ({marks})"  # noqa: S608
                for key, size, changed, kind, own in self._connection.execute(sql, list(some)):
                    path = some[key]
                    if (size, changed) == stamps[path] and not own.startswith("uid:"):
                        found[path] = self._outcome(path, kind, own)
        return found

    def _row(self, path: Path, stamp: Stamp) -> tuple[int | None, str] | None:
        if self._connection is None:
            return None
        with (
            suppress(sqlite3.Error),
            closing(
                self._connection.execute(
                    "SELECT kind, own FROM files WHERE path = ? AND size = ? AND changed = ?",
                    (_key(path), *stamp),
                )
            ) as cursor,
        ):
            return cursor.fetchone()
        return None

    def _note(self, path: Path, stamp: Stamp, outcome: Header | str) -> None:
        if isinstance(outcome, Header):
            value = outcome.as_json()
            own = [value.pop(name) for name in _OWN]
            del value["path"]
            kind = self._kind(json.dumps(value, sort_keys=True))
            self._fresh.append((path, stamp, kind, json.dumps(own, separators=(",", ":"))))
        else:
            # The name may be a patient's; it is put in again when the sentence is asked for.
            self._fresh.append((path, stamp, None, outcome.replace(path.name, "\0")))
        if time.monotonic() - self._written > _WRITE_S:
            self.write()

    def _kind(self, text: str) -> int | None:
        known = self._kinds.get(text)
        if known is not None or self._connection is None:
            return known
        with suppress(sqlite3.Error), self._connection as connection:
            connection.execute("INSERT OR IGNORE INTO kinds (text) VALUES (?)", (text,))
            row = connection.execute("SELECT id FROM kinds WHERE text = ?", (text,)).fetchone()
            self._kinds[text] = int(row[0])
        return self._kinds.get(text)

    def _outcome(self, path: Path, kind: int | None, own: str) -> Header | str:
        if kind is None:
            return own.replace("\0", path.name)
        if kind not in self._texts and self._connection is not None:
            row = self._connection.execute("SELECT text FROM kinds WHERE id = ?", (kind,))
            self._texts[kind] = row.fetchone()[0]
        value: dict[str, Any] = json.loads(self._texts[kind])
        value |= dict(zip(_OWN, json.loads(own), strict=True))
        return Header.from_json({**value, "path": str(path)})


def _stamps(files: Sequence[Path], stop: Stop | None) -> dict[Path, Stamp]:
    """The stamp of each file that is there."""
    if not files:
        return {}

    def look() -> dict[Path, Stamp]:
        return {path: stamp for path in files if (stamp := stamp_of([path])) is not None}

    return patiently(look, files[0].parent, stop, seconds=None)


def stamp_of(paths: Sequence[Path]) -> Stamp | None:
    """Bytes and time of change (ns) of files together; None where one is not there."""
    try:
        found = [path.stat() for path in paths]
    except OSError:
        return None
    return sum(s.st_size for s in found), max(s.st_mtime_ns for s in found)


def _key(path: Path) -> bytes:
    return hashlib.sha256(str(path).encode("utf-8", "surrogatepass")).digest()[:16]
