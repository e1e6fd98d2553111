"""What the header of an image file says: where its values lie, of what kind, on which grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import FileRefusedError
from core.geometry import Geometry
from core.volume import Check

Coding = Literal["raw", "gzip", "zlib"]

#: A volume of 2048 x 2048 x 2048 voxels; larger ones are no CT of a patient.
MAX_VOXELS = 2**33

CONVERT = "Convert it to an uncompressed or gzip-compressed NIfTI or NRRD file."

#: Columns of this matrix are LPS unit vectors for the axes of RAS (NIfTI, MGH).
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])

NO_ORIENTATION = Check(
    "no-orientation",
    "The file gives no orientation; axial, lying on the back, was assumed: left and right may be "
    "exchanged.",
)


@dataclass(frozen=True, slots=True)
class Layout:
    """A believed header.

    path: the header's file. data: the file that holds the values, often the same. start: byte of
    ``data`` at which the plain or compressed stream begins. skip: bytes of the (inflated) stream
    before the first value. dtype: with its byte order. components: values a voxel, stored next to
    each other. slope, intercept: value = stored * slope + intercept. segments: the ``SegmentN_*``
    fields of a .seg.nrrd, one dictionary a segment.
    """

    path: Path
    data: Path
    start: int
    skip: int
    coding: Coding
    dtype: np.dtype[Any]
    geometry: Geometry
    components: int = 1
    slope: float = 1.0
    intercept: float = 0.0
    segments: tuple[dict[str, str], ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def bytes(self) -> int:
        """Size of the values as stored, uncompressed."""
        return math.prod(self.geometry.shape) * self.components * self.dtype.itemsize

    @property
    def files(self) -> tuple[Path, ...]:
        """The header's file and, where it is another, the one with the values."""
        return (self.path,) if self.data == self.path else (self.path, self.data)


def three(path: Path, size: Sequence[int]) -> tuple[int, int, int]:
    """The size ``(x, y, z)`` of an image whose axes beyond the third have length one.

    Raises FileRefusedError for anything else: other dimensions, no voxels, absurdly many.
    """
    if any(n < 1 for n in size):
        raise FileRefusedError(path, "it has no voxels")
    if len(size) < 3 or any(n != 1 for n in size[3:]):
        raise FileRefusedError(path, f"it has {times(size)} voxels, not three dimensions")
    if math.prod(size) > MAX_VOXELS:
        raise FileRefusedError(path, f"its header claims {times(size)} voxels")
    return (size[0], size[1], size[2])


def grid(
    path: Path,
    size: tuple[int, int, int],
    axes: NDArray[np.float64],
    origin: NDArray[np.float64],
) -> Geometry:
    """The grid of ``size`` (x, y, z) whose index axes are the columns of ``axes`` (LPS mm a voxel).

    Raises FileRefusedError when that is no grid: an axis without length, sheared, not finite.
    """
    spacing = np.linalg.norm(axes, axis=0)
    if not np.isfinite(axes).all() or not (spacing > 0).all() or not np.isfinite(spacing).all():
        raise FileRefusedError(path, "its grid is not usable (an axis has no length)")
    direction = axes / spacing
    x, y, z = spacing.tolist()
    try:
        return Geometry(
            (size[2], size[1], size[0]),
            (z, y, x),
            (float(origin[0]), float(origin[1]), float(origin[2])),
            tuple(np.where(np.abs(direction) < 1e-12, 0.0, direction).ravel().tolist()),
        )
    except ValueError as error:
        raise FileRefusedError(path, f"its grid is not usable ({error})") from error


def beside(path: Path, name: str) -> Path:
    """The data file ``name`` that the header ``path`` speaks of.

    A header from a stranger must not make this program read any file it likes: the data file has to
    lie in the header's own folder or below it, links followed. Raises FileRefusedError.
    """
    outside = "the header names a data file outside its own folder"
    parts = name.replace("\\", "/").split("/")
    if not name or "\0" in name or ":" in name or parts[0] == "" or ".." in parts:
        raise FileRefusedError(path, outside, "Put both files into one folder.")
    found = path.parent.joinpath(*parts)
    try:
        if not found.is_file():
            raise FileRefusedError(
                path, f"the file with its pixel data ({parts[-1]}) is missing", "Put it beside it."
            )
        inside = found.resolve().is_relative_to(path.parent.resolve())
    except (OSError, RuntimeError) as error:  # a name too long, a loop of links
        raise FileRefusedError(path, "the file with its pixel data cannot be opened") from error
    if not inside:
        raise FileRefusedError(path, outside, "Put both files into one folder.")
    return found


def times(size: Sequence[int]) -> str:
    """The size as text, ``512 × 512 × 30``."""
    return " × ".join(str(n) for n in size)
