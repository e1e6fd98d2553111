"""Batches from resident cases: one affine read a block, then intensity changes on the whole batch.

Crop, rotation, scaling and mirroring are one interpolated read of the box of the volume they touch;
nothing is resampled twice and no worker processes are needed. Which changes happen and how strong
they are is drawn on the CPU, so that the same seed makes the same batches on every device; only
the voxels of the noise come from the device's own generator.
Probabilities and ranges are nnU-Net's defaults (Isensee et al., Nature Methods 2021) where the
plan does not say otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.data.cache import Case
from core.data.inputs import network_input
from core.data.plan import Plan
from core.data.sampler import Block

#: Share of blocks that are turned, and that are scaled.
TURN, SCALE = 0.5, 0.5


@dataclass(frozen=True, slots=True)
class Batch:
    """image: float32 ``[b, plan.inputs, z, y, x]``. target: int64 channels ``[b, z, y, x]``.

    In target :data:`IGNORE` stands where nobody is sure. known: bool ``[b, plan.outputs]``, which
    channels are outlined in the case of each block; None when all are in all cases.
    """

    image: Tensor
    target: Tensor
    known: Tensor | None = None

    def pieces(self, count: int) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Image, target and known of ``count`` parts of the batch, one after the other."""
        images, targets = self.image.chunk(count), self.target.chunk(count)
        known = [None] * len(images) if self.known is None else self.known.chunk(count)
        yield from zip(images, targets, known, strict=True)

    @classmethod
    def joined(cls, parts: Sequence[Batch]) -> Batch:
        """One batch of several."""
        known = None
        if any(part.known is not None for part in parts):
            count = next(p.known.shape[1] for p in parts if p.known is not None)
            known = torch.cat(
                [
                    part.target.new_ones((len(part.target), count), dtype=torch.bool)
                    if part.known is None
                    else part.known
                    for part in parts
                ]
            )
        return cls(torch.cat([p.image for p in parts]), torch.cat([p.target for p in parts]), known)


class Augmenter:
    """Cuts and varies blocks of the cases, which it keeps on ``device`` where they fit."""

    def __init__(
        self,
        cases: Sequence[Case],
        plan: Plan,
        generator: Generator,
        device: torch.device,
        resident: bool = True,
    ) -> None:
        self._plan = plan
        self._generator = generator
        self._device = device
        place = device if resident else torch.device("cpu")
        self._images = [torch.from_numpy(np.asarray(case.image)).to(place) for case in cases]
        self._labels = [torch.from_numpy(np.asarray(case.label)).to(place) for case in cases]
        self._noise = torch.Generator(device)
        axes = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in plan.patch]
        self._offsets = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).to(device)

    def batch(self, blocks: Sequence[Block]) -> Batch:
        """The blocks, varied as the plan says."""
        images: list[Tensor] = []
        targets: list[Tensor] = []
        matrices = [self._matrix() for _ in blocks]
        for block, matrix in zip(blocks, matrices, strict=True):
            image, target = self._read(block, matrix)
            images.append(image)
            targets.append(target)
        return Batch(
            network_input(
                self._vary(torch.stack(images)[:, None]),
                self._plan,
                [self._images[block.case].shape for block in blocks],
                [block.centre for block in blocks],
                torch.from_numpy(np.stack(matrices)),
            ),
            torch.stack(targets),
        )

    # Where to read

    def _matrix(self) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """3 x 3 from an offset in the block to an offset in the volume, voxels z, y, x."""
        plan = self._plan
        u = self._uniform(9)
        matrix = np.eye(3)
        if plan.rotation_degrees > 0 and u[0] < TURN:
            spacing = np.asarray(plan.spacing)
            turn = _rotation([math.radians(plan.rotation_degrees) * (2 * v - 1) for v in u[1:4]])
            # Turned in mm, or thick slices would shear.
            matrix = turn * spacing[None, :] / spacing[:, None]
        if plan.scaling > 0 and u[4] < SCALE:
            matrix = matrix * (1 + plan.scaling) ** (2 * u[5] - 1)
        if plan.mirror:
            matrix = matrix * np.where(np.asarray(u[6:9]) < 0.5, -1.0, 1.0)[None, :]
        return matrix

    def _read(
        self, block: Block, matrix: np.ndarray[tuple[int, int], np.dtype[np.float64]]
    ) -> tuple[Tensor, Tensor]:
        """Normalised image and channels of one block; outside the volume lies air."""
        plan = self._plan
        image, label = self._images[block.case], self._labels[block.case]
        half = (np.asarray(plan.patch) - 1) / 2
        reach = np.abs(matrix) @ half
        low = np.floor(np.asarray(block.centre) - reach).astype(int) - 1
        high = np.ceil(np.asarray(block.centre) + reach).astype(int) + 2
        shape = np.asarray(image.shape)
        low, high = np.clip(low, 0, shape - 1), np.clip(high, 1, shape)
        box = tuple(slice(int(a), max(int(a) + 1, int(b))) for a, b in zip(low, high, strict=True))
        part = image[box].to(self._device, torch.float32)
        # Zero outside after this shift, which is what grid_sample puts there.
        part = part.clamp(plan.hu_low, plan.hu_high) - plan.hu_low
        classes = label[box].to(self._device)
        planes = [part, *((classes == c).float() for c in range(1, plan.outputs))]
        turn = torch.from_numpy(matrix.T.astype(np.float32)).to(self._device)
        centre = torch.tensor(np.asarray(block.centre) - low, dtype=torch.float32)
        points = self._offsets @ turn + centre.to(self._device)
        size = torch.tensor(part.shape, dtype=torch.float32).to(self._device)
        grid = ((2 * points + 1) / size - 1).flip(-1)
        read = F.grid_sample(
            torch.stack(planes)[None], grid[None], mode="bilinear", align_corners=False
        )[0]
        inside = read[1:]
        best, channel = inside.max(0)
        background = 1 - inside.sum(0)
        target = torch.where(best >= background, channel + 1, 0)
        return (read[0] + (plan.hu_low - plan.hu_mean)) / plan.hu_std, target

    # What to do with it

    def _vary(self, images: Tensor) -> Tensor:
        """Intensity changes, each for some of the samples ``[b, 1, z, y, x]``."""
        self._noise.manual_seed(int(self._uniform(1)[0] * 2**31))
        return torch.cat([self._vary_one(one) for one in images.split(1)])

    def _vary_one(self, image: Tensor) -> Tensor:
        """Noise, blur, brightness, contrast, low resolution and gamma, in nnU-Net's order."""
        plan = self._plan
        u = self._uniform(14)
        if plan.noise and u[0] < 0.1:
            noise = torch.randn(image.shape, generator=self._noise, device=image.device)
            image = image + noise * math.sqrt(0.1 * u[1])
        if plan.blur and u[2] < 0.2:
            image = _blur(image, 0.5 + 0.5 * u[3])
        if plan.contrast and u[4] < 0.15:
            image = image * (0.75 + 0.5 * u[5])
        if plan.contrast and u[6] < 0.15:
            image = _contrast(image, 0.75 + 0.5 * u[7])
        if plan.low_resolution and u[8] < 0.25:
            image = _coarsen(image, 0.5 + 0.5 * u[9])
        if plan.gamma and u[10] < 0.1:
            image = -_gamma(-image, 0.7 + 0.8 * u[11])
        if plan.gamma and u[12] < 0.3:
            image = _gamma(image, 0.7 + 0.8 * u[13])
        return image

    def _uniform(self, count: int) -> list[float]:
        return torch.rand(count, generator=self._generator, dtype=torch.float64).tolist()


def _rotation(angles: Sequence[float]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Rotation about z, then y, then x, for offsets z, y, x."""
    result = np.eye(3)
    for axis, angle in enumerate(angles):
        first, second = (a for a in range(3) if a != axis)
        one = np.eye(3)
        one[first, first] = one[second, second] = math.cos(angle)
        one[first, second], one[second, first] = -math.sin(angle), math.sin(angle)
        result = result @ one
    return result


def _blur(image: Tensor, sigma: float) -> Tensor:
    """Gaussian along each axis, ``sigma`` in voxels."""
    radius = max(1, math.ceil(3 * sigma))
    places = torch.arange(-radius, radius + 1, dtype=torch.float32, device=image.device)
    kernel = torch.exp(-(places**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    for axis in range(3):
        shape = [1, 1, 1, 1, 1]
        shape[axis + 2] = len(kernel)
        pad = [0] * 6
        pad[2 * (2 - axis)] = pad[2 * (2 - axis) + 1] = radius
        image = F.conv3d(F.pad(image, pad, mode="replicate"), kernel.view(shape))
    return image


def _contrast(image: Tensor, factor: float) -> Tensor:
    """Distances from the mean times ``factor``, kept within the block's own range."""
    mean, low, high = image.mean(), image.amin(), image.amax()
    return torch.minimum(torch.maximum((image - mean) * factor + mean, low), high)


def _coarsen(image: Tensor, zoom: float) -> Tensor:
    """Nearest down to ``zoom`` of the size, linear back up: like thicker slices."""
    size = [max(1, round(n * zoom)) for n in image.shape[2:]]
    small = F.interpolate(image, size=size, mode="nearest-exact")
    return F.interpolate(small, size=image.shape[2:], mode="trilinear", align_corners=False)


def _gamma(image: Tensor, gamma: float) -> Tensor:
    """Greys within the block's range to the power ``gamma``; mean and spread stay."""
    mean, std, low = image.mean(), image.std(), image.amin()
    span = (image.amax() - low).clamp(min=1e-6)
    bent = ((image - low) / span).clamp(min=1e-7) ** gamma
    return (bent - bent.mean()) / bent.std().clamp(min=1e-6) * std + mean
