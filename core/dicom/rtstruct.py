"""RTSTRUCT: contours in patient coordinates, drawn onto the slices of a series by position.

Image references are not used: many files name images that do not exist (the sarcoma data do).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.dicom.elements import items, numbers, text, whole
from core.dicom.merge import Region, Structure, merge
from core.dicom.parsing import parse, quiet
from core.dicom.polygon import fill_all
from core.dicom.stack import Raster, Stack
from core.errors import FileRefusedError

_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "")

#: A contour this much (in slice distances) out of the plane belongs to another series.
_FLATNESS = 0.5


@dataclass(frozen=True, slots=True)
class Roi:
    """One structure. contours: LPS mm [n, 3] each, closed. others: contours of another kind."""

    name: str
    contours: tuple[NDArray[np.float64], ...]
    others: int = 0


@dataclass(frozen=True, slots=True)
class StructureSet:
    """The structures of one file, in its order."""

    path: Path
    rois: tuple[Roi, ...]

    def rasterise(self, target: Stack) -> Raster:
        """The structures on ``target``; of two that overlap the smaller is kept.

        Raises FileRefusedError when no contour lies on the series.
        """
        drawn: list[Structure] = []
        outside = 0
        for roi in self.rois:
            regions, missed = _draw(roi, target)
            drawn.append(Structure(roi.name, regions))
            outside += missed
        labels, names = merge(self.path, drawn, target.geometry.shape)
        if not names:
            raise FileRefusedError(self.path, "none of its contours lies on the series")
        total = sum(len(roi.contours) for roi in self.rois)
        note = f"{outside} of {total} contours of {self.path.name} lie off the series' slices."
        return Raster(labels, names, note if outside else "")


@quiet()
def read_rtstruct(path: Path) -> StructureSet:
    """The structures of an RTSTRUCT. Raises FileRefusedError when it holds no closed contour."""
    dataset = parse(path).dataset
    names = {
        whole(item, "ROINumber"): text(item, "ROIName")
        for item in items(dataset, "StructureSetROISequence")
    }
    rois: list[Roi] = []
    for item in items(dataset, "ROIContourSequence"):
        number = whole(item, "ReferencedROINumber")
        contours: list[NDArray[np.float64]] = []
        others = 0
        for contour in items(item, "ContourSequence"):
            points = numbers(contour, "ContourData")
            kind = text(contour, "ContourGeometricType").upper()
            if kind in _CLOSED and len(points) >= 9 and len(points) % 3 == 0:
                contours.append(np.asarray(points, dtype=np.float64).reshape(-1, 3))
            else:
                others += 1
        rois.append(Roi(names.get(number) or f"ROI {number}", tuple(contours), others))
    if not any(roi.contours for roi in rois):
        raise FileRefusedError(path, "it holds no closed contour")
    return StructureSet(path, tuple(rois))


def _draw(roi: Roi, target: Stack) -> tuple[list[Region], int]:
    """The structure's pixels, plane by plane, and how many contours lie on no plane."""
    by_plane: dict[int, list[NDArray[np.float64]]] = {}
    for contour in roi.contours:
        pixels, along = target.in_plane(contour)
        if np.ptp(along) > _FLATNESS * target.geometry.spacing[0]:
            continue  # drawn on a plane that crosses the slices
        plane = target.nearest_plane(float(along.mean()))
        if plane is not None:
            by_plane.setdefault(plane, []).append(pixels - target.aside(plane))
    shape = target.geometry.shape[1:]
    regions = (Region.crop(plane, fill_all(by_plane[plane], shape)) for plane in sorted(by_plane))
    placed = sum(len(contours) for contours in by_plane.values())
    return [r for r in regions if r is not None], len(roi.contours) - placed
