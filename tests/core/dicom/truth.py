"""CT series of a body whose volume and place are known exactly, with any fault of geometry.

The body is an ellipsoid; each voxel holds the share of it that lies in the body, found on a finer
lattice, so that sums over voxels give its volume to a tenth of a percent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID

from core.volume import Volume
from tests.core.dicom.make import ct_slice

AIR, BODY = -500.0, 500.0
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_FINE = 4

Change = Callable[[Dataset, int], None]


@dataclass(frozen=True)
class Ellipsoid:
    """centre: LPS mm. semi: mm along L, P, S."""

    centre: tuple[float, float, float] = (3.0, -2.0, 60.3)
    semi: tuple[float, float, float] = (27.0, 23.0, 29.0)

    @property
    def ml(self) -> float:
        return 4 / 3 * math.pi * math.prod(self.semi) / 1000

    def radius(self, points: np.ndarray) -> np.ndarray:
        """1 on the surface, less inside."""
        offset = (points - np.asarray(self.centre)) / np.asarray(self.semi)
        return np.sqrt(np.einsum("...i,...i", offset, offset))


@dataclass(frozen=True)
class Grid:
    """Pixels of a slice. spacing: mm (down, across). thickness: mm over which it averages."""

    rows: int = 52
    columns: int = 44
    spacing: tuple[float, float] = (1.3, 1.6)
    orientation: tuple[float, ...] = AXIAL
    thickness: float = 3.0


def hu_of(body: Ellipsoid, grid: Grid, first: Sequence[float]) -> np.ndarray:
    """HU [y, x] of the slice whose first pixel is centred at ``first`` (LPS mm)."""
    return _hu_of(body, grid, tuple(float(v) for v in first))


@lru_cache(maxsize=400)
def _hu_of(body: Ellipsoid, grid: Grid, first: tuple[float, ...]) -> np.ndarray:
    row, column = np.asarray(grid.orientation, dtype=float).reshape(2, 3)
    sides = np.stack([np.cross(row, column) * grid.thickness, column * grid.spacing[0],
                      row * grid.spacing[1]])  # fmt: skip
    index = np.stack(np.mgrid[: grid.rows, : grid.columns], axis=-1)
    centres = np.asarray(first) + index @ sides[1:]
    radius = body.radius(centres)
    share = (radius < 1).astype(float)
    # Only voxels near the surface are looked at closely.
    reach = 0.5 * np.linalg.norm(np.linalg.norm(sides, axis=1)) / min(body.semi)
    near = np.abs(radius - 1) <= reach
    fine = (np.arange(_FINE) + 0.5) / _FINE - 0.5
    parts = np.stack(np.meshgrid(fine, fine, fine), axis=-1).reshape(-1, 3) @ sides
    share[near] = (body.radius(centres[near][:, None] + parts) <= 1).mean(axis=1)
    return np.rint(AIR + (BODY - AIR) * share).astype(np.int16)


def heights(*gaps: float, start: float = 20.0) -> list[float]:
    """Places along the normal: ``start`` and on by each gap."""
    return [start, *(start + np.cumsum(gaps)).tolist()]


def stacked(
    offsets: Sequence[float], grid: Grid = Grid(), tilt: tuple[float, float] = (0.0, 0.0)
) -> list[np.ndarray]:
    """First pixels (LPS mm) of slices at ``offsets`` along the normal, centred on the z axis; each
    shifted by ``tilt`` mm (down, across) per mm.
    """
    row, column = np.asarray(grid.orientation).reshape(2, 3)
    corner = (
        -(grid.rows / 2 * grid.spacing[0]) * column - (grid.columns / 2 * grid.spacing[1]) * row
    )
    move = np.cross(row, column) + tilt[0] * column + tilt[1] * row
    middle = (offsets[0] + offsets[-1]) / 2
    base = np.array([0.0, 0.0, 60.0]) + corner
    return [base + (o - middle) * move for o in offsets]


def write(
    folder: Path,
    firsts: Sequence[np.ndarray],
    body: Ellipsoid = Ellipsoid(),
    grid: Grid = Grid(),
    change: Change | None = None,
    *,
    series: str = "1.2.3.4",
    number: int = 1,
) -> list[Path]:
    """A file a slice; instance numbers run against the positions, from ``number`` on."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, first in enumerate(firsts):
        made = _slice(hu_of(body, grid, first), first, grid, series, number + len(firsts) - index)
        if change is not None:
            change(made, index)
        path = folder / f"{series}-{made.InstanceNumber:04d}"
        made.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def _slice(hu: np.ndarray, first: np.ndarray, grid: Grid, series: str, number: int) -> FileDataset:
    made = ct_slice(number, series, rows=grid.rows, columns=grid.columns)
    made.PixelSpacing = list(grid.spacing)
    made.ImageOrientationPatient = [round(float(v), 9) for v in grid.orientation]
    made.ImagePositionPatient = [round(float(v), 6) for v in first]
    made.InstanceNumber = number
    made.PixelData = (hu.astype(np.int32) + 1024).astype("<u2").tobytes()
    return made


def write_frames(
    path: Path,
    firsts: Sequence[np.ndarray],
    body: Ellipsoid = Ellipsoid(),
    grid: Grid = Grid(),
    bodies: Sequence[Ellipsoid] = (),
) -> Path:
    """One enhanced multi-frame CT; with several ``bodies`` that many temporal positions, their
    frames interleaved at each place.
    """
    phases = list(bodies) or [body]
    made = ct_slice(0, rows=grid.rows, columns=grid.columns)
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.2.1")
    for keyword in ("PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient"):
        delattr(made, keyword)
    del made.RescaleSlope, made.RescaleIntercept, made.SliceThickness
    shared, measures, plane, value = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = list(grid.spacing)
    plane.ImageOrientationPatient = list(grid.orientation)
    value.RescaleSlope, value.RescaleIntercept = 1, -1024
    shared.PixelMeasuresSequence = Items([measures])
    shared.PlaneOrientationSequence = Items([plane])
    shared.PixelValueTransformationSequence = Items([value])
    made.SharedFunctionalGroupsSequence = Items([shared])
    frames, pixels = [], []
    for first in firsts:
        for phase, one in enumerate(phases, start=1):
            group, position, content = Dataset(), Dataset(), Dataset()
            position.ImagePositionPatient = [round(float(v), 6) for v in first]
            content.TemporalPositionIndex = phase
            group.PlanePositionSequence = Items([position])
            group.FrameContentSequence = Items([content])
            frames.append(group)
            pixels.append((hu_of(one, grid, first).astype(np.int32) + 1024).astype("<u2"))
    made.PerFrameFunctionalGroupsSequence = Items(frames)
    made.NumberOfFrames = len(frames)
    made.PixelData = np.stack(pixels).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)
    return path


def measured(volume: Volume) -> tuple[float, np.ndarray]:
    """mL and centroid (LPS mm) of the body in ``volume``, each voxel by its share."""
    share = np.clip((volume.hu.astype(np.float64) - AIR) / (BODY - AIR), 0, 1)
    index = np.stack(np.meshgrid(*map(np.arange, share.shape), indexing="ij"), axis=-1)
    centre = np.tensordot(share, volume.geometry.index_to_mm(index), 3) / share.sum()
    return float(share.sum() * volume.geometry.voxel_ml), centre


def assert_true(volume: Volume, body: Ellipsoid = Ellipsoid()) -> None:
    """The body has its volume within 0.5 % and its place within 0.1 mm."""
    ml, centre = measured(volume)
    assert abs(ml / body.ml - 1) < 0.005, f"{ml:.3f} mL, not {body.ml:.3f}"
    assert np.abs(centre - body.centre).max() < 0.1, f"{centre}, not {body.centre}"
