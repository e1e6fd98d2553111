"""The card of a model: what it is, what it was made from, how good it is, what it is for.

Travels as JSON beside the weights (``card.json``), inside them (safetensors header) and inside
exported files. No torch here: the window imports this module.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from core.errors import UserError

#: Stands on every card and report.
DISCLAIMER = "For research. A reader checks every outline. Not for diagnosis."

#: Longest text of one field that is read: a card is a page, not a book.
_MAX_TEXT = 4000


@dataclass(frozen=True, slots=True)
class SizeBand:
    """Lesions of one size. low_ml, high_ml: half-open range, high None for no limit."""

    low_ml: float
    high_ml: float | None
    found: int
    lesions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One model. Figures that were not measured are NaN; texts that nobody wrote are empty.

    version: grows among models of one name. run_id: the run that made it, or ``import``.
    created: ISO 8601. dice, hd95 (mm), sensitivity (share of lesions found): means over ``cases``
    whole validation cases. dice_range, hd95_range: 95 % interval of the mean. lesions,
    lesions_found: behind the sensitivity. spacing: mm (z, y, x) of the grid the model sees.
    classes: what it outlines. cases_train, cases_val, cases_test, scanners, spacings, readers:
    the data. imported: it came as a file, so its figures were not measured here.
    """

    name: str
    version: str
    run_id: str
    created: str
    parameters: int = 0
    dice: float = math.nan
    hd95: float = math.nan
    sensitivity: float = math.nan
    cases: int = 0
    dice_range: tuple[float, float] | None = None
    hd95_range: tuple[float, float] | None = None
    lesions: int = 0
    lesions_found: int = 0
    by_size: tuple[SizeBand, ...] = ()
    network: str = ""
    spacing: tuple[float, float, float] | None = None
    classes: tuple[str, ...] = ()
    cases_train: int = 0
    cases_val: int = 0
    cases_test: int = 0
    scanners: str = ""
    spacings: str = ""
    readers: str = ""
    intended_use: str = f"Draft outlines of lesions on CT. {DISCLAIMER}"
    limits: str = ""
    imported: bool = False

    @property
    def title(self) -> str:
        """Name and version as they are shown: ``Liver lesion v3``."""
        return f"{self.name} {self.short_version}"

    @property
    def short_version(self) -> str:
        """``v3`` for 3 and 3.0.0, ``v3.1`` for 3.1.0."""
        version = self.version
        while version.endswith(".0"):
            version = version[:-2]
        return f"v{version}" if version else ""

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values, NaN as None; inverse of :meth:`from_json`."""
        value: dict[str, Any] = {}
        for key, item in asdict(self).items():
            nan = isinstance(item, float) and not math.isfinite(item)
            value[key] = None if nan else list(item) if isinstance(item, tuple) else item
        return value

    def dumps(self) -> str:
        """One line of JSON for the header of a weights file."""
        return json.dumps(self.as_json(), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, value: Any) -> ModelCard:
        """A card from JSON that may come from anywhere. Unknown fields are skipped.

        Raises UserError with a sentence when a field holds what it cannot hold.
        """
        if not isinstance(value, dict):
            raise UserError("The model card is not a JSON object. Use the file as it was exported.")
        known = {f.name: f for f in fields(cls)}
        data: dict[str, Any] = {}
        for key, item in value.items():
            if key not in known:
                continue
            kind = str(known[key].type)
            try:
                data[key] = _READERS[kind](item)
            except (TypeError, ValueError, KeyError) as error:
                raise UserError(
                    f"The model card has a wrong value for {key}. Use the file as it was exported."
                ) from error
        missing = sorted({"name", "version", "run_id", "created"} - set(data))
        if missing:
            raise UserError(f"The model card has no {missing[0]}. Use the file as it was exported.")
        return cls(**data)

    @classmethod
    def loads(cls, text: str) -> ModelCard:
        """Inverse of :meth:`dumps`. Raises UserError."""
        try:
            return cls.from_json(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise UserError(
                "The model card is not JSON. Use the file as it was exported."
            ) from error


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise ValueError("text expected")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ValueError("a count expected")
    return value


def _figure(value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a number expected")
    return float(value)


def _known(value: Any) -> float:
    """A figure that must be there, since JSON has no word for one that is not inside a list."""
    figure = _figure(value)
    if not math.isfinite(figure):
        raise ValueError("a finite number expected")
    return figure


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false expected")
    return value


def _pair(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    low, high = (_known(v) for v in value)
    return (low, high)


def _triple(value: Any) -> tuple[float, float, float] | None:
    if value is None:
        return None
    z, y, x = (_known(v) for v in value)
    return (z, y, x)


def _names(value: Any) -> tuple[str, ...]:
    return tuple(_text(v) for v in value[:255])


def _bands(value: Any) -> tuple[SizeBand, ...]:
    return tuple(
        SizeBand(
            _known(v["low_ml"]),
            None if v["high_ml"] is None else _known(v["high_ml"]),
            _count(v["found"]),
            _count(v["lesions"]),
        )
        for v in value[:16]
    )


#: By the annotation of the field, which the future import keeps as text.
_READERS = {
    "str": _text,
    "int": _count,
    "float": _figure,
    "bool": _flag,
    "tuple[float, float] | None": _pair,
    "tuple[float, float, float] | None": _triple,
    "tuple[str, ...]": _names,
    "tuple[SizeBand, ...]": _bands,
}
