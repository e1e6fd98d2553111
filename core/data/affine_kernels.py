"""The inner loops of an affine read on the CPU: an int16 image and its uint8 label, at once.

The box of the volume that a block touches is packed into one int32 a voxel, grey and label side by
side and with a border of air, so that one memory access brings both, no index can leave the box
and whatever lies outside of the volume reads as air. The loops then run at the speed of C.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.jit import compiled, part

#: Greys are packed in sixteenths of a HU, so that HU limits need not be whole.
FINE = 16

I4, F4, U8 = np.int32, np.float32, np.uint64


@compiled("void(i2[:,:,::1],u1[:,:,::1],i8[::1],f4,f4,i4[:,:,::1])")
def pack(
    image: NDArray[np.int16],
    label: NDArray[np.uint8],
    low: NDArray[np.int64],
    darkest: np.float32,
    brightest: np.float32,
    box: NDArray[np.int32],
) -> None:
    """Fill ``box``, whose voxel 0 is voxel ``low`` (-1 or more) of the volume ``[z, y, x]``.

    Greys between the two HU limits, counted from the lower one; beyond the volume 0.
    """
    first = max(0, -low[2])
    last = min(box.shape[2], image.shape[2] - low[2])
    for z in range(box.shape[0]):
        for y in range(box.shape[1]):
            row = box[z, y]
            at_z, at_y = z + low[0], y + low[1]
            if not (0 <= at_z < image.shape[0] and 0 <= at_y < image.shape[1]):
                row[:] = 0
                continue
            row[:first] = 0
            row[last:] = 0
            greys = image[at_z, at_y, low[2] + first : low[2] + last]
            kinds = label[at_z, at_y, low[2] + first : low[2] + last]
            inner = row[first:last]
            for x in range(inner.shape[0]):
                grey = min(max(F4(greys[x]), darkest), brightest) - darkest
                inner[x] = (I4(grey * F4(FINE) + F4(0.5)) << I4(8)) | I4(kinds[x])


@part
def _straight(
    row: NDArray[np.float32], matrix: NDArray[np.float64], start: NDArray[np.float64]
) -> None:
    """Places ``row`` ``[3, x]`` along a row of an affine read that begins at ``start``."""
    for axis in range(3):
        first, step = F4(start[axis]), F4(matrix[axis, 2])
        line = row[axis]
        for x in range(line.shape[0]):
            line[x] = first + step * F4(I4(x))


@part
def _bend(
    row: NDArray[np.float32],
    matrix: NDArray[np.float64],
    pulls: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> None:
    """Add to the places of a row what ``pulls`` ``[3, k]``, weighted ``[x, k]``, turn into."""
    for x in range(row.shape[1]):
        z = y = across = 0.0
        for k in range(weights.shape[1]):
            z += weights[x, k] * pulls[0, k]
            y += weights[x, k] * pulls[1, k]
            across += weights[x, k] * pulls[2, k]
        for axis in range(3):
            row[axis, x] += F4(matrix[axis, 0] * z + matrix[axis, 1] * y + matrix[axis, 2] * across)


@part
def _pulls(
    knots: NDArray[np.float64],
    along_z: NDArray[np.float64],
    along_y: NDArray[np.float64],
    pulls: NDArray[np.float64],
) -> None:
    """``pulls`` ``[3, k]`` of a row, from ``knots`` ``[3, k, k, k]`` and its weights ``[k]``."""
    pulls[:] = 0
    for a in range(along_z.shape[0]):
        if along_z[a] == 0:
            continue
        for b in range(along_y.shape[0]):
            weight = along_z[a] * along_y[b]
            if weight != 0:
                for axis in range(3):
                    for k in range(pulls.shape[1]):
                        pulls[axis, k] += weight * knots[axis, a, b, k]


@part
def _majority(
    box: NDArray[np.int32], at: Any, dy: Any, dz: Any, fz: float, fy: float, fx: float
) -> Any:
    """The label with the largest share of a place between eight voxels.

    A share as large as the background's goes to the label, so that thin lesions keep their volume;
    of two labels the lower one wins.
    """
    best, winner = F4(-1), 0
    for one in range(8):
        kind = box[at + U8(one & 1) + U8(one >> 1 & 1) * dy + U8(one >> 2) * dz] & I4(255)
        share = F4(0)
        for other in range(8):
            z, y, x = other >> 2, other >> 1 & 1, other & 1
            if box[at + U8(x) + U8(y) * dy + U8(z) * dz] & I4(255) == kind:
                wz, wy, wx = fz if z else 1 - fz, fy if y else 1 - fy, fx if x else 1 - fx
                share += F4(wz * wy * wx)
        lower = kind > 0 and (winner == 0 or kind < winner)
        if share > best or (share == best and lower):
            best, winner = share, kind
    return winner


@part
def _between(
    box: NDArray[np.int32],
    shape: NDArray[np.int64],
    row: NDArray[np.float32],
    gain: Any,
    shift: Any,
    mixed: NDArray[np.int32],
    image: NDArray[np.float32],
    target: NDArray[np.int64],
) -> None:
    """Greys ``[x]`` at the places of a row, linearly; labels where all eight voxels agree."""
    dy, dz = U8(shape[2]), U8(shape[1] * shape[2])
    ends = (I4(shape[0] - 2), I4(shape[1] - 2), I4(shape[2] - 2))
    one, eight = U8(1), I4(8)
    for x in range(row.shape[1]):
        z, y, across = row[0, x], row[1, x], row[2, x]
        iz, iy, ix = min(I4(z), ends[0]), min(I4(y), ends[1]), min(I4(across), ends[2])
        fz, fy, fx = z - F4(iz), y - F4(iy), across - F4(ix)
        at = U8(iz) * dz + U8(iy) * dy + U8(ix)
        v0, v1, v2, v3 = box[at], box[at + one], box[at + dy], box[at + dy + one]
        at += dz
        v4, v5, v6, v7 = box[at], box[at + one], box[at + dy], box[at + dy + one]
        g0, g2, g4, g6 = F4(v0 >> eight), F4(v2 >> eight), F4(v4 >> eight), F4(v6 >> eight)
        g0 += (F4(v1 >> eight) - g0) * fx
        g2 += (F4(v3 >> eight) - g2) * fx
        g4 += (F4(v5 >> eight) - g4) * fx
        g6 += (F4(v7 >> eight) - g6) * fx
        g0 += (g2 - g0) * fy
        g4 += (g6 - g4) * fy
        image[x] = (g0 + (g4 - g0) * fz) * gain + shift
        target[x] = v0 & I4(255)
        differ = (v0 ^ v1) | (v0 ^ v2) | (v0 ^ v3) | (v0 ^ v4) | (v0 ^ v5) | (v0 ^ v6) | (v0 ^ v7)
        mixed[x] = differ & I4(255)


@part
def _settle(
    box: NDArray[np.int32],
    shape: NDArray[np.int64],
    row: NDArray[np.float32],
    mixed: NDArray[np.int32],
    target: NDArray[np.int64],
) -> None:
    """Labels where the eight voxels round a place do not agree."""
    dy, dz = U8(shape[2]), U8(shape[1] * shape[2])
    for x in range(row.shape[1]):
        if mixed[x] != 0:
            z, y, across = row[0, x], row[1, x], row[2, x]
            iz = min(I4(z), I4(shape[0] - 2))
            iy = min(I4(y), I4(shape[1] - 2))
            ix = min(I4(across), I4(shape[2] - 2))
            at = U8(iz) * dz + U8(iy) * dy + U8(ix)
            target[x] = _majority(box, at, dy, dz, z - F4(iz), y - F4(iy), across - F4(ix))


@compiled(
    "void(i8,i8,i4[::1],i8[::1],f8[:,::1],f8[::1],f8[:,:,:,::1],f8[:,::1],f8[:,::1],f8[:,::1],"
    "f4,f4,f4[:,:,::1],i8[:,:,::1])"
)
def read_rows(
    begin: int,
    end: int,
    box: NDArray[np.int32],
    shape: NDArray[np.int64],
    matrix: NDArray[np.float64],
    centre: NDArray[np.float64],
    knots: NDArray[np.float64],
    along_z: NDArray[np.float64],
    along_y: NDArray[np.float64],
    along_x: NDArray[np.float64],
    gain: np.float32,
    shift: np.float32,
    image: NDArray[np.float32],
    target: NDArray[np.int64],
) -> None:
    """Slices ``begin`` to ``end`` of a block: voxel o lies at ``centre + matrix (o + bend)``.

    box: what :func:`pack` made, flat, of ``shape``. centre: voxel of the box at the block's middle.
    knots: displacements ``[3, k, k, k]`` in voxels of the block, with the weights ``[n, k]`` of its
    voxels along each axis; k is 0 where nothing is bent. Greys are times ``gain`` plus ``shift``.
    """
    row = np.empty((3, image.shape[2]), F4)
    mixed = np.empty(image.shape[2], I4)
    pulls = np.empty((3, knots.shape[3]), np.float64)
    start = np.empty(3, np.float64)
    for z in range(begin, end):
        for y in range(image.shape[1]):
            from_z, from_y = z - (image.shape[0] - 1) / 2, y - (image.shape[1] - 1) / 2
            from_x = -(image.shape[2] - 1) / 2
            for axis in range(3):
                start[axis] = centre[axis] + matrix[axis, 0] * from_z
                start[axis] += matrix[axis, 1] * from_y + matrix[axis, 2] * from_x
            _straight(row, matrix, start)
            if knots.shape[3] > 0:
                _pulls(knots, along_z[z], along_y[y], pulls)
                _bend(row, matrix, pulls, along_x)
            for axis in range(3):
                top = F4(shape[axis] - 1)
                line = row[axis]
                for x in range(line.shape[0]):
                    line[x] = min(max(line[x], F4(0)), top)
            _between(box, shape, row, gain, shift, mixed, image[z, y], target[z, y])
            _settle(box, shape, row, mixed, target[z, y])


@compiled("void(i8,i8,i2[:,:,::1],u1[:,:,::1],i8[::1],i8[::1],f4,f4,f4,f4,f4[:,:,::1],i8[:,:,::1])")
def cut_rows(
    begin: int,
    end: int,
    image: NDArray[np.int16],
    label: NDArray[np.uint8],
    first: NDArray[np.int64],
    step: NDArray[np.int64],
    darkest: np.float32,
    brightest: np.float32,
    gain: np.float32,
    shift: np.float32,
    out: NDArray[np.float32],
    target: NDArray[np.int64],
) -> None:
    """Slices ``begin`` to ``end`` of a block that is only cut and mirrored: voxels as they are.

    first: the volume's voxel of the block's voxel 0; step: 1, or -1 along mirrored axes.
    """
    air = darkest * gain + shift
    for z in range(begin, end):
        at_z = first[0] + z * step[0]
        for y in range(out.shape[1]):
            at_y = first[1] + y * step[1]
            greys, kinds = out[z, y], target[z, y]
            greys[:] = air
            kinds[:] = 0
            if not (0 <= at_z < image.shape[0] and 0 <= at_y < image.shape[1]):
                continue
            source, names = image[at_z, at_y], label[at_z, at_y]
            for x in range(greys.shape[0]):
                at = first[2] + x * step[2]
                if 0 <= at < source.shape[0]:
                    greys[x] = min(max(F4(source[at]), darkest), brightest) * gain + shift
                    kinds[x] = names[at]
