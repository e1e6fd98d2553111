"""How a network is laid out over a block: patch, strides and kernels, in 3-D, 2-D and 2.5-D.

By nnU-Net's published rules (Isensee et al., Nature Methods 2021, and its code): axes are halved
and convolved along when their voxels are about as fine as the others'; images whose slices are
more than three times as thick as their pixels are wide, and that have few of them, are for 2-D
networks. A 2-D network here is a 3-D one with blocks of a single slice and kernels 1 × 3 × 3, so
everything round it stays the same; in 2.5-D its input channels are the slice and its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from core.data.figures import Figures
from core.data.plan import Plan
from core.geometry import Triple, Zyx

Dimensions = Literal["auto", "3d", "2.5d", "2d"]

#: nnU-Net's ANISO_THRESHOLD: by this factor slices are thick, and fewer than pixels in a row.
ANISOTROPY = 3.0
#: Slices seen in 2.5-D unless told otherwise: slices that thick show little of what lies two on.
SLICES = 3
#: Largest side of a 2-D patch in pixels; nnU-Net's patches end at about 512 on a card of 8 GB.
SIDE = 320
#: Largest batch of single slices; beyond it steps get slower, not better.
BATCH = 32
#: SwinUNETR's widths at each stage as multiples of the first; it halves five times.
_SWIN = (1, 1, 2, 4, 8, 16)


def layout(
    wanted: Triple, spacing: Triple, channels: Sequence[int]
) -> tuple[Zyx, tuple[Zyx, ...], tuple[Zyx, ...]]:
    """Patch, strides and kernels for a wanted size (voxels z, y, x) at ``spacing`` (mm).

    As nnU-Net does it: axes twice as coarse as the finest are neither halved nor convolved across
    until the others have caught up, and no axis is halved below 4 voxels. A wanted size of one
    slice stays one, without kernels across slices. May return fewer stages than ``channels`` when
    the patch is too small for all.
    """
    flat = wanted[0] == 1
    # Slices that never catch up are never convolved across.
    size, current = list(wanted), [math.inf if flat else spacing[0], *spacing[1:]]
    level = [False, False, False]  # axes that are as fine as the others, or have caught up
    strides: list[Zyx] = [(1, 1, 1)]
    kernels: list[Zyx] = []
    for stage in range(len(channels)):
        level = [done or c < 2 * min(current) for done, c in zip(level, current, strict=True)]
        kernel = [3 if fine else 1 for fine in level]
        kernels.append((kernel[0], kernel[1], kernel[2]))
        # 6 rounds up to 8 below; what is left is then at least 4 voxels.
        stride = [2 if fine and n >= 6 else 1 for fine, n in zip(level, size, strict=True)]
        if stage == len(channels) - 1 or stride == [1, 1, 1]:
            break
        strides.append((stride[0], stride[1], stride[2]))
        size = [n / s for n, s in zip(size, stride, strict=True)]
        current = [c * s for c, s in zip(current, stride, strict=True)]
    divisor = [math.prod(s[axis] for s in strides) for axis in range(3)]
    z, y, x = (max(d, round(n / d) * d) for n, d in zip(wanted, divisor, strict=True))
    return (1 if flat else max(8, z), max(8, y), max(8, x)), tuple(strides), tuple(kernels)


def thick_slices(figures: Figures, spacing: Triple) -> bool:
    """Whether a plan on a grid of ``spacing`` mm for these images should see single slices.

    nnU-Net's two conditions on the images, and the grid still as uneven as they are.
    """
    thick, *fine = figures.median_spacing
    if min(*fine, thick) <= 0:
        return False
    slices, *pixels = (
        mm / step for mm, step in zip(figures.median_size_mm, figures.median_spacing, strict=True)
    )
    uneven = thick > ANISOTROPY * max(fine) and spacing[0] > ANISOTROPY * max(spacing[1:])
    return uneven and slices * ANISOTROPY < min(pixels)


def flattened(plan: Plan, slices: int = SLICES) -> Plan:
    """``plan`` seeing single slices, each with ``slices`` - 1 neighbours (1: plain 2-D).

    Blocks show as much of a slice as there is, up to :data:`SIDE` pixels; as many of them make a
    step as give it the voxels it had.
    """
    extent = plan.figures.median_size_mm
    sides = [
        min(SIDE, mm / step) if mm > 0 else n
        for mm, step, n in zip(extent[1:], plan.spacing[1:], plan.patch[1:], strict=True)
    ]
    return replace(plan, **suited(plan, {"patch": (1, *map(round, sides)), "slices": slices}))


def framed(plan: Plan, dimensions: Dimensions) -> Plan:
    """The 3-D ``plan`` as asked for; ``auto``: 2.5-D for :func:`thick_slices`, else as it is."""
    if dimensions == "auto":
        dimensions = "2.5d" if thick_slices(plan.figures, plan.spacing) else "3d"
    return plan if dimensions == "3d" else flattened(plan, SLICES if dimensions == "2.5d" else 1)


def suited(plan: Plan, changes: Mapping[str, Any]) -> dict[str, Any]:
    """``changes`` of a plan's fields with what a network's layout then needs beside them.

    A change of the network, or to or from single slices, brings patch, stages, batch and loss along
    unless ``changes`` say how the network is to halve and convolve. Everything else stays as asked.
    """
    patch: Zyx = changes.get("patch", plan.patch)
    network: str = changes.get("network", plan.network)
    flat = patch[0] == 1
    told = {"strides", "kernels"} & set(changes)
    if told or (network == plan.network and flat == plan.flat):
        return dict(changes)
    found: dict[str, Any] = _stages(
        network, patch, changes.get("spacing", plan.spacing), changes.get("channels", plan.channels)
    )
    count = len(found["strides"])
    blocks = (*plan.blocks, *[plan.blocks[-1]] * count)[:count]
    found |= {"blocks": blocks, "deep_supervision": plan.deep_supervision}
    if network not in ("residual_unet", "dynunet"):
        found["deep_supervision"] = False
    if flat != plan.flat:
        found |= {"batch": _batch(plan, found["patch"]), "batch_dice": flat}
        if not flat:
            found["slices"] = 1
    # The patch asked for is rounded to what the network can halve.
    return {**found, **{key: value for key, value in changes.items() if key not in _ROUNDED}}


#: What of the user's own wishes is brought to what fits.
_ROUNDED = ("patch", "channels")


def _stages(
    network: str, patch: Zyx, spacing: Triple, channels: Sequence[int]
) -> dict[str, tuple[Any, ...]]:
    """Patch, channels, strides and kernels of a network; the checks say what it cannot do."""
    if network == "swin_unetr":
        first = max(12, round(channels[0] / 12) * 12)
        sides = [max(32, round(n / 32) * 32) for n in patch]
        if sides == [32, 32, 32]:
            sides[2] = 64  # a single voxel at the deepest stage cannot be normalised
        return {
            "patch": tuple(sides),
            "channels": tuple(first * times for times in _SWIN),
            "strides": ((1, 1, 1), *((2, 2, 2),) * 5),
            "kernels": ((3, 3, 3),) * 6,
        }
    if network == "segresnet":
        # It halves all axes at each stage, so the shortest one says how often.
        count = max(1, min(len(channels) - 1, int(math.log2(max(8, min(patch)) / 4))))
        step = 2**count
        return {
            "patch": tuple(max(8, round(n / step) * step) for n in patch),
            "channels": tuple(channels[: count + 1]),
            "strides": ((1, 1, 1), *((2, 2, 2),) * count),
            "kernels": ((3, 3, 3),) * (count + 1),
        }
    size, strides, kernels = layout(patch, spacing, channels)
    widths = tuple(channels[: len(strides)])
    return {"patch": size, "channels": widths, "strides": strides, "kernels": kernels}


def _batch(plan: Plan, patch: Zyx) -> int:
    """Blocks a step so that it sees about the voxels it saw, in whole shares for all workers."""
    share = math.lcm(plan.accumulation, plan.processes)
    wanted = plan.batch * math.prod(plan.patch) / math.prod(patch)
    return max(1, round(min(BATCH, max(2.0, wanted)) / share)) * share
