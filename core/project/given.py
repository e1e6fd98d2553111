"""What somebody means who hands over paths: on the command line, by "open with", or by dropping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.errors import FileRefusedError
from core.formats.names import image_suffix

#: A folder of more files than this is no series; of such a folder only the file itself is meant.
_MOST_SIBLINGS = 5000


@dataclass(frozen=True, slots=True)
class Given:
    """project: open the project in ``paths[0]``. make: a new one there. import: the pixel data.

    name: for the project that an import needs where none is open. shown: the file whose series is
    to be looked at afterwards, when a single file was given.
    """

    kind: Literal["project", "make", "import"]
    paths: tuple[Path, ...]
    name: str = ""
    shown: Path | None = None


def meaning(paths: Sequence[Path]) -> Given:
    """What to do with ``paths``, at least one.

    A project folder or its ``project.json`` is opened; a folder that is empty or not there yet (its
    parent being there) becomes a project; anything else is imported. A single DICOM slice stands
    for the files beside it, because a viewer that is handed a slice shows the series. Raises
    FileRefusedError when a path does not exist.
    """
    whole = [path.expanduser().absolute() for path in paths]
    first = whole[0]
    if len(whole) == 1:
        if first.name == "project.json" and first.is_file():
            return Given("project", (first.parent,))
        if (first / "project.json").is_file():
            return Given("project", (first,))
        if _could_become(first):
            return Given("make", (first,))
    for path in whole:
        if not path.exists():
            raise FileRefusedError(path, "it does not exist", "Check the path.")
    if len(whole) == 1 and first.is_file():
        return Given("import", _series_of(first), first.parent.name, first)
    where = first if first.is_dir() else first.parent
    return Given("import", tuple(whole), where.name)


def _could_become(path: Path) -> bool:
    """Whether ``path`` is an empty folder, or a new name without an ending in a folder."""
    if path.is_dir():
        return next(path.iterdir(), None) is None
    return not path.exists() and not path.suffix and path.parent.is_dir()


def _series_of(path: Path) -> tuple[Path, ...]:
    if image_suffix(path):
        return (path,)  # each is a series of its own
    beside: list[Path] = []
    for other in path.parent.iterdir():
        # The same ending, or none: DICOM files are called anything, but of one series all alike.
        if other.suffix.lower() == path.suffix.lower() or path.suffix[1:].isdigit():
            beside.append(other)
        if len(beside) > _MOST_SIBLINGS:
            return (path,)
    return tuple(sorted(other for other in beside if other.is_file()))
