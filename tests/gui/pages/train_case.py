"""A Train page over runs that were recorded, plans made without images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from core.events import Event
from core.hardware import DeviceInfo
from core.project import runs
from gui.pages import train_new
from gui.pages.train import TrainPage
from gui.pages.train_new import Planned
from gui.run.supervisor import RunSupervisor
from gui.session import Session
from tests.core.data.plans import tiny_plan
from tests.gui.run.recorded import (
    write_events,
    write_pictures,
)

CPU = DeviceInfo("cpu", "AMD EPYC", False, 16 * 10**9, 2)
H100 = DeviceInfo("cuda:0", "NVIDIA H100", True, 80 * 10**9)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[DeviceInfo]:
    """What the machine has; plans come without images being read."""
    devices = [CPU]

    def planned(project, minutes, epochs, device, *, progress, cancelled) -> Planned:
        progress(1, 2)
        plan = tiny_plan(epochs=epochs) if minutes is None else tiny_plan(budget_minutes=minutes)
        return Planned(plan, tuple(devices), False)

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
