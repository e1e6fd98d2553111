"""Projects opened lately, in the user's configuration folder."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

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


def recent_projects() -> list[Path]:
    """Folders of projects opened lately that are still there, the last one first."""
    return [path for path in _read() if (path / "project.json").is_file()]


def remember(path: Path) -> None:
    """Put a project at the head of the list. A folder that cannot be written is left alone."""
    first = path.absolute()
    paths = [first, *(p for p in _read() if p != first)][:LIMIT]
    file = _file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(file, json.dumps([str(p) for p in paths], ensure_ascii=False).encode())
    except OSError:
        return  # A convenience: a read-only home must not keep a project from opening.


def _file() -> Path:
    return config_dir() / "recent.json"


def _read() -> list[Path]:
    try:
        values = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []  # Absent or damaged: the list fills again by itself.
    if not isinstance(values, list):
        return []
    return [Path(value) for value in values if isinstance(value, str)]
