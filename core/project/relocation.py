"""Pixel data that moved: noticing it, and pointing the library to the new place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from core.errors import Cancelled, UserError
from core.project.library import Library
from core.project.records import SeriesRecord


class _Folders:
    """Which names a folder holds, listed once: a thousand slices cost one listing, not a stat each.

    Names are compared as the platform does (case does not matter on Windows).
    """

    def __init__(self) -> None:
        self._names: dict[Path, frozenset[str]] = {}

    def holds(self, path: Path) -> bool:
        folder = path.parent
        if folder not in self._names:
            try:
                names = frozenset(os.path.normcase(name) for name in os.listdir(folder))  # noqa: PTH208
            except OSError:
                names = frozenset()  # Gone, or no longer readable: for the user it is the same.
            self._names[folder] = names
        return os.path.normcase(path.name) in self._names[folder]


def check_files(
    library: Library,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[SeriesRecord]:
    """Mark the series that miss a file, unmark those that have all; returns the former.

    progress: called with (done, total) series. Raises Cancelled.
    """
    records = library.all(hidden=True)
    folders = _Folders()
    changes: dict[str, dict[str, bool]] = {}
    for done, record in enumerate(records, start=1):
        if cancelled is not None and cancelled():
            raise Cancelled
        missing = not all(folders.holds(path) for path in record.files)
        if missing != record.missing:
            changes[record.series_uid] = {"missing": missing}
        if progress is not None:
            progress(done, len(records))
    library.update_each(changes)
    return [record for record in library.all() if record.missing]


def relocate(library: Library, old_root: Path, new_root: Path) -> list[SeriesRecord]:
    """Point the series below ``old_root`` to ``new_root`` where all their files are there now.

    Returns the changed rows. Raises UserError, and changes nothing, when there is none.
    """
    folders = _Folders()
    changes: dict[str, dict[str, object]] = {}
    below = 0
    for record in library.all(hidden=True):
        if not any(path.is_relative_to(old_root) for path in record.files):
            continue
        below += 1
        moved = tuple(
            new_root / path.relative_to(old_root) if path.is_relative_to(old_root) else path
            for path in record.files
        )
        if all(folders.holds(path) for path in moved):
            changes[record.series_uid] = {"files": moved, "missing": False}
    if not changes:
        found = f"None of the {below} series has all its files" if below else "No series has files"
        where = f"{new_root}" if below else f"{old_root}"
        raise UserError(
            f"{found} below {where}. Choose the folder that now holds what the old one held."
        )
    library.update_each(changes)
    return [library.get(uid) for uid in changes]
