"""DICOM SEG: binary, fractional and label map segmentations, onto a series by position."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from core.dicom.elements import Parsed, items, text, whole
from core.dicom.frames import Frame, frames_of
from core.dicom.merge import Region, Structure, merge
from core.dicom.parsing import parse, quiet
from core.dicom.scanned import Scanned
from core.dicom.segpixels import SegPixels
from core.dicom.slices import stack_geometry
from core.dicom.stack import Raster, Stack, on_series
from core.dicom.tolerances import SAME_PLACE_MM
from core.errors import FileRefusedError

#: Share of a voxel above which a fractional segmentation counts as inside.
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Segmentation:
    """labels: uint8 [planes, y, x] on the file's own ``stack``. names: by value."""

    path: Path
    labels: NDArray[np.uint8]
    names: dict[int, str]
    stack: Stack

    def rasterise(self, target: Stack) -> Raster:
        """The segments on ``target``.

        Raises FileRefusedError when nothing of them lies on the series.
        """
        return on_series(self.path, self.labels, self.stack, target, self.names)


@quiet()
def read_seg(path: Path) -> Segmentation:
    """The segments of a DICOM SEG as one label map; the smaller of two that overlap is kept.

    Fractional segments are cut at one half. Raises FileRefusedError when the file is damaged,
    empty, or its frames are not placed in the patient.
    """
    parsed = parse(path)
    dataset = parsed.dataset
    count = whole(dataset, "NumberOfFrames") or 1
    frames = frames_of(dataset, count)
    if len(frames) != count or any(f.position is None for f in frames):
        raise FileRefusedError(path, "its frames are not placed in the patient")
    if any(f.orientation != frames[0].orientation for f in frames):
        raise FileRefusedError(path, "its frames are not parallel to each other")
    stack, planes = _stack(path, dataset, frames)
    structures = _structures(path, parsed, planes)
    labels, names = merge(path, structures, stack.geometry.shape)
    if not names:
        raise FileRefusedError(path, "its segments are empty")
    return Segmentation(path, labels, names, stack)


def _stack(path: Path, dataset: Dataset, frames: tuple[Frame, ...]) -> tuple[Stack, list[int]]:
    """The planes the frames lie on, and the plane of each frame."""
    shape = (whole(dataset, "Rows") or 0, whole(dataset, "Columns") or 0)
    if min(shape) < 1:
        raise FileRefusedError(path, "its header gives no image size")
    axes = stack_geometry([frames[0]], (1, *shape))[0].axes
    positions = np.asarray([f.position for f in frames], dtype=np.float64)
    along = positions @ axes[:, 2]
    order = np.argsort(along, kind="stable")
    firsts: list[int] = []  # one frame for each plane
    planes = [0] * len(frames)
    for index in order.tolist():
        if not firsts or along[index] - along[firsts[-1]] > SAME_PLACE_MM:
            firsts.append(index)
        planes[index] = len(firsts) - 1
    geometry, offsets = stack_geometry([frames[i] for i in firsts], (len(firsts), *shape))
    geometry = replace(geometry, spacing=(_distance(frames[0], offsets), *geometry.spacing[1:]))
    stack = Scanned.of(geometry, positions[firsts])
    pixels, _ = Stack(geometry, offsets).in_plane(positions - positions[firsts][planes])
    aside = np.abs(np.diff(stack.shifts, axis=0)).max(initial=0.0, axis=1)
    # Planes of a tilted gantry slide aside, but by less than they rise; tiles jump.
    if np.abs(pixels - pixels[firsts[0]]).max() > 0.5 or np.any(aside > np.diff(offsets)):
        raise FileRefusedError(path, "its frames are tiles, not slices")
    return Stack(geometry, offsets, stack.shifts if stack.sheared else ()), planes


def _distance(frame: Frame, offsets: tuple[float, ...]) -> float:
    """Slice distance in mm. Planes without a label may be left out, so gaps say little: the tag
    first, then the smallest gap.
    """
    gaps = np.diff(offsets)
    if frame.between:
        return frame.between
    smallest = float(gaps.min()) if gaps.size else frame.thickness or 1.0
    return min(smallest, frame.thickness or smallest)


def _structures(path: Path, parsed: Parsed, planes: list[int]) -> list[Structure]:
    dataset = parsed.dataset
    names = {
        number: text(item, "SegmentLabel") or f"Segment {number}"
        for item in items(dataset, "SegmentSequence")
        if (number := whole(item, "SegmentNumber")) is not None
    }
    pixels = SegPixels(path, parsed)
    kind = text(dataset, "SegmentationType").upper()
    regions: dict[int, list[Region]] = {number: [] for number in sorted(names)}
    if kind == "LABELMAP":
        # 0 is the background by PS3.3 C.8.20.2, and so is the padding value where there is one.
        for background in (0, whole(dataset, "PixelPaddingValue") or 0):
            regions.pop(background, None)
        for index, plane in enumerate(planes):
            values = pixels.frame(index)
            for number in set(np.unique(values).tolist()) & set(regions):
                regions[number].extend(_cropped(plane, values == number))
    else:
        threshold = _HALF * (whole(dataset, "MaximumFractionalValue") or 255)
        numbers = _segment_of_frames(dataset, len(planes))
        for index, (plane, number) in enumerate(zip(planes, numbers, strict=True)):
            values = pixels.frame(index)
            mask = values >= threshold if kind == "FRACTIONAL" else values > 0
            regions.setdefault(number, []).extend(_cropped(plane, mask))
    return [Structure(names.get(n, f"Segment {n}"), parts) for n, parts in regions.items()]


def _cropped(plane: int, mask: NDArray[np.bool_]) -> list[Region]:
    region = Region.crop(plane, mask)
    return [] if region is None else [region]


def _segment_of_frames(dataset: Dataset, count: int) -> list[int]:
    """The segment number of each frame; 1 where a file with one segment does not repeat it."""
    shared = items(dataset, "SharedFunctionalGroupsSequence")
    per_frame = items(dataset, "PerFrameFunctionalGroupsSequence")
    numbers: list[int] = []
    for index in range(count):
        groups = [*per_frame[index : index + 1], *shared[:1]]
        found = [
            whole(item, "ReferencedSegmentNumber")
            for group in groups
            for item in items(group, "SegmentIdentificationSequence")
        ]
        numbers.append(next((n for n in found if n is not None), 1))
    return numbers
