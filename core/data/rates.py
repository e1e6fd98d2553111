"""How fast and how roomy a device is, for the estimates made before a run. No torch here.

Time of a step = multiplications / rate + numbers moved / rate, the two rates per device. They are
stored measurements of the residual U-Net, so what comes out is an estimate and is called one.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.data.cost import count
from core.data.plan import Estimates, Plan

#: A training step costs a forward pass and about twice that for the backward pass.
PASSES = 3
#: Bytes of a process with torch and MONAI loaded before it has done anything (measured: 0.6 GB).
BASE_BYTES = 600 * 2**20
#: A CUDA context with its libraries, and the allocator's slack.
CUDA_BYTES = 900 * 2**20


class DeviceLike(Protocol):
    """What is needed of ``core.hardware.DeviceInfo``."""

    @property
    def key(self) -> str: ...  # noqa: D102 - "cpu", "cuda:0" …
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def is_gpu(self) -> bool: ...  # noqa: D102
    @property
    def memory_total(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Rates:
    """multiplications and activations a second in a training step, in fp32 and in 16 bits."""

    multiplications: float
    activations: float
    half_gain: float = 1.0


#: One core of an AMD EPYC 7003 (AVX2, no bf16), fp32, channels last: measured with 16-128 and
#: 8-64 features on blocks of 48³.
CPU_CORE = Rates(45e9, 145e6)
#: An H100 in bf16, by data sheet and what 3-D convolutions usually reach of it; not measured.
_GPU = Rates(2.5e13, 6e10, half_gain=2.5)
#: Share of that by name, from the vendors' memory bandwidths, which bound 3-D networks.
_GPU_SHARE = (
    ("B200", 1.8), ("H200", 1.3), ("H100", 1.0), ("A100", 0.6), ("5090", 0.55), ("4090", 0.35),
    ("L40", 0.28), ("A6000", 0.25), ("3090", 0.28), ("4080", 0.22), ("A10", 0.18), ("T4", 0.08),
)  # fmt: skip
_GPU_OTHER = 0.12


def rates(device: DeviceLike | None, threads: int = 0) -> Rates:
    """The rates of a device; of this machine's CPU for None."""
    if device is None or not device.is_gpu:
        cores = threads or max(1, os.cpu_count() or 1)
        # Memory bandwidth is shared, so cores stop helping: the square root beyond four.
        cores = cores if cores <= 4 else 4 * math.sqrt(cores / 4)
        return Rates(CPU_CORE.multiplications * cores, CPU_CORE.activations * cores)
    share = next((s for word, s in _GPU_SHARE if word in device.name), _GPU_OTHER)
    return Rates(_GPU.multiplications * share, _GPU.activations * share, _GPU.half_gain)


def step_seconds(plan: Plan, device: DeviceLike | None) -> float:
    """Estimated seconds of one optimiser step of ``plan`` on ``device``."""
    cost = count(plan)
    rate = rates(device, plan.threads)
    # The rates of a GPU are those of 16 bits.
    slow = rate.half_gain if plan.precision == "fp32" else 1.0
    work = PASSES * cost.multiplications / rate.multiplications
    work += cost.activations / rate.activations
    overhead = 0.01
    return plan.batch * work * slow + overhead


def memory_bytes(plan: Plan, resident_voxels: int = 0) -> int:
    """Estimated peak bytes on the device: weights with optimiser and average, activations, cases.

    resident_voxels: voxels of all preprocessed cases (int16 image and uint8 label each).
    """
    cost = count(plan)
    number = 4 if plan.precision == "fp32" else 2
    # Weight, gradient, two moments of AdamW and the running average, all fp32.
    weights = cost.parameters * 4 * 5
    # Activations, their gradients and the convolution's work space overlap only in part.
    activations = cost.activations * number * plan.batch * 1.35
    base = BASE_BYTES if plan.device == "cpu" else CUDA_BYTES
    return int(base + weights + activations + resident_voxels * 3)


def grid_voxels(plan: Plan) -> int:
    """Voxels of all cases on the plan's grid."""
    return int(plan.figures.litres * 1e6 / math.prod(plan.spacing))


def cpu_has_bf16() -> bool:
    """Whether this processor multiplies bf16 by itself (AVX512-BF16 or AMX); only Linux says so."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return False
    flags = next((line for line in info.read_text().splitlines() if line.startswith("flags")), "")
    return bool({"avx512_bf16", "amx_bf16"} & set(flags.split()))


def estimate(plan: Plan, device: DeviceLike | None = None) -> Estimates:
    """What ``plan`` will need on ``device`` (None: this machine's CPU)."""
    seconds = step_seconds(plan, device)
    if plan.budget_minutes is not None:
        total = plan.budget_minutes * 60
    else:
        total = (plan.epochs or 0) * plan.steps_per_epoch * seconds
        # One forward pass a block against three in a step; mirrored ones cost eight times that.
        blocks = max(1.0, grid_voxels(plan) / math.prod(plan.patch))
        mirrored = 8 if plan.mirror_inference else 1
        held = plan.figures.cases_val / max(1, plan.figures.cases_train + plan.figures.cases_val)
        total += blocks * held * (plan.validations + mirrored) * seconds / plan.batch / PASSES
    return Estimates(
        memory_bytes=memory_bytes(plan, grid_voxels(plan)),
        seconds=total,
        step_seconds=seconds,
        parameters=count(plan).parameters,
    )
