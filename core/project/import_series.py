"""DICOM series of an import as rows of the library."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from core.dicom.headers import Header
from core.dicom.scan import read_headers
from core.dicom.series import FoundSeries, group
from core.dicom.stack import Stack
from core.project.project import Project
from core.project.records import SeriesRecord, Skipped

#: Checks of a series whose slices are not evenly spaced.
_UNEVEN = ("missing-slice", "mixed-spacing")


def record_of(found: FoundSeries) -> SeriesRecord:
    """The row of a series as found."""
    header = found.header
    return SeriesRecord(
        series_uid=found.uid,
        patient_id=header.patient_id or _anonymous(header),
        modality="CT",
        description=header.description,
        geometry=found.geometry,
        files=found.files,
        source="dicom",
        study_uid=header.study_uid,
        frame_uid=header.frame_uid,
        study_date=header.study_date,
        sex=header.sex,
        age=header.age,
        scanner=header.scanner,
        kernel=header.kernel,
        kvp=header.kvp,
        checks=found.checks,
    )


def with_known_slices(project: Project, headers: Sequence[Header]) -> list[Header]:
    """``headers`` and those of slices that earlier imports brought for the same series.

    A series that arrives in two halves becomes whole; copies of a slice are dropped by
    :func:`core.dicom.series.group`, the ones just found first.
    """
    found = {h.series_uid for h in headers if h.kind == "ct" and h.series_uid}
    scanned = {h.path for h in headers}
    more: list[Path] = []
    for record in project.series():
        if record.source == "dicom" and _in_series(record.series_uid, found):
            more += [p for p in record.files if p not in scanned and p.is_file()]
    known = [h for _, h in read_headers(list(dict.fromkeys(more))) if isinstance(h, Header)]
    return [*headers, *known]


def keep_labelled_grids(
    project: Project, records: Sequence[SeriesRecord]
) -> tuple[list[SeriesRecord], list[Skipped]]:
    """Rows that may be written: a labelled series must not change its grid under its label."""
    known = {r.series_uid: r for r in project.series()}
    kept: list[SeriesRecord] = []
    skipped: list[Skipped] = []
    for record in records:
        old = known.get(record.series_uid)
        if (
            old is not None
            and not old.geometry.same_grid(record.geometry)
            and project.label_store(record.series_uid).exists()
        ):
            text = (
                f"{record.files[0].parent.name} was not imported again: its series has a label, "
                "and its slices are not those the label was made on."
            )
            skipped.append(Skipped(record.files[0].parent, text))
        else:
            kept.append(record)
    return kept, skipped


def stack_of(record: SeriesRecord, found: dict[str, FoundSeries]) -> Stack:
    """The planes of a series; read from its files where they are uneven and not just found."""
    here = found.get(record.series_uid)
    if here is not None:
        return Stack(here.geometry, here.offsets)
    if record.source == "dicom" and any(c.code in _UNEVEN for c in record.checks):
        headers = [h for _, h in read_headers(record.files) if isinstance(h, Header)]
        for series in group(headers):
            if series.geometry.shape == record.geometry.shape:
                return Stack(record.geometry, series.offsets)
    return Stack.even(record.geometry)


def _in_series(uid: str, series_uids: set[str]) -> bool:
    return uid in series_uids or uid.rpartition(".")[0] in series_uids


def _anonymous(header: Header) -> str:
    """A name for a patient without one, the same for all series of one examination."""
    seed = header.frame_uid or header.study_uid or header.series_uid or header.sop_uid
    return f"Anonymous-{hashlib.sha256(seed.encode()).hexdigest()[:6].upper()}"
