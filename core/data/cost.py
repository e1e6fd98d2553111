"""What a network costs, counted without building it: weights, multiplications, activations.

The number of weights is exact (a test compares it with the built networks); multiplications and
activations are what an honest count gives, to be turned into time and memory by measured rates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.data.plan import Plan
from core.geometry import Zyx


@dataclass(frozen=True, slots=True)
class Cost:
    """parameters: weights. multiplications: of one forward pass of one patch.

    activations: numbers kept of one patch for the backward pass.
    """

    parameters: int
    multiplications: float
    activations: float


@dataclass(slots=True)
class _Count:
    parameters: int = 0
    multiplications: float = 0.0
    activations: float = 0.0

    def conv(self, inputs: int, outputs: int, kernel: Zyx, voxels: float, bias: bool) -> None:
        weights = inputs * outputs * math.prod(kernel)
        self.parameters += weights + (outputs if bias else 0)
        self.multiplications += weights * voxels
        self.activations += outputs * voxels

    def norm(self, channels: int, voxels: float) -> None:
        # The normalised values are kept beside the convolution's; the rectifier works in place.
        self.parameters += 2 * channels
        self.activations += channels * voxels

    def residual_block(self, inputs: int, outputs: int, kernel: Zyx, voxels: float) -> None:
        self.conv(inputs, outputs, kernel, voxels, bias=False)
        self.norm(outputs, voxels)
        self.conv(outputs, outputs, kernel, voxels, bias=False)
        self.norm(outputs, voxels)
        if inputs != outputs:
            self.conv(inputs, outputs, (1, 1, 1), voxels, bias=False)


def count(plan: Plan) -> Cost:
    """The cost of ``plan``'s network on one of its patches."""
    total = _Count()
    voxels = _stage_voxels(plan)
    if plan.network == "segresnet":
        _segresnet(total, plan, voxels)
    else:
        _unet(total, plan, voxels)
    return Cost(total.parameters, total.multiplications, total.activations)


def _unet(total: _Count, plan: Plan, voxels: list[float]) -> None:
    previous = 1
    for width, blocks, kernel, n in zip(
        plan.channels, plan.blocks, plan.kernels, voxels, strict=True
    ):
        # DynUNet has one block a stage, whatever the plan says of blocks.
        for _ in range(1 if plan.network == "dynunet" else blocks):
            total.residual_block(previous, width, kernel, n)
            if plan.network == "dynunet":
                total.norm(width, n)  # of its projection beside the block
            previous = width
    for i in reversed(range(len(plan.channels) - 1)):
        width, n = plan.channels[i], voxels[i]
        # A transposed convolution multiplies once for each of its *input* voxels and kernel taps.
        stride, bias = plan.strides[i + 1], plan.network != "dynunet"
        total.conv(plan.channels[i + 1], width, stride, voxels[i + 1], bias)
        total.activations += width * (n - voxels[i + 1]) + 2 * width * n
        total.conv(2 * width, width, plan.kernels[i], n, bias=False)
        total.norm(width, n)
        if plan.network == "dynunet":
            # Its decoder has a whole convolution more where ours has one.
            total.conv(width, width, plan.kernels[i], n, bias=False)
            total.norm(width, n)
        if i == 0 or plan.deep_supervision:
            total.conv(width, plan.outputs, (1, 1, 1), n, bias=True)


def _segresnet(total: _Count, plan: Plan, voxels: list[float]) -> None:
    kernel: Zyx = (3, 3, 3)
    first = plan.channels[0]
    total.conv(1, first, kernel, voxels[0], bias=False)
    for i, (blocks, n) in enumerate(zip(plan.blocks, voxels, strict=True)):
        width = first * 2**i
        if i > 0:
            total.conv(width // 2, width, kernel, n, bias=False)
        for _ in range(blocks):
            total.residual_block(width, width, kernel, n)
    for i in reversed(range(len(plan.channels) - 1)):
        width = first * 2**i
        total.conv(2 * width, width, (1, 1, 1), voxels[i + 1], bias=False)
        total.residual_block(width, width, kernel, voxels[i])
    total.norm(first, voxels[0])
    total.conv(first, plan.outputs, (1, 1, 1), voxels[0], bias=True)


def _stage_voxels(plan: Plan) -> list[float]:
    """Voxels of one patch at each stage."""
    voxels: list[float] = []
    n = float(math.prod(plan.patch))
    for stride in plan.strides:
        n /= math.prod(stride)
        voxels.append(n)
    return voxels
