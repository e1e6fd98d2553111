"""Fields of a series as the library's columns hold them, and back: JSON where a value is no number
or text.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from core.dicom.remedies import Choice, Remedy
from core.dicom.scanned import Scanned
from core.errors import printable
from core.geometry import Geometry
from core.volume import Check


def _checks(value: tuple[Check, ...]) -> str:
    return json.dumps([[c.code, c.message] for c in value], ensure_ascii=False)


def _choices(value: tuple[Choice, ...]) -> str:
    return json.dumps([[c.remedy.as_json(), c.at, c.undone] for c in value])


def _scanned(value: Scanned | None) -> str:
    return "" if value is None else json.dumps(value.as_json(), ensure_ascii=False)


def _geometry(value: Geometry) -> str:
    return json.dumps(value.as_json())


def _list(value: tuple[Any, ...]) -> str:
    return json.dumps(list(value), ensure_ascii=False)


_STORED: dict[str, Callable[[Any], Any]] = {
    "geometry": _geometry,
    "checks": _checks,
    "scanned": _scanned,
    "choices": _choices,
    "labels": _list,
    "unannotated": _list,
    "missing": int,
    "hidden": int,
}


def stored(name: str, value: Any) -> Any:
    """The field ``name`` of a series as SQLite keeps it; ``files`` are the library's own matter."""
    kept = _STORED[name](value) if name in _STORED else value
    return printable(kept) if isinstance(kept, str) else kept


def loaded(row: dict[str, Any]) -> dict[str, Any]:
    """Inverse of :func:`stored` for a whole row but its ``files``."""
    scanned = row["scanned"]
    changed: dict[str, Any] = {
        "geometry": Geometry.from_json(json.loads(row["geometry"])),
        "checks": tuple(Check(code, message) for code, message in json.loads(row["checks"])),
        "scanned": Scanned.from_json(json.loads(scanned)) if scanned else None,
        "choices": tuple(
            Choice(Remedy.from_json(remedy), at, undone)
            for remedy, at, undone in json.loads(row["choices"])
        ),
        "labels": tuple(json.loads(row["labels"])),
        "unannotated": tuple(json.loads(row["unannotated"])),
        "missing": bool(row["missing"]),
        "hidden": bool(row["hidden"]),
    }
    return {name: value for name, value in row.items() if name != "files"} | changed
