"""The images a DICOM label refers to: their headers, and which of them is which plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from core.dicom.elements import numbers, text
from core.dicom.parsing import parse, quiet
from core.dicom.series import FoundSeries
from core.geometry import Geometry

#: Without one of these an image cannot be referred to.
_NEEDED = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")

#: What a label takes over from its images and some of them lack (all of type 2: empty is valid).
COPIED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
           "StudyID", "AccessionNumber", "ReferringPhysicianName")  # fmt: skip


@dataclass(frozen=True, slots=True)
class References:
    """images: headers without pixels, in the order of the planes; a multi-frame file once.
    frames: for each plane the index of its image and its frame (from 0; None in a single-frame
    image). geometry: the grid of the planes; where they are unevenly spaced positions are in
    ``positions``, LPS mm, one a plane.
    """

    images: tuple[Dataset, ...]
    frames: tuple[tuple[int, int | None], ...]
    geometry: Geometry
    positions: tuple[tuple[float, float, float], ...]

    @property
    def first(self) -> Dataset:
        """The header of the first image, for what all share."""
        return self.images[0]


@quiet()
def references_of(series: FoundSeries, geometry: Geometry) -> References | None:
    """The images of ``series`` as the planes of ``geometry``.

    None when they cannot be referred to plane by plane: UIDs or positions that anonymising took
    away, several multi-frame files, or a volume whose planes are not those of its images.
    """
    if len(series.slices) != geometry.shape[0] or not series.header.frame_uid:
        return None
    frames: list[tuple[int, int | None]] = []
    images: list[Dataset] = []
    known: dict[str, int] = {}
    for item in series.slices:
        path = item.header.path
        if str(path) not in known:
            known[str(path)] = len(images)
            images.append(parse(path).dataset)
        many = len(item.header.frames) > 1
        frames.append((known[str(path)], item.index if many else None))
    if any(index is not None for _, index in frames) and len(images) > 1:
        return None
    if not all(text(image, key) for image in images for key in _NEEDED):
        return None
    positions = [s.frame.position for s in series.slices if s.frame.position is not None]
    if len(positions) != len(series.slices) or not _on_grid(positions, series, geometry):
        return None
    for image in images:
        complete(image, geometry)
    return References(tuple(images), tuple(frames), geometry, tuple(positions))


def complete(image: Dataset, geometry: Geometry) -> None:
    """Fill in what the writers need and an image may lack; names become Unicode.

    Works on a header in memory: no file is changed.
    """
    for keyword in COPIED:
        setattr(image, keyword, text(image, keyword))
    image.SpecificCharacterSet = "ISO_IR 192"
    if "PerFrameFunctionalGroupsSequence" in image:
        return
    # The distance of the planes as measured: the tag is often the thickness, or wrong.
    image.SpacingBetweenSlices = decimal(geometry.spacing[0])
    if len(numbers(image, "PixelSpacing")) != 2:
        image.PixelSpacing = [decimal(v) for v in geometry.spacing[1:]]
    if len(numbers(image, "ImageOrientationPatient")) != 6:
        image.ImageOrientationPatient = [decimal(v) for v in geometry.axes.T[:2].ravel()]
    if not numbers(image, "SliceThickness"):
        image.SliceThickness = decimal(geometry.spacing[0])


def decimal(value: float) -> str:
    """A DICOM decimal string of at most 16 characters, to a ten-thousandth of a millimetre or
    better.
    """
    short = f"{value:.9f}".rstrip("0").rstrip(".")
    return short if len(short) <= 16 else f"{value:.4f}"


def _on_grid(
    positions: Sequence[tuple[float, float, float]], series: FoundSeries, geometry: Geometry
) -> bool:
    """Whether the images lie on the planes of the series as the library has it."""
    shape = (series.header.rows, series.header.columns)
    if shape != geometry.shape[1:]:
        return False
    # Half a voxel, and the first plane only: those behind a gap lie where their own file says.
    shift = np.linalg.norm(np.asarray(positions[0]) - np.asarray(geometry.origin))
    tilt = np.abs(series.geometry.axes - geometry.axes).max()
    return bool(shift <= 0.5 * min(geometry.spacing) and tilt < 1e-3)
