"""The library: one SQLite row a series, with JSON where a value is a list.

One connection for each Library, shared by its threads under a lock: calls are short, and a shared
connection can be closed from any thread. Other processes have their own; WAL lets them read while
one writes, and a writer waits for another for up to ten seconds.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import weakref
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from core.errors import FileRefusedError, UserError
from core.project import rows
from core.project.folder import ProjectFolder
from core.project.records import LABEL_STATUSES, SPLITS, SeriesRecord
from core.project.search import Order, filter_records

#: Schema version, in SQLite's user_version. ``_MIGRATIONS[n]`` brings version n to n + 1.
VERSION = 3

_CREATE = """
CREATE TABLE series (
    series_uid TEXT PRIMARY KEY,
    patient_id TEXT NOT NULL,
    modality TEXT NOT NULL,
    description TEXT NOT NULL,
    geometry TEXT NOT NULL,
    files TEXT NOT NULL,
    source TEXT NOT NULL,
    study_uid TEXT NOT NULL,
    frame_uid TEXT NOT NULL,
    study_date TEXT NOT NULL,
    sex TEXT NOT NULL,
    age TEXT NOT NULL,
    scanner TEXT NOT NULL,
    kernel TEXT NOT NULL,
    kvp TEXT NOT NULL,
    checks TEXT NOT NULL,
    labels TEXT NOT NULL,
    label_status TEXT NOT NULL,
    label_voxels INTEGER NOT NULL,
    lesion_count INTEGER NOT NULL,
    lesion_ml REAL NOT NULL,
    label_version INTEGER NOT NULL,
    label_saved TEXT NOT NULL,
    split TEXT NOT NULL,
    missing INTEGER NOT NULL,
    added TEXT NOT NULL,
    removed TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX series_by_frame ON series (frame_uid);
"""

#: Labels from before partial ones: every class counts as complete.
_PARTIAL = "ALTER TABLE series ADD COLUMN unannotated TEXT NOT NULL DEFAULT '[]'"

#: From before remedies: nobody chose any, and how slices lie is asked of the files when needed.
_REMEDIES = """
ALTER TABLE series ADD COLUMN scanned TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN choices TEXT NOT NULL DEFAULT '[]';
ALTER TABLE series ADD COLUMN part_of TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
"""

_MIGRATIONS: dict[int, str] = {0: _CREATE, 1: _PARTIAL, 2: _REMEDIES}

#: What the user made: importing the same series again refreshes the rest and leaves these.
USER_FIELDS = (
    "labels",
    "label_status",
    "label_voxels",
    "lesion_count",
    "lesion_ml",
    "label_version",
    "label_saved",
    "split",
    "unannotated",
    "added",
    "part_of",
    "hidden",
)

_COLUMNS = tuple(SeriesRecord.__dataclass_fields__)

_BUSY_SECONDS = 10.0
#: Values bound in one statement, below SQLite's limit of 999 in old builds.
_ASKED = 500


_RESTORE = "Check that the project folder can be written to, or restore the file from a copy."

#: What the columns of a damaged row give when they are read as JSON of a known form.
_BROKEN_ROW = (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError)


class Library:
    """The series of a project. Safe to use from several threads and processes."""

    def __init__(self, folder: ProjectFolder) -> None:
        """Open or create the library of ``folder``.

        Raises FileRefusedError when the file is damaged, newer than this version, or the folder
        cannot be written.
        """
        self._folder = folder
        self._lock = threading.RLock()
        self._files: dict[str, tuple[str, tuple[Path, ...]]] = {}
        # All rows that were not removed, as of `_version`, but for those in `_dirty`.
        self._rows: dict[str, SeriesRecord] = {}
        self._version = -1
        self._dirty: set[str] = set()
        try:
            self._connection = sqlite3.connect(
                folder.library_file,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise _refused(folder.library_file, error) from error
        # Closes the connection when the library is forgotten, whatever thread that happens in.
        self._finalizer = weakref.finalize(self, self._connection.close)
        try:
            self._prepare()
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self.close()
            raise _refused(folder.library_file, error) from error

    def close(self) -> None:
        """Close the file (Windows keeps open files from being moved). Further calls fail."""
        with self._lock:
            self._finalizer()

    def upsert(self, record: SeriesRecord) -> SeriesRecord:
        """Add a series, or refresh it and keep what the user made (:data:`USER_FIELDS`).

        A removed series comes back with its labels. Returns the row as it is now.
        """
        return self.upsert_all([record])[0]

    def upsert_all(self, records: Sequence[SeriesRecord]) -> list[SeriesRecord]:
        """:meth:`upsert` of many in one transaction."""
        kept = {"series_uid", *USER_FIELDS}
        fresh = ", ".join(f"{c} = excluded.{c}" for c in _COLUMNS if c not in kept)
        marks = ", ".join("?" * len(_COLUMNS))
        # Column names are the dataclass's own; every value is bound.
        sql = (
            f"INSERT INTO series ({', '.join(_COLUMNS)}) VALUES ({marks}) "  # noqa: S608
            f"ON CONFLICT (series_uid) DO UPDATE SET {fresh}, removed = ''"
        )
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        with self._transaction() as connection:
            self._dirty.update(record.series_uid for record in records)
            for record in records:
                row = {name: self._store(name, getattr(record, name)) for name in _COLUMNS}
                row["added"] = row["added"] or now
                connection.execute(sql, [row[name] for name in _COLUMNS])
        return [self.get(record.series_uid) for record in records]

    def get(self, series_uid: str) -> SeriesRecord:
        """The row of a series. Raises UserError when there is none, or it was removed."""
        found = self._select("WHERE series_uid = ? AND removed = ''", [series_uid])
        if not found:
            raise UserError(
                f"There is no series {series_uid} in this project. "
                "List the project to see its series."
            )
        return found[0]

    def all(self, hidden: bool = False) -> list[SeriesRecord]:
        """All series that were not removed, in the order they were added.

        hidden: also those for which other rows stand, see ``SeriesRecord.hidden``.
        """
        with self._lock:
            found = self._current()
            return [record for record in found if hidden or not record.hidden]

    def _current(self) -> Iterable[SeriesRecord]:
        """All rows that were not removed, in order; only those that changed are read and made.

        Rows of 10,000 series take a second, and a table asks for them after every stroke.
        """
        # Grows when another connection, here or in another process, has written.
        version = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        if version != self._version:
            found = self._select("WHERE removed = '' ORDER BY added, patient_id, series_uid")
            self._rows = {record.series_uid: record for record in found}
        elif self._dirty:
            dirty, some = list(self._dirty), list[SeriesRecord]()
            for start in range(0, len(dirty), _ASKED):
                asked = dirty[start : start + _ASKED]
                marks = ", ".join("?" * len(asked))
                some += self._select(f"WHERE removed = '' AND series_uid IN ({marks})", asked)
            fresh = {record.series_uid: record for record in some}
            gone = self._dirty - fresh.keys()
            moved = any(
                uid not in self._rows or _place(self._rows[uid]) != _place(record)
                for uid, record in fresh.items()
            )
            self._rows |= fresh
            for uid in gone:
                self._rows.pop(uid, None)
            if moved:
                self._rows = {r.series_uid: r for r in sorted(self._rows.values(), key=_place)}
        self._version = version
        self._dirty.clear()
        return self._rows.values()

    def parts_of(self, series_uid: str) -> list[SeriesRecord]:
        """The parts a series was ever split into, also hidden and removed ones."""
        return self._select("WHERE part_of = ? ORDER BY series_uid", [series_uid])

    def removed(self) -> list[SeriesRecord]:
        """Series that were removed and can come back, the last removed first."""
        return self._select("WHERE removed != '' ORDER BY removed DESC, series_uid")

    def search(
        self,
        text: str = "",
        status: str | Iterable[str] | None = None,
        split: str | Iterable[str] | None = None,
        checks: bool | None = None,
        order: Order = "patient",
    ) -> list[SeriesRecord]:
        """The series that match all conditions; see :func:`core.project.search.filter_records`."""
        return filter_records(
            self.all(), text, status=status, split=split, checks=checks, order=order
        )

    def update(self, series_uids: str | Sequence[str], **fields: Any) -> None:
        """Set fields of one or several series in one transaction.

        Raises UserError for an unknown series (then nothing is changed), TypeError for an unknown
        field, ValueError for a status or split that does not exist.
        """
        uids = [series_uids] if isinstance(series_uids, str) else list(series_uids)
        self.update_each({uid: fields for uid in uids})

    def update_each(self, changes: dict[str, dict[str, Any]]) -> None:
        """Set fields of several series, for each its own, in one transaction."""
        with self._transaction() as connection:
            self._dirty.update(changes)
            for uid, fields in changes.items():
                _check_fields(fields)
                if not fields:
                    continue
                names = ", ".join(f"{name} = ?" for name in fields)
                values = [self._store(name, value) for name, value in fields.items()]
                # Names were checked against the dataclass above; every value is bound.
                sql = f"UPDATE series SET {names} WHERE series_uid = ? AND removed = ''"  # noqa: S608
                if connection.execute(sql, [*values, uid]).rowcount != 1:
                    raise UserError(f"There is no series {uid} in this project.")

    def set_removed(self, series_uids: Sequence[str], removed: bool) -> None:
        """Hide series from the library, or bring them back. Labels are not touched."""
        stamp = datetime.now().astimezone().isoformat() if removed else ""
        with self._transaction() as connection:
            self._dirty.update(series_uids)
            connection.executemany(
                "UPDATE series SET removed = ? WHERE series_uid = ?",
                [(stamp, uid) for uid in series_uids],
            )

    def forget(self, series_uids: Sequence[str]) -> None:
        """Delete the rows of removed series for good."""
        with self._transaction() as connection:
            self._dirty.update(series_uids)
            connection.executemany(
                "DELETE FROM series WHERE series_uid = ? AND removed != ''",
                [(uid,) for uid in series_uids],
            )

    def _prepare(self) -> None:
        with self._lock:
            self._connection.execute("PRAGMA journal_mode = WAL").fetchone()
            # A power cut may lose the last commit but never damages the file; label data has its
            # own journal and does not rely on the library.
            self._connection.execute("PRAGMA synchronous = NORMAL")
        with self._transaction() as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version > VERSION:
                raise FileRefusedError(
                    self._folder.library_file,
                    f"it was made by a newer version (library {version})",
                    "Update LesionForge to open this project.",
                )
            for step in range(version, VERSION):
                # executescript would commit; the statements run inside this transaction instead.
                for statement in filter(str.strip, _MIGRATIONS[step].split(";")):
                    connection.execute(statement)
            if version < VERSION:
                connection.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        # The connection commits as the block ends, and rolls back when it raises.
        with self._lock, self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection

    def _select(self, where: str, values: Sequence[Any] = ()) -> list[SeriesRecord]:
        sql = f"SELECT {', '.join(_COLUMNS)} FROM series {where}"  # noqa: S608 - our own text
        try:
            with self._lock:
                found = self._connection.execute(sql, values).fetchall()
            return [self._record(dict(zip(_COLUMNS, row, strict=True))) for row in found]
        except sqlite3.ProgrammingError:
            raise  # closed: that is a bug
        except sqlite3.DatabaseError as error:
            raise _refused(self._folder.library_file, error) from error
        except _BROKEN_ROW as error:
            raise FileRefusedError(
                self._folder.library_file, "a row of it is damaged", _RESTORE
            ) from error

    def _store(self, name: str, value: Any) -> Any:
        if name == "files":
            # As ASCII: a name on Linux need not be text, and this one has to come back as it was.
            return json.dumps(self._folder.pack_files(value))
        return rows.stored(name, value)

    def _record(self, row: dict[str, Any]) -> SeriesRecord:
        files = self._unpacked(str(row["series_uid"]), row["files"])
        return SeriesRecord(**rows.loaded(row), files=files)

    def _unpacked(self, uid: str, text: str) -> tuple[Path, ...]:
        # A thousand series of 300 slices are 300,000 paths; they change only on import and
        # relocation, so they are built once.
        known = self._files.get(uid)
        if known is None or known[0] != text:
            known = (text, self._folder.unpack_files(json.loads(text)))
            self._files[uid] = known
        return known[1]


def _place(record: SeriesRecord) -> tuple[str, str, str]:
    """What the order of all series goes by."""
    return record.added, record.patient_id, record.series_uid


def _check_fields(fields: dict[str, Any]) -> None:
    unknown = set(fields) - set(_COLUMNS) | set(fields) & {"series_uid"}
    if unknown:
        raise TypeError(f"a series has no field {', '.join(sorted(unknown))} to set")
    if fields.get("label_status", "none") not in LABEL_STATUSES:
        raise ValueError(f"a label status is one of {LABEL_STATUSES}")
    if fields.get("split", "none") not in SPLITS:
        raise ValueError(f"a split is one of {SPLITS}")


def _refused(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> FileRefusedError:
    # SQLite quotes text that is none, and that may be a patient's name.
    what = "its text is damaged" if "decode" in str(error) else str(error)
    return FileRefusedError(path, f"the library could not be opened ({what})", _RESTORE)
