"""``plan`` and ``train``."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from core.cli.output import Output
from core.cli.planning import make_plan
from core.cli.watch import watch
from core.errors import UserError
from core.project.project import Project

if TYPE_CHECKING:
    from core.data.plan import Plan
    from core.project.runs import RunRecord


def plan(args: Namespace, output: Output) -> int:
    """Print the plan made for the project's data and this machine."""
    from core.data.plan_words import describe  # noqa: PLC0415 - not needed to start

    with Project.open(args.project) as project:
        made = make_plan(project, args, output)
    lines: list[str] = []
    for section, rows in describe(made):
        lines += [section, *(f"  {label:<28} {value}" for label, value, _ in rows)]
    lines += ["", _known(made)]
    output.result(made.as_json(), "\n".join(lines))
    return 0


def _known(plan: Plan) -> str:
    if plan.estimates.measured:
        return "What it will need was measured on this machine."
    return "What it will need is estimated; --measure takes real steps first, half a minute long."


def train(args: Namespace, output: Output) -> int:
    """Train a model in a child process and print what it says."""
    with Project.open(args.project) as project:
        run = _resumed(project, args) if args.resume else _created(project, args, output)
    return watch(run, output)


def _created(project: Project, args: Namespace, output: Output) -> RunRecord:
    from core.project.runs import create_run  # noqa: PLC0415

    made = make_plan(project, args, output)
    # The run's name is its model's too.
    return create_run(project, replace(made, name=args.name) if args.name else made)


def _resumed(project: Project, args: Namespace) -> RunRecord:
    """The run to go on with; ``--minutes`` or ``--epochs`` give it a new length in all."""
    from core.project.runs import run  # noqa: PLC0415

    if args.name is not None or args.seed is not None:
        raise UserError(
            f"Run {args.resume} keeps its name and its seed. Leave --name and --seed out, or "
            "start a new run."
        )
    found = run(project, args.resume)
    longer = args.minutes is not None or args.epochs is not None
    if found.state == "done" and not longer:
        raise UserError(
            f"Run {found.id} is finished. Give it more time with --minutes or --epochs "
            "(counted from its start), or start a new run."
        )
    if found.state != "queued" and not found.ended:
        raise UserError(f"Run {found.id} is at work in another program. Stop it there first.")
    if longer or args.device != "auto":
        _change_plan(found, args, longer)
    return found


def _change_plan(run: RunRecord, args: Namespace, longer: bool) -> None:
    from core.data.plan import Plan  # noqa: PLC0415
    from core.data.planner import choose_device, replan  # noqa: PLC0415
    from core.hardware import devices  # noqa: PLC0415

    changes: dict[str, object] = {}
    here = devices()
    if longer:
        changes |= {"budget_minutes": args.minutes, "epochs": args.epochs}
    if args.device != "auto":
        chosen = choose_device(here, args.device)
        changes["device"] = chosen.key if chosen is not None and chosen.is_gpu else "cpu"
    path = run.path / "plan.json"
    replan(Plan.load(path), here, **changes).save(path)
