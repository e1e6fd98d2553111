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


class _Row:
    """What searching and sorting ask of a record, made once: records never change.

    Keys are single strings or numbers, since those are compared ten times as fast as tuples.
    hay: all that is searched, in lower case. tie: patient, date and UID.
    """

    __slots__ = ("description", "hay", "patient", "record", "spacing", "tie")

    def __init__(self, record: SeriesRecord) -> None:
        self.record = record
        self.hay = _hay(record)
        self.patient = _natural_text(record.patient_id)
        self.tie = f"{self.patient}\0{record.study_date}\0{record.series_uid}"
        self.description = _natural_text(record.description)
        # Six digits before the point and after it: spacings are below 1000 mm.
        self.spacing = "".join(f"{mm:013.6f}" for mm in record.geometry.spacing)


_KEYS: dict[str, Callable[[_Row], Any]] = {
    "patient": lambda r: r.patient,
    "date": lambda r: r.record.study_date,
    "description": lambda r: r.description,
    "slices": lambda r: r.record.geometry.shape[0],
    "spacing": lambda r: r.spacing,
    # No lesion is a thousand litres.
    "labels": lambda r: _STATUS_ORDER[r.record.label_status] * 1e6 - r.record.lesion_ml,
    "split": lambda r: _SPLIT_ORDER[r.record.split],
    "checks": lambda r: r.record.missing - 2 * len(r.record.checks),
    "added": lambda r: r.record.added,
}


def _natural_text(text: str) -> str:
    """:func:`natural_key` as one text that sorts the same: nothing sorts before the end."""
    return "\x01".join(natural_key(text))


class _Index:
    """The rows of one list of records, and their order by each column that was asked for."""

    def __init__(self, records: list[SeriesRecord], before: _Index | None) -> None:
        self.records = records
        # Records that did not change are the same objects; their rows are kept.
        known = {} if before is None else {id(row.record): row for row in before.rows}
        self.rows = [known.get(id(record)) or _Row(record) for record in records]
        self.rows.sort(key=lambda row: row.tie)
        self._orders: dict[Order, list[_Row]] = {"patient": self.rows}

    def by(self, order: Order) -> list[_Row]:
        """All rows by one column; sorted once."""
        found = self._orders.get(order)
        if found is None:
            key = _KEYS[order.lstrip("-")]
            found = sorted(self.rows, key=key, reverse=order.startswith("-"))
            self._orders[order] = found
        return found


#: Of the list asked for last: a table asks for the same one with every key that is pressed.
_last: list[_Index] = []


def _index(records: Iterable[SeriesRecord]) -> _Index:
    asked = list(records)
    before = _last[0] if _last else None
    # Equal at once where the records are the same objects, which is nearly always.
    if before is not None and before.records == asked:
        return before
    _last[:] = [_Index(asked, before)]
    return _last[0]


def sort_records(records: Iterable[SeriesRecord], order: Order = "patient") -> list[SeriesRecord]:
    """Rows by one column (with ``-`` the other way round), ties by patient, date and UID."""
    return [row.record for row in _index(records).by(order)]


def _wanted(value: str | Iterable[str] | None) -> set[str] | None:
    if value is None:
        return None
    return {value} if isinstance(value, str) else set(value)


def matches(record: SeriesRecord, text: str) -> bool:
    """Whether every word of ``text`` occurs in what the table and details show of a series."""
    hay = _hay(record)
    return all(word in hay for word in text.casefold().split())


def _hay(record: SeriesRecord) -> str:
    parts = (
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
    return "\n".join(parts).casefold()


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
    rows = _index(records).by(order)
    for word in text.casefold().split():
        rows = [row for row in rows if word in row.hay]
    if statuses is not None:
        rows = [row for row in rows if row.record.label_status in statuses]
    if splits is not None:
        rows = [row for row in rows if row.record.split in splits]
    if checks is not None:
        rows = [r for r in rows if checks == (bool(r.record.checks) or r.record.missing)]
    return [row.record for row in rows]
