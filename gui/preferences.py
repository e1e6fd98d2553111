"""What the user set for all projects, in the user's config folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from core.labels.durable import write_bytes
from core.project.recent import config_dir

LANGUAGES: Final = {"en": "English", "zh_CN": "简体中文"}
#: Percent, as the design allows.
SCALES: Final = (90, 100, 110, 125, 150)


@dataclass(frozen=True, slots=True)
class Preferences:
    """language: a key of LANGUAGES, or "" to follow the system. scale: one of SCALES.

    pseudonyms: whether the window shows these instead of patients' names and IDs.
    """

    language: str = ""
    scale: int = 100
    pseudonyms: bool = False


def _file() -> Path:
    return config_dir() / "preferences.json"


def load() -> Preferences:
    """The saved preferences; the defaults for what is absent or unknown."""
    try:
        values: Any = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Preferences()  # First start, or damaged: the next change writes it anew.
    result = Preferences()
    if not isinstance(values, dict):
        return result
    if values.get("language") in LANGUAGES:
        result = replace(result, language=values["language"])
    if values.get("scale") in SCALES:
        result = replace(result, scale=values["scale"])
    if values.get("pseudonyms") is True:
        result = replace(result, pseudonyms=True)
    return result


def save(preferences: Preferences) -> None:
    """Write the preferences. Raises OSError when the folder cannot be written."""
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(file, json.dumps(asdict(preferences), indent=2).encode())
