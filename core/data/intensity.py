"""Noise, blur, brightness, contrast, low resolution and gamma, in nnU-Net's order, in torch.

Each block has its own drawn strength and is changed only where it was drawn; nothing is read back
from the device. :mod:`core.data.host` is the same at the speed of C, for the CPU.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.data.draws import Change

_MASK = 0xFFFFFFFF


def vary(block: Tensor, change: Change) -> Tensor:
    """``block`` (float32 ``[z, y, x]``) as ``change`` says."""
    if change.noise > 0:
        block = block + change.noise * noise(block.numel(), change.key, block.device).view_as(block)
    if change.blur is not None:
        block = _blur(block, [gauss(sigma) for sigma in change.blur])
    if change.brightness != 1:
        block = block * change.brightness
    if change.contrast != 1:
        block = _contrast(block, change.contrast)
    if change.zoom < 1:
        block = _coarsen(block, change.zoom)
    if change.negative != 1:
        block = -_gamma(-block, change.negative)
    return _gamma(block, change.gamma) if change.gamma != 1 else block


# Noise


@functools.cache
def normals() -> NDArray[np.float32]:
    """2^16 quantiles of the normal distribution, in order: noise is drawn by picking from them.

    Spread 1.0000, and at most 4.3: what lies beyond would be one voxel in 60,000.
    """
    places = (torch.arange(2**16, dtype=torch.float64) + 0.5) / 2**16
    return torch.special.ndtri(places).float().numpy()


def noise(count: int, key: tuple[int, int], device: torch.device) -> Tensor:
    """``count`` normal numbers, the same on every device: number i is a hash of ``key`` and i.

    Integers and a table only, so equal to the last bit everywhere.
    """
    index = torch.arange(count, dtype=torch.int64, device=device)
    hashed = _mix(_mix((index + key[0]) & _MASK) ^ key[1])
    return torch.from_numpy(normals()).to(device)[hashed >> 16]


def _mix(value: Tensor) -> Tensor:
    """A 32-bit hash in 64-bit integers: every bit moves every bit (lowbias32, C. Wellons 2018)."""
    value = ((value ^ (value >> 16)) * 0x7FEB352D) & _MASK
    value = ((value ^ (value >> 15)) * 0x846CA68B) & _MASK
    return value ^ (value >> 16)


# Blur, contrast, resolution, gamma


def gauss(sigma: float) -> NDArray[np.float32]:
    """Weights of a Gaussian of ``sigma`` voxels, out to four of them."""
    places = np.arange(-math.ceil(4 * sigma), math.ceil(4 * sigma) + 1)
    weights = np.exp(-0.5 * (places / sigma) ** 2)
    return (weights / weights.sum()).astype(np.float32)


def _blur(block: Tensor, kernels: Sequence[NDArray[np.float32]]) -> Tensor:
    """Along each axis; the edges are repeated outwards."""
    image = block[None, None]
    for axis, kernel in enumerate(kernels):
        shape = [1, 1, 1, 1, 1]
        shape[axis + 2] = len(kernel)
        edges = [0] * 6
        edges[4 - 2 * axis] = edges[5 - 2 * axis] = len(kernel) // 2
        weights = torch.from_numpy(kernel).to(block.device).view(shape)
        image = F.conv3d(F.pad(image, edges, mode="replicate"), weights)
    return image[0, 0]


def _contrast(block: Tensor, factor: float) -> Tensor:
    """Distances from the mean times ``factor``, kept within the block's own range."""
    mean = block.mean()
    low, high = torch.aminmax(block)
    return torch.minimum(torch.maximum((block - mean) * factor + mean, low), high)


def coarse(count: int, zoom: float) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """How an axis of ``count`` voxels looks at ``zoom`` of its resolution.

    Each voxel becomes ``(1 - part)`` of voxel ``at[0]`` and ``part`` of voxel ``at[1]``: the
    nearest voxels are kept (``nearest-exact``), and what lies between them is linear, as torch's
    ``interpolate`` has both. Returns at ``[2, count]`` and part ``[count]``.
    """
    small = max(1, round(count * zoom))
    kept = np.floor((np.arange(small) + 0.5) * count / small).astype(np.int64)
    place = np.clip((np.arange(count) + 0.5) * small / count - 0.5, 0, small - 1)
    first = place.astype(np.int64)
    second = np.minimum(first + 1, small - 1)
    return np.stack([kept[first], kept[second]]), (place - first).astype(np.float32)


def _coarsen(block: Tensor, zoom: float) -> Tensor:
    """Like a scan of thicker slices and larger pixels."""
    for axis in range(3):
        at, part = coarse(block.shape[axis], zoom)
        rows = torch.from_numpy(at).to(block.device)
        shape = [1, 1, 1]
        shape[axis] = -1
        weight = torch.from_numpy(part).to(block.device).view(shape)
        before, after = block.index_select(axis, rows[0]), block.index_select(axis, rows[1])
        block = before + (after - before) * weight
    return block


def _gamma(block: Tensor, gamma: float) -> Tensor:
    """Greys within the block's range to the power ``gamma``; mean and spread stay."""
    low, high = torch.aminmax(block)
    bent = ((block - low) / (high - low).clamp(min=1e-6)).pow(gamma)
    gain = block.std() / bent.std().clamp(min=1e-6)
    return (bent - bent.mean()) * gain + block.mean()
