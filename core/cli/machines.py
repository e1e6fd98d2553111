"""``machines``: other computers to train on, listed, added, tested, removed."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from core.cli.output import Output, table
from core.jobs.machines import Machine, machine_named, machines, save_machines


def list_(_args: Namespace, output: Output) -> int:
    """The machines in the user's settings."""
    known = machines()
    rows = [[m.name, _address(m), m.python, m.folder] for m in known]
    head = ["name", "address", "python", "folder"]
    nothing = "No machines yet. Add one with: lesionforge-cli machines add NAME ADDRESS"
    output.result([m.as_json() for m in known], table(head, rows) if rows else nothing)
    return 0


def add(args: Namespace, output: Output) -> int:
    """Enter a machine, or change the one of that name."""
    machine = Machine(
        name=args.name, host=args.address, port=args.port, python=args.python,
        folder=args.folder, config=str(args.config.absolute()) if args.config else "",
    )  # fmt: skip
    before = next((m for m in machines() if m.name == machine.name), None)
    save_machines([*(m for m in machines() if m.name != machine.name), machine])
    data: dict[str, Any] = {"machine": machine.as_json()}
    text = f"{'Added' if before is None else 'Changed'} {machine.name} ({_address(machine)})."
    if before is not None:
        data["replaced"] = before.as_json()
        text += f" It was {_address(before)}, {before.python}, {before.folder} before."
    output.result(data, f"{text} Try it with: lesionforge-cli machines test {machine.name}")
    return 0


def check(args: Namespace, output: Output) -> int:
    """Connect to a machine and say what it has."""
    from core.jobs import remote_run  # noqa: PLC0415 - not needed to start

    machine = machine_named(args.name)
    found = remote_run.check(machine)
    names = [device.name for device in found.devices]
    output.result(
        {"machine": machine.name, "devices": names, "free_bytes": found.free},
        f"The connection to {machine.name} works: {', '.join(names)}. "
        f"{found.free / 1e9:.0f} GB free.",
    )
    return 0


def remove(args: Namespace, output: Output) -> int:
    """Forget a machine; its files there stay."""
    gone = machine_named(args.name)
    save_machines([m for m in machines() if m.name != gone.name])
    output.result(
        {"removed": gone.as_json()},
        f"Removed {gone.name} ({_address(gone)}). What lies there in {gone.folder} stays.",
    )
    return 0


def _address(machine: Machine) -> str:
    return f"{machine.host}:{machine.port}" if machine.port else machine.host
