"""Where a voxel lies in the patient: spacing, origin, direction; index <-> mm in LPS.

Axis order, everywhere in LesionForge:

* arrays, shapes, indices and spacings are ``(z, y, x)``: slice, row, column;
* positions are ``(x, y, z)`` in mm in the DICOM patient system LPS (x to the Left, y Posterior,
  z Superior), as in DICOM PS3.3 C.7.6.2.1.1 and in SimpleITK;
* ``direction`` is SimpleITK's: nine numbers, row-major 3 x 3, whose *columns* are the LPS unit
  vectors along which the x, y and z index grow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Zyx = tuple[int, int, int]
Triple = tuple[float, float, float]

IDENTITY: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

#: Largest deviation of a direction matrix from orthonormal that still counts as rounding. DICOM
#: stores direction cosines as decimal strings of up to 16 characters, NIfTI as float32.
ORTHONORMAL_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Geometry:
    """The grid of a volume.

    shape: voxels ``(z, y, x)``, each >= 1. spacing: mm ``(z, y, x)``, each > 0.
    origin: LPS mm ``(x, y, z)`` of the centre of voxel ``[0, 0, 0]``.
    direction: see the module's docstring. Raises ValueError on anything that is no grid.
    """

    shape: Zyx
    spacing: Triple
    origin: Triple = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = IDENTITY

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"shape must be three positive numbers, not {self.shape}")
        if len(self.spacing) != 3 or not all(math.isfinite(s) and s > 0 for s in self.spacing):
            raise ValueError(f"spacing must be three positive numbers, not {self.spacing}")
        if len(self.origin) != 3 or not all(map(math.isfinite, self.origin)):
            raise ValueError(f"origin must be three finite numbers, not {self.origin}")
        if len(self.direction) != 9 or not all(map(math.isfinite, self.direction)):
            raise ValueError(f"direction must be nine finite numbers, not {self.direction}")
        axes = self.axes
        if np.abs(axes.T @ axes - np.eye(3)).max() > ORTHONORMAL_TOLERANCE:
            raise ValueError("direction must have orthonormal columns")

    @property
    def axes(self) -> NDArray[np.float64]:
        """Direction as a 3 x 3 array; column i is the LPS unit vector of index axis x, y, z."""
        return np.asarray(self.direction, dtype=np.float64).reshape(3, 3)

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in mL (1 mL = 1000 mm³)."""
        return math.prod(self.spacing) / 1000.0

    @property
    def size_mm(self) -> Triple:
        """Extent ``(z, y, x)`` in mm, outer face to outer face."""
        z, y, x = (n * s for n, s in zip(self.shape, self.spacing, strict=True))
        return (z, y, x)

    @property
    def affine(self) -> NDArray[np.float64]:
        """4 x 4 matrix from homogeneous index ``(x, y, z, 1)`` to LPS mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.axes * np.asarray(self.spacing[::-1])
        matrix[:3, 3] = self.origin
        return matrix

    def index_to_mm(self, zyx: Any) -> NDArray[np.float64]:
        """LPS mm ``(..., 3)`` as x, y, z of (fractional) indices ``(..., 3)`` as z, y, x."""
        xyz = np.asarray(zyx, dtype=np.float64)[..., ::-1]
        scaled = xyz * np.asarray(self.spacing[::-1])
        return scaled @ self.axes.T + np.asarray(self.origin)

    def mm_to_index(self, xyz: Any) -> NDArray[np.float64]:
        """Fractional indices ``(..., 3)`` as z, y, x of LPS positions ``(..., 3)`` in mm."""
        offset = np.asarray(xyz, dtype=np.float64) - np.asarray(self.origin)
        # Orthonormal up to rounding, but the exact inverse costs nothing and never drifts.
        index = offset @ np.linalg.inv(self.axes).T / np.asarray(self.spacing[::-1])
        return index[..., ::-1]

    def contains(self, zyx: Sequence[int]) -> bool:
        """Whether the integer index lies inside the grid."""
        return all(0 <= i < n for i, n in zip(zyx, self.shape, strict=True))

    def same_grid(self, other: Geometry, tolerance_mm: float = 0.01) -> bool:
        """Whether both grids put every voxel at the same place within ``tolerance_mm``.

        Compares the eight corners, so spacing, origin and direction errors are judged by what
        they do to a position. The default is a hundredth of a millimetre: above the rounding of
        float32 NIfTI headers, far below a voxel.
        """
        if self.shape != other.shape:
            return False
        corners = self._corners()
        return bool(
            np.abs(self.index_to_mm(corners) - other.index_to_mm(corners)).max() <= tolerance_mm
        )

    def _corners(self) -> NDArray[np.float64]:
        last = np.asarray(self.shape, dtype=np.float64) - 1
        bits = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1)
        return bits.reshape(8, 3) * last

    def as_json(self) -> dict[str, Any]:
        """Shape and spacing as z, y, x; origin as x, y, z; direction as nine numbers."""
        return {
            "shape": list(self.shape),
            "spacing": list(self.spacing),
            "origin": list(self.origin),
            "direction": list(self.direction),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Geometry:
        """Inverse of :meth:`as_json`. Raises KeyError or ValueError on anything else."""
        z, y, x = (int(n) for n in value["shape"])
        sz, sy, sx = (float(s) for s in value["spacing"])
        ox, oy, oz = (float(o) for o in value["origin"])
        return cls(
            (z, y, x), (sz, sy, sx), (ox, oy, oz), tuple(float(d) for d in value["direction"])
        )


#: (minus end, plus end) of the LPS axes, for the letters at a view's edges.
_LETTERS = (("R", "L"), ("A", "P"), ("F", "H"))


def orientation_letter(vector: Sequence[float]) -> str:
    """R, L, A, P, F (feet) or H (head): the patient side to which an LPS vector points most."""
    axis = int(np.argmax(np.abs(np.asarray(vector))))
    return _LETTERS[axis][int(vector[axis] > 0)]
