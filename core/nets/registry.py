"""The networks a plan can name, built behind one function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

from monai.networks.nets.dynunet import DynUNet
from monai.networks.nets.segresnet import SegResNet
from torch import nn

from core.errors import UserError
from core.nets.residual_unet import ResidualUNet

Triple = tuple[int, int, int]


class NetworkPlan(Protocol):
    """What of a plan says how the network looks (``core.data.plan.Plan`` has it all)."""

    @property
    def network(self) -> str: ...  # noqa: D102
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
        plan.outputs,
        channels=plan.channels,
        blocks=plan.blocks,
        strides=plan.strides,
        kernels=plan.kernels,
        deep_supervision=plan.deep_supervision,
    )


def _dynunet(plan: NetworkPlan) -> nn.Module:
    # MONAI annotates the sizes as Sequence[int], but takes one triple a stage.
    def sizes(stages: Sequence[Triple]) -> list[int]:
        return cast("list[int]", [list(stage) for stage in stages])

    return DynUNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=plan.outputs,
        kernel_size=sizes(plan.kernels),
        strides=sizes(plan.strides),
        upsample_kernel_size=sizes(plan.strides[1:]),
        filters=list(plan.channels),
        res_block=True,
    )


def _segresnet(plan: NetworkPlan) -> nn.Module:
    # SegResNet doubles its width at each stage by itself, so only the first one counts.
    return SegResNet(
        spatial_dims=3,
        init_filters=plan.channels[0],
        in_channels=1,
        out_channels=plan.outputs,
        norm=("GROUP", {"num_groups": min(8, plan.channels[0])}),
        blocks_down=plan.blocks,
        blocks_up=(1,) * (len(plan.channels) - 1),
    )


_BUILDERS: dict[str, Callable[[NetworkPlan], nn.Module]] = {
    "residual_unet": _residual_unet,
    "dynunet": _dynunet,
    "segresnet": _segresnet,
}


def build(plan: NetworkPlan) -> nn.Module:
    """A new network with fresh weights from torch's global generator, on the CPU, in training mode.

    In: ``[b, 1, z, y, x]`` float. Out: logits ``[b, plan.outputs, z, y, x]``; in training mode with
    deep supervision a list of them, finest first. Raises UserError for a name it does not know.
    """
    try:
        builder = _BUILDERS[plan.network]
    except KeyError:
        known = ", ".join(_BUILDERS)
        raise UserError(
            f"There is no network called {plan.network}; choose one of {known}."
        ) from None
    return builder(plan)
