"""Filtering and sorting of library rows: for the table's search field and chips."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from core.project.records import SeriesRecord

Order = Literal[
    "patient", "-patient", "date", "-date", "description", "-description", "slices", "-slices",
    "spacing", "-spacing", "labels", "-labels", "split", "-split", "checks", "-checks",
    "added", "-added",
]  # fmt: skip

_DIGITS = re.compile(r"(\d+)")


def natural_key(text: str) -> tuple[Any, ...]:
    """Sort key that puts ``STS_2`` before ``STS_10``, whatever the case."""
    parts = _DIGITS.split(text.casefold())
    return tuple((part.zfill(20) if i % 2 else part) for i, part in enumerate(parts))


_SPLIT_ORDER = {"train": 0, "val": 1, "test": 2, "none": 3}
_STATUS_ORDER = {"reviewed": 0, "draft": 1, "proposed": 2, "none": 3}

_KEYS: dict[str, Callable[[SeriesRecord], Any]] = {
    "patient": lambda r: natural_key(r.patient_id),
    "date": lambda r: r.study_date,
    "description": lambda r: natural_key(r.description),
    "slices": lambda r: r.geometry.shape[0],
    "spacing": lambda r: r.geometry.spacing,
    "labels": lambda r: (_STATUS_ORDER[r.label_status], -r.lesion_ml),
    "split": lambda r: _SPLIT_ORDER[r.split],
    "checks": lambda r: (-len(r.checks), r.missing),
    "added": lambda r: r.added,
}


def _tie(record: SeriesRecord) -> tuple[Any, ...]:
    return (natural_key(record.patient_id), record.study_date, record.series_uid)


def sort_records(records: Iterable[SeriesRecord], order: Order = "patient") -> list[SeriesRecord]:
    """Rows by one column (with ``-`` the other way round), ties by patient, date and UID."""
    rows = sorted(records, key=_tie)
    return sorted(rows, key=_KEYS[order.lstrip("-")], reverse=order.startswith("-"))


def _wanted(value: str | Iterable[str] | None) -> set[str] | None:
    if value is None:
        return None
    return {value} if isinstance(value, str) else set(value)


def matches(record: SeriesRecord, text: str) -> bool:
    """Whether every word of ``text`` occurs in what the table and details show of a series."""
    hay = "\n".join(
        (
            record.patient_id,
            record.description,
            record.modality,
            record.study_date,
            record.scanner,
            record.kernel,
            record.series_uid,
            *record.labels,
            *(c.code for c in record.checks),
        )
    ).casefold()
    return all(word in hay for word in text.casefold().split())


def filter_records(
    records: Sequence[SeriesRecord],
    text: str = "",
    *,
    status: str | Iterable[str] | None = None,
    split: str | Iterable[str] | None = None,
    checks: bool | None = None,
    order: Order = "patient",
) -> list[SeriesRecord]:
    """The rows that match all conditions, sorted.

    text: words that must all occur (:func:`matches`). status, split: one or several, None for
    any. checks: True for series with a check or a missing file, False for those without.
    """
    statuses, splits = _wanted(status), _wanted(split)
    found = [
        r
        for r in records
        if (statuses is None or r.label_status in statuses)
        and (splits is None or r.split in splits)
        and (checks is None or checks == (bool(r.checks) or r.missing))
        and matches(r, text)
    ]
    return sort_records(found, order)
