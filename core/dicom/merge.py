"""Structures that may overlap into one label map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import FileRefusedError


@dataclass(frozen=True, slots=True)
class Region:
    """Pixels of a structure on one plane: ``pixels`` [y, x] at (row, column) of the plane."""

    plane: int
    row: int
    column: int
    pixels: NDArray[np.bool_]

    @classmethod
    def crop(cls, plane: int, mask: NDArray[np.bool_]) -> Region | None:
        """The labelled part of ``mask`` [y, x]; None when there is none.

        Sixty organs on three hundred slices would be five gigabytes of whole planes.
        """
        rows = np.flatnonzero(mask.any(axis=1))
        if not rows.size:
            return None
        columns = np.flatnonzero(mask.any(axis=0))
        row, column = int(rows[0]), int(columns[0])
        part = mask[row : int(rows[-1]) + 1, column : int(columns[-1]) + 1]
        return cls(plane, row, column, part.copy())


@dataclass(frozen=True, slots=True)
class Structure:
    """name: as in the file. regions: where it lies, in any order."""

    name: str
    regions: Sequence[Region]

    @property
    def size(self) -> int:
        """Pixels, over all planes."""
        return sum(int(region.pixels.sum()) for region in self.regions)


def merge(
    path: Path, structures: Sequence[Structure], shape: tuple[int, int, int]
) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """Labels uint8 [z, y, x] and the name by value (1, 2 … in the order given).

    Larger structures are laid down first, so the smaller of two that overlap is kept. Those of
    which nothing is left are not among the names. Raises FileRefusedError for more than 255.
    """
    if len(structures) > 255:
        raise FileRefusedError(path, f"it holds {len(structures)} structures and 255 is the most")
    labels = np.zeros(shape, dtype=np.uint8)
    sizes = [structure.size for structure in structures]
    for index in sorted(range(len(structures)), key=lambda i: -sizes[i]):
        for region in structures[index].regions:
            height, width = region.pixels.shape
            view = labels[region.plane, region.row :, region.column :][:height, :width]
            view[region.pixels] = index + 1
    present = set(np.unique(labels).tolist())
    return labels, {i: s.name for i, s in enumerate(structures, start=1) if i in present}
