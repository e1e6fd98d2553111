from __future__ import annotations

import itertools
import time
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from core.events import StageEvent
from gui import i18n
from gui.pages.train import TrainPage
from gui.pages.train_parts import HeadState, spread
from gui.run.supervisor import RunSupervisor
from gui.session import Session
from tests.gui.pages.train_case import add_run, found, open_run, page
from tests.gui.run.conftest import play, session, supervisor
from tests.gui.run.recorded import (
    START,
    gpu,
    run_events,
    state,
    step,
)

__all__ = ["found", "page", "play", "session", "supervisor"]  # fixtures


def test_the_log_opens_upwards(qtbot: QtBot, page: TrainPage, session: Session) -> None:
    add_run(session, run_events(10, "stopped"))
    open_run(qtbot, page)
    log = page.view.log
    bottom = log.card.geometry().bottom()
    assert log.card.height() == 40
    qtbot.mouseClick(log.head, Qt.MouseButton.LeftButton)
    assert log.card.height() == 280
    assert log.card.geometry().bottom() == bottom
    assert "epoch 10" in log.text.toPlainText()
    qtbot.mouseClick(log.caret, Qt.MouseButton.LeftButton)
    assert log.card.height() == 40


def test_a_hidden_page_draws_nothing(qtbot: QtBot, page: TrainPage, session: Session) -> None:
    add_run(session, run_events(10, "stopped"))
    open_run(qtbot, page)
    page.hide()
    qtbot.wait(300)
    before = page.view.loss.plot.line_draws + page.view.loss.plot.full_draws
    for epoch in range(11, 40):
        session.run_event.emit("r01", step(float(epoch)))
    qtbot.wait(400)
    assert page.view.loss.plot.line_draws + page.view.loss.plot.full_draws == before
    page.show()
    qtbot.waitUntil(lambda: page.view.header.epoch.value.text() == "39 of 100")


def test_many_events_cost_few_redraws(qtbot: QtBot, page: TrainPage, session: Session) -> None:
    add_run(session, run_events(10, "stopped"))
    open_run(qtbot, page)
    qtbot.wait(300)
    before = page.view.loss.plot.line_draws
    began = time.monotonic()
    for epoch in range(1100, 3000):
        session.run_event.emit("r01", step(epoch / 100))
        session.run_event.emit("r01", gpu(epoch / 100 * 40))
    qtbot.wait(500)
    # Four a second at most, however long a busy machine took over it.
    assert page.view.loss.plot.line_draws - before <= 4 * (time.monotonic() - began) + 2
    assert page.view.gauges.title.text() == "GPU"


def test_low_windows_keep_all_parts_apart(qtbot: QtBot, page: TrainPage, session: Session) -> None:
    add_run(session, [*run_events(10), state("failed", 999, "It failed.")])
    page.resize(1208, 764)
    open_run(qtbot, page)
    view = page.view
    qtbot.waitUntil(view.banner.isVisible)
    qtbot.wait(100)  # for the layout that follows
    parts = [view.header, view.banner, view.middle, view.log.card]
    for upper, lower in itertools.pairwise(parts):
        assert upper.geometry().bottom() <= lower.geometry().top()
    assert view.plan.geometry().bottom() <= view.gallery.geometry().top()
    assert view.dice.plot.height() >= 140
    assert view.middle.verticalScrollBar().maximum() > 0
    assert view.middle.widget().width() <= view.middle.viewport().width()
    assert view.log.card.geometry().bottom() <= view.height()
    rows = view.plan._sections
    for upper, lower in itertools.pairwise(rows):
        assert upper.geometry().bottom() < lower.geometry().top()
    strips = [g.geometry() for g in view.gauges.gauges.values()]
    for upper, lower in itertools.pairwise(strips):
        assert upper.bottom() < lower.top()


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_nothing_of_a_new_run_is_cut_in_the_smallest_window(
    qtbot: QtBot, session: Session, supervisor: RunSupervisor, found: object, language: str
) -> None:
    i18n.install(language)
    try:
        page = TrainPage(session, supervisor)
        qtbot.addWidget(page)
        page.resize(1208, 764)
        page.show()
        qtbot.waitUntil(page.new.start.isEnabled)
        answers = page.new.answers
        answers.time.set_key("minutes")
        answers._time_changed()
        qtbot.waitUntil(answers.minutes.isVisible)
        qtbot.wait(100)  # for the layout that follows
        card = page.new.cases
        assert card.mapTo(page, card.rect().topRight()).x() <= page.width() - 24
        assert answers.minutes.y() >= answers.time.geometry().bottom()
        for words in page.new.findChildren(QLabel):
            if words.isVisible() and words.wordWrap():
                assert words.height() >= words.heightForWidth(words.width())
    finally:
        i18n.install("en")


def test_a_run_without_a_validation_needs_no_scrolling(
    qtbot: QtBot, page: TrainPage, session: Session
) -> None:
    add_run(session, [state("running", 0), step(1.0), step(2.0), state("stopped", 200)])
    open_run(qtbot, page)
    page.resize(1528, 964)
    qtbot.wait(100)
    assert page.view.middle.verticalScrollBar().maximum() == 0


def test_checkpoint_dots_can_be_told_apart() -> None:
    assert spread([]) == []
    assert spread([0.5]) == [0.5]
    dense = spread([n / 1000 for n in range(500)])
    assert dense[-1] == 0.499
    assert len(dense) <= 14
    assert all(b - a >= 0.012 for a, b in itertools.pairwise(dense))


def test_a_run_on_its_way_says_so(qtbot: QtBot, page: TrainPage, session: Session) -> None:
    add_run(session, [])
    open_run(qtbot, page)
    record = page.record()
    assert record is not None
    waiting = HeadState(live=True, stopping=False, slow=False, busy=True)
    page.view.header.show_run(record, page.history, waiting)
    assert page.view.header.stage.text() == "Starting the training process"
    page.view.header.show_run(record, page.history, replace(waiting, live=False))
    assert not page.view.header.stage.isVisible()


def test_a_run_that_ended_while_the_connection_was_lost_is_not_on_its_way(
    qtbot: QtBot, page: TrainPage, session: Session
) -> None:
    lost = StageEvent(stage="reconnect", done=0, total=3, time=START + 900)
    add_run(session, [*run_events(20), lost, state("failed", 950, "It is gone.")])
    open_run(qtbot, page)
    qtbot.waitUntil(page.view.banner.isVisible)
    assert not page.view.header.stage.isVisible()


def test_a_learning_rate_of_nothing_is_a_plain_nought(
    qtbot: QtBot, page: TrainPage, session: Session
) -> None:
    last = replace(step(100.0), learning_rate=0.0)
    add_run(session, [*run_events(10), last, state("done", 4100)])
    open_run(qtbot, page)
    assert page.view.loss.rate.value.text() == "0"
