"""The plan of ``plan`` and ``train``, measured on this machine first where that is asked for."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from core.cli.output import Output, stop_on_interrupt
from core.cli.spreading import devices_for
from core.errors import Cancelled, UserError
from core.project.project import Project
from core.project.splits import is_labelled, resplit

if TYPE_CHECKING:
    from core.data.plan import Plan
    from core.events import StateEvent

DEFAULT_SEED = 0


def make_plan(project: Project, args: Namespace, output: Output) -> Plan:
    """The plan for the project's cases, with what is known of this machine.

    ``args.measure``: measure the plan in a child process first. Raises UserError where no plan can
    be made or measured, Cancelled.
    """
    labelled = [record for record in project.series() if is_labelled(record)]
    if labelled and all(record.split == "none" for record in labelled):
        resplit(project.library)
        print("Split the labelled series by patient: 20 % validate.", file=sys.stderr)
    made = _planned(project, args, output)
    if args.measure and not made.estimates.measured:
        _measure(project, args, output, made)
        made = _planned(project, args, output)
    return made


def _planned(project: Project, args: Namespace, output: Output) -> Plan:
    from core.data import measured  # noqa: PLC0415 - not needed to start
    from core.data.planner import plan_project  # noqa: PLC0415 - reads images

    with stop_on_interrupt() as cancelled:
        made = plan_project(
            project,
            devices_for(args),
            minutes=args.minutes,
            epochs=args.epochs,
            device=args.device,
            quality=args.quality,
            dimensions=args.dimensions,
            augmentation=args.augmentation,
            seed=DEFAULT_SEED if args.seed is None else args.seed,
            measured=measured.load(),
            progress=output.counter("Reading case"),
            cancelled=cancelled,
        )
    output.clear()
    return made


def _measure(project: Project, args: Namespace, output: Output, plan: Plan) -> None:
    """Let a child measure; it stands where the run's own process will stand."""
    from core.data.measured import probe_seconds  # noqa: PLC0415
    from core.events import StageEvent, StateEvent  # noqa: PLC0415
    from core.jobs.runner import start  # noqa: PLC0415
    from core.jobs.spec import ProbeJob  # noqa: PLC0415
    from core.project.runs import new_job_folder  # noqa: PLC0415

    folder = new_job_folder(project)
    ProbeJob(
        project=project.path,
        seconds=probe_seconds(plan.estimates.seconds),
        minutes=args.minutes,
        epochs=args.epochs,
        device=args.device,
        quality=args.quality,
        dimensions=args.dimensions,
        augmentation=args.augmentation,
    ).save(folder)
    last: StateEvent | None = None
    with start(folder) as process, stop_on_interrupt() as cancelled:
        for event in process.events(timeout=0.2):
            if cancelled():
                process.stop()
            if isinstance(event, StageEvent):
                output.progress(f"Measuring {event.done / max(1, event.total):.0%}")
            elif isinstance(event, StateEvent):
                last = event
    output.clear()
    if last is not None and last.state == "failed":
        raise UserError(f"{last.sentence} The log is {folder / 'log.txt'}.")
    shutil.rmtree(folder, ignore_errors=True)
    if last is not None and last.state == "stopped":
        raise Cancelled
