"""What a network sees of a block: its greys and, where the plan says so, where in the image it is.

The one place that makes network inputs: blocks of training and windows of a prediction both come
through here, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.data.plan import POSITIONS, Plan
from core.geometry import Triple, Zyx

#: mm of the first position channels that count as one, and below which they begin: the network's
#: inputs then lie round 0.
REACH_MM = 50.0
#: Limits of the position channels: far inside a whole body, and outside of the image.
LOW, HIGH = -2.0, 4.0


def cut_size(plan: Plan) -> Zyx:
    """Voxels (z, y, x) cut of a case for one block: the patch, and the slices seen with it."""
    z, y, x = plan.patch
    return (z + plan.slices - 1, y, x)


def with_neighbours(cut: Tensor, plan: Plan) -> Tensor:
    """``[b, 1, *cut_size]`` as ``[b, plan.slices, *patch]``: 2.5-D, where the plan says so.

    Neighbouring slices become channels, in their order, with the slice itself in the middle.
    """
    return cut.transpose(1, 2) if plan.slices > 1 else cut


def edge_rows(centre: float, step: float, plan: Plan, slices: int) -> Tensor:
    """Which slices of a cut to take as its slices, so that a case's last slice goes on beyond it.

    centre: slice of the case in the middle of the cut. step: slices of the case from one slice of
    the cut to the next; -1 when it is mirrored. slices: of the case. Predictions pad a case in the
    same way (:func:`core.inference.predict.predict_image`).
    """
    half = plan.slices // 2
    places = centre + step * torch.arange(-half, half + 1, dtype=torch.float64)
    inside = places.round().clamp(0, slices - 1)
    return ((inside - centre) / step).round().long().clamp(-half, half) + half


def network_input(
    image: Tensor,
    plan: Plan,
    shapes: Sequence[Sequence[int]],
    centres: Sequence[Triple],
    matrices: Tensor | None = None,
) -> Tensor:
    """The network's input ``[b, plan.inputs, z, y, x]`` of blocks of normalised HU.

    image: ``[b, plan.slices, z, y, x]``. shapes: voxels (z, y, x) of the whole case of each block
    on the plan's grid. centres: the voxel of the case in the middle of each block. matrices:
    ``[b, 3, 3]`` from an offset in the block to an offset in the case, both in voxels z, y, x;
    None: the block lies in the case as it is.
    """
    if not plan.position:
        return image
    places = [
        _positions(
            tuple(image.shape[2:]),
            shape,
            plan.spacing,
            centre,
            torch.eye(3) if matrices is None else matrices[i],
        )
        for i, (shape, centre) in enumerate(zip(shapes, centres, strict=True))
    ]
    return torch.cat([image, torch.stack(places).to(image)], 1)


def _positions(
    size: Sequence[int], shape: Sequence[int], spacing: Triple, centre: Triple, matrix: Tensor
) -> Tensor:
    """Six channels ``[6, z, y, x]``: for each axis the way to the nearer face and to the middle.

    The way to the face in :data:`REACH_MM`; the way to the middle as a share of half the image,
    from -1 (middle) to 1 (face). Neither tells a side of the image from the other, so mirrored
    blocks and mirrored predictions need nothing of their own. True places, however the block was
    turned and scaled: they say where in the image a voxel was read, but for elastic bending. After
    CoordConv (Liu et al., NeurIPS 2018).
    """
    turn = matrix.to(torch.float64)
    offsets = [torch.arange(n, dtype=torch.float64) - (n - 1) / 2 for n in size]
    channels: list[Tensor] = []
    for axis in range(3):
        half = shape[axis] / 2
        z, y, x = (turn[axis, other] * offsets[other] for other in range(3))
        # From the middle of the image; voxel 0 ends half a voxel before its face.
        way = z[:, None, None] + y[:, None] + x + (centre[axis] + 0.5 - half)
        way = way.abs().float()
        channels.append((half - way) * (spacing[axis] / REACH_MM) - 1)
        channels.append(way * (2 / half) - 1)
    assert len(channels) == POSITIONS  # noqa: S101 - the plan counts on it
    return torch.stack(channels).clamp(LOW, HIGH)
