"""Runs of several processes and on another machine, through the page: real children, real sshd."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from core.data.measured import Measurements
from core.data.plan import Plan
from core.data.planner import replan
from core.data.predictions import PACE
from core.events import StepEvent
from core.jobs.machines import machines, save_machines
from core.jobs.remote_run import Remote, is_remote
from core.project.runs import read_events
from gui import i18n
from gui.dialogs.machines import MachinesDialog
from gui.pages import train_new
from gui.pages.train import TrainPage
from gui.pages.train_planning import ALL, Asked, Planned, make_planned
from gui.run.supervisor import RunSupervisor
from gui.session import Session
from tests.core.data.plans import tiny_plan
from tests.core.jobs.sshd import Server, end_keepers, sshd
from tests.core.training.synthetic import make_project
from tests.gui.pages.train_case import CPU, H100, MEASURED

__all__ = ["sshd"]  # fixture

#: Where a picture of the page is left, for whoever wants to look at it.
SHOTS = os.environ.get("LESIONFORGE_SHOTS")


@pytest.fixture
def session(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    i18n.ensure()
    make_project(tmp_path).close()
    made = Session()
    assert made.open_project(tmp_path / "project")
    yield made
    made.shutdown()


@pytest.fixture
def supervisor(session: Session) -> Iterator[RunSupervisor]:
    made = RunSupervisor(session)
    yield made
    made.shutdown()


@pytest.fixture
def page(qtbot: QtBot, session: Session, supervisor: RunSupervisor) -> Iterator[TrainPage]:
    made = TrainPage(session, supervisor)
    qtbot.addWidget(made)
    made.resize(1528, 964)
    yield made
    made.close()


def plan_by(monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """Every plan is tiny, whatever is asked; a machine is asked what it has all the same."""

    def planned(project, asked: Asked, *, progress, cancelled) -> Planned:
        made = make_planned(project, asked, progress=progress, cancelled=cancelled)
        plan = tiny_plan(threads=1, epochs=400, steps_per_epoch=1, **changes)
        known = Measurements(pace=PACE)
        known.add(plan, CPU, MEASURED)
        ready = replan(plan, made.devices, measured=known)
        return Planned(ready, made.devices, False, known, 10**12, made.machine)

    monkeypatch.setattr(train_new, "make_planned", planned)


def start(qtbot: QtBot, page: TrainPage) -> None:
    qtbot.waitUntil(page.new.start.isEnabled, timeout=60_000)
    qtbot.mouseClick(page.new.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.view, timeout=20_000)


def stop(qtbot: QtBot, page: TrainPage, name: str) -> Path:
    """Stop the run shown; its folder. The curves hold every step of the file, each once."""
    record = page.record()
    assert record is not None
    picture(page, name)
    page.supervisor.stop()
    qtbot.waitUntil(lambda: page.supervisor.live_run is None, timeout=120_000)
    qtbot.waitUntil(lambda: page.history.run_state == "stopped" and not page._loading)
    steps = [e.step for e in read_events(record.path) if isinstance(e, StepEvent)]
    assert [e.step for e in page.history.steps] == steps == sorted(set(steps))
    return record.path


def picture(page: TrainPage, name: str) -> None:
    if SHOTS:
        page.resize(1600, 1000)
        page.grab().save(str(Path(SHOTS) / f"{name}.png"))


def test_a_run_of_two_processes_in_the_curves(
    qtbot: QtBot, page: TrainPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_by(monkeypatch, processes=2)
    page.show()
    start(qtbot, page)
    qtbot.waitUntil(lambda: len(page.history.steps) >= 4, timeout=180_000)
    folder = stop(qtbot, page, "train_two_processes")
    assert Plan.load(folder / "plan.json").processes == 2
    assert not is_remote(folder)


def test_a_run_on_another_machine_cut_off_twice_in_the_curves(
    qtbot: QtBot,
    page: TrainPage,
    sshd: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = tmp_path / "there"
    save_machines([sshd.machine(folder=str(there))])
    plan_by(monkeypatch)
    page.show()
    qtbot.waitUntil(page.new.start.isEnabled, timeout=60_000)
    page.new.answers.device.set_key("ssh:gpu-box")
    page.new.answers.changed.emit()
    qtbot.waitUntil(lambda: page.new._planned is None)
    qtbot.waitUntil(page.new.start.isEnabled, timeout=60_000)
    picture(page, "train_machine_choice")
    try:
        start(qtbot, page)
        for cut in range(2):
            qtbot.waitUntil(lambda: bool(page.history.steps), timeout=180_000)
            before = len(page.history.steps)
            assert sshd.cut() > 0
            qtbot.waitUntil(
                lambda before=before: len(page.history.steps) > before + 1, timeout=180_000
            )
            words = [line.words for line in page.history.log]
            assert sum("tried again" in line for line in words) == cut + 1
        folder = stop(qtbot, page, "train_on_machine")
        assert Remote.load(folder).machine.name == "gpu-box"
        assert page.history.devices
    finally:
        end_keepers(there)


def test_machines_are_entered_tested_and_removed(
    qtbot: QtBot, session: Session, sshd: Server, tmp_path: Path
) -> None:
    machine = sshd.machine(folder=str(tmp_path / "there"))
    save_machines([machine])
    dialog = MachinesDialog(None, session.tasks)
    qtbot.addWidget(dialog)
    dialog.chosen.set_key("gpu-box")
    dialog._show()
    assert dialog.machine() == machine
    qtbot.mouseClick(dialog.test, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.banner.title_text() == "The connection works", timeout=60_000)
    if SHOTS:
        dialog.grab().save(str(Path(SHOTS) / "machines.png"))
    dialog.host.setText("-oProxyCommand=x")
    qtbot.mouseClick(dialog.test, Qt.MouseButton.LeftButton)
    assert dialog.banner.title_text() == "This cannot be used"
    dialog.host.setText("127.0.0.1")
    dialog.python.setText("/nowhere/python")
    with qtbot.waitSignal(dialog.saved):
        qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    assert [m.python for m in machines()] == ["/nowhere/python"]
    dialog._list("gpu-box")
    qtbot.mouseClick(dialog.remove, Qt.MouseButton.LeftButton)
    assert machines() == []


def test_all_gpus_of_this_computer_are_one_choice(
    qtbot: QtBot, page: TrainPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.new.answers.set_devices([H100, H100, CPU])
    keys = [page.new.answers.device.itemData(i) for i in range(page.new.answers.device.count())]
    assert ALL in keys
    assert Asked(1, None, ALL).single == "auto"
    assert (Asked(1, None, "ssh:box").machine, Asked(1, None, "cpu").machine) == ("box", "")
    with contextlib.suppress(AttributeError):
        page.new.measuring.leave()
