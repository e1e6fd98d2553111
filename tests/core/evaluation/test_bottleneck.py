import math

import pytest

from core.data.figures import Figures
from core.evaluation.bottleneck import RECENT_S, Bottleneck
from core.events import (
    DeviceSample,
    Event,
    HardwareEvent,
    StateEvent,
    StepEvent,
    ValidationEvent,
    from_line,
    to_line,
)
from tests.core.data.plans import tiny_plan


def step(time: float, **changes: float) -> StepEvent:
    values = {"data_wait": 0.005, "read_back": 0.001, "own_cpu": 0.97, "seconds": 2.0, **changes}
    return StepEvent(
        time=time, step=int(time), steps=1000, epoch=time / 10, epochs=100, loss=0.5,
        learning_rate=1e-3, patches_per_second=4.0, seconds_left=60, elapsed=time, **values,
    )  # fmt: skip


def device(time: float, **changes: object) -> HardwareEvent:
    values = {
        "name": "NVIDIA A", "is_gpu": True, "utilisation": 97.0, "memory_used": 1,
        "memory_total": 2, "clock": 1900.0, "clock_limit": 1980.0, **changes,
    }  # fmt: skip
    return HardwareEvent(time=time, devices=(DeviceSample(**values),))


def run(count: int = 30, *, start: float = 0.0, hardware=None, **changes: float) -> list[Event]:
    events: list[Event] = [StateEvent(time=start, state="running")]
    for n in range(1, count + 1):
        events.append(step(start + 2.0 * n, **changes))
        events.append(device(start + 2.0 * n, **(hardware or {})))
    return events


def judge(events: list[Event], **how):
    bottleneck = Bottleneck()
    for event in events:
        bottleneck.add(event)
    return bottleneck.verdict(**how)


def test_a_busy_gpu_is_limited_by_the_network() -> None:
    verdict = judge(run())
    assert verdict.limit == "network"
    assert verdict.sentence == "The GPU is busy 97 %; the limit is the network itself."


def test_nothing_is_said_too_early() -> None:
    assert judge(run(5)).sentence == ""


@pytest.mark.parametrize(
    ("changes", "hardware", "limit", "words"),
    [
        ({"data_wait": 0.28}, {"utilisation": 70.0}, "data", "28 % of the time"),
        ({"read_back": 0.1}, {}, "read_back", "10 % of the time"),
        ({}, {"throttled": "heat", "clock": 990.0}, "heat", "50 % of its clock"),
        ({}, {"throttled": "power", "clock": 1188.0}, "power", "60 % of its clock"),
        ({}, {"utilisation": 55.0}, "small", "busy 55 %"),
        ({"own_cpu": 0.45}, {"is_gpu": False, "clock": None}, "shared", "gets 45 %"),
        ({}, {"is_gpu": False, "utilisation": 99.0}, "network", "processor is busy 99 %"),
    ],
)
def test_each_limit_is_named(changes, hardware, limit, words) -> None:
    verdict = judge(run(hardware=hardware, **changes))
    assert verdict.limit == limit
    assert words in verdict.sentence


def test_a_power_limit_near_full_clock_is_no_loss() -> None:
    assert judge(run(hardware={"throttled": "power", "clock": 1900.0})).limit == "network"


def test_long_validation_is_named_with_its_share() -> None:
    events = run()
    events.append(ValidationEvent(time=61, step=30, epoch=3, loss=1, dice=0.5, smoothed=0.5,
                                  best=True, seconds=40.0))  # fmt: skip
    verdict = judge(events)
    assert verdict.limit == "validation"
    assert "40 % of the time goes to validation" in verdict.sentence


def test_the_recent_verdict_forgets_what_is_long_ago() -> None:
    slow = run(30, data_wait=0.5)
    fast = run(400, start=200.0 + RECENT_S)
    assert judge(slow + fast, recent=True).limit == "network"
    assert judge(slow + fast).limit == "data"


def test_hardware_outside_of_training_does_not_count() -> None:
    events: list[Event] = [StateEvent(time=0, state="preparing")]
    events += [device(float(n), utilisation=1.0) for n in range(50)]
    assert judge(events + run(start=50.0)).limit == "network"


def test_an_idle_card_beside_a_run_on_the_processor_says_nothing_about_it() -> None:
    verdict = judge(run(hardware={"utilisation": 0.0}), plan=tiny_plan())
    assert verdict.sentence == "The processor is busy; the limit is the network itself."


def test_a_pool_that_is_too_small_is_told_how_much_would_do() -> None:
    figures = Figures(cases_train=100, litres=800.0)
    plan = tiny_plan(figures=figures, spacing=(1.0, 1.0, 1.0), pool_gb=0.5, device="cuda")
    assert "allow 3 GB of its memory" in judge(run(data_wait=0.3), plan=plan).sentence


def test_an_old_run_without_the_new_figures_says_nothing() -> None:
    events = [from_line(to_line(e)) for e in run(seconds=0.0, own_cpu=math.nan)]
    assert judge([e for e in events if e is not None]).sentence == ""
