"""Voxels of a remedied volume: slices moved in their plane, slices made between their neighbours.

Linear in HU. A slice that was scanned where the new grid wants one keeps its very values, unless
the gantry was tilted: then each is moved within its plane by a fraction of a pixel.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from core.dicom.outcomes import Outcome
from core.dicom.scanned import Scanned

#: HU where nothing was scanned: below air, as scanners fill the corners outside their circle.
OUTSIDE_HU = -1024

#: mm below which a slice is not moved: a thousandth of a usual pixel.
_STILL_MM = 1e-3


def regrid(hu: NDArray[np.int16], scanned: Scanned, made: Outcome) -> NDArray[np.int16]:
    """int16 HU [z, y, x] of ``scanned`` on the grid of ``made``.

    Memory: the result, and two slices as float32 besides.
    """
    out = np.empty(made.geometry.shape, dtype=np.int16)
    for index, (below, weight) in enumerate(zip(made.below, made.weight, strict=True)):
        plane = _moved(hu[below], scanned, made, below)
        if weight > 0:
            above = _moved(hu[below + 1], scanned, made, below + 1)
            plane = (1 - weight) * plane + weight * above
        out[index] = plane if plane.dtype == np.int16 else np.rint(plane)
    return out


def _moved(
    plane: NDArray[np.int16], scanned: Scanned, made: Outcome, index: int
) -> NDArray[np.int16] | NDArray[np.float32]:
    """A scanned slice [y, x] on the pixels of the new grid."""
    shift = shift_of(scanned, made, index)
    if plane.shape == made.geometry.shape[1:] and max(map(abs, shift)) < _STILL_MM:
        return plane
    _, height, width = made.geometry.spacing
    image = sitk.GetImageFromArray(plane)
    image.SetSpacing((width, height))
    moved = sitk.Resample(
        image,
        made.geometry.shape[:0:-1],
        # Where each pixel of the result lies on the scanned slice.
        sitk.TranslationTransform(2, (-shift[1], -shift[0])),
        sitk.sitkLinear,
        (0.0, 0.0),
        (width, height),
        (1.0, 0.0, 0.0, 1.0),
        float(OUTSIDE_HU),
        sitk.sitkFloat32,
    )
    return sitk.GetArrayFromImage(moved)


def shift_of(scanned: Scanned, made: Outcome, index: int) -> tuple[float, float]:
    """mm (down, right) from the new grid's first pixel to that of scanned slice ``index``."""
    # Where nothing was sheared, what is left is rounding, and the slices stay as they are.
    down, right = scanned.shifts[index] if scanned.sheared else (0.0, 0.0)
    return down - made.offset[0], right - made.offset[1]
