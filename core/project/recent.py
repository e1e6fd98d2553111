"""Projects opened lately, in the user's configuration folder."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.labels.durable import write_bytes

LIMIT = 10


def config_dir() -> Path:
    """Where the user's settings live; not created here.

    ``LESIONFORGE_CONFIG_DIR`` when set, else ``%APPDATA%/LesionForge``,
    ``~/Library/Application Support/LesionForge`` or ``$XDG_CONFIG_HOME/lesionforge``.
    """
    chosen = os.environ.get("LESIONFORGE_CONFIG_DIR")
    if chosen:
        return Path(chosen)
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming") / "LesionForge"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "LesionForge"
    return Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "lesionforge"


@dataclass(frozen=True, slots=True)
class Recent:
    """A project opened lately. missing: its folder, or the project in it, is not there now."""

    path: Path
    name: str
    missing: bool


def recent_projects() -> list[Path]:
    """Folders of projects opened lately that are still there, the last one first."""
    return [known.path for known in known_projects() if not known.missing]


def known_projects() -> list[Recent]:
    """Projects opened lately, the last one first, also those on a drive that is not there now."""
    return [
        Recent(path, name or path.name, not (path / "project.json").is_file())
        for path, name in _read()
    ]


def remember(path: Path, name: str = "") -> None:
    """Put a project at the head of the list. A folder that cannot be written is left alone."""
    first = path.absolute()
    _write([(first, name), *(entry for entry in _read() if entry[0] != first)])


def forget(path: Path) -> None:
    """Take a project off the list; its folder is not touched."""
    _write([entry for entry in _read() if entry[0] != path.absolute()])


def _write(entries: list[tuple[Path, str]]) -> None:
    value = [{"path": str(path), "name": name} for path, name in entries[:LIMIT]]
    file = _file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(file, json.dumps(value, ensure_ascii=False).encode())
    except OSError:
        return  # A convenience: a read-only home must not keep a project from opening.


def _file() -> Path:
    return config_dir() / "recent.json"


def _read() -> list[tuple[Path, str]]:
    try:
        values = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []  # Absent or damaged: the list fills again by itself.
    found = [_entry(value) for value in values] if isinstance(values, list) else []
    return [entry for entry in found if entry is not None]


def _entry(value: Any) -> tuple[Path, str] | None:
    """An entry of the file; those of earlier versions are the path alone."""
    if isinstance(value, str):
        return Path(value), ""
    if not isinstance(value, dict):
        return None
    path, name = value.get("path"), value.get("name")
    if not isinstance(path, str) or not isinstance(name, str):
        return None
    return Path(path), name
