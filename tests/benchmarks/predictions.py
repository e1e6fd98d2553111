"""What is said before Start against what then happens: step, memory, disk, time of whole runs.

    taskset -c 0 python -m tests.benchmarks.predictions [--project FOLDER] [--wall]

Four different plans on the demo project, each measured by the ``probe`` job and then trained by the
real child, one thread, from an empty cache. Clocks are processor time (see ``cpu_clock``), so that
neighbours on the core do not count; ``--wall`` takes the wall clock, for an idle machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from core.cli import main as cli
from core.data import measured as store
from core.data.layout import layout
from core.data.plan import Estimates, Plan
from core.data.planner import plan_project, replan
from core.events import ENDED, Event, StateEvent, StepEvent
from core.hardware import devices
from core.jobs.runner import RunProcess, start
from core.jobs.spec import ProbeJob
from core.project.project import Project
from core.project.runs import create_run, new_job_folder
from core.project.splits import resplit
from tests.benchmarks.cpu_clock import CPU_CLOCK

#: Seconds a probe may take here; the window's least.
PROBE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Happened:
    """Seconds a step and in all, steps, most memory without the case maps, bytes left on disk."""

    step: float
    steps: int
    total: float
    memory: int
    disk: int


def plans(project: Project) -> dict[str, Plan]:
    """Four plans that differ in grid, patch, width, depth, batch, network and kind of schedule."""
    first = plan_project(project, devices(), epochs=2, device="cpu")
    usual: dict[str, Any] = {
        "threads": 1, "early_stop": False, "steps_per_epoch": 10, "validations": 2, "epochs": 2,
        "budget_minutes": None, "mirror_inference": False, "slices": 1,
    }  # fmt: skip
    base = replace(first, **usual)

    def shaped(spacing: float, wanted: float, channels: tuple[int, ...], **more: Any) -> Plan:
        grid = tuple(max(spacing, s) for s in first.figures.median_spacing)
        patch, strides, kernels = layout((wanted,) * 3, grid, channels)
        depth = len(strides)
        return replace(
            base, spacing=grid, patch=patch, strides=strides, kernels=kernels,
            channels=channels[:depth], blocks=(1,) * depth, deep_supervision=False, **more,
        )  # fmt: skip

    return {
        "small, 5 mm": shaped(5.0, 32, (16, 32, 64), batch=2),
        "wide, 4 mm": shaped(4.0, 40, (24, 48, 96, 192), batch=1),
        "DynUNet, 6 mm": shaped(6.0, 32, (16, 32, 64), batch=3, network="dynunet"),
        "small, 5 mm, by time": shaped(
            5.0, 40, (16, 32, 64, 128), batch=2, epochs=None, budget_minutes=0.8,
            validation_minutes=0.3, mirror_inference=True,
        ),
    }  # fmt: skip


def follow(process: RunProcess, wall: bool) -> tuple[list[Event], float, int]:
    """All events of a child, the time until its last word (its own or the wall's), most memory."""
    events: list[Event] = []
    peak, looked, begin = 0, 0.0, time.monotonic()
    used = 0.0
    child = psutil.Process(process.pid)
    for event in process.events(timeout=0.05):
        now = time.monotonic()
        ended = isinstance(event, StateEvent) and event.state in ENDED
        if event is not None:
            events.append(event)
        if ended or now - looked > 0.2:
            looked = now
            with contextlib.suppress(psutil.Error):  # It has ended between two looks.
                times = child.cpu_times()
                used = now - begin if wall else times.user + times.system
                peak = max(peak, own_memory(child))
        if ended:
            break  # What the interpreter touches while it ends is no need of the run.
    process.wait(None)
    last = [e for e in events if isinstance(e, StateEvent)][-1]
    if last.state != "done":
        raise RuntimeError(f"{process.folder}: {last.state} {last.sentence}")
    return events, used, peak


def own_memory(process: psutil.Process) -> int:
    """Resident bytes without the maps of preprocessed cases, which the system may take back."""
    maps = process.memory_maps() if hasattr(process, "memory_maps") else []
    cases = sum(m.rss for m in maps if m.path.endswith(".npy"))
    return process.memory_info().rss - cases


def folder_bytes(*folders: Path) -> int:
    """Bytes of all files below."""
    return sum(f.stat().st_size for d in folders for f in d.rglob("*") if f.is_file())


def probed(project: Project, plan: Plan, prefix: tuple[str, ...]) -> Estimates:
    """What is said of ``plan`` once it was measured."""
    folder = new_job_folder(project)
    ProbeJob(project=project.path, seconds=PROBE_SECONDS, plan=plan.as_json()).save(folder)
    follow(start(folder, prefix), wall=False)
    shutil.rmtree(folder)
    return replan(plan, devices(), measured=store.load()).estimates


def trained(project: Project, plan: Plan, prefix: tuple[str, ...], wall: bool) -> Happened:
    """What a whole run of ``plan`` takes, from an empty cache."""
    cases = project.cache_dir / "cases"
    shutil.rmtree(cases, ignore_errors=True)
    record = create_run(project, plan)
    events, total, memory = follow(start(record.path, prefix), wall)
    said = [e for e in events if isinstance(e, StepEvent)]
    paces = [plan.batch / e.patches_per_second for e in said[1:]]
    disk = folder_bytes(cases, record.path, project.models_dir / record.id)
    return Happened(statistics.fmean(paces), said[-1].step, total, memory, disk)


def main() -> None:
    """Plan, measure, train, compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--project", type=Path, default=Path("/tmp/lesionforge-predictions"))  # noqa: S108
    parser.add_argument("--wall", action="store_true")
    parser.add_argument("--only", default="", help="plans whose name holds this")
    args = parser.parse_args()
    if not args.project.exists():
        cli(["demo", str(args.project), "--cases", "8"])
    prefix = () if args.wall else CPU_CLOCK
    print(f"{'plan':<22} {'':<10} {'said':>10} {'happened':>10} {'off':>7}")
    worst: dict[str, float] = {}
    with Project.open(args.project) as project:
        if all(r.split == "none" for r in project.series()):
            resplit(project.library)
        for name, plan in plans(project).items():
            if args.only not in name:
                continue
            said = probed(project, plan, prefix)
            real = trained(project, plan, prefix, args.wall)
            pairs = {
                "step, s": (said.step_seconds, real.step),
                "steps": (said.steps, real.steps),
                "total, s": (said.seconds, real.total),
                "memory, MB": (said.memory_bytes / 1e6, real.memory / 1e6),
                "disk, MB": (said.disk_bytes / 1e6, real.disk / 1e6),
            }
            for what, (before, after) in pairs.items():
                off = before / after - 1
                worst[what] = max(worst.get(what, 0.0), abs(off))
                print(
                    f"{name:<22} {what:<10} {before:>10.3g} {after:>10.3g} {off:>+7.1%}", flush=True
                )
    print(json.dumps({k: round(v, 3) for k, v in worst.items()}))


if __name__ == "__main__":
    main()
