"""What happens to each block, drawn on the CPU: the same seed, the same changes on every device.

Probabilities and ranges are those of nnU-Net 2.8 (``nnUNetTrainer.get_training_transforms`` with
batchgeneratorsv2 0.3) for images of one channel, where its two chances, for the block and for the
channel, are one. Ours differ in this: turns are made in mm, not in voxels, so thick slices do not
shear; blocks of single slices turn in their plane only; blocks that are neither turned, scaled nor
bent are cut at whole voxels and never interpolated, as a prediction's windows are. What a plan
asks for unless told otherwise is milder and more frequent than nnU-Net's own, which
:data:`core.data.nnunet.AUGMENTATION` asks for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from core.data.plan import Plan
from core.geometry import Triple

#: Chances of a block: noise, blur, brightness, contrast, low resolution, gamma of the negative,
#: gamma. Blur and low resolution are drawn twice in nnU-Net: 0.2 and 0.25 times 0.5 a channel.
NOISE, BLUR, BRIGHTNESS, CONTRAST, COARSE, NEGATIVE, GAMMA = 0.1, 0.1, 0.15, 0.15, 0.125, 0.1, 0.3
#: Largest spread of the noise, in units of the normalised image. (nnU-Net draws a "variance" up
#: to this and uses it as the spread.)
NOISE_SIGMA = 0.1
#: Share of blocks that are bent where the plan asks for it; nnU-Net 1 used 0.2.
BENT = 0.2
#: Cells of the bending lattice along each axis, and how far its knots move at most, in shares of
#: the block's shortest extent in mm. 0.06 over cells of 0.25 cannot fold space: neighbours differ
#: by less than their distance.
CELLS, BEND = 4, 0.06


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one block.

    matrix: 3 x 3 from an offset in the block to one in the volume, voxels z, y, x. knots: cubic
    B-spline displacements ``[3, CELLS + 3, CELLS + 3, CELLS + 3]`` in voxels of the block, or None.
    noise: its spread; key: what its voxels are made of. blur: spreads z, y, x in voxels, or None.
    brightness, contrast: factors. zoom: size of the low resolution. negative, gamma: exponents.
    1 (0 for noise) leaves the block as it is.
    """

    matrix: NDArray[np.float64]
    knots: NDArray[np.float64] | None = None
    noise: float = 0.0
    key: tuple[int, int] = (0, 0)
    blur: Triple | None = None
    brightness: float = 1.0
    contrast: float = 1.0
    zoom: float = 1.0
    negative: float = 1.0
    gamma: float = 1.0

    @property
    def straight(self) -> bool:
        """Whether the block is only cut and mirrored, so that its voxels are the volume's."""
        return self.knots is None and bool((np.abs(self.matrix) == np.eye(3)).all())


def draw(plan: Plan, generator: Generator) -> Change:
    """The next change. As many numbers are drawn whatever the plan asks for, but for bending."""
    u: list[float] = torch.rand(32, generator=generator, dtype=torch.float64).tolist()
    knots = _knots(plan, generator) if plan.elastic and u[10] < BENT else None
    blur = (0.5 + 0.5 * u[16], 0.5 + 0.5 * u[17], 0.5 + 0.5 * u[18])
    return Change(
        matrix=_matrix(plan, u[:10]),
        knots=knots,
        noise=NOISE_SIGMA * u[12] if plan.noise and u[11] < NOISE else 0.0,
        key=(int(u[13] * 2**32), int(u[14] * 2**32)),
        blur=blur if plan.blur and u[15] < BLUR else None,
        brightness=0.75 + 0.5 * u[20] if plan.contrast and u[19] < BRIGHTNESS else 1.0,
        contrast=0.75 + 0.5 * u[22] if plan.contrast and u[21] < CONTRAST else 1.0,
        zoom=0.5 + 0.5 * u[24] if plan.low_resolution and u[23] < COARSE else 1.0,
        negative=_exponent(u[26:28]) if plan.gamma and u[25] < NEGATIVE else 1.0,
        gamma=_exponent(u[29:31]) if plan.gamma and u[28] < GAMMA else 1.0,
    )


def _exponent(u: Sequence[float]) -> float:
    """0.7 to 1.5, as often below 1 as above."""
    return 0.7 + 0.3 * u[1] if u[0] < 0.5 else 1 + 0.5 * u[1]


def _matrix(plan: Plan, u: Sequence[float]) -> NDArray[np.float64]:
    matrix = np.eye(3)
    if plan.rotation_degrees > 0 and u[0] < plan.spatial_share:
        spacing = np.asarray(plan.spacing)
        angles = [math.radians(plan.rotation_degrees) * (2 * v - 1) for v in u[1:4]]
        turn = _rotation(angles[:1] if plan.flat else angles)
        # Turned in mm, or thick slices would shear.
        matrix = turn * spacing[None, :] / spacing[:, None]
    if plan.scaling > 0 and u[4] < plan.spatial_share:
        # 0.4 is nnU-Net's 0.7 to 1.4: more than 1 makes things smaller.
        factors = np.full(3, 1 - 0.75 * plan.scaling + 1.75 * plan.scaling * u[5])
        if plan.flat:
            factors[0] = 1
        matrix = matrix * factors[None, :]
    if plan.mirror:
        matrix = matrix * np.where(np.asarray(u[6:9]) < 0.5, -1.0, 1.0)[None, :]
    return matrix


def _rotation(angles: Sequence[float]) -> NDArray[np.float64]:
    """Rotation about z, then y, then x, for offsets z, y, x."""
    result = np.eye(3)
    for axis, angle in enumerate(angles):
        first, second = (a for a in range(3) if a != axis)
        one = np.eye(3)
        one[first, first] = one[second, second] = math.cos(angle)
        one[first, second], one[second, first] = -math.sin(angle), math.sin(angle)
        result = result @ one
    return result


def _knots(plan: Plan, generator: Generator) -> NDArray[np.float64]:
    """Displacements of the knots, evenly up to a drawn limit, in voxels of the block."""
    count = CELLS + 3
    drawn = torch.rand(3 * count**3 + 1, generator=generator, dtype=torch.float64).numpy()
    spacing, patch = np.asarray(plan.spacing), np.asarray(plan.patch)
    extents = (spacing * patch)[1 if plan.flat else 0 :]
    limit = BEND * float(extents.min()) * float(drawn[-1])
    knots = (2 * drawn[:-1].reshape(3, count, count, count) - 1) * limit
    if plan.flat:
        knots[0] = 0
    return np.ascontiguousarray(knots / spacing[:, None, None, None])


def spline(count: int) -> NDArray[np.float64]:
    """Weights ``[count, CELLS + 3]`` of the knots for each voxel of an axis (uniform B-spline)."""
    place = (np.arange(count) + 0.5) / count * CELLS
    cell = np.minimum(place.astype(int), CELLS - 1)
    t = place - cell
    four = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3])
    weights = np.zeros((count, CELLS + 3))
    for k in range(4):
        weights[np.arange(count), cell + k] = four[k] / 6
    return weights
