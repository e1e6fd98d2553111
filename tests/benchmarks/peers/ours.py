"""LesionForge through its command line, as a user would: init, import, split, train, predict."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from core.data.plan import Quality
from core.data.planner import plan_project, replan
from core.hardware import devices
from core.project.project import Project
from core.project.runs import create_run, list_runs
from tests.benchmarks.peers.cases import (
    IMAGE,
    PREDICTION,
    SPLIT_SEED,
    VALIDATION,
    Budget,
    Outcome,
    processor_seconds,
    training,
)

#: In front of ``core.cli`` where the processor's time is counted: trains by that clock, too.
BY_PROCESSOR = (
    "import sys; from core.jobs import runner; "
    "from tests.benchmarks.cpu_clock import CPU_CLOCK; started = runner.start; "
    "runner.start = lambda folder, prefix=(): started(folder, (*prefix, *CPU_CLOCK)); "
    "from core.cli import main; sys.exit(main(sys.argv[1:]))"
)


def cli(*arguments: str, by_processor: bool = False) -> str:
    """Standard output of one ``lesionforge-cli`` call; its errors go to the terminal."""
    how = ["-c", BY_PROCESSOR] if by_processor else ["-m", "core.cli"]
    command = [sys.executable, *how, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def run(
    data: Path, work: Path, *, budget: Budget, seed: int, quality: Quality, place: bool = True
) -> Outcome:
    """Train within ``budget`` and write ``work/predictions``. quality: quick, balanced or best.

    place: False switches off what the planner may have switched on, place as an input, as the form
    of the Train page does.
    """
    project = work / "project"
    cli("init", str(project))
    cli("import", str(project), str(data))
    cli("split", str(project), "--val", "0.25", "--test", "0", "--seed", str(SPLIT_SEED))
    _check_split(project, data)
    # Planning reads every case once and remembers it; what it takes is so known before ``train``,
    # whose minutes begin after it.
    how = ("--quality", quality, "--seed", str(seed))
    cli("plan", str(project), "--minutes", f"{budget.minutes:g}", *how)
    prepared = budget.spent
    length = ("--minutes", f"{budget.left / 60:.3f}")
    what = (*length, *how) if place else ("--resume", _placeless(project, budget, seed, quality))
    cli("train", str(project), *what, "--json", by_processor=budget.now is processor_seconds)
    trained = budget.spent
    with Project.open(project) as opened:
        record = list_runs(opened)[-1]
    model = str(project / "models" / record.id)
    begin = budget.now()
    for name in VALIDATION:
        target = work / "predictions" / f"{name}{PREDICTION}"
        cli("predict", model, str(data / f"{name}{IMAGE}"), str(target))
    plan = record.plan
    keys = ("spacing", "patch", "batch", "channels", "network", "precision", "quality")
    return Outcome(
        prepare_seconds=prepared,
        train_seconds=trained - prepared,
        predict_seconds=budget.now() - begin,
        steps=record.step,
        details={"plan": {k: plan[k] for k in keys if k in plan}, "best_in_run": record.best_dice},
    )


def _placeless(project: Path, budget: Budget, seed: int, quality: Quality) -> str:
    """A run that waits, planned without place."""
    with Project.open(project) as opened:
        found = devices()
        plan = plan_project(opened, found, minutes=budget.left / 60, quality=quality, seed=seed)
        return create_run(opened, replan(plan, found, position=False), automatic=False).id


def _check_split(project: Path, data: Path) -> None:
    listed = json.loads(cli("list", str(project), "--json"))["series"]
    sides = {side: [] for side in ("train", "val")}
    for series in listed:
        sides[series["split"]].append(series["patient_id"])
    if sorted(sides["val"]) != list(VALIDATION) or sorted(sides["train"]) != training(data):
        raise SystemExit(f"the split is not the stored one: {sides}")
