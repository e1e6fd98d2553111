"""Runs side by side: how they went, and in which settings they differ. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.data.plan import Plan
from core.data.plan_fields import FIELDS
from core.data.plan_words import format_value
from core.errors import UserError
from core.evaluation.bottleneck import Bottleneck
from core.evaluation.usage import duration, measure
from core.events import Event, ValidationEvent
from core.project.runs import RunRecord

UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class RunFigures:
    """One run as compared. minutes, dice: its curve of whole-case Dice over training time.

    best: highest Dice that counted as best. seconds: its time so far. utilisation: 0-1 of its
    device. NaN where unknown. verdict: what held it up. plan: None when it cannot be read.
    """

    record: RunRecord
    plan: Plan | None
    minutes: tuple[float, ...]
    dice: tuple[float, ...]
    best: float
    seconds: float
    utilisation: float
    device: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. values: a cell a run. differs: whether they are not all the same."""

    section: str
    label: str
    values: tuple[str, ...]
    differs: bool


def figures(record: RunRecord, events: Iterable[Event]) -> RunFigures:
    """What ``record`` is compared by, from everything it said."""
    said = list(events)
    plan = _plan(record)
    gpu = plan is not None and plan.device != "cpu"
    bottleneck = Bottleneck()
    minutes: list[float] = []
    dice: list[float] = []
    elapsed = 0.0
    for event in said:
        bottleneck.add(event)
        elapsed = getattr(event, "elapsed", elapsed)
        if isinstance(event, ValidationEvent) and math.isfinite(event.dice):
            # A run that took up an older checkpoint takes its curve up again from there.
            while minutes and minutes[-1] > elapsed / 60:
                minutes.pop()
                dice.pop()
            minutes.append(elapsed / 60)
            dice.append(event.dice)
    use = measure(said, gpu)
    return RunFigures(
        record=record,
        plan=plan,
        minutes=tuple(minutes),
        dice=tuple(dice),
        best=math.nan if record.best_dice is None else record.best_dice,
        seconds=record.elapsed,
        utilisation=math.nan if use is None else use.utilisation,
        device="" if use is None else use.device_name,
        verdict=bottleneck.verdict(plan).sentence,
    )


def compare(runs: Sequence[RunFigures]) -> list[Row]:
    """The table of ``runs``: outcome first, then every field of the plans, in the plan's order."""
    rows = [
        _row("Outcome", "Best Dice", [_number(run.best, 3) for run in runs]),
        _row("Outcome", "Time", [duration(run.seconds) for run in runs]),
        _row("Outcome", "Steps", [f"{run.record.step:,}" for run in runs]),
        _row("Outcome", "Device", [run.device or UNKNOWN for run in runs]),
        _row("Outcome", "Device use", [_share(run.utilisation) for run in runs]),
        _row("Outcome", "Limit", [run.verdict or UNKNOWN for run in runs]),
        _row("Outcome", "Notes", [run.record.notes.strip() or UNKNOWN for run in runs]),
    ]
    cases = [
        UNKNOWN
        if run.plan is None
        else f"{run.plan.figures.cases_train} + {run.plan.figures.cases_val}"
        for run in runs
    ]
    rows.append(_row("Data", "Cases to train and validate", cases))
    for spec in FIELDS:
        values = [
            UNKNOWN if run.plan is None else format_value(spec, getattr(run.plan, spec.key))
            for run in runs
        ]
        rows.append(_row(spec.section, spec.label, values))
    return rows


def _row(section: str, label: str, values: list[str]) -> Row:
    return Row(section, label, tuple(values), len(set(values)) > 1)


def _plan(record: RunRecord) -> Plan | None:
    try:
        return Plan.from_json(record.plan)
    except UserError:
        return None  # Of a version this program does not read: its fields are shown as unknown.


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else UNKNOWN


def _share(value: float) -> str:
    return f"{value * 100:.0f} %" if math.isfinite(value) else UNKNOWN
