"""FreeSurfer's MGH and MGZ; https://surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/MghFormat."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from core.errors import FileRefusedError
from core.formats.layout import NO_ORIENTATION, RAS_TO_LPS, Layout, grid, three
from core.formats.stream import head

#: Big endian, always. Values begin at byte 284.
_TYPES = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2", 10: ">u2"}
_VALUES = 284

#: Directions (RAS, one index axis after another) of a file that gives none: coronal slices.
_CORONAL = (-1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0)


@np.errstate(all="ignore")  # what is not finite is no grid, and refused as that
def read_mgh(path: Path) -> Layout:
    """The header of a .mgh or .mgz file. Raises FileRefusedError."""
    data, packed = head(path, _VALUES)
    if len(data) < _VALUES:
        raise FileRefusedError(path, "its header is cut short", "Copy or export it again.")
    version, *dims, kind, _, placed = struct.unpack_from(">7ih", data)
    if version != 1:
        raise FileRefusedError(path, "it is no MGH file (damaged, or of another kind)")
    size = three(path, dims)
    if kind not in _TYPES:
        raise FileRefusedError(path, f"its values have an unusual type ({kind})")
    floats = struct.unpack_from(">15f", data, 30)
    known = placed > 0
    spacing = np.asarray(floats[:3] if known else (1.0, 1.0, 1.0), dtype=np.float64)
    turn = np.asarray(floats[3:12] if known else _CORONAL, dtype=np.float64).reshape(3, 3).T
    centre = np.asarray(floats[12:15] if known else (0.0, 0.0, 0.0), dtype=np.float64)
    axes = turn * spacing
    # The header places the middle of the volume, voxel size / 2, not its first voxel.
    corner = centre - axes @ (np.asarray(size) / 2.0)
    return Layout(
        path=path,
        data=path,
        start=0,
        skip=_VALUES,
        coding="gzip" if packed else "raw",
        dtype=np.dtype(_TYPES[kind]),
        geometry=grid(path, size, RAS_TO_LPS @ axes, RAS_TO_LPS @ corner),
        checks=() if known else (NO_ORIENTATION,),
    )
