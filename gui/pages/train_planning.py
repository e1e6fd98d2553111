"""What the new-run page asks of the background: the plan, and how long measuring may take."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.data import measured as store
from core.data.measured import Measurements
from core.data.plan import Plan, Quality
from core.data.planner import plan_project
from core.hardware import DeviceInfo, devices
from core.jobs.launch import with_processes
from core.jobs.machines import Machine, machine_named
from core.jobs.remote_run import check
from core.project.project import Project
from core.project.splits import is_labelled, resplit

#: Devices that are more than one here: a machine by its name, and all GPUs of this computer.
SSH, ALL = "ssh:", "all"

#: A run overnight ends at this hour, and is at least this many minutes long.
MORNING, LEAST_NIGHT = 7, 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """The user's answers. Exactly one of minutes and epochs is set."""

    minutes: float | None
    epochs: int | None
    device: str = "auto"
    quality: Quality = "balanced"

    @property
    def machine(self) -> str:
        """Name of the machine to train on; empty for this computer."""
        return self.device.removeprefix(SSH) if self.device.startswith(SSH) else ""

    @property
    def single(self) -> str:
        """The device as the planner knows it."""
        return "auto" if self.machine or self.device == ALL else self.device


@dataclass(frozen=True, slots=True)
class Planned:
    """What the background job gives back. split: the series were put into splits by it.

    measured: what is known of such machines. disk_free: bytes where the project lies. machine: the
    one it was made for, whose devices these are; None for this computer.
    """

    plan: Plan
    devices: tuple[DeviceInfo, ...]
    split: bool
    measured: Measurements = field(default_factory=Measurements)
    disk_free: int = 0
    machine: Machine | None = None


def make_planned(
    project: Project,
    asked: Asked,
    *,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> Planned:
    """Background: the plan for the project's labelled cases; splits them where none is split."""
    labelled = [record for record in project.series() if is_labelled(record)]
    unsplit = bool(labelled) and all(record.split == "none" for record in labelled)
    if unsplit:
        resplit(project.library)
    machine = machine_named(asked.machine) if asked.machine else None
    found = check(machine).devices if machine is not None else tuple(devices())
    known = store.load()
    plan = plan_project(
        project,
        found,
        minutes=asked.minutes,
        epochs=asked.epochs,
        device=asked.single,
        quality=asked.quality,
        measured=known,
        progress=progress,
        cancelled=cancelled,
    )
    if asked.device == ALL:
        plan = with_processes(plan, sum(device.is_gpu for device in found))
    return Planned(plan, found, unsplit, known, shutil.disk_usage(project.path).free, machine)


def minutes_to_morning(now: datetime) -> float:
    """Minutes from ``now`` to the next 07:00 that is at least an hour away, whole ones."""
    morning = now.replace(hour=MORNING, minute=0, second=0, microsecond=0)
    while (morning - now).total_seconds() < LEAST_NIGHT * 60:
        morning += timedelta(days=1)
    return float(int((morning - now).total_seconds() // 60))
