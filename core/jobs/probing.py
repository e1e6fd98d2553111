"""The ``probe`` job: measures plans on this machine until the one the planner chooses is known.

What is measured is kept at once (``core.data.measured``), so a probe that was cut short has not
been for nothing. Loads torch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from core.data import measured as store
from core.data.measured import DeviceLike, Measurements
from core.data.plan import Plan
from core.data.planner import choose_device, plan_project, replan
from core.events import Event, LogEvent, ResultEvent, StageEvent
from core.hardware import devices
from core.jobs.spec import ProbeJob
from core.project.project import Project
from core.training.control import Control
from core.training.peak import library_bytes
from core.training.probe import measure, measure_pace

#: Plans measured in one job at most: each makes the planner's next choice better known.
MOST_PLANS = 4


class _Clock:
    """Tells how far the time of a probe is used up."""

    def __init__(self, seconds: float, emit: Callable[[Event], None]) -> None:
        self._seconds, self._emit = seconds, emit
        self._begin = time.monotonic()

    @property
    def left(self) -> float:
        return self._seconds - (time.monotonic() - self._begin)

    def tick(self) -> None:
        total = max(1, round(self._seconds * 10))
        done = min(total - 1, round((self._seconds - self.left) * 10))
        self._emit(StageEvent(stage="probe", done=done, total=total))


def probe(
    job: ProbeJob, folder: Path, emit: Callable[[Event], None], control: Control
) -> Measurements:
    """Measure as ``job`` says; ResultEvent ``probe`` with plans (how many) and seconds.

    folder: for the files of the case that is read. Raises UserError or FileRefusedError for what
    the user can mend, Cancelled.
    """
    clock = _Clock(job.seconds, emit)
    clock.tick()
    found = devices()
    known = store.load()
    if job.again:
        known.forget(choose_device(found, job.device))
    done = 0
    with Project.open(job.project) as project:
        while done < MOST_PLANS and (done == 0 or clock.left > 0):
            plan = _next(job, project, found, known)
            device = choose_device(found, plan.device)
            if known.exact(plan, device) is not None and known.pace is not None:
                break
            fresh = known.pace is None
            if known.pace is None:
                known.pace = measure_pace(project, plan, folder)
                clock.tick()
            libraries = library_bytes()
            made = measure(
                plan,
                device,
                # Half of what is left: another plan may be chosen once this one is known.
                max(1.0, clock.left / (1 if job.plan else 2)),
                tick=clock.tick,
                cancelled=lambda: control.state() == "stop",
            )
            known.add(plan, device, made)
            if fresh:
                # Of the libraries, some are in memory only once steps have used them.
                grown = max(0, library_bytes() - libraries)
                known.pace = replace(known.pace, base_bytes=known.pace.base_bytes + grown)
            _keep(known, emit)
            done += 1
    emit(ResultEvent(name="probe", data={"plans": done, "seconds": job.seconds - clock.left}))
    return known


def _next(
    job: ProbeJob, project: Project, found: Sequence[DeviceLike], known: Measurements
) -> Plan:
    if job.plan is not None:
        return replan(Plan.from_json(job.plan), found, measured=known)
    return plan_project(
        project,
        found,
        minutes=job.minutes,
        epochs=job.epochs,
        device=job.device,
        quality=job.quality,
        dimensions=job.dimensions,
        augmentation=job.augmentation,
        measured=known,
    )


def _keep(known: Measurements, emit: Callable[[Event], None]) -> None:
    try:
        store.save(known)
    except OSError as error:
        # The plan of now is measured all the same; only the next one has to be measured again.
        message = f"The measurements could not be kept ({error.strerror})."
        emit(LogEvent(level="warning", message=message))
