"""A label map as RTSTRUCT: one ROI a class, contours on the images they were drawn on."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.coding import Code
from pydicom.uid import UID, ImplicitVRLittleEndian, RTStructureSetStorage

from core.dicom.elements import text
from core.dicom.writing.base import MAKER, Segment, file_meta, new_uid, present, start
from core.dicom.writing.contours import contours
from core.dicom.writing.references import References, decimal

#: RTReferencedStudySequence names the study by a class that has long been retired and that every
#: planning system still writes; PS3.3 C.8.8.5 keeps it.
_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"

_ALGORITHMS = {"manual": "MANUAL", "semi-automatic": "SEMIAUTOMATIC", "automatic": "AUTOMATIC"}


def make_rtstruct(
    labels: NDArray[np.uint8], references: References, segments: tuple[Segment, ...], path: Path
) -> Dataset:
    """The RTSTRUCT of ``labels`` [z, y, x] on the planes of ``references``; ``path`` for messages.

    Written as implicit little endian: the points of one contour may exceed the 64 kB an explicit
    length of a decimal string can say. Raises FileRefusedError for a label without voxels.
    """
    used = present(labels, segments, path)
    now = datetime.now()
    made = start(references.first, "RTSTRUCT", now)
    made.SOPClassUID, made.SOPInstanceUID = RTStructureSetStorage, UID(new_uid())
    made.file_meta = file_meta(
        RTStructureSetStorage, str(made.SOPInstanceUID), ImplicitVRLittleEndian
    )
    made.OperatorsName = ""
    made.SeriesDescription = f"{MAKER} contours"
    made.StructureSetLabel = MAKER
    made.StructureSetDate = now.strftime("%Y%m%d")
    made.StructureSetTime = now.strftime("%H%M%S")
    made.ApprovalStatus = "UNAPPROVED"
    made.FrameOfReferenceUID = references.first.FrameOfReferenceUID
    made.PositionReferenceIndicator = text(references.first, "PositionReferenceIndicator")
    made.ReferencedFrameOfReferenceSequence = Sequence([_frame_of_reference(references)])
    rois, drawn, observed = Sequence(), Sequence(), Sequence()
    for number, segment in enumerate(used, start=1):
        rois.append(_roi(number, segment, references))
        drawn.append(_drawn(number, segment, labels == segment.value, references))
        observed.append(_observation(number, segment))
    made.StructureSetROISequence = rois
    made.ROIContourSequence = drawn
    made.RTROIObservationsSequence = observed
    return made


def _frame_of_reference(references: References) -> Dataset:
    frame, study, series = Dataset(), Dataset(), Dataset()
    first = references.first
    series.SeriesInstanceUID = first.SeriesInstanceUID
    series.ContourImageSequence = Sequence(
        [_image(references, plane) for plane in range(len(references.frames))]
    )
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = (
        UID(_STUDY_CLASS),
        first.StudyInstanceUID,
    )
    study.RTReferencedSeriesSequence = Sequence([series])
    frame.FrameOfReferenceUID = first.FrameOfReferenceUID
    frame.RTReferencedStudySequence = Sequence([study])
    return frame


def _image(references: References, plane: int) -> Dataset:
    index, frame = references.frames[plane]
    image = references.images[index]
    item = Dataset()
    item.ReferencedSOPClassUID = image.SOPClassUID
    item.ReferencedSOPInstanceUID = image.SOPInstanceUID
    if frame is not None:
        item.ReferencedFrameNumber = frame + 1
    return item


def _roi(number: int, segment: Segment, references: References) -> Dataset:
    item = Dataset()
    item.ROINumber = number
    item.ReferencedFrameOfReferenceUID = references.first.FrameOfReferenceUID
    item.ROIName = segment.name
    item.ROIGenerationAlgorithm = _ALGORITHMS[segment.made]
    if segment.made != "manual":
        item.ROIGenerationDescription = segment.algorithm
    return item


def _drawn(
    number: int, segment: Segment, mask: NDArray[np.bool_], references: References
) -> Dataset:
    item = Dataset()
    item.ReferencedROINumber = number
    item.ROIDisplayColor = list(segment.rgb)
    sequence = Sequence()
    for plane in np.flatnonzero(mask.any(axis=(1, 2))).tolist():
        for pixels in contours(mask[plane]):
            contour = Dataset()
            contour.ContourImageSequence = Sequence([_image(references, plane)])
            contour.ContourGeometricType = "CLOSED_PLANAR"
            contour.NumberOfContourPoints = len(pixels)
            contour.ContourData = _points(pixels, references, plane)
            sequence.append(contour)
    item.ContourSequence = sequence
    return item


def _points(pixels: NDArray[np.float64], references: References, plane: int) -> list[str]:
    """LPS mm of (row, column) of a plane, as decimal strings."""
    grid = references.geometry
    axes, (_, between_rows, between_columns) = grid.axes, grid.spacing
    positions = (
        np.asarray(references.positions[plane])
        + pixels[:, :1] * between_rows * axes[:, 1]
        + pixels[:, 1:] * between_columns * axes[:, 0]
    )
    # A tenth of a micrometre: three digits below what a scanner's positions mean.
    return [decimal(round(value, 4)) for value in positions.ravel().tolist()]


def _observation(number: int, segment: Segment) -> Dataset:
    item = Dataset()
    item.ObservationNumber = number
    item.ReferencedROINumber = number
    item.ROIObservationLabel = segment.name[:16]
    # A tumour that can be seen is what radiotherapy calls the gross tumour volume.
    item.RTROIInterpretedType = "GTV" if segment.lesion else ""
    item.ROIInterpreter = ""
    item.RTROIIdentificationCodeSequence = Sequence([_code(segment.meaning.type)])
    return item


def _code(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
    item.CodeMeaning = code.meaning
    return item
