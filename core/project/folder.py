"""The folder of a project: which file lies where, ``project.json``, paths that survive a copy.

Everything the user made or trained lies below the folder, so the folder can be copied or moved.
Names are safe on every platform and hold no patient data: a series is a hash of its UID.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from core.errors import FileRefusedError, UserError
from core.labels.durable import write_bytes
from core.labels.schema import LabelSchema

#: Version of ``project.json``. A newer one is refused. Version 1 had no ignored class; it is read
#: as it is, and written as version 2 with the first change.
FORMAT = 2

_SETTINGS = "project.json"
_LIBRARY = "library.sqlite"
#: The secret behind pseudonyms; see :mod:`core.project.identity`.
KEY_FILE = "pseudonyms.key"


def series_key(series_uid: str) -> str:
    """The folder name of a series: 16 hex digits of the SHA-256 of its UID.

    A UID comes from a file and may be anything (``../..``, ``CON``, 300 characters). 64 bits make
    a collision among a million series less likely than one in ten million.
    """
    return hashlib.sha256(series_uid.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Settings:
    """The content of ``project.json``. created: local time, ISO 8601 to the second."""

    name: str
    created: str
    schema: LabelSchema

    @classmethod
    def new(cls, name: str) -> Settings:
        """Settings of a project made now, with the default label classes."""
        created = datetime.now().astimezone().isoformat(timespec="seconds")
        return cls(name, created, LabelSchema.default())

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, as on disk."""
        return {
            "format": FORMAT,
            "name": self.name,
            "created": self.created,
            "schema": self.schema.as_json(),
        }


@dataclass(frozen=True, slots=True)
class ProjectFolder:
    """The places inside the project folder ``path`` (absolute)."""

    path: Path

    @property
    def settings_file(self) -> Path:
        """``project.json``; its presence makes the folder a project."""
        return self.path / _SETTINGS

    @property
    def library_file(self) -> Path:
        """The SQLite library."""
        return self.path / _LIBRARY

    @property
    def labels(self) -> Path:
        """One folder a labelled series."""
        return self.path / "labels"

    @property
    def runs(self) -> Path:
        """One folder a training run."""
        return self.path / "runs"

    @property
    def models(self) -> Path:
        """One folder a trained model."""
        return self.path / "models"

    @property
    def cache(self) -> Path:
        """What can be deleted at any time and is made again when needed."""
        return self.path / "cache"

    @property
    def exports(self) -> Path:
        """Where exports go unless the user names another place."""
        return self.path / "exports"

    def labels_of(self, series_uid: str) -> Path:
        """The label folder of a series; it exists once something was labelled."""
        return self.labels / series_key(series_uid)

    def owns(self, path: Path) -> bool:
        """Whether ``path`` is a file the project keeps for itself, not pixel data."""
        path = path.absolute()
        parts = (self.labels, self.runs, self.models, self.cache, self.exports)
        # The library has companions (-wal, -shm) while it is open.
        if path.parent == self.path and path.name.startswith((_SETTINGS, _LIBRARY, KEY_FILE)):
            return True
        return any(path.is_relative_to(part) for part in parts)

    def is_project(self) -> bool:
        """Whether there is a project in the folder."""
        return self.settings_file.is_file()

    def make(self) -> None:
        """Create the folder and its parts.

        Raises UserError when the path is a file, holds something else, or cannot be written.
        """
        if self.is_project():
            raise UserError(
                f"{self.path.name} already holds a project. Open it, or choose another folder."
            )
        if self.path.exists() and not self.path.is_dir():
            raise FileRefusedError(self.path, "it is a file", "Choose a folder for the project.")
        try:
            if self.path.is_dir() and any(not p.name.startswith(".") for p in self.path.iterdir()):
                raise FileRefusedError(
                    self.path, "the folder is not empty", "Choose a new or an empty folder."
                )
            for part in (self.labels, self.runs, self.models, self.cache, self.exports):
                part.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileRefusedError(
                self.path,
                f"the project could not be made there ({error.strerror})",
                "Choose a folder you may write to.",
            ) from error

    def read_settings(self) -> Settings:
        """The content of ``project.json``.

        Raises FileRefusedError when there is no project, when the file is damaged, or when it was
        written by a newer version.
        """
        try:
            data = json.loads(self.settings_file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise FileRefusedError(
                self.path, "it holds no LesionForge project", "Create one there first."
            ) from error
        except OSError as error:
            raise FileRefusedError(
                self.settings_file, f"it could not be read ({error.strerror})"
            ) from error
        except (ValueError, RecursionError) as error:
            raise self._damaged() from error
        try:
            version = int(data["format"])
            if version > FORMAT:
                raise FileRefusedError(
                    self.path,
                    f"the project was made by a newer version (format {version})",
                    "Update LesionForge to open it.",
                )
            schema = LabelSchema.from_json(data["schema"])
            return Settings(str(data["name"]), str(data["created"]), schema)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise self._damaged() from error

    def write_settings(self, settings: Settings) -> None:
        """Replace ``project.json``, whole or not at all."""
        text = json.dumps(settings.as_json(), indent=2, ensure_ascii=False)
        write_bytes(self.settings_file, (text + "\n").encode())

    def _damaged(self) -> FileRefusedError:
        return FileRefusedError(
            self.settings_file,
            "it is damaged",
            "Restore it from a copy of the project; labels and runs are not affected.",
        )

    def pack_files(self, files: Sequence[Path]) -> dict[str, Any]:
        """Paths as they are stored: the common folder once, then the names below it.

        A common folder inside the project is stored relative to it, so that a copied project
        finds its own files; any other stays absolute.
        """
        absolute = [Path(os.path.abspath(path)) for path in files]  # noqa: PTH100 - keeps links
        try:
            root = Path(os.path.commonpath([path.parent for path in absolute]))
        except ValueError:  # no files, or files on two Windows drives
            return {"root": "", "inside": False, "names": [str(path) for path in absolute]}
        names = [path.relative_to(root).as_posix() for path in absolute]
        # A project opened through a link still owns the files below it.
        for folder, below in ((root, self.path), (root.resolve(), self.path.resolve())):
            if folder.is_relative_to(below):
                inside = folder.relative_to(below).as_posix()
                return {"root": inside, "inside": True, "names": names}
        return {"root": str(root), "inside": False, "names": names}

    def unpack_files(self, packed: dict[str, Any]) -> tuple[Path, ...]:
        """Inverse of :meth:`pack_files`: absolute paths."""
        root = Path(packed["root"])
        if packed["inside"]:
            root = self.path / root
        return tuple(root / name for name in packed["names"])
