"""Axial, sagittal and coronal slices of a grid of any orientation, the right way round.

Series keep the grid their files have; only looking at them needs an order. For each plane this
module says which array axis is cut and how the other two lie on the screen, so that radiological
convention holds (patient right on the left, anterior up, head up) for every direction matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.geometry import Geometry, Zyx, orientation_letter

Plane = Literal["axial", "sagittal", "coronal"]
PLANES: tuple[Plane, ...] = ("axial", "sagittal", "coronal")

#: For each plane the LPS axis (0 x, 1 y, 2 z) it is cut across, then the LPS axis and sign that
#: run down the screen and to the right. Head up, anterior up, patient right on the left; the
#: sagittal view looks from the left, anterior on the left.
_SCREEN: dict[Plane, tuple[int, tuple[int, int], tuple[int, int]]] = {
    "axial": (2, (1, 1), (0, 1)),
    "coronal": (1, (2, -1), (0, 1)),
    "sagittal": (0, (2, -1), (1, 1)),
}


def _array_axis_of_lps(geometry: Geometry) -> tuple[int, int, int]:
    """For LPS x, y and z the array axis (0 z, 1 y, 2 x) that runs closest along it, one to one."""
    cosines = np.abs(geometry.axes)  # [lps, index x y z]
    best = max(permutations(range(3)), key=lambda p: sum(cosines[lps, p[lps]] for lps in range(3)))
    return (2 - best[0], 2 - best[1], 2 - best[2])


@dataclass(frozen=True, slots=True)
class PlaneAxes:
    """How one plane lies in the array and on the screen.

    normal, down, right: array axes (0 z, 1 y, 2 x). flip_*: whether the index falls along it. The
    slice number shown to the user is the index along ``normal`` in array order.
    """

    plane: Plane
    normal: int
    down: int
    right: int
    flip_down: bool
    flip_right: bool
    shape: Zyx
    spacing: tuple[float, float, float]
    letters: tuple[str, str, str, str]  # top, bottom, left, right

    @classmethod
    def of(cls, geometry: Geometry, plane: Plane) -> PlaneAxes:
        """The axes of ``plane`` in a volume of this geometry."""
        array_axis = _array_axis_of_lps(geometry)
        across, (down_lps, down_sign), (right_lps, right_sign) = _SCREEN[plane]
        down, right = array_axis[down_lps], array_axis[right_lps]
        axes = geometry.axes

        def falls(array: int, lps: int, sign: int) -> bool:
            return bool(axes[lps, 2 - array] * sign < 0)

        flip_down = falls(down, down_lps, down_sign)
        flip_right = falls(right, right_lps, right_sign)
        down_vector = axes[:, 2 - down] * (-1 if flip_down else 1)
        right_vector = axes[:, 2 - right] * (-1 if flip_right else 1)
        letters = (
            orientation_letter((-down_vector).tolist()),
            orientation_letter(down_vector.tolist()),
            orientation_letter((-right_vector).tolist()),
            orientation_letter(right_vector.tolist()),
        )
        return cls(
            plane, array_axis[across], down, right, flip_down, flip_right,
            geometry.shape, geometry.spacing, letters,
        )  # fmt: skip

    @property
    def slices(self) -> int:
        """How many slices the plane has."""
        return self.shape[self.normal]

    @property
    def rows(self) -> int:
        """Pixels down the screen."""
        return self.shape[self.down]

    @property
    def columns(self) -> int:
        """Pixels across the screen."""
        return self.shape[self.right]

    @property
    def pixel_mm(self) -> tuple[float, float]:
        """Pixel size ``(down, right)`` in mm."""
        return (self.spacing[self.down], self.spacing[self.right])

    def cut(self, array: NDArray[Any], index: int) -> NDArray[Any]:
        """A view ``[row, column]`` of slice ``index``, turned the way it is shown."""
        view = np.moveaxis(array, (self.normal, self.down, self.right), (0, 1, 2))[index]
        if self.flip_down:
            view = view[::-1]
        if self.flip_right:
            view = view[:, ::-1]
        return view

    def to_zyx(self, index: float, row: float, column: float) -> tuple[float, float, float]:
        """Array index ``(z, y, x)`` of a (fractional) screen pixel of slice ``index``."""
        out = [0.0, 0.0, 0.0]
        out[self.normal] = index
        out[self.down] = self.rows - 1 - row if self.flip_down else row
        out[self.right] = self.columns - 1 - column if self.flip_right else column
        return (out[0], out[1], out[2])

    def from_zyx(self, zyx: tuple[float, float, float]) -> tuple[float, float, float]:
        """Slice index, row and column of an array index; inverse of :meth:`to_zyx`."""
        row, column = zyx[self.down], zyx[self.right]
        return (
            zyx[self.normal],
            self.rows - 1 - row if self.flip_down else row,
            self.columns - 1 - column if self.flip_right else column,
        )
