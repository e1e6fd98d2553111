"""Crop, rotation, scaling, mirrors and bending as one interpolated read of a resident volume.

A voxel of a block at offset o from its middle shows the volume at ``centre + matrix (o + bend)``:
greys linearly between eight voxels, labels by the largest share of them; outside lies air. In torch
for any device; :mod:`core.data.host` is the same at the speed of C, for the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.data.draws import Change, spline
from core.data.plan import Plan
from core.geometry import Triple, Zyx
from core.labels.schema import IGNORE


@dataclass(frozen=True, slots=True)
class Window:
    """Which voxels of a volume a block of ``size`` touches, and where ``change`` finds them.

    centre: voxel of the volume at the block's middle. low, high: the box read, from voxel ``low``
    (-1 or more, so with a border of air) up to, not including, ``high``.
    """

    size: Zyx
    centre: Triple
    change: Change
    low: NDArray[np.int64]
    high: NDArray[np.int64]


def settle(centre: Triple, size: Zyx, change: Change) -> Triple:
    """Where a block's middle really lies: what is only cut starts at a whole voxel."""
    if not change.straight:
        return centre
    z, y, x = (round(c - (n - 1) / 2) + (n - 1) / 2 for c, n in zip(centre, size, strict=True))
    return (z, y, x)


def window(shape: Zyx, centre: Triple, size: Zyx, change: Change) -> Window:
    """What a block needs of a volume of ``shape`` voxels."""
    reach = (np.asarray(size) - 1) / 2
    if change.knots is not None:
        reach = reach + np.abs(change.knots).max((1, 2, 3))
    reach = np.abs(change.matrix) @ reach
    end = np.asarray(shape)
    low = np.clip(np.floor(centre - reach).astype(np.int64) - 1, -1, end - 1)
    high = np.clip(np.ceil(centre + reach).astype(np.int64) + 2, low + 2, end + 1)
    return Window(size, centre, change, low, high)


def kinds(plan: Plan) -> tuple[int, ...]:
    """Values of a preprocessed label beside 0: the plan's channels and what is ignored."""
    ignored = (IGNORE,) if plan.ignore_value is not None else ()
    return (*range(1, plan.outputs), *ignored)


def read(
    image: Tensor, label: Tensor, plan: Plan, where: Window, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Normalised image, float32 ``[z, y, x]``, and its int64 labels, both on ``device``.

    image: int16 HU, label: uint8, both ``[z, y, x]`` of the whole volume, on any device.
    """
    ends = zip(where.low.tolist(), where.high.tolist(), image.shape, strict=True)
    pieces = [
        (max(low, 0), min(high, end), max(-low, 0), max(high - end, 0)) for low, high, end in ends
    ]
    box = tuple(slice(begin, end) for begin, end, _, _ in pieces)
    border = [n for _, _, before, after in reversed(pieces) for n in (before, after)]
    greys = image[box].to(device, torch.float32, non_blocking=True)
    names = F.pad(label[box].to(device, non_blocking=True), border)
    # Zero outside after this shift.
    greys = F.pad(greys.clamp(plan.hu_low, plan.hu_high) - plan.hu_low, border)
    if where.change.straight:
        greys, names = _cut(greys, names, where)
        target = names.long()
    else:
        greys, target = _between(greys, names, plan, where)
    return (greys + (plan.hu_low - plan.hu_mean)) / plan.hu_std, target


def _cut(greys: Tensor, names: Tensor, where: Window) -> tuple[Tensor, Tensor]:
    """The block's voxels as they are, mirrored, out of a box that may end short of it."""
    into: list[slice] = []
    out_of: list[slice] = []
    for centre, n, low, high in zip(where.centre, where.size, where.low, where.high, strict=True):
        first = round(centre - (n - 1) / 2)
        begin = max(first, int(low))
        end = max(begin, min(first + n, int(high)))
        into.append(slice(begin - first, end - first))
        out_of.append(slice(begin - int(low), end - int(low)))
    mirrored = [axis for axis in range(3) if where.change.matrix[axis, axis] < 0]
    block, labels = greys.new_zeros(where.size), names.new_zeros(where.size)
    block[tuple(into)] = greys[tuple(out_of)]
    labels[tuple(into)] = names[tuple(out_of)]
    return block.flip(mirrored), labels.flip(mirrored)


def _between(greys: Tensor, names: Tensor, plan: Plan, where: Window) -> tuple[Tensor, Tensor]:
    values = kinds(plan)
    planes = torch.stack([greys, *((names == value).float() for value in values)])
    size = torch.tensor(greys.shape, dtype=torch.float32).to(greys.device)
    grid = ((2 * points(where, greys.device) + 1) / size - 1).flip(-1)
    # A border's worth of air is in the box; what lies beyond it is more of the same.
    got = F.grid_sample(planes[None], grid[None], padding_mode="border", align_corners=False)[0]
    shares = got[1:]
    best, which = shares.max(0)
    named = torch.tensor(values).to(greys.device)[which]
    return got[0], torch.where(best >= 1 - shares.sum(0), named, 0)


def points(where: Window, device: torch.device) -> Tensor:
    """Voxels of the box ``[z, y, x, 3]`` that a block's voxels show."""
    axes = [torch.arange(n, dtype=torch.float32, device=device) - (n - 1) / 2 for n in where.size]
    offsets = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)
    if where.change.knots is not None:
        along = [torch.from_numpy(spline(n)).float().to(device) for n in where.size]
        knots = torch.from_numpy(where.change.knots).float().to(device)
        offsets = offsets + torch.einsum("za,yb,xc,dabc->zyxd", *along, knots)
    turn = torch.from_numpy(where.change.matrix.T.astype(np.float32)).to(device)
    centre = torch.from_numpy(np.asarray(where.centre) - where.low).float()
    return offsets @ turn + centre.to(device)
