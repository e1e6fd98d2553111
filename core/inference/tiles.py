"""Where the windows of a tiled prediction lie and how much each voxel of them counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from core.geometry import Zyx

#: A case up to this much longer than the patch is taken in one window along that axis: fewer
#: windows, and no seam.
STRETCH = 1.35
#: Width of the Gaussian as a share of the window; nnU-Net's value.
SIGMA = 0.125


def window_size(shape: Sequence[int], patch: Zyx, divisor: Zyx) -> Zyx:
    """Window (z, y, x) for a case of ``shape``: the patch, or the whole axis where it just fits.

    A multiple of ``divisor`` along each axis. May be larger than the case, which is then padded.
    """
    size = [
        math.ceil(n / d) * d if n <= p * STRETCH else p
        for n, p, d in zip(shape, patch, divisor, strict=True)
    ]
    return (size[0], size[1], size[2])


def smaller(window: Zyx, divisor: Zyx) -> Zyx | None:
    """``window`` with its longest axis about halved, a multiple of ``divisor``; None: none is left.

    An axis keeps at least twice its divisor: norms need more than one voxel in the deepest stage.
    """
    axes = [axis for axis in range(3) if window[axis] > 2 * divisor[axis]]
    if not axes:
        return None
    longest = max(axes, key=lambda axis: window[axis])
    step = divisor[longest]
    half = max(2, math.ceil(window[longest] / 2 / step)) * step
    z, y, x = (half if axis == longest else n for axis, n in enumerate(window))
    return (z, y, x)


def starts(shape: Sequence[int], window: Zyx, overlap: float) -> list[Zyx]:
    """First voxel of each window: evenly spread, overlapping by at least ``overlap`` (0-0.9)."""
    axes: list[list[int]] = []
    for n, w in zip(shape, window, strict=True):
        room = max(0, n - w)
        count = math.ceil(room / max(1.0, w * (1 - overlap))) + 1 if room else 1
        axes.append([round(i * room / max(1, count - 1)) for i in range(count)])
    return [(z, y, x) for z, y, x in product(*axes)]


def importance(window: Zyx) -> NDArray[np.float32]:
    """Weight of each voxel of a window ``[z, y, x]``: a Gaussian, 1 in the middle, never 0."""
    axes = [
        np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / max(1e-3, n * SIGMA)) ** 2) for n in window
    ]
    weight = np.einsum("i,j,k->ijk", *axes)
    # Far corners would underflow in the sum; a thousandth of the middle is as good as none.
    return np.maximum(weight / weight.max(), 1e-3).astype(np.float32)
