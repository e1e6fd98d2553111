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

    def norm(self, channels: int, voxels: float, affine: bool = True) -> None:
        # The normalised values are kept beside the convolution's; the rectifier works in place.
        self.parameters += 2 * channels if affine else 0
        self.activations += channels * voxels

    def residual_block(self, inputs: int, outputs: int, kernel: Zyx, voxels: float) -> None:
        """Ours and SegResNet's: the input is projected where its width changes, without a norm."""
        self.conv(inputs, outputs, kernel, voxels, bias=False)
        self.norm(outputs, voxels)
        self.conv(outputs, outputs, kernel, voxels, bias=False)
        self.norm(outputs, voxels)
        if inputs != outputs:
            self.conv(inputs, outputs, (1, 1, 1), voxels, bias=False)

    def unet_block(
        self, inputs: int, outputs: int, kernel: Zyx, voxels: float, *, project: bool, affine: bool
    ) -> None:
        """MONAI's UnetResBlock, of DynUNet and SwinUNETR: its projection has a norm of its own."""
        kernels = [(inputs, kernel), (outputs, kernel)]
        if project:
            kernels.append((inputs, (1, 1, 1)))
        for width, size in kernels:
            self.conv(width, outputs, size, voxels, bias=False)
            self.norm(outputs, voxels, affine)

    def attention(self, width: int, heads: int, voxels: float) -> None:
        """A Swin block: attention within windows of 7³ tokens, then two layers of 4 x the width."""
        window = 7**3
        self.parameters += 12 * width**2 + 13 * width + (2 * 7 - 1) ** 3 * heads
        self.multiplications += voxels * (12 * width**2 + 2 * window * width)
        # Two norms, queries, keys, values, the weighted values, both layers; logits and softmax.
        self.activations += voxels * (16 * width + 2 * window * heads)


def count(plan: Plan) -> Cost:
    """The cost of ``plan``'s network on one of its patches."""
    total = _Count()
    voxels = _stage_voxels(plan)
    if plan.network == "segresnet":
        _segresnet(total, plan, voxels)
    elif plan.network == "swin_unetr":
        _swin_unetr(total, plan, voxels)
    else:
        _unet(total, plan, voxels)
    return Cost(total.parameters, total.multiplications, total.activations)


def _unet(total: _Count, plan: Plan, voxels: list[float]) -> None:
    previous = plan.inputs
    for i, (width, kernel, n) in enumerate(zip(plan.channels, plan.kernels, voxels, strict=True)):
        if plan.network == "dynunet":
            # It has one block a stage, whatever the plan says of blocks.
            project = previous != width or plan.strides[i] != (1, 1, 1)
            total.unet_block(previous, width, kernel, n, project=project, affine=True)
        else:
            total.residual_block(previous, width, kernel, n)
            for _ in range(plan.blocks[i] - 1):
                total.residual_block(width, width, kernel, n)
        previous = width
    for i in reversed(range(len(plan.channels) - 1)):
        width, n = plan.channels[i], voxels[i]
        # A transposed convolution multiplies once for each of its *input* voxels and kernel taps.
        stride, bias = plan.strides[i + 1], plan.network != "dynunet"
        total.conv(plan.channels[i + 1], width, stride, voxels[i + 1], bias)
        total.activations += width * (n - voxels[i + 1]) + 2 * width * n
        # DynUNet's decoder takes the kernel of the stage below, and has a convolution more.
        kernel = plan.kernels[i + 1] if plan.network == "dynunet" else plan.kernels[i]
        total.conv(2 * width, width, kernel, n, bias=False)
        total.norm(width, n)
        if plan.network == "dynunet":
            total.conv(width, width, kernel, n, bias=False)
            total.norm(width, n)
        if i == 0 or plan.deep_supervision:
            total.conv(width, plan.outputs, (1, 1, 1), n, bias=True)


def _segresnet(total: _Count, plan: Plan, voxels: list[float]) -> None:
    kernel: Zyx = (3, 3, 3)
    first = plan.channels[0]
    total.conv(plan.inputs, first, kernel, voxels[0], bias=False)
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


def _swin_unetr(total: _Count, plan: Plan, voxels: list[float]) -> None:
    kernel: Zyx = (3, 3, 3)
    first = plan.channels[0]
    total.conv(plan.inputs, first, (2, 2, 2), voxels[1], bias=True)
    for i, heads in enumerate((3, 6, 12, 24)):
        width = first * 2**i
        for _ in range(2):
            total.attention(width, heads, voxels[i + 1])
        # Eight neighbouring tokens are normalised together and become one of twice the width.
        total.norm(8 * width, voxels[i + 2])
        total.conv(8 * width, 2 * width, (1, 1, 1), voxels[i + 2], bias=False)
    total.unet_block(plan.inputs, first, kernel, voxels[0], project=True, affine=False)
    for i, times in ((1, 1), (2, 2), (3, 4), (5, 16)):
        width = first * times
        total.unet_block(width, width, kernel, voxels[i], project=False, affine=False)
    for i in reversed(range(5)):
        below, width = first * 2**i, first * 2 ** max(0, i - 1)
        total.conv(below, width, (2, 2, 2), voxels[i + 1], bias=False)
        # What the transposed convolution adds above its input's size, and the joined channels.
        total.activations += width * (voxels[i] - voxels[i + 1]) + 2 * width * voxels[i]
        total.unet_block(2 * width, width, kernel, voxels[i], project=True, affine=False)
    total.conv(first, plan.outputs, (1, 1, 1), voxels[0], bias=True)


def _stage_voxels(plan: Plan) -> list[float]:
    """Voxels of one patch at each stage."""
    voxels: list[float] = []
    n = float(math.prod(plan.patch))
    for stride in plan.strides:
        n /= math.prod(stride)
        voxels.append(n)
    return voxels
