"""A run made longer from the window, and what its curves say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from core.events import HintEvent
from core.project import orders, runs
from core.project.orders import Order
from gui.pages import train
from gui.pages.train import TrainPage
from gui.pages.train_length import LengthDialog
from gui.run.supervisor import RunSupervisor
from gui.session import Session
from tests.core.data.plans import tiny_plan
from tests.gui.pages.train_case import add_run, found, open_run, page
from tests.gui.run.conftest import play, session, supervisor
from tests.gui.run.recorded import CHILD, START, run_events

__all__ = ["found", "page", "play", "session", "supervisor"]  # fixtures

LISTENS = CHILD.replace(
    '    if order == "stop":',
    '    if order.startswith(("extend", "budget")):\n'
    '        say(LogEvent(level="info", message=f"told {order}"))\n'
    '    if order == "stop":',
)


def hint(kind: str, sentence: str, uid: str = "", at: float = 500.0) -> HintEvent:
    return HintEvent(step=900, hint=kind, sentence=sentence, series_uid=uid, time=START + at)  # type: ignore[arg-type]


def press(page: TrainPage, words: str) -> None:
    found = [b for b in page.view.hints.findChildren(QPushButton) if b.text() == words]
    found[-1].click()


def test_a_live_run_is_told_to_last_longer(
    qtbot: QtBot,
    page: TrainPage,
    supervisor: RunSupervisor,
    session: Session,
    play: dict[str, str],
) -> None:
    play["script"] = LISTENS
    page.show()
    supervisor.start(tiny_plan(), "Mine")
    qtbot.waitUntil(lambda: supervisor.live_run is not None, timeout=20_000)
    page.show_run(supervisor.live_run or "")
    extend = page.view.header.extend
    qtbot.waitUntil(extend.isVisible, timeout=20_000)
    menu = page.length.menu()
    (longer,) = (a for a in menu.actions() if a.data() == "10 minutes longer")
    longer.trigger()
    menu.deleteLater()
    said = lambda words: any(line.words == words for line in page.history.log)  # noqa: E731
    qtbot.waitUntil(lambda: said("told extend 10"), timeout=20_000)

    def answer() -> None:
        (dialog,) = (w for w in QApplication.topLevelWidgets() if isinstance(w, LengthDialog))
        dialog.field.set_value(45)
        dialog.accept()

    QTimer.singleShot(0, answer)
    page.length.ask()
    qtbot.waitUntil(lambda: said("told budget 45"), timeout=20_000)
    with qtbot.waitSignal(session.runs_changed, timeout=20_000):
        supervisor.stop()
    qtbot.waitUntil(lambda: supervisor.live_run is None, timeout=20_000)


def test_a_run_that_has_ended_goes_on_with_the_order_in_its_folder(
    qtbot: QtBot,
    page: TrainPage,
    supervisor: RunSupervisor,
    session: Session,
    play: dict[str, str],
) -> None:
    play["script"] = LISTENS
    folder = add_run(session, run_events(end="done"))
    open_run(qtbot, page)
    assert page.view.header.extend.isVisible()
    page.length.extend(30)
    assert orders.kept(folder) == [Order("extend", 30)]
    qtbot.waitUntil(lambda: supervisor.live_run == "r01", timeout=20_000)
    supervisor.stop()
    qtbot.waitUntil(lambda: supervisor.live_run is None, timeout=20_000)


def test_a_run_of_another_program_finds_the_order_in_its_folder(
    qtbot: QtBot, page: TrainPage, supervisor: RunSupervisor, session: Session
) -> None:
    folder = add_run(session, run_events())
    (folder / "process.json").write_text(runs.process_stamp(os.getpid()), encoding="utf-8")
    open_run(qtbot, page)
    page.length.extend(10)
    assert orders.kept(folder) == [Order("extend", 10)]
    assert supervisor.live_run is None


def test_a_run_of_another_program_is_told_to_end(
    qtbot: QtBot, page: TrainPage, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = add_run(session, run_events())
    (folder / "process.json").write_text(runs.process_stamp(os.getpid()), encoding="utf-8")
    open_run(qtbot, page)
    answers = [False, True]
    monkeypatch.setattr(train, "confirm", lambda *_words: answers.pop(0))
    (stop,) = [b for b in page.view.banner.findChildren(QPushButton) if b.text() == "Stop…"]
    qtbot.mouseClick(stop, Qt.MouseButton.LeftButton)
    assert orders.taken(folder) is None
    with qtbot.waitSignal(session.message) as told:
        qtbot.mouseClick(stop, Qt.MouseButton.LeftButton)
    assert told.args[0] == "r01 was told to save and end"
    assert orders.taken(folder) == "stop"


def test_hints_stand_above_the_curves_newest_first(
    qtbot: QtBot, page: TrainPage, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "Case P1 disagrees with the others: look at its label."
    said = [hint("overfitting", "By heart."), hint("label", words, "1.2.3.1", 600.0)]
    add_run(session, [*run_events(end="done"), *said])
    open_run(qtbot, page)
    banner = page.view.hints
    assert banner.isVisible()
    assert banner.text() == words
    opened: list[str] = []
    monkeypatch.setattr(session, "open_series", opened.append)
    press(page, "Open in Label")
    assert opened == ["1.2.3.1"]
    press(page, "Next")
    assert banner.text() == "By heart."
    press(page, "Dismiss")
    assert not banner.isVisible()
    assert page.history.warnings == 3  # both hints, and the case that was cut


def test_an_early_end_offers_to_go_on(qtbot: QtBot, page: TrainPage, session: Session) -> None:
    events = run_events(end="done", sentence="Dice has not risen.")
    add_run(session, [*events, hint("early stop", "Dice has not risen.")])
    open_run(qtbot, page)
    assert page.view.hints.title_text() == "Ended early"
    asked: list[bool] = []

    def look() -> None:
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, LengthDialog):
                asked.append(True)
                widget.reject()

    QTimer.singleShot(0, look)
    press(page, "Extend…")
    assert asked == [True]
    assert orders.kept(Path(page.runs[0].path)) == []
