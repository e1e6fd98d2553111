"""Synthetic DICOM: CT slices and RTSTRUCTs with whatever is wrong with them on purpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, ExplicitVRLittleEndian

CT = "1.2.840.10008.5.1.4.1.1.2"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"

Change = Callable[[Dataset, int], None]


def slice_values(index: int, rows: int = 6, columns: int = 5) -> np.ndarray:
    """HU [y, x], different in every voxel of a small series."""
    count = rows * columns
    return (np.arange(count).reshape(rows, columns) + index * count - 1000).astype(np.int16)


def dataset(sop_class: str, series: str, instance: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(instance)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = UID(sop_class), UID(instance)
    made.SeriesInstanceUID, made.StudyInstanceUID = UID(series), UID("1.2.3")
    made.FrameOfReferenceUID = UID("1.2.3.9")
    made.PatientID, made.PatientName = "P1", "Doe^Jane"
    return made


def ct_slice(
    index: int, series: str = "1.2.3.4", spacing: float = 3.0, rows: int = 6, columns: int = 5
) -> FileDataset:
    """One axial slice: HU of :func:`slice_values`, slope 1, intercept -1024."""
    made = dataset(CT, series, f"{series}.{index + 1}")
    made.Modality = "CT"
    made.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    made.SeriesDescription, made.StudyDate, made.PatientAge = "Abdomen", "20240402", "061Y"
    made.Rows, made.Columns, made.SamplesPerPixel = rows, columns, 1
    made.PhotometricInterpretation = "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 16, 15, 0
    made.PixelSpacing, made.SliceThickness = [0.7, 0.8], 5.0
    made.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    made.ImagePositionPatient = [-10.0, 20.0, 100.0 + index * spacing]
    made.InstanceNumber, made.AcquisitionNumber = index + 1, 1
    made.RescaleSlope, made.RescaleIntercept = 1, -1024
    stored = slice_values(index, rows, columns).astype(np.int32) + 1024
    made.PixelData = stored.astype("<u2").tobytes()
    return made


def write_series(
    folder: Path, count: int = 4, change: Change | None = None, **values: Any
) -> list[Path]:
    """``count`` slices as files without an ending, in reverse order of their names."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(count):
        made = ct_slice(index, **values)
        if change is not None:
            change(made, index)
        path = folder / f"IM{count - index:04d}"
        made.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def write_rtstruct(
    path: Path,
    rois: dict[str, Sequence[np.ndarray]],
    series: str = "1.2.3.4",
    kind: str = "CLOSED_PLANAR",
    change: Callable[[Dataset], None] | None = None,
) -> Path:
    """An RTSTRUCT with the contours (LPS mm [n, 3]) of each ROI; image references are absent."""
    made = dataset(RTSTRUCT, f"{series}.99", f"{series}.99.1")
    made.Modality, made.StructureSetLabel = "RTSTRUCT", "Test"
    named, contoured = [], []
    for number, (name, contours) in enumerate(rois.items(), start=1):
        item = Dataset()
        item.ROINumber, item.ROIName = number, name
        named.append(item)
        item = Dataset()
        item.ReferencedROINumber = number
        item.ContourSequence = Items([_contour(points, kind) for points in contours])
        contoured.append(item)
    made.StructureSetROISequence = Items(named)
    made.ROIContourSequence = Items(contoured)
    referenced, study, frame = Dataset(), Dataset(), Dataset()
    referenced.SeriesInstanceUID = UID(series)
    study.RTReferencedSeriesSequence = Items([referenced])
    frame.FrameOfReferenceUID = UID("1.2.3.9")
    frame.RTReferencedStudySequence = Items([study])
    made.ReferencedFrameOfReferenceSequence = Items([frame])
    if change is not None:
        change(made)
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)
    return path


def _contour(points: np.ndarray, kind: str) -> Dataset:
    item = Dataset()
    item.ContourGeometricType = kind
    item.NumberOfContourPoints = len(points)
    item.ContourData = [f"{v:.6g}" for v in points.ravel()]
    return item


def rectangle(
    index: int, rows: tuple[float, float], columns: tuple[float, float], spacing: float = 3.0
) -> np.ndarray:
    """A contour round pixel rows and columns (fractional, of :func:`ct_slice`'s grid)."""
    corners = [(rows[0], columns[0]), (rows[0], columns[1]), (rows[1], columns[1]),
               (rows[1], columns[0])]  # fmt: skip
    return np.array(
        [(-10.0 + c * 0.8, 20.0 + r * 0.7, 100.0 + index * spacing) for r, c in corners]
    )
