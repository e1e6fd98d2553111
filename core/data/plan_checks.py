"""What makes a plan nonsense, each as a sentence for the form and the command line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from core.data.plan_fields import FIELDS

if TYPE_CHECKING:
    from core.data.plan import Plan
    from core.geometry import Zyx

#: A patch beyond this is a slip of the keyboard: 512³ voxels fill the largest GPU before a net.
MAX_PATCH_VOXELS = 512**3


def problems(plan: Plan) -> list[str]:
    """Sentences saying what is wrong with ``plan``; empty when a run can obey it."""
    found = list(_types(plan))
    if found:
        return found
    found = list(_ranges(plan))
    if any(0 in _flat(getattr(plan, spec.key)) for spec in FIELDS if spec.low and spec.low > 0):
        return found  # nothing can be divided by what may not be zero
    return [*found, *_data(plan), *_network(plan), *_schedule(plan)]


def _flat(value: object) -> tuple[object, ...]:
    """The numbers of a field, which may be one, three, or three for each stage."""
    if not isinstance(value, tuple):
        return (value,)
    return tuple(number for item in value for number in _flat(item))


def _types(plan: Plan) -> Iterator[str]:
    """Values of the wrong kind, which the other checks could not even compare."""
    for spec in FIELDS:
        value = getattr(plan, spec.key)
        if not spec.accepts(value):
            yield f"{spec.label} has a value that cannot be used: {value!r}."


def _ranges(plan: Plan) -> Iterator[str]:
    for spec in FIELDS:
        value = getattr(plan, spec.key)
        if value is None or spec.low is None or spec.high is None:
            continue
        items = value if isinstance(value, tuple) else (value,)
        for item in items:
            if isinstance(item, int | float) and not spec.low <= item <= spec.high:
                unit = f" {spec.unit}" if spec.unit else ""
                yield (
                    f"{spec.label} must be between {spec.low:g} and {spec.high:g}{unit}, "
                    f"not {item:g}."
                )
                break


def _data(plan: Plan) -> Iterator[str]:
    if not plan.name.strip():
        yield "The plan needs a name."
    if not plan.classes:
        yield "The plan needs at least one class to find."
    values = [c.value for c in plan.classes]
    if len(set(values)) != len(values) or any(not 1 <= v <= 255 for v in values):
        yield "The classes of a plan need different values from 1 to 255."
    if plan.hu_high <= plan.hu_low:
        yield "The highest HU kept must lie above the lowest."
    if not plan.hu_std > 0:
        yield "The standard deviation of the HU must be above 0."
    if any(size < 8 for size in plan.patch[0 if plan.patch[0] > 1 else 1 :]):
        yield "The patch must have at least 8 voxels along each axis, or a single slice (2-D)."
    if plan.slices % 2 == 0:
        yield f"The slices seen must be an odd number, not {plan.slices}."
    if plan.slices > 1 and not plan.flat:
        yield "Neighbouring slices are seen with single slices only: set the patch to 1 slice."
    if plan.ignore_value in values:
        yield f"The value {plan.ignore_value} cannot be both ignored and a class to find."


def _network(plan: Plan) -> Iterator[str]:
    stages = len(plan.channels)
    if not 2 <= stages <= 7:
        yield f"The network must have 2 to 7 stages, not {stages}."
        return
    if not len(plan.blocks) == len(plan.strides) == len(plan.kernels) == stages:
        yield "Channels, blocks, strides and kernels must each name every stage of the network."
        return
    if any(s not in (1, 2) for stride in plan.strides for s in stride):
        yield "Strides must be 1 or 2."
    if any(k not in (1, 3) for kernel in plan.kernels for k in kernel):
        yield "Kernels must be 1 or 3."
    if plan.strides[0] != (1, 1, 1):
        yield "The first stage must keep the patch's size (stride 1 × 1 × 1)."
    if plan.flat and any(k[0] > 1 or t[0] > 1 for k, t in _pairs(plan)):
        yield "Single slices (2-D) need kernels and strides of 1 across the slices at every stage."
    divisor = plan.divisor
    if any(p % d for p, d in zip(plan.patch, divisor, strict=True)):
        by = " × ".join(map(str, divisor))
        patch = " × ".join(map(str, plan.patch))
        yield f"The patch {patch} must be a multiple of {by}, because the network halves it."
    if math.prod(plan.patch) > MAX_PATCH_VOXELS:
        yield "The patch is larger than 512 × 512 × 512 voxels."
    yield from _by_network(plan)


def _by_network(plan: Plan) -> Iterator[str]:
    """What only some of the networks can do."""
    net, first = plan.network, plan.channels[0]
    deepest = math.prod(plan.patch) // math.prod(plan.divisor)
    if plan.deep_supervision and net not in ("residual_unet", "dynunet"):
        yield (
            "Deep supervision works with the residual U-Net and DynUNet only. Turn it off or "
            "change the network."
        )
    if net == "segresnet" and any(stride != (2, 2, 2) for stride in plan.strides[1:]):
        yield "SegResNet halves all axes at each stage. Choose another network or even spacing."
    if net == "dynunet" and len(plan.channels) < 3:
        yield "DynUNet needs at least 3 stages. Add one, or choose the residual U-Net."
    if net == "swin_unetr":
        if list(plan.strides) != [(1, 1, 1), *[(2, 2, 2)] * 5]:
            yield (
                "SwinUNETR halves all axes five times: it needs 6 stages, each with strides "
                "2 × 2 × 2 after the first."
            )
        if first % 12:
            yield f"SwinUNETR's first width must be a multiple of 12, not {first}."
    if net in ("dynunet", "swin_unetr") and deepest < 2:
        # Instance norm of a single voxel is always zero; torch refuses it.
        yield "The patch leaves a single voxel at the network's deepest stage. Make it larger."


def _pairs(plan: Plan) -> list[tuple[Zyx, Zyx]]:
    """Kernel and stride of each stage."""
    return list(zip(plan.kernels, plan.strides, strict=True))


def _schedule(plan: Plan) -> Iterator[str]:
    if (plan.budget_minutes is None) == (plan.epochs is None):
        yield "Set either a time budget or a number of epochs."
    if plan.batch % plan.processes:
        yield (
            f"The batch must be a multiple of the processes: {plan.batch} blocks cannot be shared "
            f"by {plan.processes}."
        )
    if plan.device != "cpu" and plan.device.split(":")[0] not in {"cuda", "mps"}:
        yield f"The device must be cpu, cuda or mps, not {plan.device}."
    if plan.batch % plan.accumulation:
        yield f"A batch of {plan.batch} cannot be cut into {plan.accumulation} equal pieces."
    if plan.precision == "fp16" and plan.device == "cpu":
        yield "Half precision (fp16) needs a GPU. Choose fp32 or bf16."
