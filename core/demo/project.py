"""The demo project: synthetic cases imported like any other series, most with their labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.demo.cases import DemoCase, demo_case, demo_cases
from core.errors import UserError
from core.project.importer import import_paths
from core.project.project import Project

DATA_FOLDER = "demo_data"

Progress = Callable[[int, int], None]


def make_demo(
    path: Path | str,
    cases: int = 16,
    seed: int = 0,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Project:
    """Make a project in the new or empty folder ``path`` and fill it; see :func:`fill_demo`."""
    project = Project.create(Path(path), "Demo: liver lesions")
    fill_demo(project, cases, seed, progress, cancelled)
    return project


def fill_demo(
    project: Project,
    cases: int = 16,
    seed: int = 0,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> None:
    """Compute ``cases`` synthetic CT series below ``project/demo_data`` and import each when ready.

    A case is complete (imported, labelled, split, reviewed) before ``progress(done, cases)`` is
    called for it, so a window can show it at once. Each fourth case stays without label. The same
    seed gives the same cases. Cases that are complete from an earlier call are kept as they are, so
    a demo that was interrupted goes on where it was. Raises UserError when ``cases`` is not 1 to
    500, and Cancelled, with the cases so far kept.
    """
    if not 1 <= cases <= 500:
        raise UserError(f"A demo can have 1 to 500 cases, not {cases}.")
    root = project.path / DATA_FOLDER
    there = _complete(project, root, cases)
    made = demo_cases(root, seed, cases, cancelled, there)
    for done, case in enumerate(made, start=1 + len(there)):
        _take_in(project, case)
        if progress is not None:
            progress(done, cases)


def _complete(project: Project, root: Path, cases: int) -> frozenset[int]:
    """Numbers of the cases that the project has, also those the user removed from it."""
    records = (*project.series(), *project.library.removed())
    names = {record.patient_id for record in records}
    each = (demo_case(root, number) for number in range(1, cases + 1))
    # The label file goes last: while it is there, its case was not finished.
    return frozenset(c.number for c in each if c.folder.name in names and not c.label_file.exists())


def _take_in(project: Project, case: DemoCase) -> None:
    report = import_paths(project, [case.folder])
    if case.labelled:
        labels = np.load(case.label_file, allow_pickle=False)
        (record,) = report.series
        project.label_store(record.series_uid).save(labels)
        project.save_label_summary(record.series_uid, labels)
        project.set_status(record.series_uid, "reviewed")
        project.set_split([record.series_uid], case.split)
    case.label_file.unlink()
