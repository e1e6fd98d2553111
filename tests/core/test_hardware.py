from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from core import hardware
from core.hardware import Sampler, devices


class FakeNvml:
    """Two GPUs; ``missing`` names the calls that are not supported."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *missing: str, lost: int = -1) -> None:
        self.missing, self.lost, self.shut = set(missing), lost, 0
        answers: dict[str, Any] = {
            "nvmlInit": lambda: None,
            "nvmlShutdown": self._shutdown,
            "nvmlDeviceGetCount": lambda: 2,
            "nvmlDeviceGetHandleByIndex": self._handle,
            "nvmlDeviceGetName": lambda h: f"NVIDIA H100 {h}".encode() if h else "NVIDIA H100 0",
            "nvmlDeviceGetMemoryInfo": lambda h: SimpleNamespace(used=10 + h, total=80 * 10**9),
            "nvmlDeviceGetUtilizationRates": lambda h: SimpleNamespace(gpu=97 - h),
            "nvmlDeviceGetPowerUsage": lambda h: 598_000,
            "nvmlDeviceGetEnforcedPowerLimit": lambda h: 700_000,
            "nvmlDeviceGetTemperature": lambda h, kind: 62,
        }
        for name, answer in answers.items():
            monkeypatch.setattr(pynvml, name, self._wrap(name, answer))

    def _wrap(self, name: str, answer: Any) -> Any:
        def call(*args: Any) -> Any:
            if name in self.missing:
                raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
            return answer(*args)

        return call

    def _handle(self, index: int) -> int:
        if index == self.lost:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return index

    def _shutdown(self) -> None:
        self.shut += 1


def test_every_gpu_with_all_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(monkeypatch)
    with Sampler() as sampler:
        first, second = sampler.sample().devices
    assert (first.name, second.name) == ("NVIDIA H100 0", "NVIDIA H100 1")
    assert (first.utilisation, first.power, first.power_limit) == (97.0, 598.0, 700.0)
    assert (first.temperature, first.memory_used, first.is_gpu) == (62.0, 10, True)
    assert second.utilisation == 96.0
    assert nvml.shut == 1
    assert [d.key for d in devices()] == ["cuda:0", "cuda:1", "cpu"]


@pytest.mark.parametrize(
    ("call", "field"),
    [
        ("nvmlDeviceGetPowerUsage", "power"),
        ("nvmlDeviceGetEnforcedPowerLimit", "power_limit"),
        ("nvmlDeviceGetTemperature", "temperature"),
    ],
)
def test_a_sensor_that_is_not_there_is_none(
    call: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeNvml(monkeypatch, call)
    with Sampler() as sampler:
        device = sampler.sample().devices[0]
    assert getattr(device, field) is None
    assert device.utilisation == 97.0


def test_no_utilisation_and_no_memory_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(monkeypatch, "nvmlDeviceGetUtilizationRates", "nvmlDeviceGetMemoryInfo")
    with Sampler() as sampler:
        device = sampler.sample().devices[0]
    assert device.utilisation != device.utilisation
    assert 0 < device.memory_used <= device.memory_total


def test_a_lost_gpu_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(monkeypatch, lost=0)
    with Sampler() as sampler:
        assert [d.name for d in sampler.sample().devices] == ["NVIDIA H100 1"]
    assert [d.name for d in devices() if d.is_gpu] == ["NVIDIA H100 1"]


def test_all_gpus_lost_in_the_middle_leaves_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(monkeypatch)
    with Sampler() as sampler:
        nvml.missing.add("nvmlDeviceGetName")
        (device,) = sampler.sample().devices
    assert not device.is_gpu


def test_without_nvml_the_cpu_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", absent)
    with Sampler() as sampler:
        (device,) = sampler.sample().devices
    assert not device.is_gpu
    assert device.power is None
    assert 0 <= device.utilisation <= 100
    assert 0 < device.memory_used < device.memory_total
    (only,) = devices()
    assert (only.key, only.is_gpu) == ("cpu", False)
    assert only.cores >= 1
    assert only.name == hardware.cpu_name() != ""
