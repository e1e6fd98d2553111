"""``plan``, ``train`` and ``extend``."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from core.cli.output import Output
from core.cli.planning import make_plan
from core.cli.spreading import join, placed, shared
from core.cli.watch import watch
from core.errors import UserError
from core.project.project import Project

if TYPE_CHECKING:
    from core.data.plan import Plan
    from core.project.orders import Order
    from core.project.runs import RunRecord


#: What makes a plan, and how it is where it is not given: a run that goes on has its plan already.
_OF_A_PLAN = {"quality": "balanced", "dimensions": "auto", "augmentation": "lesionforge"}


def plan(args: Namespace, output: Output) -> int:
    """Print the plan made for the project's data and this machine."""
    from core.data.plan_words import describe, remarks  # noqa: PLC0415 - not needed to start

    with Project.open(args.project) as project:
        made = make_plan(project, args, output)
    lines: list[str] = []
    for section, rows in describe(made):
        lines += [section, *(f"  {label:<28} {value}" for label, value, _ in rows)]
    lines += ["", *remarks(made), _known(made)]
    output.result(made.as_json(), "\n".join(lines))
    return 0


def _known(plan: Plan) -> str:
    if plan.estimates.measured:
        return "What it will need was measured on this machine."
    return "What it will need is estimated; --measure takes real steps first, half a minute long."


def train(args: Namespace, output: Output) -> int:
    """Train a model in a child process and print what it says."""
    if args.node_rank > 0:
        return _join(args)
    with Project.open(args.project) as project:
        run = _resumed(project, args) if args.resume else _created(project, args, output)
    return watch(placed(run, args), output)


def _join(args: Namespace) -> int:
    from core.project.runs import run  # noqa: PLC0415

    if not args.resume:
        raise UserError("Name the run that machine 0 leads, such as --resume r01.")
    with Project.open(args.project) as project:
        found = run(project, args.resume)
    return join(found.path, args)


def _created(project: Project, args: Namespace, output: Output) -> RunRecord:
    from core.project.runs import create_run  # noqa: PLC0415

    made = shared(make_plan(project, args, output), args)
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
    changed = [name for name, usual in _OF_A_PLAN.items() if getattr(args, name) != usual]
    if changed:
        raise UserError(
            f"Run {args.resume} keeps its plan. Leave --{changed[0]} out, or start a new run."
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
    if longer:
        _order_length(found, args)
    if args.device != "auto":
        _change_device(found, args.device)
    return found


def _order_length(run: RunRecord, args: Namespace) -> None:
    from core.project.orders import Order, keep  # noqa: PLC0415

    if args.minutes is not None:
        order = Order("budget", args.minutes)
    else:
        order = Order("epochs", args.epochs)
    _enough(run, order)
    keep(run.path, order)


def _enough(run: RunRecord, order: Order) -> None:
    """Raises UserError where a length in all is already over."""
    minutes = order.word == "budget"
    been = run.elapsed / 60 if minutes else run.epoch
    if order.amount <= been:
        raise UserError(
            f"Run {run.id} has had {been:.1f} {'minutes' if minutes else 'epochs'} already. "
            "Give a number above that, or add to what it had with extend."
        )


def _change_device(run: RunRecord, device: str) -> None:
    from core.data.plan import Plan  # noqa: PLC0415
    from core.data.planner import choose_device, replan  # noqa: PLC0415
    from core.hardware import devices  # noqa: PLC0415

    here = devices()
    chosen = choose_device(here, device)
    key = chosen.key if chosen is not None and chosen.is_gpu else "cpu"
    path = run.path / "plan.json"
    replan(Plan.load(path), here, device=key).save(path)


def extend(args: Namespace, output: Output) -> int:
    """Change a run's length: tell one that is at work, go on with one that has ended."""
    from core.project.orders import Order, keep  # noqa: PLC0415
    from core.project.runs import run  # noqa: PLC0415

    with Project.open(args.project) as project:
        found = run(project, args.run_id)
    if args.in_all is not None:
        order, what = Order("budget", args.in_all), f"trains for {args.in_all:g} minutes in all"
        _enough(found, order)
    else:
        order, what = Order("extend", args.minutes), f"goes on {args.minutes:g} minutes longer"
    keep(found.path, order)
    if found.ended or found.state == "queued":
        return watch(found, output)
    data = {"run_id": found.id, "minutes": args.minutes, "in_all": args.in_all}
    output.result(data, f"Run {found.id} is at work and {what}.")
    return 0
