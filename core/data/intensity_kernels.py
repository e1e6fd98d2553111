"""The inner loops of intensity changes on the CPU: each a single pass over a block.

All work on slices ``begin`` to ``end`` of float32 ``[z, y, x]``, so that threads can share a block.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.data.jit import compiled, part

F4, U4 = np.float32, np.uint32


@part
def _mix(value: np.uint32) -> np.uint32:
    """A 32-bit hash: every bit of ``value`` moves every bit (lowbias32, C. Wellons 2018)."""
    value = U4(value ^ (value >> U4(16)))
    value = U4(value * U4(0x7FEB352D))
    value = U4(value ^ (value >> U4(15)))
    value = U4(value * U4(0x846CA68B))
    return U4(value ^ (value >> U4(16)))


@compiled("void(i8,i8,u4,u4,f4,f4[::1],f4[:,:,::1])")
def add_noise(
    begin: int,
    end: int,
    key: np.uint32,
    lock: np.uint32,
    sigma: np.float32,
    normals: NDArray[np.float32],
    block: NDArray[np.float32],
) -> None:
    """Add normal noise; see :func:`core.data.intensity.noise`, which is the same in torch."""
    area = block.shape[1] * block.shape[2]
    for z in range(begin, end):
        plane = block[z].reshape(area)
        first = U4(z * area)
        for i in range(area):
            plane[i] += sigma * normals[_mix(U4(_mix(U4(first + U4(i) + key)) ^ lock)) >> U4(16)]


@compiled("void(i8,i8,f4[::1],f4[::1],f4[::1],f4[:,:,::1],f4[:,:,::1])")
def blur_rows(
    begin: int,
    end: int,
    along_z: NDArray[np.float32],
    along_y: NDArray[np.float32],
    along_x: NDArray[np.float32],
    block: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Weighted sums along z, y and x (odd kernels; edges repeated), plane by plane in the cache."""
    depth, height, width = block.shape
    reach = along_x.shape[0] // 2
    plane = np.empty((height, width), F4)
    row = np.empty(width + 2 * reach, F4)
    for z in range(begin, end):
        plane[:] = 0
        for k in range(along_z.shape[0]):
            source = block[min(max(z + k - along_z.shape[0] // 2, 0), depth - 1)]
            for y in range(height):
                for x in range(width):
                    plane[y, x] += along_z[k] * source[y, x]
        for y in range(height):
            inner = row[reach : reach + width]
            inner[:] = 0
            for k in range(along_y.shape[0]):
                line = plane[min(max(y + k - along_y.shape[0] // 2, 0), height - 1)]
                for x in range(width):
                    inner[x] += along_y[k] * line[x]
            row[:reach] = inner[0]
            row[reach + width :] = inner[width - 1]
            target = out[z, y]
            target[:] = 0
            for k in range(along_x.shape[0]):
                shifted = row[k : k + width]
                for x in range(width):
                    target[x] += along_x[k] * shifted[x]


@compiled("void(i8,i8,f4[:,:,::1],f8[:,::1])")
def measure_rows(
    begin: int, end: int, block: NDArray[np.float32], found: NDArray[np.float64]
) -> None:
    """``found`` ``[z, 4]``: sum, sum of squares, minimum and maximum of each slice."""
    width = block.shape[2]
    sums, squares = np.empty(width, np.float32), np.empty(width, np.float32)
    lows, highs = np.empty(width, np.float32), np.empty(width, np.float32)
    for z in range(begin, end):
        sums[:] = 0
        squares[:] = 0
        lows[:] = np.inf
        highs[:] = -np.inf
        for y in range(block.shape[1]):
            line = block[z, y]
            for x in range(width):
                value = line[x]
                sums[x] += value
                squares[x] += value * value
                lows[x] = min(lows[x], value)
                highs[x] = max(highs[x], value)
        total = more = 0.0
        for x in range(width):
            total += sums[x]
            more += squares[x]
        found[z, 0], found[z, 1] = total, more
        found[z, 2], found[z, 3] = lows.min(), highs.max()


@compiled("void(i8,i8,f4,f4,f4,f4,f4[:,:,::1])")
def scale_rows(
    begin: int,
    end: int,
    gain: np.float32,
    shift: np.float32,
    low: np.float32,
    high: np.float32,
    block: NDArray[np.float32],
) -> None:
    """Times ``gain`` plus ``shift``, kept between ``low`` and ``high``."""
    for z in range(begin, end):
        for y in range(block.shape[1]):
            line = block[z, y]
            for x in range(line.shape[0]):
                line[x] = min(max(line[x] * gain + shift, low), high)


@compiled(
    "void(i8,i8,i8[:,::1],f4[::1],i8[:,::1],f4[::1],i8[:,::1],f4[::1],f4[:,:,::1],f4[:,:,::1])"
)
def pick_rows(
    begin: int,
    end: int,
    at_z: NDArray[np.int64],
    part_z: NDArray[np.float32],
    at_y: NDArray[np.int64],
    part_y: NDArray[np.float32],
    at_x: NDArray[np.int64],
    part_x: NDArray[np.float32],
    block: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Along each axis a voxel is ``(1 - part)`` of voxel ``at[0]`` and ``part`` of ``at[1]``."""
    width = block.shape[2]
    row = np.empty(width, F4)
    for z in range(begin, end):
        before, after, share = block[at_z[0, z]], block[at_z[1, z]], part_z[z]
        for y in range(block.shape[1]):
            y0, y1, part = at_y[0, y], at_y[1, y], part_y[y]
            for x in range(width):
                first = before[y0, x] + (after[y0, x] - before[y0, x]) * share
                second = before[y1, x] + (after[y1, x] - before[y1, x]) * share
                row[x] = first + (second - first) * part
            target = out[z, y]
            for x in range(width):
                value = row[at_x[0, x]]
                target[x] = value + (row[at_x[1, x]] - value) * part_x[x]
