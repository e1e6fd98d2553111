"""One series out of the project: its image, or its label, on the series' own grid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import FileRefusedError, UserError
from core.images import WRITTEN_SUFFIXES, image_suffix, write_image, write_mask
from core.project.project import Project
from core.project.reading import read_volume
from core.project.records import SeriesRecord


def export_image(
    project: Project,
    series_uid: str,
    path: Path,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Write the HU of a series to ``path`` (an ending of :data:`WRITTEN_SUFFIXES`); returns it.

    Raises UserError for an unknown series, FileRefusedError for pixel data that cannot be read or
    a path that cannot be written.
    """
    check_output(path)
    record = project.record(series_uid)
    write_image(path, read_volume(record, progress, cancelled), record.remedy_note)
    return path


def export_label(project: Project, series_uid: str, path: Path) -> Path:
    """Write the label of a series to ``path`` as uint8; returns the path.

    Raises UserError for an unknown series or one without a label, FileRefusedError as
    :func:`export_image` does.
    """
    check_output(path)
    record = project.record(series_uid)
    labels = load_label(project, record)
    write_mask(path, labels, record.geometry, project.schema, record.remedy_note)
    return path


def load_label(project: Project, record: SeriesRecord) -> NDArray[np.uint8]:
    """The label uint8 [z, y, x] of a series. Raises UserError when it has none, or somebody chose
    not to use the series.
    """
    if not record.usable:
        raise UserError(
            f"The series of patient {record.patient_id or '(no ID)'} is not used: it was refused "
            "or split. Undo that to export its label."
        )
    store = project.label_store(record.series_uid)
    if not store.exists():
        raise UserError(
            f"The series of patient {record.patient_id or '(no ID)'} has no label yet. "
            "Label it, or accept a proposal, before exporting."
        )
    return store.load()


def check_output(path: Path) -> None:
    """Refuse a path that names no format or no folder. Raises FileRefusedError."""
    # Before the series is read: a typing error should not cost a minute.
    if image_suffix(path) not in WRITTEN_SUFFIXES:
        raise FileRefusedError(
            path,
            "its ending names no format to write",
            f"Use one of {', '.join(WRITTEN_SUFFIXES)}.",
        )
    check_folder(path)


def check_folder(path: Path) -> None:
    """Refuse a path whose folder does not exist. Raises FileRefusedError."""
    if not path.absolute().parent.is_dir():
        raise FileRefusedError(
            path, f"the folder {path.parent} does not exist", "Make it, or choose another."
        )
