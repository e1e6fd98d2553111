"""Which series a mask file belongs to: by the place of its grid, then by its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import FileRefusedError
from core.geometry import Geometry
from core.project.naming import case_name, words
from core.project.records import SeriesRecord


def series_of_mask(path: Path, geometry: Geometry, records: Sequence[SeriesRecord]) -> SeriesRecord:
    """The series a mask file belongs to: of those on its grid the best named, else the one that
    has its name and overlaps it.

    Raises FileRefusedError when there is none, or several are as good.
    """
    fitting = [r for r in records if same_box(geometry, r.geometry)]
    case = case_name(path)
    if not fitting:
        called = [r for r in records if _case(r) == case]
        fitting = [r for r in called if box_share(geometry, r.geometry) > 0]
        if called and not fitting:
            raise FileRefusedError(path, f"it does not overlap its image {called[0].files[0].name}")
    if not fitting:
        raise FileRefusedError(
            path,
            f"no image of the project lies on its grid ({size_text(geometry)} voxels)",
            "Import the image together with its mask.",
        )
    return _best_named(path, case, fitting)


def _best_named(path: Path, case: str, fitting: list[SeriesRecord]) -> SeriesRecord:
    def rank(record: SeriesRecord) -> tuple[bool, bool, int]:
        own = record.files[0].parent
        shared = len(Path(*_common(own.parts, path.parent.parts)).parts)
        return (_case(record) == case, _speaks_of(path, record.patient_id), shared)

    ranked = sorted(fitting, key=rank, reverse=True)
    if len(ranked) > 1 and rank(ranked[0]) == rank(ranked[1]):
        raise FileRefusedError(
            path,
            f"{sum(rank(r) == rank(ranked[0]) for r in ranked)} series lie on its grid",
            "Give the mask the name of its image.",
        )
    return ranked[0]


def _speaks_of(path: Path, patient_id: str) -> bool:
    """Whether the file name holds the patient's ID as words of their own."""
    wanted, there = words(patient_id), words(path.name)
    ends = range(len(there) - len(wanted) + 1)
    return bool(wanted) and any(there[i : i + len(wanted)] == wanted for i in ends)


def _common(a: Sequence[str], b: Sequence[str]) -> list[str]:
    same: list[str] = []
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        same.append(x)
    return same


def _case(record: SeriesRecord) -> str:
    return case_name(record.files[0]) if record.source == "image" else record.patient_id


def same_box(a: Geometry, b: Geometry) -> bool:
    """Whether two grids hold the same voxels, in whatever order (flipped, axes exchanged)."""
    if sorted(a.shape) != sorted(b.shape):
        return False
    tolerance = 0.25 * min(*a.spacing, *b.spacing)
    distances = np.linalg.norm(_corners(a)[:, None] - _corners(b)[None, :], axis=-1)
    return bool((distances.min(axis=1) <= tolerance).all())


def same_lattice(a: Geometry, b: Geometry) -> bool:
    """Whether every voxel of ``a`` is a voxel of ``b``, as in a mask cropped to its segments."""
    if not np.allclose(a.spacing, b.spacing, rtol=1e-3) or np.abs(a.axes - b.axes).max() > 1e-3:
        return False
    index = b.mm_to_index(_corners(a))
    inside = (index > -0.5) & (index < np.asarray(b.shape) - 0.5)
    return bool(inside.all() and np.abs(index - np.rint(index)).max() < 0.25)


def box_share(a: Geometry, b: Geometry) -> float:
    """Share of the box of ``b`` that lies in the box of ``a``, on a lattice of 9 x 9 x 9 points."""
    steps = [np.linspace(0, n - 1, 9) for n in b.shape]
    lattice = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    index = a.mm_to_index(b.index_to_mm(lattice))
    inside = ((index >= -0.5) & (index <= np.asarray(a.shape) - 0.5)).all(axis=1)
    return float(inside.mean())


def _corners(grid: Geometry) -> NDArray[np.float64]:
    ends = [[0, n - 1] for n in grid.shape]
    return grid.index_to_mm(np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(8, 3))


def size_text(grid: Geometry) -> str:
    """Voxels as x × y × z."""
    return " × ".join(str(n) for n in reversed(grid.shape))
