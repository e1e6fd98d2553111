"""What the written objects share: one structure of a label, identity of the program, saving."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, generate_uid

from core.dicom.elements import text
from core.dicom.writing.meaning import Made, Meaning
from core.errors import FileRefusedError

MAKER = "LesionForge"


@dataclass(frozen=True, slots=True)
class Segment:
    """One class of a label map. value: in the map. colour: ``#RRGGBB``.

    made: how the outline came about. algorithm: what made it, where it was not a hand alone.
    """

    value: int
    name: str
    colour: str
    meaning: Meaning
    lesion: bool
    made: Made
    algorithm: str = MAKER

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour as three numbers, 0 to 255."""
        red, green, blue = (int(self.colour[i : i + 2], 16) for i in (1, 3, 5))
        return (red, green, blue)


def program_version() -> str:
    """The version of this program, as written into its objects."""
    try:
        return version("lesionforge")
    except PackageNotFoundError:  # a checkout that was not installed
        return "unknown"


def new_uid() -> str:
    """A UID of the form 2.25.N from a random UUID, so no registered root is claimed."""
    return str(generate_uid(prefix=None))


def file_meta(sop_class: str, instance: str, syntax: str) -> FileMetaDataset:
    """The file meta information of a new object."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(instance)
    meta.TransferSyntaxUID = UID(syntax)
    return meta


def start(image: Dataset, modality: str, now: datetime) -> Dataset:
    """A dataset of the patient and study of ``image``, a new series, this program as its maker."""
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    for keyword in (
        *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge"),
        *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber"),
        *("ReferringPhysicianName", "StudyDescription", "PatientIdentityRemoved"),
        *("DeidentificationMethod",),
    ):
        value = text(image, keyword)
        if value or keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex"):
            setattr(made, keyword, value.split("\\") if "\\" in value else value)
    for keyword in ("StudyDate", "StudyTime", "StudyID", "AccessionNumber"):
        setattr(made, keyword, text(image, keyword))
    made.ReferringPhysicianName = text(image, "ReferringPhysicianName")
    if "DeidentificationMethodCodeSequence" in image:
        made.DeidentificationMethodCodeSequence = image.DeidentificationMethodCodeSequence
    made.Modality = modality
    made.SeriesInstanceUID, made.SeriesNumber = UID(new_uid()), 900
    made.InstanceNumber = 1
    made.Manufacturer = made.ManufacturerModelName = MAKER
    made.SoftwareVersions = program_version()
    made.InstanceCreationDate = made.SeriesDate = now.strftime("%Y%m%d")
    made.InstanceCreationTime = made.SeriesTime = now.strftime("%H%M%S")
    return made


def present(
    labels: NDArray[np.uint8], segments: tuple[Segment, ...], path: Path
) -> tuple[Segment, ...]:
    """The segments that have voxels, in their order.

    Raises FileRefusedError when none has, ValueError for a value that no segment names.
    """
    values = set(np.unique(labels).tolist()) - {0}
    unnamed = values - {s.value for s in segments}
    if unnamed:
        raise ValueError(f"no segment for the label values {sorted(unnamed)}")
    found = tuple(s for s in segments if s.value in values)
    if not found:
        raise FileRefusedError(path, "the label has no voxels", "Label something first.")
    return found
