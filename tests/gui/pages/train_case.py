"""A Train page over runs that were recorded, plans made without images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from core.data.measured import Measurement, Measurements
from core.data.planner import replan
from core.data.predictions import PACE
from core.events import Event
from core.hardware import DeviceInfo
from core.project import runs
from gui.pages import train_new
from gui.pages.train import TrainPage
from gui.pages.train_planning import Asked, Planned
from gui.run.supervisor import RunSupervisor
from gui.session import Session
from tests.core.data.plans import tiny_plan
from tests.gui.run.recorded import (
    write_events,
    write_pictures,
)

CPU = DeviceInfo("cpu", "AMD EPYC", False, 16 * 10**9, 2)
#: Of the tiny plan; with it the page has nothing to measure.
MEASURED = Measurement(
    step_seconds=0.25,
    data_seconds=0.01,
    setup_seconds=1.0,
    voxel_seconds=1e-7,
    step_bytes=2e8,
    estimated_seconds=0.2,
    estimated_bytes=1e8,
)
H100 = DeviceInfo("cuda:0", "NVIDIA H100", True, 80 * 10**9)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[DeviceInfo]:
    """What the machine has; plans come without images being read."""
    devices = [CPU]

    def planned(project, asked: Asked, *, progress, cancelled) -> Planned:
        progress(1, 2)
        if asked.minutes is None:
            plan = tiny_plan(epochs=asked.epochs, quality=asked.quality)
        else:
            plan = tiny_plan(budget_minutes=asked.minutes, quality=asked.quality)
        known = Measurements(pace=PACE)
        known.add(plan, CPU, MEASURED)
        return Planned(replan(plan, devices, measured=known), tuple(devices), False, known, 10**12)

    monkeypatch.setattr(train_new, "make_planned", planned)
    return devices


@pytest.fixture
def page(
    qtbot: QtBot, session: Session, supervisor: RunSupervisor, found: list[DeviceInfo]
) -> Iterator[TrainPage]:
    made = TrainPage(session, supervisor)
    qtbot.addWidget(made)
    made.resize(1528, 964)
    yield made
    made.close()


def add_run(session: Session, events: list[Event], name: str = "Mine") -> Path:
    record = runs.create_run(session.require_project(), tiny_plan(), name)
    write_events(record.path, events)
    write_pictures(record.path)
    return record.path


def open_run(qtbot: QtBot, page: TrainPage) -> None:
    page.show()
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.view)
    qtbot.waitUntil(lambda: page.view.header.id.text() == page.run_id and not page._loading)


def buttons(page: TrainPage) -> set[str]:
    header = page.view.header
    names = ("new", "pause", "resume", "stop", "kill", "evaluate")
    return {name for name in names if getattr(header, name).isVisible()}
