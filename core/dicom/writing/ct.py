"""A volume without DICOM images as CT slices, so that labels have something to refer to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from core.dicom.elements import text
from core.dicom.writing.base import MAKER, file_meta, program_version
from core.dicom.writing.references import COPIED, References, complete, decimal
from core.errors import Cancelled
from core.geometry import Geometry
from core.volume import Volume


def made_references(
    seed: str, patient_id: str, geometry: Geometry, like: Dataset | None = None
) -> References:
    """Headers of the CT slices that :func:`write_slices` writes for a volume.

    seed: what the UIDs come from, so labels written on another day refer to the same images.
    like: an image of the patient, whose identity, study and frame of reference the slices share.
    """
    shared = _shared(seed, patient_id, like)
    images = tuple(_header(seed, shared, geometry, i) for i in range(geometry.shape[0]))
    origins = geometry.index_to_mm([(i, 0, 0) for i in range(geometry.shape[0])])
    positions = tuple((float(x), float(y), float(z)) for x, y, z in origins)
    return References(images, tuple((i, None) for i in range(len(images))), geometry, positions)


def write_slices(
    references: References,
    volume: Volume,
    folder: Path,
    cancelled: Callable[[], bool] | None = None,
) -> None:
    """Write int16 HU as CT Image Storage, one file a slice, into a new ``folder``.

    Raises FileExistsError when the folder is there, Cancelled.
    """
    folder.mkdir()
    for index, image in enumerate(slices(references, volume)):
        if cancelled is not None and cancelled():
            raise Cancelled
        image.save_as(folder / f"{index + 1:04d}.dcm", enforce_file_format=True)


def slices(references: References, volume: Volume) -> Iterator[Dataset]:
    """The CT slices of a volume one after the other, each with its pixels while it is the last."""
    for image, pixels in zip(references.images, volume.hu, strict=True):
        image.PixelData = np.ascontiguousarray(pixels, dtype="<i2").tobytes()
        yield image
        del image.PixelData  # one slice in memory, not all


def _shared(seed: str, patient_id: str, like: Dataset | None) -> Dataset:
    """Whose image it is and in which study and space."""
    shared = Dataset()
    if like is not None:
        for keyword in (*COPIED, "StudyInstanceUID", "FrameOfReferenceUID"):
            setattr(shared, keyword, text(like, keyword))
    shared.PatientID = patient_id
    shared.PatientName = text(shared, "PatientName") or patient_id
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID"):
        setattr(shared, keyword, UID(text(shared, keyword) or _uid(seed, keyword)))
    return shared


def _header(seed: str, shared: Dataset, geometry: Geometry, index: int) -> Dataset:
    image = Dataset()
    image.update(shared)
    instance = _uid(seed, f"image {index}")
    image.file_meta = file_meta(CTImageStorage, instance, ExplicitVRLittleEndian)
    image.SpecificCharacterSet = "ISO_IR 192"
    image.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, UID(instance)
    image.SeriesInstanceUID = UID(_uid(seed, "series"))
    image.Modality = "CT"
    image.Manufacturer = image.ManufacturerModelName = MAKER
    image.SoftwareVersions = program_version()
    image.DerivationDescription = "A volume without DICOM images of its own"
    image.ContentDate = datetime.now().strftime("%Y%m%d")
    image.ContentTime = datetime.now().strftime("%H%M%S")
    image.SeriesNumber, image.AcquisitionNumber, image.InstanceNumber = 1, 1, index + 1
    image.Laterality = image.KVP = image.PatientPosition = image.PositionReferenceIndicator = ""
    image.ImagePositionPatient = [decimal(v) for v in geometry.index_to_mm((index, 0, 0))]
    _describe_pixels(image, geometry)
    complete(image, geometry)
    return image


def _describe_pixels(image: Dataset, geometry: Geometry) -> None:
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = geometry.shape[1:]
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
    image.PixelRepresentation = 1
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = "0", "1", "HU"


def _uid(*parts: str) -> str:
    """A UID of the form 2.25.N that is the same for the same parts."""
    digest = hashlib.sha256("\0".join(("LesionForge image", *parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"
