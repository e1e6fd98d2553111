"""``train`` over several processes, over several machines, and on another machine over ssh."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import UserError

if TYPE_CHECKING:
    from core.data.plan import Plan
    from core.hardware import DeviceInfo
    from core.project.runs import RunRecord


def devices_for(args: Namespace) -> Sequence[DeviceInfo]:
    """The devices to plan for: of this computer, or of ``--machine``. Raises UserError."""
    from core.hardware import devices  # noqa: PLC0415 - not needed to start

    if not args.machine:
        return devices()
    from core.jobs.machines import machine_named  # noqa: PLC0415
    from core.jobs.remote_run import check  # noqa: PLC0415

    return check(machine_named(args.machine)).devices


def shared(plan: Plan, args: Namespace) -> Plan:
    """``plan`` for ``--processes`` and ``--nodes``: so many processes in all."""
    from core.jobs.launch import with_processes  # noqa: PLC0415

    _check(args)
    processes = (args.processes or 1) * args.nodes
    return with_processes(plan, processes) if processes > 1 else plan


def placed(run: RunRecord, args: Namespace) -> RunRecord:
    """``run`` with what its folder says about where it trains; tells how others join it."""
    from core.jobs.launch import Launch  # noqa: PLC0415
    from core.jobs.machines import machine_named  # noqa: PLC0415
    from core.jobs.remote_run import train_on  # noqa: PLC0415

    if args.machine:
        train_on(machine_named(args.machine), run.path)
    if args.nodes > 1:
        Launch(nodes=args.nodes, rendezvous=args.rendezvous).save(run.path)
        print(
            f"On each other machine N = 1 to {args.nodes - 1}: lesionforge-cli train PROJECT "
            f"--resume {run.id} --nodes {args.nodes} --node-rank N --rendezvous {args.rendezvous}",
            file=sys.stderr,
        )
    return run


def _check(args: Namespace) -> None:
    if args.machine and (args.nodes > 1 or args.rendezvous):
        raise UserError("A run goes to one machine over ssh, or over several by --nodes; not both.")
    if args.nodes > 1 and not args.rendezvous:
        raise UserError(
            "Several machines need --rendezvous HOST:PORT, the address of the first one."
        )


def join(folder: Path, args: Namespace) -> int:
    """Be machine ``--node-rank`` of a run that machine 0 leads; ends when it ends.

    Raises UserError when it does not end well.
    """
    from core.data.plan import Plan  # noqa: PLC0415
    from core.jobs.launch import Launch, environment, prefix  # noqa: PLC0415
    from core.jobs.runner import child_command, child_environment  # noqa: PLC0415

    launch = Launch(nodes=args.nodes, node_rank=args.node_rank, rendezvous=args.rendezvous or "")
    words = prefix(Plan.load(folder / "plan.json").processes, launch)
    print(
        f"Machine {args.node_rank} of {args.nodes} is at work for {folder.name}.", file=sys.stderr
    )
    code = subprocess.run(
        [*words, *child_command(folder)],
        env=environment(words, child_environment()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=False,
    ).returncode
    if code != 0:
        raise UserError(
            f"This machine's part of run {folder.name} ended early (exit code {code}); the log of "
            "the run tells more. Start it again on all machines: it goes on from its checkpoint."
        )
    return 0
