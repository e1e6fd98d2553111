"""The label of a series as DICOM SEG or RTSTRUCT, with references to the images it lies on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from core.dicom.headers import Header
from core.dicom.parsing import parse
from core.dicom.scan import read_headers
from core.dicom.series import FoundSeries, group
from core.dicom.writing.base import MAKER, Segment
from core.dicom.writing.ct import made_references, write_slices
from core.dicom.writing.meaning import Made, lesion_meaning, meaning_of
from core.dicom.writing.references import References, references_of
from core.dicom.writing.rtstruct import make_rtstruct
from core.dicom.writing.seg import make_seg
from core.errors import FileRefusedError
from core.export.images import check_folder, load_label
from core.labels.durable import replace
from core.labels.schema import LabelSchema
from core.project.project import Project
from core.project.reading import read_volume
from core.project.records import SeriesRecord

DicomLabel = Literal["seg", "rtstruct"]

MAKE = {"seg": make_seg, "rtstruct": make_rtstruct}


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """What a DICOM label says beside its voxels.

    made: how the outlines came about. algorithm: what made them, where a hand alone did not.
    meanings: a code by class name, where the default (lesions are neoplasms) will not do.
    """

    made: Made
    algorithm: str = MAKER
    meanings: Mapping[str, Code] = field(default_factory=dict[str, Code])


@dataclass(frozen=True, slots=True)
class WrittenLabel:
    """path: the label. images: a folder of CT slices that were written for it to refer to, or
    None where it refers to the images of the project.
    """

    path: Path
    images: Path | None = None


def export_dicom_label(
    project: Project,
    series_uid: str,
    path: Path,
    kind: DicomLabel,
    options: LabelOptions,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> WrittenLabel:
    """Write the label of a series to ``path`` as SEG or RTSTRUCT. Whole or not at all.

    A series without DICOM images that can be referred to (see :func:`references_for`) gets CT
    slices of its own beside the label. Raises UserError for an unknown series or one
    without a label, FileRefusedError for what cannot be read or written, Cancelled.
    """
    if path.suffix.lower() != ".dcm":
        raise FileRefusedError(path, "a DICOM label ends in .dcm", "Add the ending.")
    check_folder(path)
    record = project.record(series_uid)
    labels = load_label(project, record)
    references, own = references_for(record)
    images = None if own else path.with_name(f"{path.stem}_images")
    made = MAKE[kind](labels, references, segments_of(project.schema, options), path)
    if images is not None and not images.exists():
        write_slices(references, read_volume(record, cancelled=cancelled), images, cancelled)
    save(made, path)
    return WrittenLabel(path, images)


def references_for(record: SeriesRecord) -> tuple[References, bool]:
    """The DICOM images of a series and True; headers of images to be made and False where it has
    none that can be referred to plane by plane: an image file, blank UIDs, a remedy in force.
    """
    like: Dataset | None = None
    if record.source == "dicom":
        headers = [h for _, h in read_headers(record.files) if isinstance(h, Header)]
        series = _found(record, group(headers))
        if series is not None and record.remade is None:
            references = references_of(series, record.geometry)
            if references is not None:
                return references, True
        like = parse(record.files[0]).dataset
    seed = f"{record.series_uid} {record.remedy.identity}".strip()
    return made_references(seed, record.patient_id, record.geometry, like), False


def _found(record: SeriesRecord, series: list[FoundSeries]) -> FoundSeries | None:
    return next((s for s in series if s.geometry.shape == record.geometry.shape), None)


def segments_of(schema: LabelSchema, options: LabelOptions) -> tuple[Segment, ...]:
    """The classes of a project as segments."""
    chosen = {name.casefold(): code for name, code in options.meanings.items()}
    return tuple(
        Segment(
            value=label.value,
            name=label.name,
            colour=label.colour,
            meaning=lesion_meaning(chosen[label.name.casefold()])
            if label.name.casefold() in chosen
            else meaning_of(label.name, label.lesion),
            lesion=label.lesion,
            made=options.made,
            algorithm=options.algorithm,
        )
        for label in schema.classes
    )


def save(made: Dataset, path: Path) -> None:
    """Write a DICOM object, whole or not at all. Raises FileRefusedError."""
    temporary = path.with_name(f".tmp-{path.name}")
    try:
        made.save_as(temporary, enforce_file_format=True)
        replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise FileRefusedError(
            path, "it could not be written", "Check that the folder exists and has free space."
        ) from error
