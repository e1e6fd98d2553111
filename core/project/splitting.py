"""A series split into volumes of their own, and joined again."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from core.dicom.checks import stack_checks
from core.dicom.outcomes import CURED
from core.dicom.remedies import Choice, Remedy
from core.dicom.scanned import Scanned
from core.labels.moving import arrive, finish_move
from core.project.carrying import Lay, carry
from core.project.records import SeriesRecord
from core.volume import Check

if TYPE_CHECKING:
    from core.project.project import Project

#: Between the UID of a series and the number of its part. Volumes that one DICOM series holds are
#: called ``UID.1``, ``UID.2``, so those of a split need another name.
_PART = ".0."


def divide(
    project: Project,
    record: SeriesRecord,
    scanned: Scanned,
    remedy: Remedy,
    choices: tuple[Choice, ...],
) -> tuple[SeriesRecord, ...]:
    """Make a row of each part of ``record`` (on its grid as scanned) and hide the whole.

    Each part takes its share of the label; the label of the whole stays with the whole. The parts
    stay hidden until all are made: a split that fails halfway leaves the whole as it was.
    """
    ends = [0, *remedy.cuts, len(scanned.offsets)]
    made = [_part(record, scanned, n, a, b) for n, (a, b) in enumerate(pairwise(ends), start=1)]
    store = project.label_store(record.series_uid)
    labels = store.load() if store.exists() else None
    known = {part.series_uid: part for part in project.library.parts_of(record.series_uid)}
    for part, (start, stop) in zip(made, pairwise(ends), strict=True):
        uid = part.series_uid
        if labels is not None:
            folder = project.labels_dir(uid)
            arrive(folder, labels[start:stop], part.geometry, project.schema)
            finish_move(folder, part.geometry)
        project.library.upsert(part)
        # A row of an earlier split keeps its history, none of it in force.
        old = known[uid].choices if uid in known else ()
        project.update(
            uid,
            choices=taken_back(old),
            split=record.split,
            label_status=record.label_status if labels is not None else "none",
            unannotated=record.unannotated,
        )
        if labels is not None:
            project.save_label_summary(uid, labels[start:stop])
    rows: dict[str, dict[str, Any]] = {part.series_uid: {"hidden": False} for part in made}
    rows[record.series_uid] = {"scanned": scanned, "choices": choices, "hidden": True}
    project.library.update_each(rows)
    return tuple(project.record(part.series_uid) for part in made)


def taken_back(choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """The history of a row with none of it in force."""
    return tuple(replace(choice, undone=True) for choice in choices)


def join(project: Project, record: SeriesRecord) -> SeriesRecord:
    """Undo :func:`divide`: the parts' labels onto the whole as scanned, the parts hidden.

    Where a part is gone for good the whole keeps the label from before the split. Returns the row
    of the whole, without a remedy in force.
    """
    scanned = record.scanned
    if scanned is None:
        raise ValueError("a series that was split knows how its slices lie")
    project.restore([part.series_uid for part in project.library.parts_of(record.series_uid)])
    store = project.label_store(record.series_uid)
    before = store.load()
    joined = before.copy()
    labelled = store.exists()
    ends = [0, *record.remedy.cuts, len(scanned.offsets)]
    parts = project.library.parts_of(record.series_uid)
    for part in parts:
        number = int(part.series_uid.rpartition(_PART)[2])
        its = project.label_store(part.series_uid)
        if number >= len(ends) or not its.exists():
            continue
        labelled = True
        start, stop = ends[number - 1], ends[number]
        labels = its.load()
        its.save(labels)  # nothing may wait in the journal of a row that is hidden
        stack = part.scanned or Scanned.even(part.geometry)
        joined[start:stop] = carry(labels, Lay.of(stack, part.remade), Lay.of(stack, None))
    if labelled and not np.array_equal(joined, before):
        store.save(joined)  # keeps the label from before the split as a revision
        project.save_label_summary(record.series_uid, joined)
    rows: dict[str, dict[str, Any]] = {part.series_uid: {"hidden": True} for part in parts}
    rows[record.series_uid] = {"choices": taken_back(record.choices), "hidden": False}
    project.library.update_each(rows)
    return project.record(record.series_uid)


def _part(
    record: SeriesRecord, scanned: Scanned, number: int, start: int, stop: int
) -> SeriesRecord:
    """The row, still hidden, of the slices ``start`` to before ``stop``."""
    stack = scanned.part(start, stop)
    note = Check("part", f"Slices {start + 1} to {stop} of a series that was split.")
    left = [c for c in scanned.checks if c.code not in CURED]
    stack = replace(stack, checks=(*stack_checks(stack), *left, note))
    return SeriesRecord(
        series_uid=f"{record.series_uid}{_PART}{number}",
        patient_id=record.patient_id,
        modality=record.modality,
        description=record.description,
        geometry=stack.geometry,
        files=record.files if scanned.frames else record.files[start:stop],
        source=record.source,
        study_uid=record.study_uid,
        frame_uid=record.frame_uid,
        study_date=record.study_date,
        sex=record.sex,
        age=record.age,
        scanner=record.scanner,
        kernel=record.kernel,
        kvp=record.kvp,
        checks=stack.checks,
        scanned=stack,
        part_of=record.series_uid,
        hidden=True,
    )
