"""DICOM series of an import as rows of the library."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.dicom.headers import Header
from core.dicom.outcomes import outcome
from core.dicom.remedies import KEEP
from core.dicom.scanned import Scanned
from core.dicom.series import FoundSeries
from core.dicom.stack import Stack
from core.dicom.tolerances import SAME_PLACE_MM
from core.project.known_files import KnownFiles
from core.project.project import Project
from core.project.records import SeriesRecord, Skipped
from core.project.remedying import scanned_of


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
        scanned=None if found.scanned.plain else found.scanned,
    )


def with_known_slices(
    project: Project, headers: Sequence[Header], files: KnownFiles
) -> list[Header]:
    """``headers`` and those of slices that earlier imports brought for the same series.

    A series that arrives in two halves becomes whole; copies of a slice are dropped by
    :func:`core.dicom.series.group`, the ones just found first. Removed series come back.
    """
    found = {h.series_uid for h in headers if h.kind == "ct" and h.series_uid}
    _bring_back(project, lambda r: r.source == "dicom" and in_series(r.series_uid, found))
    scanned = {h.path for h in headers}
    more: list[Path] = []
    for record in project.library.all(hidden=True):
        if record.source == "dicom" and in_series(record.series_uid, found):
            more += [p for p in record.files if p not in scanned and p.is_file()]
    known = [h for _, h in files.headers(list(dict.fromkeys(more))) if isinstance(h, Header)]
    return [*headers, *known]


def keep_labelled_grids(
    project: Project, records: Sequence[SeriesRecord]
) -> tuple[list[SeriesRecord], list[Skipped]]:
    """Rows that may be written. A labelled series must not change its grid under its label, and a
    remedy that was chosen stays in force where the slices are still those it was chosen for. A
    removed series comes back first: its label lies on the grid of its remedy.
    """
    uids = {record.series_uid for record in records}
    _bring_back(project, lambda r: r.series_uid in uids)
    known = {r.series_uid: r for r in project.library.all(hidden=True)}
    kept: list[SeriesRecord] = []
    skipped: list[Skipped] = []
    for record in records:
        old = known.get(record.series_uid)
        if old is not None and _same_slices(old, record):
            kept.append(_remedied(old, record))
        elif old is None or _may_change(project, old):
            # Other slices: what was chosen for the old ones says nothing about these.
            undone = () if old is None else tuple(replace(c, undone=True) for c in old.choices)
            kept.append(replace(record, choices=undone))
        else:
            text = (
                f"{record.files[0].parent.name} was not imported again: its series has a label or "
                "was split, and its slices are not those that was done on."
            )
            skipped.append(Skipped(record.files[0].parent, text))
    return kept, skipped


def _bring_back(project: Project, imported: Callable[[SeriesRecord], bool]) -> None:
    """Restore the removed series that are imported again."""
    back = [r.series_uid for r in project.library.removed() if imported(r)]
    if back:
        project.restore(back)


def _same_slices(old: SeriesRecord, fresh: SeriesRecord) -> bool:
    """Whether two rows have their slices at the same places."""
    if old.scanned is None or fresh.scanned is None:
        # Even ones, or a row from before libraries knew where each slice lies.
        before = old.geometry if old.scanned is None else old.scanned.geometry
        return before.same_grid(fresh.geometry)
    grids = old.scanned.geometry.same_grid(fresh.scanned.geometry)
    return grids and np.allclose(old.scanned.offsets, fresh.scanned.offsets, atol=SAME_PLACE_MM)


def _may_change(project: Project, old: SeriesRecord) -> bool:
    return not old.hidden and not project.label_store(old.series_uid).exists()


def _remedied(old: SeriesRecord, fresh: SeriesRecord) -> SeriesRecord:
    """``fresh`` with the remedy of ``old`` in force, which has the same slices."""
    scanned = fresh.scanned or Scanned.even(fresh.geometry, fresh.checks)
    if old.remedy == KEEP:
        return replace(fresh, choices=old.choices)
    made = outcome(scanned, old.remedy)
    return replace(
        fresh, geometry=made.geometry, checks=made.checks, scanned=scanned, choices=old.choices
    )


def stack_of(record: SeriesRecord) -> Stack:
    """The planes of a series, uneven where those of its slices are."""
    if record.remade is None:
        scanned = scanned_of(record)
        shifts = scanned.shifts if scanned.sheared else ()
        return Stack(record.geometry, scanned.offsets, shifts)
    return Stack.even(record.geometry)


def in_series(uid: str, series_uids: Collection[str]) -> bool:
    """Whether a volume's UID is that of a DICOM series, of one of several volumes of it (``.N``),
    or of a part such a volume was split into (``.0.N``).
    """
    whole = re.sub(r"\.0\.\d+$", "", uid)
    return not {uid, whole, whole.rpartition(".")[0]}.isdisjoint(series_uids)


def _anonymous(header: Header) -> str:
    """A name for a patient without one, the same for all series of one examination."""
    seed = header.frame_uid or header.study_uid or header.series_uid or header.sop_uid
    return f"Anonymous-{hashlib.sha256(seed.encode()).hexdigest()[:6].upper()}"
