import math
from pathlib import Path

from core.evaluation.comparison import compare, figures
from core.events import Event, StepEvent, ValidationEvent
from core.project.runs import RunRecord
from tests.core.data.plans import tiny_plan


def record(run_id: str, **changes) -> RunRecord:
    values = {"step": 40, "elapsed": 150.0, "best_dice": 0.7, **changes}
    plan = values.pop("plan", tiny_plan().as_json())
    return RunRecord(id=run_id, name=run_id, path=Path(run_id), created="", plan=plan, **values)


def step(n: int, elapsed: float) -> StepEvent:
    return StepEvent(
        time=elapsed, step=n, steps=40, epoch=n / 10, epochs=4, loss=0.5, learning_rate=1e-3,
        patches_per_second=4.0, data_wait=0.0, seconds_left=9, elapsed=elapsed, seconds=30.0,
    )  # fmt: skip


def validation(n: int, dice: float) -> ValidationEvent:
    return ValidationEvent(
        time=n, step=n, epoch=n / 10, loss=0.5, dice=dice, smoothed=dice, best=True
    )


def rows(*runs):
    return {row.label: row for row in compare(runs)}


def test_only_what_differs_is_marked() -> None:
    wide = tiny_plan(channels=(16, 32, 64)).as_json()
    found = rows(figures(record("r01"), []), figures(record("r02", plan=wide), []))
    assert found["Channels"].differs
    assert found["Channels"].values == ("8, 16, 32", "16, 32, 64")
    assert not found["Patch"].differs
    assert found["Best Dice"].values == ("0.700", "0.700")
    assert found["Time"].values == ("2 min", "2 min")


def test_the_curve_is_over_training_time_and_starts_again_where_a_run_did() -> None:
    events: list[Event] = [
        step(10, 60.0), validation(10, 0.4), step(20, 120.0), validation(20, 0.9),
        step(15, 90.0), validation(15, 0.5), validation(15, math.nan),
    ]  # fmt: skip
    found = figures(record("r01"), events)
    assert found.minutes == (1.0, 1.5)
    assert found.dice == (0.4, 0.5)
    assert "network itself" in found.verdict


def test_a_plan_that_cannot_be_read_is_unknown_not_wrong() -> None:
    found = rows(figures(record("r01", plan={"version": 99}, best_dice=None), []))
    assert set(found["Patch"].values) == {"–"}
    assert found["Best Dice"].values == ("–",)
