"""Connected parts and distances of masks: SciPy's functions with one meaning each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]

#: Neighbours of a voxel: those that share a face, or those that share a face, edge or corner.
Neighbours = Literal["faces", "all"]


def connected(mask: Mask, neighbours: Neighbours) -> tuple[NDArray[np.int32], int]:
    """Number the connected parts of ``mask``: 0 outside, 1 … count inside; and the count."""
    rank = 1 if neighbours == "faces" else mask.ndim
    parts = np.empty(mask.shape, dtype=np.int32)
    structure = ndimage.generate_binary_structure(mask.ndim, rank)
    count = cast(int, ndimage.label(mask, structure, output=parts))
    return parts, count


def distance_mm(mask: Mask, spacing: Sequence[float]) -> NDArray[np.float64]:
    """For each voxel of ``mask`` the mm from its centre to the nearest centre outside; else 0."""
    return cast(
        "NDArray[np.float64]", ndimage.distance_transform_edt(mask, sampling=tuple(spacing))
    )
