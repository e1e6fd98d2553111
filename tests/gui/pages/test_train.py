from __future__ import annotations

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.hardware import DeviceInfo
from core.project import runs
from gui.pages import train as train_module
from gui.pages import train_new
from gui.pages.train import TrainPage
from gui.run.supervisor import RunSupervisor
from gui.session import Session
from gui.widgets import Confirm, EmptyState
from tests.core.data.plans import tiny_plan
from tests.gui.pages.train_case import H100, add_run, buttons, found, open_run, page
from tests.gui.run.conftest import play, session, supervisor
from tests.gui.run.recorded import (
    cases,
    cpu,
    run_events,
    validation,
    write_events,
)

__all__ = ["found", "page", "play", "session", "supervisor"]  # fixtures


def text_of(page: TrainPage) -> str:
    state = page._empty.findChild(EmptyState)
    assert state is not None
    return f"{state.title.text()}. {state.text.text()}"


def test_too_few_labels_say_so(qtbot: QtBot, page: TrainPage, session: Session) -> None:
    project = session.require_project()
    for uid in ("1.2.3.0", "1.2.3.1", "1.2.3.2"):
        project.set_status(uid, "none")
    session.refresh_series()
    page.show()
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page._empty)
    assert "Too few labelled cases" in text_of(page)
    assert "This project has 2." in text_of(page)
    # Labelled meanwhile, the page moves on by itself.
    project.set_status("1.2.3.0", "draft")
    session.refresh_series()
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.new)


def test_no_project(qtbot: QtBot, page: TrainPage, session: Session) -> None:
    page.show()
    session.close_project()
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page._empty)
    assert "No project is open" in text_of(page)


def test_a_new_run_is_planned_and_started(
    qtbot: QtBot, page: TrainPage, supervisor: RunSupervisor, session: Session
) -> None:
    page.show()
    qtbot.waitUntil(page.new.start.isEnabled)
    assert page.new.banner.title_text() == "No GPU found"
    assert page.new.cases.counts.values()["Train"] == "3 cases, 3 patients"
    assert page.new.plan().budget_minutes == 60
    qtbot.mouseClick(page.new.answers.time.button("10"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: (page.new.plan() or tiny_plan()).budget_minutes == 10)
    page.new.answers.name.setText("Quick one")
    qtbot.mouseClick(page.new.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.view.header.name.whole_text() == "Quick one", timeout=10_000)
    qtbot.waitUntil(lambda: len(page.history.steps) > 3, timeout=15_000)
    qtbot.waitUntil(lambda: buttons(page) == {"new", "pause", "stop"})
    assert not page.view.header.new.isEnabled()
    record = runs.run(session.require_project(), "r01")
    assert (record.name, record.automatic) == ("Quick one", True)
    # The live page and the files tell the same.
    supervisor.stop()
    qtbot.waitUntil(lambda: supervisor.live_run is None)
    qtbot.waitUntil(lambda: page.history.run_state == "stopped" and not page._loading)
    replayed = list(runs.read_events(record.path))
    assert len(page.history.steps) == sum(e.kind == "step" for e in replayed)
    qtbot.waitUntil(lambda: "resume" in buttons(page))


def test_a_gpu_needs_no_banner(qtbot: QtBot, page: TrainPage, found: list[DeviceInfo]) -> None:
    found.insert(0, H100)
    page.show()
    qtbot.waitUntil(page.new.start.isEnabled)
    assert not page.new.banner.isVisible()
    assert page.new.answers.device.count() == 3


def test_epochs_and_other_times(qtbot: QtBot, page: TrainPage) -> None:
    page.show()
    qtbot.waitUntil(page.new.start.isEnabled)
    qtbot.mouseClick(page.new.answers.time.button("epochs"), Qt.MouseButton.LeftButton)
    assert page.new.answers.epochs.isVisible()
    qtbot.waitUntil(lambda: (page.new.plan() or tiny_plan()).epochs == 100)
    qtbot.mouseClick(page.new.answers.time.button("minutes"), Qt.MouseButton.LeftButton)
    assert page.new.answers.minutes.isVisible() and not page.new.answers.epochs.isVisible()
    qtbot.waitUntil(lambda: (page.new.plan() or tiny_plan()).budget_minutes == 120)


def test_an_edited_plan_stays_edited_and_is_marked(
    qtbot: QtBot, page: TrainPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.show()
    qtbot.waitUntil(page.new.start.isEnabled)
    edited = tiny_plan(batch=6, budget_minutes=60.0)
    monkeypatch.setattr(train_new, "edit_plan", lambda *_args: edited)
    qtbot.mouseClick(page.new.card.advanced, Qt.MouseButton.LeftButton)
    assert page.new.answers.time.key() == "60"
    qtbot.mouseClick(page.new.answers.time.button("10"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.new.plan().budget_minutes == 10)
    assert page.new.plan().batch == 6
    assert page.new.card.pill._text == "Edited"


def test_a_plan_that_cannot_be_made_says_why(
    qtbot: QtBot, page: TrainPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.errors import UserError  # noqa: PLC0415

    def refuse(*_args, progress, cancelled):
        raise UserError("Mark at least 1 labelled case for validation.")

    monkeypatch.setattr(train_new, "make_planned", refuse)
    page.show()
    qtbot.waitUntil(lambda: page.new.banner.title_text() == "No plan could be made")
    assert page.new.banner.text() == "Mark at least 1 labelled case for validation."
    assert not page.new.start.isEnabled()


def test_an_old_run_shows_all_it_said(qtbot: QtBot, page: TrainPage, session: Session) -> None:
    events = [*run_events(20, "stopped", "Stopped."), *[cpu(float(n)) for n in range(700, 801)]]
    add_run(session, sorted(events, key=lambda e: e.time))
    open_run(qtbot, page)
    view = page.view
    assert view.header.epoch.value.text() == "20 of 100"
    assert view.header.bar.fraction() == pytest.approx(0.2)
    assert view.header.saved.value.text().startswith("epoch 20")
    assert view.loss.train.value.text() == f"{page.history.steps[-1].loss:.3f}"
    assert view.dice.best.value.text() == f"{page.history.validations[-1].dice:.3f}"
    assert view.gauges.title.text() == "CPU"
    assert view.gauges.gauges["utilisation"].value.text() == "88"
    assert view.gauges.gauges["power"].value.text() == "–"
    assert len(view.gauges.gauges["utilisation"].strip.points()) == 101
    assert [t.case.patient_id for t in view.gallery.row.tiles] == ["P2", "P1", "P0"]
    assert view.log.counts.text() == "0 errors, 1 warning"
    assert buttons(page) == {"new", "resume"}
    assert view.plan.pill._text == "Automatic"


def test_the_lesion_is_in_the_picture(qtbot: QtBot, page: TrainPage, session: Session) -> None:
    add_run(session, run_events(5, "stopped"))
    open_run(qtbot, page)
    tile = page.view.gallery.row.tiles[0]
    # Rows 12 to 20 of 60 hold it.
    assert tile._centre == pytest.approx(16 / 60)
    picture = tile.grab().toImage()
    greens = sum(
        picture.pixelColor(x, y).green() > 150 and picture.pixelColor(x, y).red() < 90
        for x in range(0, picture.width(), 4)
        for y in range(0, 130, 4)
    )
    assert greens > 10


def test_a_case_opens_in_label(qtbot: QtBot, page: TrainPage, session: Session) -> None:
    add_run(session, [*run_events(4), validation(5, 0.5, cases=cases())])
    open_run(qtbot, page)
    with qtbot.waitSignal(session.page_requested) as asked:
        qtbot.mouseClick(page.view.gallery.row.tiles[0], Qt.MouseButton.LeftButton)
    assert asked.args == ["label"]
    assert session.open_uid == "1.2.3.2"


def test_a_failed_run_says_what_happened_and_resumes(
    qtbot: QtBot, page: TrainPage, session: Session, supervisor: RunSupervisor
) -> None:
    sentence = "The training process was killed (signal 9). The last checkpoint is kept."
    path = add_run(session, run_events(12, "failed", sentence))
    (path / "log.txt").write_text("Traceback of something\n", encoding="utf-8")
    open_run(qtbot, page)
    banner = page.view.banner
    assert (banner.title_text(), banner.text()) == ("r01 failed", sentence)
    page.view._open_log()
    assert page.view.log.is_open()
    assert "Traceback of something" in page.view.log.text.toPlainText()
    page.view.log.set_open(False)
    qtbot.mouseClick(page.view.header.resume, Qt.MouseButton.LeftButton)
    assert supervisor.live_run == "r01"
    qtbot.waitUntil(lambda: not banner.isVisible(), timeout=15_000)
    qtbot.waitUntil(lambda: page.history.run_state == "running", timeout=15_000)


def test_a_run_whose_process_vanished_is_failed(
    qtbot: QtBot, page: TrainPage, session: Session
) -> None:
    add_run(session, run_events(12))
    open_run(qtbot, page)
    assert page.history.run_state == "failed"
    assert page.view.banner.text() == runs.VANISHED
    assert "resume" in buttons(page)


def test_a_run_of_another_program_is_followed(
    qtbot: QtBot, page: TrainPage, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    page._foreign.setInterval(100)
    path = add_run(session, run_events(12))
    (path / runs.PROCESS).write_text(runs.process_stamp(), encoding="utf-8")
    open_run(qtbot, page)
    assert "another program" in page.view.banner.title_text()
    assert buttons(page) == {"new"}
    write_events(path, run_events(20))
    qtbot.waitUntil(lambda: page.history.epoch == 20)


def test_live_events_are_not_counted_twice(
    qtbot: QtBot, page: TrainPage, session: Session, supervisor: RunSupervisor
) -> None:
    supervisor.start(tiny_plan())
    qtbot.waitUntil(lambda: supervisor.live_run is not None)
    qtbot.wait(600)  # It says things before anybody looks.
    open_run(qtbot, page)
    qtbot.waitUntil(lambda: len(page.history.steps) > 5, timeout=15_000)
    page.hide()
    page.show_run("r01")
    page.show()
    qtbot.waitUntil(lambda: not page._loading and len(page.history.steps) > 12, timeout=15_000)
    numbers = [e.step for e in page.history.steps]
    assert numbers == list(range(1, len(numbers) + 1))


def test_stop_asks_and_the_safe_choice_has_the_focus(
    qtbot: QtBot, page: TrainPage, supervisor: RunSupervisor
) -> None:
    supervisor.start(tiny_plan())
    open_run(qtbot, page)
    qtbot.waitUntil(lambda: "stop" in buttons(page), timeout=15_000)
    asked: list[str] = []

    def answer(danger: bool) -> None:
        question = QApplication.activeModalWidget()
        assert isinstance(question, Confirm)
        asked.append(question.heading.text())
        assert question.safe.isDefault()
        (question.danger if danger else question.safe).click()

    QTimer.singleShot(200, lambda: answer(False))
    qtbot.mouseClick(page.view.header.stop, Qt.MouseButton.LeftButton)
    assert not supervisor.stopping
    QTimer.singleShot(200, lambda: answer(True))
    qtbot.mouseClick(page.view.header.stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: supervisor.live_run is None)
    assert asked == ["Stop run r01?"] * 2


def test_a_run_that_does_not_stop_can_be_ended(
    qtbot: QtBot, page: TrainPage, supervisor: RunSupervisor, play, monkeypatch
) -> None:
    monkeypatch.setattr(train_module, "_SLOW_S", 0.3)
    monkeypatch.setattr(train_module, "confirm", lambda *_args: True)
    play["script"] = play["script"].replace('if order == "stop"', 'if order == "never"')
    supervisor.start(tiny_plan())
    open_run(qtbot, page)
    qtbot.waitUntil(lambda: "stop" in buttons(page), timeout=15_000)
    qtbot.mouseClick(page.view.header.stop, Qt.MouseButton.LeftButton)
    assert page.view.header.stop.text() == "Stopping…" or supervisor.stopping
    qtbot.waitUntil(lambda: "kill" in buttons(page))
    qtbot.mouseClick(page.view.header.kill, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: supervisor.live_run is None)
    qtbot.waitUntil(page.view.banner.isVisible)
    assert "was ended from here" in page.view.banner.text()


def test_runs_can_be_chosen(qtbot: QtBot, page: TrainPage, session: Session) -> None:
    add_run(session, run_events(10, "done"), "First")
    add_run(session, run_events(30, "stopped"), "Second")
    open_run(qtbot, page)
    assert page.run_id == "r02"
    assert page.view.header.chooser.isVisible()
    page.view.header.run_chosen.emit("r01")
    qtbot.waitUntil(lambda: page.view.header.name.whole_text() == "First")
    qtbot.waitUntil(lambda: page.history.epoch == 10)
    page.show_new()
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.new)
    qtbot.mouseClick(page.new.back, Qt.MouseButton.LeftButton)
    assert page.stack.currentWidget() is page.view
