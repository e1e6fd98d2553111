"""How fast a device is: seconds of a training step and of a forward pass. No torch here.

Measured where a probe has been (``core.data.measured``). Elsewhere: multiplications / rate +
numbers moved / rate, the two rates per device stored measurements of the residual U-Net, and the
outcome carried over from what was measured of other plans on this device.
"""

from __future__ import annotations

import ctypes
import math
import sys
from dataclasses import dataclass
from pathlib import Path

from core.data.cost import count
from core.data.measured import DeviceLike, Measurements, cores
from core.data.plan import Plan

#: A training step costs a forward pass and about twice that for the backward pass.
PASSES = 3
#: Seconds of a step beside the network and its data: optimiser, average, log.
OVERHEAD = 0.01


@dataclass(frozen=True, slots=True)
class Rates:
    """multiplications and activations a second in a training step, in fp32 and in 16 bits.

    blocks: voxels a second of finished blocks that the augmentation makes.
    """

    multiplications: float
    activations: float
    blocks: float
    half_gain: float = 1.0


#: One core of an AMD EPYC 7003 (AVX2, no bf16), fp32, channels last: measured with 16-128 and
#: 8-64 features on blocks of 48³.
CPU_CORE = Rates(45e9, 145e6, 6e6)
#: An H100 in bf16, by data sheet and what 3-D convolutions usually reach of it; not measured.
_GPU = Rates(2.5e13, 6e10, 1e9, half_gain=2.5)
#: Share of that by name, from the vendors' memory bandwidths, which bound 3-D networks.
_GPU_SHARE = (
    ("B200", 1.8), ("H200", 1.3), ("H100", 1.0), ("A100", 0.6), ("5090", 0.55), ("4090", 0.35),
    ("L40", 0.28), ("A6000", 0.25), ("3090", 0.28), ("4080", 0.22), ("A10", 0.18), ("T4", 0.08),
)  # fmt: skip
_GPU_OTHER = 0.12


def rates(device: DeviceLike | None, threads: int = 0) -> Rates:
    """The rates of a device; of this machine's CPU for None."""
    if device is None or not device.is_gpu:
        used = min(threads or cores(), cores())
        # Memory bandwidth is shared, so cores stop helping: the square root beyond four.
        n = used if used <= 4 else 4 * math.sqrt(used / 4)
        one = CPU_CORE
        return Rates(one.multiplications * n, one.activations * n, one.blocks * n)
    share = next((s for word, s in _GPU_SHARE if word in device.name), _GPU_OTHER)
    one = _GPU
    return Rates(
        one.multiplications * share, one.activations * share, one.blocks * share, one.half_gain
    )


def network_seconds(plan: Plan, device: DeviceLike | None) -> float:
    """Seconds of one optimiser step without its data, by the stored rates alone."""
    cost = count(plan)
    rate = rates(device, plan.threads)
    # The rates of a GPU are those of 16 bits.
    slow = rate.half_gain if plan.precision == "fp32" else 1.0
    work = PASSES * cost.multiplications / rate.multiplications
    work += cost.activations / rate.activations
    return plan.batch * work * slow + OVERHEAD


def step_seconds(
    plan: Plan, device: DeviceLike | None, measured: Measurements | None = None
) -> float:
    """Seconds of one optimiser step of ``plan`` on ``device``, its data included."""
    known = measured.exact(plan, device) if measured is not None else None
    if known is not None:
        return known.step_seconds
    network = network_seconds(plan, device)
    if measured is not None:
        network *= measured.time_factor(network, device)
    return network + plan.batch * math.prod(plan.patch) / rates(device, plan.threads).blocks


def voxel_seconds(
    plan: Plan, device: DeviceLike | None, measured: Measurements | None = None
) -> float:
    """Seconds of one unmirrored forward pass, a voxel of its window."""
    known = measured.exact(plan, device) if measured is not None else None
    if known is not None:
        return known.voxel_seconds
    seconds = network_seconds(plan, device)
    if measured is not None:
        seconds *= measured.time_factor(seconds, device)
    return seconds / (PASSES * plan.batch * math.prod(plan.patch))


def cpu_has_bf16() -> bool:
    """Whether this processor multiplies bf16 by itself (AVX512-BF16, AMX, or ARM's BF16).

    Linux and macOS say so; elsewhere only torch knows, and a run asks it (core.training.machine).
    """
    if sys.platform == "darwin":
        return _sysctl("hw.optional.arm.FEAT_BF16")
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return False
    lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(flags.split()))


def _sysctl(name: str) -> bool:
    """A yes or no of macOS's kernel."""
    value, size = ctypes.c_int(0), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int))
    ask = ctypes.CDLL(None).sysctlbyname
    failed = ask(name.encode(), ctypes.byref(value), ctypes.byref(size), None, 0)
    return not failed and value.value == 1
