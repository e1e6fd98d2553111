"""The networks a plan can name, built behind one function."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import torch
from monai.networks.nets.dynunet import DynUNet
from monai.networks.nets.segresnet import SegResNet
from monai.networks.nets.swin_unetr import SwinUNETR
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from core.errors import UserError
from core.nets.residual_unet import ResidualUNet

Triple = tuple[int, int, int]


class NetworkPlan(Protocol):
    """What of a plan says how the network looks (``core.data.plan.Plan`` has it all)."""

    @property
    def network(self) -> str: ...  # noqa: D102
    @property
    def inputs(self) -> int: ...  # noqa: D102
    @property
    def outputs(self) -> int: ...  # noqa: D102
    @property
    def channels(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def blocks(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def strides(self) -> tuple[Triple, ...]: ...  # noqa: D102
    @property
    def kernels(self) -> tuple[Triple, ...]: ...  # noqa: D102
    @property
    def deep_supervision(self) -> bool: ...  # noqa: D102


def _residual_unet(plan: NetworkPlan) -> nn.Module:
    return ResidualUNet(
        plan.inputs,
        plan.outputs,
        channels=plan.channels,
        blocks=plan.blocks,
        strides=plan.strides,
        kernels=plan.kernels,
        deep_supervision=plan.deep_supervision,
    )


class SupervisedDynUNet(DynUNet):
    """DynUNet whose deep supervision is a list at each stage's own size, finest first.

    MONAI's own enlarges all of them to full size and stacks them, which costs the memory of as many
    full-size outputs and judges enlarged guesses, where nnU-Net shrinks the reference; and it keeps
    them in an attribute, which cannot be exported.
    """

    def __init__(self, deep_supervision: bool, **settings: Any) -> None:
        super().__init__(**settings)
        # All stages but the deepest, and the finest, which has a head anyway.
        stages = range(1, len(self.upsamples)) if deep_supervision else ()
        self.coarse_heads = nn.ModuleList([self.get_output_block(stage) for stage in stages])
        self.coarse_heads.apply(self.initialize_weights)

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Logits ``[b, outputs, z, y, x]``; in training mode with deep supervision a list."""
        skips = [self.input_block(x)]
        for down in self.downsamples:
            skips.append(down(skips[-1]))
        x = self.bottleneck(skips[-1])
        logits: list[Tensor] = []
        for up in self.upsamples:
            x = up(x, skips.pop())
            if self.training and 0 < len(skips) <= len(self.coarse_heads):
                logits.insert(0, self.coarse_heads[len(skips) - 1](x))
        finest = self.output_block(x)
        return [finest, *logits] if logits else finest


def _dynunet(plan: NetworkPlan) -> nn.Module:
    # MONAI annotates the sizes as Sequence[int], but takes one triple a stage.
    def sizes(stages: Sequence[Triple]) -> list[int]:
        return cast("list[int]", [list(stage) for stage in stages])

    return SupervisedDynUNet(
        spatial_dims=3,
        in_channels=plan.inputs,
        out_channels=plan.outputs,
        kernel_size=sizes(plan.kernels),
        strides=sizes(plan.strides),
        upsample_kernel_size=sizes(plan.strides[1:]),
        filters=list(plan.channels),
        res_block=True,
        deep_supervision=plan.deep_supervision,
    )


def _segresnet(plan: NetworkPlan) -> nn.Module:
    # SegResNet doubles its width at each stage by itself, so only the first one counts.
    return SegResNet(
        spatial_dims=3,
        init_filters=plan.channels[0],
        in_channels=plan.inputs,
        out_channels=plan.outputs,
        norm=("GROUP", {"num_groups": math.gcd(8, plan.channels[0])}),
        blocks_down=plan.blocks,
        blocks_up=(1,) * (len(plan.channels) - 1),
    )


class _NumbersOnCpu(TorchFunctionMode):
    """Lets a network be built on ``meta``, for its shapes: MONAI reads numbers off a linspace."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        return func(*args, **({"device": "cpu", **given} if func is torch.linspace else given))


def _swin_unetr(plan: NetworkPlan) -> nn.Module:
    # Its depth, heads and windows are those of its authors; only the first width counts.
    with _NumbersOnCpu():
        return SwinUNETR(
            in_channels=plan.inputs, out_channels=plan.outputs, feature_size=plan.channels[0]
        )


_BUILDERS: dict[str, Callable[[NetworkPlan], nn.Module]] = {
    "residual_unet": _residual_unet,
    "dynunet": _dynunet,
    "segresnet": _segresnet,
    "swin_unetr": _swin_unetr,
}


def build(plan: NetworkPlan) -> nn.Module:
    """A new network with fresh weights from torch's global generator, on the CPU, in training mode.

    In: ``[b, plan.inputs, z, y, x]`` float. Out: logits ``[b, plan.outputs, z, y, x]``; in training
    mode with deep supervision (residual U-Net and DynUNet) a list of them, finest first. Which
    sizes each network takes is said by ``core.data.plan_checks``. Raises UserError for a name it
    does not know.
    """
    try:
        builder = _BUILDERS[plan.network]
    except KeyError:
        known = ", ".join(_BUILDERS)
        raise UserError(
            f"There is no network called {plan.network}; choose one of {known}."
        ) from None
    return builder(plan)
