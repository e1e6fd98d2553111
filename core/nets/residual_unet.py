"""A residual-encoder U-Net: strided residual blocks down, light decoder up, group norm.

After the residual-encoder presets of nnU-Net (Isensee et al., MICCAI 2024, arXiv 2404.09556): the
encoder carries the depth, the decoder has one convolution a stage. Unlike there, the norm is
GroupNorm over 8 channels: like instance norm it does not depend on the batch, and with
channels-last memory a step on a CPU takes 0.47 s where InstanceNorm3d takes 0.61 s (16 to 128
features, two blocks of 48³, two cores of an AMD EPYC 7003).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

Triple = tuple[int, int, int]

#: Slope of the leaky rectifier for negative inputs; nnU-Net's value.
SLOPE = 0.01


def _padding(kernel: Triple) -> Triple:
    return (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)


def _conv(inputs: int, outputs: int, kernel: Triple, stride: Triple = (1, 1, 1)) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, kernel, stride, _padding(kernel), bias=False)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(channels // 8 if channels % 8 == 0 else 1, channels)


class ResidualBlock(nn.Module):
    """Conv, norm, act, conv, norm, plus the input (pooled and projected where it must be), act."""

    def __init__(self, inputs: int, outputs: int, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, outputs, kernel, stride)
        self.norm1 = _norm(outputs)
        self.conv2 = _conv(outputs, outputs, kernel)
        self.norm2 = _norm(outputs)
        self.act = nn.LeakyReLU(SLOPE, inplace=True)
        skip: list[nn.Module] = []
        if stride != (1, 1, 1):
            skip.append(nn.AvgPool3d(stride, stride))
        if inputs != outputs:
            skip.append(nn.Conv3d(inputs, outputs, 1, bias=False))
        self.skip = nn.Sequential(*skip)

    def forward(self, x: Tensor) -> Tensor:
        """[b, inputs, z, y, x] to [b, outputs, z / stride, ...]."""
        y = self.act(self.norm1(self.conv1(x)))
        return self.act(self.norm2(self.conv2(y)) + self.skip(x))


class ResidualUNet(nn.Module):
    """``inputs`` channels in, ``outputs`` logits out, at the input's size.

    channels, blocks, strides, kernels: one entry a stage, full resolution first. The input's size
    must be a multiple of the product of the strides. In training mode with ``deep_supervision``
    the result is a list of logits, finest first, of all stages but the deepest; else one tensor.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        channels: Sequence[int],
        blocks: Sequence[int],
        strides: Sequence[Triple],
        kernels: Sequence[Triple],
        deep_supervision: bool = False,
    ) -> None:
        super().__init__()
        self.deep_supervision = deep_supervision
        self.encoder = nn.ModuleList()
        previous = inputs
        for width, count, stride, kernel in zip(channels, blocks, strides, kernels, strict=True):
            stage = [ResidualBlock(previous, width, kernel, stride)]
            stage += [ResidualBlock(width, width, kernel, (1, 1, 1)) for _ in range(count - 1)]
            self.encoder.append(nn.Sequential(*stage))
            previous = width
        self.up = nn.ModuleList()
        self.decoder = nn.ModuleList()
        self.heads = nn.ModuleList()
        for i in range(len(channels) - 1):
            stride = strides[i + 1]
            width = channels[i]
            self.up.append(nn.ConvTranspose3d(channels[i + 1], width, stride, stride))
            self.decoder.append(
                nn.Sequential(
                    _conv(2 * width, width, kernels[i]),
                    _norm(width),
                    nn.LeakyReLU(SLOPE, inplace=True),
                )
            )
            if i == 0 or deep_supervision:
                self.heads.append(nn.Conv3d(width, outputs, 1))
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Logits ``[b, outputs, z, y, x]`` of ``[b, inputs, z, y, x]``; the list: see the class."""
        skips: list[Tensor] = []
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        logits: list[Tensor] = []
        every = self.training and self.deep_supervision
        for i in reversed(range(len(self.up))):
            x = self.decoder[i](torch.cat([self.up[i](x), skips[i]], 1))
            if i == 0 or every:
                logits.insert(0, self.heads[i](x))
        return logits if every else logits[0]


def _initialise(module: nn.Module) -> None:
    """He initialisation for the leaky rectifier, as nnU-Net does."""
    if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
        nn.init.kaiming_normal_(module.weight, a=SLOPE)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
