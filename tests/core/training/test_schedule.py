from __future__ import annotations

import numpy as np
import pytest

from core.project.orders import Order
from core.training.schedule import AGAIN, START, Schedule
from tests.core.data.plans import tiny_plan


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def ticking(minutes: float, **changes: object) -> tuple[Schedule, Clock]:
    clock = Clock()
    return Schedule(tiny_plan(budget_minutes=minutes, **changes), now=clock), clock


def after(schedule: Schedule, clock: Clock, seconds: float) -> Schedule:
    clock.time += seconds
    schedule.tick()
    return schedule


def test_epochs_ignore_the_clock() -> None:
    clock = Clock()
    schedule = Schedule(tiny_plan(epochs=4, steps_per_epoch=5, warmup=0.0), now=clock)
    rates = [schedule.learning_rate(step) for step in range(21)]
    after(schedule, clock, 1e6)
    assert rates == [schedule.learning_rate(step) for step in range(21)]
    assert rates[0] == pytest.approx(1e-3)
    assert rates[10] == pytest.approx(1e-3 * 0.5**0.9)
    assert rates[20] == 0
    assert schedule.progress(20) == 1
    assert schedule.planned_steps(3, 99.0) == 20


def test_a_budget_follows_the_clock_and_keeps_its_reserve() -> None:
    schedule, clock = ticking(10.0)
    schedule.reserve = 100.0
    after(schedule, clock, 250)
    assert schedule.progress(7) == pytest.approx(0.5)
    assert schedule.planned_steps(100, 2.0) == 100 + (600 - 250 - 100) / 2
    assert schedule.seconds_left(100, 2.0) == 350
    schedule.pause()
    clock.time += 5000
    schedule.resume()
    assert after(schedule, clock, 0).elapsed == pytest.approx(250)
    assert after(schedule, clock, 250).progress(7) == 1


def test_the_clock_is_read_by_a_tick_only() -> None:
    schedule, clock = ticking(10.0)
    before = schedule.learning_rate(3), schedule.progress(3)
    clock.time += 300
    assert (schedule.learning_rate(3), schedule.progress(3)) == before
    schedule.tick()
    assert (schedule.learning_rate(3), schedule.progress(3)) != before


def test_half_a_budget_is_for_training_however_long_validation_takes() -> None:
    schedule, clock = ticking(10.0)
    schedule.reserve = 5000.0
    assert after(schedule, clock, 200).progress(1) < 1


def test_the_learning_rate_warms_up() -> None:
    schedule = Schedule(tiny_plan(epochs=100, steps_per_epoch=1, warmup=0.1))
    rates = [schedule.learning_rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(START * 1e-3)
    assert int(np.argmax(rates)) == 10


def test_a_resumed_schedule_goes_on() -> None:
    schedule, clock = ticking(1.0)
    schedule.obey(Order("extend", 2), 0, 1.0)
    after(schedule, clock, 70)
    again = Schedule(tiny_plan(budget_minutes=1.0), elapsed=70.0, now=Clock())
    again.restore(schedule.state())
    assert again.learning_rate(5) == schedule.learning_rate(5) > 0
    assert (again.elapsed, again.stop) == (70, schedule.stop)


def test_the_same_end_ordered_again_changes_nothing() -> None:
    steps = range(100)
    plain = Schedule(tiny_plan(epochs=100, steps_per_epoch=1))
    told = Schedule(tiny_plan(epochs=100, steps_per_epoch=1))
    expected = [plain.learning_rate(step) for step in steps]
    found = []
    for step in steps:
        if step in (1, 40):  # in the warm-up, and after it
            told.obey(Order("epochs", 100), step, 1.0)
        found.append(told.learning_rate(step))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_extended_late_it_warms_up_again_to_a_third_and_falls_to_zero_at_the_new_end() -> None:
    schedule = Schedule(tiny_plan(epochs=100, steps_per_epoch=1))
    low = schedule.learning_rate(95)
    words = schedule.obey(Order("extend", 1.0), 95, 0.6)  # 100 steps more
    rates = [schedule.learning_rate(step) for step in range(95, 201)]
    assert rates[0] == pytest.approx(low)
    assert max(rates) == pytest.approx(AGAIN * 1e-3, rel=0.06)
    assert int(np.argmax(rates)) == pytest.approx(0.05 * 105, abs=1)
    assert rates[-1] == 0 < rates[-2]
    assert schedule.progress(199) < 1 == schedule.progress(200)
    assert "after 200 steps instead of 100" in words
    assert "rises again to 33 % of its peak" in words


def test_extended_early_it_falls_more_slowly_from_where_it_is() -> None:
    schedule = Schedule(tiny_plan(epochs=100, steps_per_epoch=1))
    before, plain = schedule.learning_rate(30), schedule.learning_rate(60)
    words = schedule.obey(Order("extend", 1.0), 30, 0.6)
    assert schedule.learning_rate(30) == pytest.approx(before)
    assert plain < schedule.learning_rate(60) < before
    assert "goes on from where it is" in words


def test_a_budget_can_be_made_shorter_and_longer() -> None:
    schedule, clock = ticking(60.0)
    after(schedule, clock, 20 * 60)
    rate = schedule.learning_rate(0)
    words = schedule.obey(Order("budget", 30), 500, 1.0)
    assert schedule.learning_rate(0) == pytest.approx(rate, rel=0.01)
    assert schedule.seconds_left(500, 1.0) == 600
    assert "after 30 minutes instead of 60 minutes" in words
    schedule.obey(Order("budget", 90), 500, 1.0)
    assert schedule.seconds_left(500, 1.0) == 70 * 60
    schedule.obey(Order("budget", 10), 500, 1.0)
    assert schedule.progress(500) == 1


def test_what_has_ended_is_extended_from_there() -> None:
    schedule, clock = ticking(60.0)
    after(schedule, clock, 1000)
    schedule.ended = True
    assert schedule.progress(1) == 1
    schedule.obey(Order("extend", 10), 500, 1.0)
    assert schedule.seconds_left(500, 1.0) == 600
    assert schedule.learning_rate(1) == 0  # and rises from there
    assert after(schedule, clock, 40).learning_rate(1) > AGAIN * 0.9e-3


def test_minutes_become_steps_and_epochs_become_seconds() -> None:
    steps, (timed, clock) = Schedule(tiny_plan(epochs=10, steps_per_epoch=10)), ticking(1.0)
    steps.elapsed = 30.0
    steps.obey(Order("budget", 2.0), 20, 1.5)
    assert steps.stop == 20 + 60
    steps.obey(Order("epochs", 4), 20, 1.5)
    assert steps.stop == 40
    after(timed, clock, 30)
    timed.obey(Order("epochs", 40), 20, 2.0)  # of 3 steps each
    assert timed.seconds_left(20, 2.0) == (120 - 20) * 2
