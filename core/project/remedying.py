"""Remedies of a project's series: what is offered, choosing one, taking it back.

The row says which remedy is in force and keeps every earlier choice. Its grid, checks, label and
proposal follow. A split makes a row a part and hides the whole, whose label stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.dicom.offers import check_offered, offers
from core.dicom.outcomes import outcome
from core.dicom.remedies import KEEP, REGRIDDING, Choice, Offer, Remedy
from core.dicom.scanned import Scanned
from core.errors import FileRefusedError, UserError
from core.labels.moving import begin_move, earlier, finish_move
from core.labels.store import LabelStore
from core.project.carrying import Lay, carry
from core.project.records import SeriesRecord
from core.project.splitting import divide, join, taken_back

if TYPE_CHECKING:
    from core.project.project import Project

#: Checks of series whose slices lie elsewhere than the grid says.
_ODD = ("missing-slice", "mixed-spacing", "gantry-tilt")

Labels = NDArray[np.uint8]


def offered(project: Project, series_uid: str) -> tuple[Offer, ...]:
    """See :meth:`core.project.project.Project.remedies`."""
    record = project.record(series_uid)
    return offers(scanned_of(record), record.remedy)


def apply(project: Project, series_uid: str, remedy: Remedy) -> tuple[SeriesRecord, ...]:
    """See :meth:`core.project.project.Project.apply_remedy`."""
    record = project.record(series_uid)
    if record.remedy.kind == "split":
        raise UserError("This series was split. Undo the split before choosing another remedy.")
    scanned = scanned_of(record)
    check_offered(scanned, remedy)
    if remedy == record.remedy:
        return (record,)
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    choices = (*record.choices, Choice(remedy, now))
    if remedy.kind == "split":
        # The parts are cut out of the slices as scanned. Until they stand the whole is just that.
        whole = _become(project, record, scanned, KEEP, taken_back(record.choices))
        return divide(project, whole, scanned, remedy, choices)
    return (_become(project, record, scanned, remedy, choices),)


def undo(project: Project, series_uid: str) -> tuple[SeriesRecord, ...]:
    """See :meth:`core.project.project.Project.undo_remedy`."""
    record = project.record(series_uid)
    standing = [i for i, choice in enumerate(record.choices) if not choice.undone]
    if not standing:
        if record.part_of:
            return undo(project, record.part_of)
        raise UserError("No remedy was chosen for this series, so there is nothing to undo.")
    choices = list(record.choices)
    choices[standing[-1]] = replace(choices[standing[-1]], undone=True)
    if record.remedy.kind == "split":
        record = join(project, record)
    before = replace(record, choices=tuple(choices)).remedy
    return (_become(project, record, scanned_of(record), before, tuple(choices)),)


def scanned_of(record: SeriesRecord) -> Scanned:
    """How the slices of a series lie; asked of its files where an old library does not know.

    Raises FileRefusedError when those are gone or changed.
    """
    if record.scanned is not None:
        return record.scanned
    if record.source == "dicom" and any(check.code in _ODD for check in record.checks):
        return _asked(record)
    return Scanned.even(record.geometry, record.checks)


def _asked(record: SeriesRecord) -> Scanned:
    from core.dicom.headers import Header  # noqa: PLC0415 - brings pydicom
    from core.dicom.scan import read_headers  # noqa: PLC0415
    from core.dicom.series import group  # noqa: PLC0415

    headers = [h for _, h in read_headers(record.files) if isinstance(h, Header)]
    for found in group(headers):
        if found.geometry.same_grid(record.geometry):
            return replace(found.scanned, geometry=record.geometry)
    path = record.files[0] if record.files else Path(record.series_uid)
    raise FileRefusedError(path, "its slices are not those of its series", "Import it again.")


def _become(
    project: Project,
    record: SeriesRecord,
    scanned: Scanned,
    remedy: Remedy,
    choices: tuple[Choice, ...],
) -> SeriesRecord:
    """Give a row another remedy than it has, and bring its label and proposal along."""
    uid = record.series_uid
    after = outcome(scanned, remedy)
    fields: dict[str, Any] = {
        "geometry": after.geometry,
        "checks": after.checks,
        "scanned": scanned,
        "choices": choices,
    }
    regridded = remedy.identity if remedy.kind in REGRIDDING else ""
    source = Lay.of(scanned, record.remade)
    target = Lay.of(scanned, after if regridded else None)
    # Uneven slices resampled at their usual distance may fill the same box: same grid, other places
    if after.geometry == record.geometry and source == target:
        return project.update(uid, **fields)
    store = project.label_store(uid)
    labelled = store.exists()
    proposal = _carried_proposal(store, lambda labels: carry(labels, source, target))
    if labelled:
        known = earlier(store, after.geometry, regridded)
        moved = carry(store.load(), source, target) if known is None else known
        begin_move(store, moved, after.geometry, was=record.regridded, remedy=regridded)
    store.drop_proposal()
    project.update(uid, **fields)
    if labelled:
        finish_move(store.folder, after.geometry, regridded)
        project.save_label_summary(uid, project.label_store(uid).load())
    if proposal is not None:
        project.label_store(uid).save_proposal(*proposal)
    return project.record(uid)


def _carried_proposal(
    store: LabelStore, move: Callable[[Labels], Labels]
) -> tuple[Labels, dict[str, Any]] | None:
    """What the model proposed, on the new grid; a damaged proposal is made again by the model."""
    try:
        found = store.load_proposal()
    except FileRefusedError:
        return None
    return None if found is None else (move(found[0]), found[1])
