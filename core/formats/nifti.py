"""NIfTI-1, NIfTI-2 and Analyze 7.5, in one file or as a pair .hdr and .img.

Fields and their places: nifti1.h and nifti2.h of the NIfTI data format working group
(https://nifti.nimh.nih.gov), and Mayo's "Analyze 7.5 File Format".
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import FileRefusedError
from core.formats.layout import NO_ORIENTATION, RAS_TO_LPS, Layout, beside, grid, three
from core.formats.stream import head
from core.geometry import Geometry
from core.volume import Check

_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4",
    1024: "i8", 1280: "u8",
}  # fmt: skip
_COLOUR = {32: "complex", 128: "colour", 1792: "complex", 2304: "colour"}

#: Millimetres of the spatial units of xyzt_units; 0 is unknown and means millimetres in practice.
_UNITS = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}

#: Extensions of the header (a DICOM header, at most) lie before the values.
_FARTHEST = 1 << 26

_DAMAGED = "its NIfTI header is damaged"
_SCANNER = 1  # NIFTI_XFORM_SCANNER_ANAT

_ANALYZE = Check(
    "no-orientation",
    "Analyze 7.5 does not record how the patient lies; the format's customary order (to the left, "
    "front and head) was assumed: left and right may be exchanged.",
)

_OTHER_PLACE = Check(
    "two-places",
    "The file gives two places (sform and qform), and one of them is no grid of voxels; the other "
    "is used.",
)


@dataclass(frozen=True, slots=True)
class _Fields:
    """The fields used, whichever version they come from.

    kind: nifti or analyze. least: bytes of the header with the four that say whether extensions
    follow. order: of bytes, "<" or ">".
    """

    kind: str
    dims: tuple[int, ...]
    datatype: int
    bitpix: int
    pixdim: tuple[float, ...]
    offset: float
    slope: float
    intercept: float
    units: int
    qform: int
    sform: int
    quatern: tuple[float, ...]
    qoffset: tuple[float, ...]
    srow: tuple[float, ...]
    single: bool
    least: int
    order: str


@np.errstate(all="ignore")  # what is not finite is no grid, and refused as that
def read_nifti(path: Path) -> Layout:
    """The header of a .nii, .nii.gz or .hdr file. Raises FileRefusedError."""
    data, packed = head(path, 544)
    fields = _fields(path, data)
    size = three(path, fields.dims)
    if fields.datatype in _COLOUR:
        raise FileRefusedError(
            path, f"it holds several values a voxel ({_COLOUR[fields.datatype]})"
        )
    if fields.datatype not in _TYPES:
        raise FileRefusedError(path, f"its values have an unusual type ({fields.datatype})")
    dtype = np.dtype(fields.order + _TYPES[fields.datatype])
    if fields.bitpix not in (0, dtype.itemsize * 8):
        raise FileRefusedError(path, f"{_DAMAGED} (the size of its values contradicts their type)")
    slope, intercept = _scale(path, fields)
    geometry, checks = _geometry(path, fields, size)
    values, skip = _place(path, fields)
    if values != path:
        packed = head(values, 2)[1]
    return Layout(
        path=path,
        data=values,
        start=0,
        skip=skip,
        coding="gzip" if packed else "raw",
        dtype=dtype,
        geometry=geometry,
        slope=slope,
        intercept=intercept,
        checks=checks,
    )


def _fields(path: Path, data: bytes) -> _Fields:
    for order in "<>":
        if len(data) >= 348 and struct.unpack_from(f"{order}i", data)[0] == 348:
            return _version_1(path, data, order)
        if len(data) >= 540 and struct.unpack_from(f"{order}i", data)[0] == 540:
            return _version_2(path, data, order)
    if len(data) < 348:
        raise FileRefusedError(path, "its header is cut short", "Copy or export it again.")
    raise FileRefusedError(path, "it is no NIfTI or Analyze file (damaged, or of another kind)")


def _version_1(path: Path, data: bytes, order: str) -> _Fields:
    magic = data[344:348]
    known = {b"n+1\0": "nifti", b"ni1\0": "nifti"}.get(magic)
    if known is None and path.suffix.lower() != ".hdr":
        raise FileRefusedError(path, _DAMAGED)
    dims = struct.unpack_from(f"{order}8h", data, 40)
    pixdim = struct.unpack_from(f"{order}8f", data, 76)
    offset, slope, intercept = struct.unpack_from(f"{order}3f", data, 108)
    datatype, bitpix = struct.unpack_from(f"{order}2h", data, 70)
    qform, sform = struct.unpack_from(f"{order}2h", data, 252)
    floats = struct.unpack_from(f"{order}18f", data, 256)
    return _Fields(
        kind=known or "analyze",
        dims=_dims(path, dims),
        datatype=datatype,
        bitpix=bitpix,
        pixdim=pixdim,
        offset=offset,
        slope=slope,
        intercept=intercept,
        units=data[123],
        qform=qform,
        sform=sform,
        quatern=floats[:3],
        qoffset=floats[3:6],
        srow=floats[6:],
        single=magic == b"n+1\0",
        least=352,
        order=order,
    )


def _version_2(path: Path, data: bytes, order: str) -> _Fields:
    magic = data[4:8]
    if magic not in (b"n+2\0", b"ni2\0") or data[8:12] != b"\r\n\x1a\n":
        raise FileRefusedError(path, f"{_DAMAGED} (it was changed as if it were text)")
    datatype, bitpix = struct.unpack_from(f"{order}2h", data, 12)
    dims = struct.unpack_from(f"{order}8q", data, 16)
    pixdim = struct.unpack_from(f"{order}8d", data, 104)
    (offset,) = struct.unpack_from(f"{order}q", data, 168)
    slope, intercept = struct.unpack_from(f"{order}2d", data, 176)
    qform, sform = struct.unpack_from(f"{order}2i", data, 344)
    floats = struct.unpack_from(f"{order}18d", data, 352)
    (units,) = struct.unpack_from(f"{order}i", data, 500)
    return _Fields(
        kind="nifti",
        dims=_dims(path, dims),
        datatype=datatype,
        bitpix=bitpix,
        pixdim=pixdim,
        offset=float(offset),
        slope=slope,
        intercept=intercept,
        units=units & 0xFF,
        qform=qform,
        sform=sform,
        quatern=floats[:3],
        qoffset=floats[3:6],
        srow=floats[6:],
        single=magic == b"n+2\0",
        least=544,
        order=order,
    )


def _dims(path: Path, dims: tuple[int, ...]) -> tuple[int, ...]:
    if not 1 <= dims[0] <= 7:
        raise FileRefusedError(path, f"{_DAMAGED} (it claims {dims[0]} dimensions)")
    return dims[1 : dims[0] + 1]


def _scale(path: Path, fields: _Fields) -> tuple[float, float]:
    """Slope and intercept; a slope of zero (or none at all) means that there is no scaling."""
    slope, intercept = fields.slope, fields.intercept
    if fields.kind == "analyze":
        # The format has no scaling; SPM put a factor there, and readers disagree whether to use it.
        if slope not in (0.0, 1.0) and math.isfinite(slope):
            raise FileRefusedError(
                path, f"it may be scaled by {slope:g}, which Analyze 7.5 does not define"
            )
        return 1.0, 0.0
    if slope == 0 or math.isnan(slope):
        return 1.0, 0.0
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise FileRefusedError(path, f"{_DAMAGED} (its rescale is not finite)")
    return float(slope), float(intercept)


def _place(path: Path, fields: _Fields) -> tuple[Path, int]:
    """The file with the values, and the byte of its (inflated) stream at which they begin."""
    if not math.isfinite(fields.offset) or fields.offset < 0 or fields.offset > _FARTHEST:
        raise FileRefusedError(path, f"{_DAMAGED} (where its pixel data begin)")
    offset = int(fields.offset)
    if fields.single:
        if offset < fields.least:
            raise FileRefusedError(path, f"{_DAMAGED} (its pixel data begin inside the header)")
        return path, offset
    if path.suffix.lower() != ".hdr":
        raise FileRefusedError(path, "it is the header of a pair, but does not end on .hdr")
    ending = ".img" if path.suffix.islower() else ".IMG"
    plain, packed = path.with_suffix(ending), path.with_suffix(ending + ".gz")
    found = packed if packed.is_file() and not plain.is_file() else plain
    return beside(path, found.name), offset


def _geometry(
    path: Path, fields: _Fields, size: tuple[int, int, int]
) -> tuple[Geometry, tuple[Check, ...]]:
    unit = _UNITS.get(fields.units & 7)
    if unit is None:
        raise FileRefusedError(path, f"its unit of length is unknown ({fields.units & 7})")
    lengths = np.abs(np.asarray(fields.pixdim[1:4], dtype=np.float64)) * unit
    if fields.kind == "analyze":
        # To the left, the front and the head: LAS, which is how Mayo's "transverse" is stored.
        return grid(path, size, np.diag(lengths * [1, -1, 1]), np.zeros(3)), (_ANALYZE,)
    q = _placed(path, size, *_quaternion(fields, lengths, unit)) if fields.qform > 0 else None
    s = _placed(path, size, *_rows(fields, unit)) if fields.sform > 0 else None
    if isinstance(q, Geometry) and isinstance(s, Geometry):
        # The qform is the scanner's place; an sform may be one in a template, unless it says so.
        chosen, other = (s, q) if fields.sform == _SCANNER else (q, s)
        if chosen.same_grid(other, 0.1 * min(chosen.spacing)):
            return chosen, ()
        text = "The file gives two places (sform and qform) that differ; the scanner's is used."
        return chosen, (Check("two-places", text),)
    refused = next((place for place in (s, q) if isinstance(place, FileRefusedError)), None)
    for found in (q, s):
        if isinstance(found, Geometry):
            return found, () if refused is None else (_OTHER_PLACE,)
    if refused is not None:
        raise refused
    axes = RAS_TO_LPS @ np.diag(lengths)
    return grid(path, size, axes, np.zeros(3)), (NO_ORIENTATION,)


def _placed(
    path: Path, size: tuple[int, int, int], axes: NDArray[np.float64], origin: NDArray[np.float64]
) -> Geometry | FileRefusedError:
    try:
        return grid(path, size, RAS_TO_LPS @ axes, RAS_TO_LPS @ origin)
    except FileRefusedError as error:
        return error


def _rows(fields: _Fields, unit: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows = np.asarray(fields.srow, dtype=np.float64).reshape(3, 4) * unit
    return rows[:, :3], rows[:, 3]


def _quaternion(
    fields: _Fields, lengths: NDArray[Any], unit: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Axes and origin of the qform, as nifti1_io.c's ``nifti_quatern_to_mat44`` computes them."""
    b, c, d = (float(v) for v in fields.quatern)
    rest = 1.0 - (b * b + c * c + d * d)
    if rest < 1e-7:
        # A turn by 180 degrees, or rounding: the three are made a unit vector.
        length = math.sqrt(b * b + c * c + d * d) if math.isfinite(rest) else math.nan
        a, b, c, d = 0.0, b / length, c / length, d / length
    else:
        a = math.sqrt(rest)
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    steps = np.array([lengths[0], lengths[1], -lengths[2] if fields.pixdim[0] < 0 else lengths[2]])
    return turn * steps, np.asarray(fields.qoffset, dtype=np.float64) * unit
