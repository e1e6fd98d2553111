"""A phantom as a DICOM series on disk, with an invented patient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

from core.demo.phantom import Case

#: Stored value = HU + 1024, as most scanners write it.
_INTERCEPT = -1024


@dataclass(frozen=True, slots=True)
class Patient:
    """An invented patient: nobody is behind it."""

    patient_id: str
    sex: str
    age: int
    study: date

    @classmethod
    def invent(cls, number: int, seed: int) -> Patient:
        """The patient of case ``number``; the same for the same seed."""
        rng = np.random.default_rng([seed, number, 7])
        return cls(
            patient_id=f"LF-{number:04d}",
            sex="MF"[int(rng.integers(2))],
            age=int(np.clip(rng.normal(62, 11), 28, 87)),
            study=date(2024, 3, 4) + timedelta(days=3 * number + int(rng.integers(3))),
        )


def _uid(*parts: object) -> str:
    """A UID that is the same for the same parts."""
    return str(generate_uid(entropy_srcs=["LesionForge demo", *map(str, parts)]))


def write_series(case: Case, folder: Path, number: int, seed: int) -> None:
    """Write ``case`` as CT Image Storage, explicit little endian, one file a slice.

    folder: made when missing. number, seed: of the case; they make its UIDs and its patient.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dataset = _header(case, number, seed)
    geometry = case.volume.geometry
    stored = (case.volume.hu.astype(np.int32) - _INTERCEPT).astype(np.uint16)
    study = _uid(seed, number, "study")
    for index, pixels in enumerate(stored):
        x, y, z = geometry.index_to_mm((index, 0, 0)).tolist()
        dataset.SOPInstanceUID = f"{study[:52]}.{index + 1}"
        dataset.file_meta.MediaStorageSOPInstanceUID = UID(dataset.SOPInstanceUID)
        dataset.InstanceNumber = index + 1
        dataset.ImagePositionPatient = [f"{v:.3f}" for v in (x, y, z)]
        dataset.SliceLocation = f"{z:.3f}"
        dataset.PixelData = pixels.tobytes()
        dataset.save_as(folder / f"{index + 1:04d}.dcm", enforce_file_format=True)


def _header(case: Case, number: int, seed: int) -> Dataset:
    """What all slices share."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = Dataset()
    dataset.file_meta = meta
    _describe_patient(dataset, Patient.invent(number, seed))
    scanner, phase = case.scanner, case.phase
    dataset.SOPClassUID = CTImageStorage
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Modality = "CT"
    dataset.Manufacturer = scanner.maker
    dataset.ManufacturerModelName = scanner.model
    dataset.ConvolutionKernel = scanner.kernel
    dataset.KVP = str(scanner.kvp)
    dataset.BodyPartExamined = "ABDOMEN"
    dataset.PatientPosition = "HFS"
    dataset.StudyDescription = "CT abdomen (synthetic)"
    dataset.SeriesDescription = f"Abdomen, {phase.name}"
    dataset.StudyInstanceUID = _uid(seed, number, "study")
    dataset.SeriesInstanceUID = _uid(seed, number, "series")
    dataset.FrameOfReferenceUID = _uid(seed, number, "frame")
    dataset.StudyID = str(number)
    dataset.SeriesNumber = 2
    dataset.AcquisitionNumber = 1
    _describe_pixels(dataset, case)
    return dataset


def _describe_patient(dataset: Dataset, patient: Patient) -> None:
    day = patient.study.strftime("%Y%m%d")
    dataset.PatientName = patient.patient_id
    dataset.PatientID = patient.patient_id
    dataset.PatientSex = patient.sex
    dataset.PatientAge = f"{patient.age:03d}Y"
    dataset.PatientBirthDate = ""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "Synthetic: computed, no patient"
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = day
    dataset.StudyTime = "100000"
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""


def _describe_pixels(dataset: Dataset, case: Case) -> None:
    geometry = case.volume.geometry
    dz, dy, dx = geometry.spacing
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = geometry.shape[1:]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.RescaleIntercept, dataset.RescaleSlope = str(_INTERCEPT), "1"
    dataset.RescaleType = "HU"
    dataset.WindowCenter, dataset.WindowWidth = "40", "400"
    dataset.PixelSpacing = [f"{dy:.4f}", f"{dx:.4f}"]
    dataset.SliceThickness = f"{dz:.3f}"
    dataset.SpacingBetweenSlices = f"{dz:.3f}"
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
