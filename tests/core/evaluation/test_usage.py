"""What a run took, read back from its events."""

import math

import pytest

from core.evaluation.usage import measure
from core.events import DeviceSample, Event, HardwareEvent, LogEvent, StepEvent


def step(done: int, elapsed: float, rate: float, steps: int = 100) -> StepEvent:
    return StepEvent(
        step=done, steps=steps, epoch=done / 10, epochs=10, loss=1.0, learning_rate=0.1,
        patches_per_second=rate, data_wait=0.0, seconds_left=0.0, elapsed=elapsed,
    )  # fmt: skip


def sample(*devices: tuple[str, bool, float]) -> HardwareEvent:
    return HardwareEvent(
        devices=tuple(
            DeviceSample(name=n, is_gpu=g, utilisation=u, memory_used=1, memory_total=2)
            for n, g, u in devices
        )
    )


def test_a_run_in_the_middle_is_projected() -> None:
    events: list[Event] = [
        LogEvent(level="info", message="hello"),
        sample(("GPU 0", True, 0.0)),  # before the first step: preparing
        step(10, 20.0, 1.0),
        sample(("GPU 0", True, 90.0), ("GPU 1", True, 0.0), ("CPU", False, 30.0)),
        step(30, 40.0, 4.0),
        sample(("GPU 0", True, 100.0), ("GPU 1", True, 10.0), ("CPU", False, 50.0)),
    ]
    use = measure(events, is_gpu=True)
    assert use is not None and use.projected and use.is_gpu
    assert use.seconds == pytest.approx(40.0 * 100 / 30)
    assert use.patches_per_second == pytest.approx((20 * 1 + 20 * 4) / 40)
    assert use.utilisation == pytest.approx(0.95) and use.device_name == "GPU 0"
    assert (use.epochs_done, use.epochs) == (3.0, 10.0)
    assert use.cost(3.6) == pytest.approx(use.seconds / 1000)
    on_cpu = measure(events, is_gpu=False)
    assert on_cpu is not None and on_cpu.utilisation == pytest.approx(0.4)


def test_a_whole_run_is_measured_and_silence_is_nan() -> None:
    use = measure([step(100, 50.0, 2.0)], is_gpu=False)
    assert use is not None and not use.projected and use.seconds == 50.0
    assert math.isnan(use.utilisation) and use.device_name == ""
    assert measure([], is_gpu=False) is None
    assert measure([sample(("CPU", False, 100.0))], is_gpu=False) is None
    assert measure([step(0, 0.0, math.nan)], is_gpu=False) is None


def test_going_on_from_an_older_checkpoint_counts_no_time_twice() -> None:
    use = measure([step(50, 50.0, 1.0), step(40, 40.0, 9.0), step(60, 60.0, 3.0)], is_gpu=False)
    assert use is not None
    assert use.patches_per_second == pytest.approx((50 * 1 + 20 * 3) / 70)
    assert use.seconds == pytest.approx(100.0)
