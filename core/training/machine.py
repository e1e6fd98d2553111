"""The device of a run made ready: threads, precision, allocator; whether the cases fit on it."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import replace

import psutil
import torch

from core.data.plan import Plan
from core.data.rates import cpu_has_bf16
from core.errors import UserError
from core.hardware import cpu_name

#: Share of the free memory that resident cases may take; the rest is the network's.
RESIDENT_SHARE = 0.4
#: glibc's numbers of M_TRIM_THRESHOLD, M_MMAP_THRESHOLD and M_MMAP_MAX (malloc.h).
_TRIM, _MMAP, _MMAP_MAX = -1, -3, -4


def prepare(plan: Plan) -> tuple[torch.device, Plan, str]:
    """The device of ``plan``, the plan as it can be obeyed here, and a sentence about a change.

    Sets torch's thread count and precision switches for this process. Raises UserError when the
    device is not there.
    """
    device = torch.device(plan.device)
    if device.type == "cuda" and (
        not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()
    ):
        raise UserError(
            f"This machine has no device {plan.device} that can be used now. Make a new plan, or "
            "set the device to cpu."
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UserError("This machine has no Apple GPU that can be used. Set the device to cpu.")
    if plan.threads > 0:
        torch.set_num_threads(plan.threads)
    if device.type == "cuda":
        # Blocks always have one size: the fastest convolution is worth searching for.
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    else:
        keep_memory()
    if device.type == "cpu" and plan.precision == "bf16" and not _has_bf16():
        note = "This processor has no bf16 of its own, so the run computes in fp32."
        return device, replace(plan, precision="fp32"), note
    return device, plan, ""


def _has_bf16() -> bool:
    """As torch sees it where the system does not say (Windows)."""
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    known = [getattr(torch.cpu, name, None) for name in asked]
    return cpu_has_bf16() or any(ask is not None and ask() for ask in known)


def device_name(device: torch.device) -> str:
    """The device's name as its maker writes it."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()


def keep_memory() -> None:
    """Tell glibc to keep freed memory instead of giving it back to the system at every step.

    Large blocks otherwise come zeroed page by page from the kernel each time: measured here 3 % of
    a step in fp32. For a process that only trains. Does nothing but on Linux with glibc.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return  # musl or another C library: its allocator is left as it is.
    mallopt(_MMAP, 1 << 30)
    mallopt(_TRIM, (1 << 31) - 1)
    mallopt(_MMAP_MAX, 0)


def room(plan: Plan, device: torch.device) -> int | None:
    """Bytes that prepared cases may take; None: no limit, as they stay in files on the CPU."""
    if plan.pool_gb > 0:
        return int(plan.pool_gb * 2**30)
    if device.type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return int(free * RESIDENT_SHARE)


def memory_used(device: torch.device) -> int:
    """Peak bytes of the device's allocator, or of this process on the CPU."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return int(psutil.Process().memory_info().rss)
