"""RTSTRUCT: contours in patient coordinates, drawn onto the slices of a series by position.

Image references are not used: many files name images that do not exist (the sarcoma data do).

A contour goes to the slice nearest to it, at most half a slice distance away. Contours drawn on
thinner slices than the series has lie at several places of one slice: the nearest place is used, as
contours of two places are no holes in each other. Slices between contours stay empty, since what
was not drawn there is not known; the report says so.
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

_XOR = "CLOSEDPLANAR_XOR"
_CLOSED = ("CLOSED_PLANAR", _XOR, "")

#: A contour this much (in slice distances) out of the plane belongs to another series.
_FLATNESS = 0.5

#: Contours closer than this (mm) along the normal were drawn on one slice.
_SAME_SLICE_MM = 0.05


@dataclass(frozen=True, slots=True)
class Roi:
    """One structure. contours: LPS mm [n, 3] each, closed. others: contours of another kind.

    odd: whether contours of a slice are taken even-odd (CLOSEDPLANAR_XOR) rather than joined.
    """

    name: str
    contours: tuple[NDArray[np.float64], ...]
    others: int = 0
    odd: bool = False


@dataclass(frozen=True, slots=True)
class StructureSet:
    """The structures of one file, in its order."""

    path: Path
    rois: tuple[Roi, ...]

    def rasterise(self, target: Stack) -> Raster:
        """The structures on ``target``; of two that overlap the smaller is kept.

        Raises FileRefusedError when no contour lies on the series.
        """
        drawn = [(roi, _draw(roi, target)) for roi in self.rois]
        structures = [Structure(roi.name, regions) for roi, (regions, _) in drawn]
        labels, names = merge(self.path, structures, target.geometry.shape)
        if not names:
            raise FileRefusedError(self.path, "none of its contours lies on the series")
        return Raster(labels, names, self._note([places for _, (_, places) in drawn]))

    def _note(self, places: list[_Places]) -> str:
        """What of the file is not in the label, in sentences; empty when all of it is."""
        name = self.path.name
        total = sum(len(roi.contours) for roi in self.rois)
        said: list[str] = []
        if off := sum(p.off for p in places):
            said.append(f"{off} of {total} contours of {name} lie off the series' slices.")
        if between := sum(p.between for p in places):
            said.append(
                f"{between} of {total} contours of {name} lie between slices that have one nearer "
                "to them, and were left out."
            )
        if sparse := [r.name for r, p in zip(self.rois, places, strict=True) if p.step > 1]:
            said.append(
                f"{', '.join(sparse)} of {name} is not outlined on every slice; those between were "
                "left empty. Fill between slices fills them."
            )
        if others := sum(roi.others for roi in self.rois):
            said.append(f"{others} contours of {name} are points or open lines, and were left out.")
        if empty := [roi.name for roi in self.rois if not roi.contours and not roi.others]:
            said.append(f"{', '.join(empty)} of {name} has no contours.")
        return " ".join(said)


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
        odd = False
        for contour in items(item, "ContourSequence"):
            points = numbers(contour, "ContourData")
            kind = text(contour, "ContourGeometricType").upper()
            odd = odd or kind == _XOR
            if kind in _CLOSED and len(points) >= 9 and len(points) % 3 == 0:
                contours.append(np.asarray(points, dtype=np.float64).reshape(-1, 3))
            else:
                others += 1
        rois.append(Roi(names.get(number) or f"ROI {number}", tuple(contours), others, odd))
    if not any(roi.contours for roi in rois):
        raise FileRefusedError(path, "it holds no closed contour")
    return StructureSet(path, tuple(rois))


@dataclass(frozen=True, slots=True)
class _Places:
    """Where a structure's contours went. off: on no slice. between: nearer to a slice that another
    contour is nearer to still. step: usual distance of outlined slices, in slices.
    """

    off: int
    between: int
    step: int


def _draw(roi: Roi, target: Stack) -> tuple[list[Region], _Places]:
    """The structure's pixels, plane by plane, and where its contours went."""
    placed: dict[int, list[tuple[float, NDArray[np.float64]]]] = {}
    for contour in roi.contours:
        pixels, along = target.in_plane(contour)
        if np.ptp(along) > _FLATNESS * target.geometry.spacing[0]:
            continue  # drawn on a plane that crosses the slices
        place = float(along.mean())
        plane = target.nearest_plane(place)
        if plane is not None:
            placed.setdefault(plane, []).append((place, pixels - target.aside(plane)))
    used = {plane: _nearest(found, target.offsets[plane]) for plane, found in placed.items()}
    shape = target.geometry.shape[1:]
    regions = (Region.crop(p, fill_all(used[p], shape, odd=roi.odd)) for p in sorted(used))
    found = sum(map(len, placed.values()))
    between = found - sum(map(len, used.values()))
    return [r for r in regions if r is not None], _Places(
        len(roi.contours) - found, between, _step(sorted(used))
    )


def _nearest(
    found: list[tuple[float, NDArray[np.float64]]], offset: float
) -> list[NDArray[np.float64]]:
    """The contours of the place nearest to a slice."""
    best = min((place for place, _ in found), key=lambda place: abs(place - offset))
    return [pixels for place, pixels in found if abs(place - best) <= _SAME_SLICE_MM]


def _step(planes: list[int]) -> int:
    """The usual distance between outlined planes: the lower median, so a gap between two parts of
    a structure does not count. Two planes are no habit.
    """
    steps = sorted(np.diff(planes).tolist())
    return int(steps[(len(steps) - 1) // 2]) if len(steps) > 1 else 1
