"""What devices this machine has, and how busy they are. No torch: NVML and psutil only.

NVML (nvidia-ml-py) tells of every NVIDIA GPU of the machine, whichever process uses it. Where there
is none, the processor stands in and is named as such.
"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import pynvml  # pyright: ignore[reportMissingTypeStubs]

from core.events import DeviceSample, HardwareEvent


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device a run can use. key: ``cpu`` or ``cuda:0``. memory_total: bytes. cores: of a CPU."""

    key: str
    name: str
    is_gpu: bool
    memory_total: int
    cores: int = 0


def devices() -> list[DeviceInfo]:
    """All GPUs, in NVML's order (torch's with ``CUDA_DEVICE_ORDER=PCI_BUS_ID``), then the CPU."""
    found: list[DeviceInfo] = []
    with Sampler() as sampler:
        for index, handle in enumerate(sampler.handles):
            _, memory = _memory(handle)
            found.append(DeviceInfo(f"cuda:{index}", gpu_name(handle), True, memory))
    memory = psutil.virtual_memory().total
    return [*found, DeviceInfo("cpu", cpu_name(), False, memory, os.cpu_count() or 1)]


def gpu_name(handle: Any) -> str:
    """The card's name; older NVML bindings give bytes."""
    name = pynvml.nvmlDeviceGetName(handle)
    return name.decode() if isinstance(name, bytes) else str(name)


def cpu_name() -> str:
    """The processor's name as its maker writes it, else the architecture."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine() or "CPU"


class Sampler:
    """Reads all devices. Keep one and ask it once a second: CPU use is counted between calls."""

    def __init__(self) -> None:
        self.handles: list[Any] = []
        self._open = False
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError:
            pass  # No NVIDIA driver on this machine: the CPU is what there is to read.
        else:
            self._open = True
            self.handles = _handles()
        psutil.cpu_percent()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of NVML."""
        if self._open:
            pynvml.nvmlShutdown()
            self._open = False
            self.handles = []

    def sample(self) -> HardwareEvent:
        """Every GPU now; without one, the CPU and the machine's memory."""
        gpus: list[DeviceSample] = []
        for handle in self.handles:
            # A GPU can fall off the bus in the middle of a run; the others are still read.
            with contextlib.suppress(pynvml.NVMLError):
                gpus.append(_gpu(handle))
        return HardwareEvent(devices=tuple(gpus) or (_cpu(),))


def _handles() -> list[Any]:
    """Handles of all GPUs that answer: one that fell off the bus is passed over."""
    found: list[Any] = []
    for index in range(pynvml.nvmlDeviceGetCount()):
        with contextlib.suppress(pynvml.NVMLError):
            found.append(pynvml.nvmlDeviceGetHandleByIndex(index))
    return found


def _memory(handle: Any) -> tuple[int, int]:
    """Used and total bytes; the machine's where the GPU has no memory of its own."""
    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        return int(memory.used), int(memory.total)
    except pynvml.NVMLError:
        machine = psutil.virtual_memory()
        return int(machine.total - machine.available), int(machine.total)


def _gpu(handle: Any) -> DeviceSample:
    memory_used, memory_total = _memory(handle)
    used = _ask(lambda: float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu))
    return DeviceSample(
        name=gpu_name(handle),
        is_gpu=True,
        utilisation=float("nan") if used is None else used,
        memory_used=memory_used,
        memory_total=memory_total,
        power=_ask(lambda: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000),
        power_limit=_ask(lambda: pynvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000),
        temperature=_ask(
            lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
        ),
        clock=_ask(lambda: pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM)),
        clock_limit=_ask(lambda: pynvml.nvmlDeviceGetMaxClockInfo(handle, pynvml.NVML_CLOCK_SM)),
        throttled=_throttled(handle),
    )


def _throttled(handle: Any) -> str:
    """Why the clock is below what was asked for: ``power``, ``heat``, ``other``; else empty.

    Bits of NVML's clocks event reasons. Idling and clocks somebody has set are no throttling.
    """
    said = _ask(lambda: pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle))
    reasons = 0 if said is None else int(said)
    heat = (
        pynvml.nvmlClocksThrottleReasonSwThermalSlowdown
        | pynvml.nvmlClocksThrottleReasonHwThermalSlowdown
    )
    power = (
        pynvml.nvmlClocksThrottleReasonSwPowerCap
        | pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown
    )
    if reasons & heat:
        return "heat"
    if reasons & power:
        return "power"
    return "other" if reasons & pynvml.nvmlClocksThrottleReasonHwSlowdown else ""


def _ask(read: Callable[[], float]) -> float | None:
    """One reading, or None where this card or driver has no such sensor."""
    try:
        return float(read())
    except pynvml.NVMLError:
        return None


def _cpu() -> DeviceSample:
    memory = psutil.virtual_memory()
    return DeviceSample(
        name=cpu_name(),
        is_gpu=False,
        utilisation=float(psutil.cpu_percent()),
        memory_used=int(memory.total - memory.available),
        memory_total=int(memory.total),
    )
