from __future__ import annotations

from types import SimpleNamespace

import pytest
from PySide6.QtCore import QObject, Qt, Signal
from pytestqt.qtbot import QtBot

from core.events import Event, StageEvent
from gui.session import Session
from gui.widgets.status_bar import StatusBar
from tests.gui.run.recorded import cpu, gpu, state, step


class FakeSupervisor(QObject):
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.stopping = False
        self.jobs = SimpleNamespace(busy=False, waiting=0, words=lambda: "Evaluating")
        self.asked: list[str] = []

    def resume(self) -> None:
        self.asked.append("resume")

    def resume_run(self, run_id: str) -> None:
        self.asked.append(f"resume {run_id}")


@pytest.fixture
def session(qtbot: QtBot):
    made = Session()
    yield made
    made.shutdown()


@pytest.fixture
def bar(qtbot: QtBot, session: Session) -> StatusBar:
    made = StatusBar(session, FakeSupervisor())
    qtbot.addWidget(made)
    made.resize(1600, 36)
    made.show()
    return made


def say(session: Session, *events: Event) -> None:
    for event in events:
        session.run_event.emit("r07", event)


def shown(bar: StatusBar) -> set[str]:
    names = ("bar", "percent", "epoch", "left", "use", "trend", "memory", "action", "detail",
             "queued", "ready")  # fmt: skip
    return {name for name in names if getattr(bar, name).isVisible()}


def test_nothing_at_work(qtbot: QtBot, bar: StatusBar) -> None:
    assert bar.words.text() == "No training job"
    qtbot.waitUntil(bar.ready.isVisible)
    assert bar.ready.text() in ("GPU ready", "CPU ready, no GPU")
    assert shown(bar) == {"ready"}


def test_a_run_that_has_not_said_a_word_is_starting(bar: StatusBar, session: Session) -> None:
    say(session, state("stopped", 0))
    session.active_run = "r08"
    bar.refresh()
    assert bar.words.text() == "Starting r08"
    assert "action" not in shown(bar)
    session.active_run = None
    bar.refresh()
    assert bar.words.text() == "Stopped r07"


def test_training_with_a_gpu(bar: StatusBar, session: Session) -> None:
    say(session, state("running", 0), step(41.0), gpu(1641))
    bar.refresh()
    assert bar.words.text() == "Training r07"
    assert bar.percent.text() == "41 %"
    assert bar.epoch.text() == "41 / 100"
    assert bar.left.text() == "39 min left"
    assert (bar.use_key.text(), bar.use.text()) == ("GPU", "97 %")
    assert (bar.memory_key.text(), bar.memory.text()) == ("VRAM", "22.8 / 80 GB")
    assert bar.memory_bar.fraction() == pytest.approx(0.285)
    assert shown(bar) >= {"bar", "percent", "epoch", "left", "use", "trend", "memory"}


def test_without_a_gpu_the_processor_is_named_as_such(bar: StatusBar, session: Session) -> None:
    say(session, state("running", 0), step(1.0), cpu(2))
    bar.refresh()
    assert (bar.use_key.text(), bar.memory_key.text()) == ("CPU", "RAM")


def test_preparing_shows_the_cases(bar: StatusBar, session: Session) -> None:
    say(session, state("preparing", 0), StageEvent(stage="preprocess", done=1, total=4))
    bar.refresh()
    assert bar.words.text() == "Preparing r07"
    assert bar.percent.text() == "25 %"
    assert "epoch" not in shown(bar)


def test_figures_change_once_a_second_and_states_at_once(
    qtbot: QtBot, bar: StatusBar, session: Session
) -> None:
    say(session, state("running", 0), step(10.0))
    bar.refresh()
    say(session, step(20.0))
    assert bar.percent.text() == "10 %"
    qtbot.waitUntil(lambda: bar.percent.text() == "20 %", timeout=2500)
    say(session, state("paused", 900))
    assert bar.words.text() == "Paused r07"


def test_paused_stopped_and_failed_offer_the_next_step(
    qtbot: QtBot, bar: StatusBar, session: Session
) -> None:
    say(session, state("running", 0), step(10.0), state("paused", 500))
    assert bar.action.text() == "Resume"
    qtbot.mouseClick(bar.action, Qt.MouseButton.LeftButton)
    say(session, state("stopped", 600))
    qtbot.mouseClick(bar.action, Qt.MouseButton.LeftButton)
    assert bar._supervisor.asked == ["resume", "resume r07"]
    say(session, state("failed", 700, "The GPU ran out of memory."))
    assert bar.detail.whole_text() == "The GPU ran out of memory."
    assert "bar" not in shown(bar)
    with qtbot.waitSignal(session.page_requested) as asked:
        qtbot.mouseClick(bar.action, Qt.MouseButton.LeftButton)
    assert asked.args == ["train"]


def test_a_click_opens_train(qtbot: QtBot, bar: StatusBar, session: Session) -> None:
    with qtbot.waitSignal(session.page_requested) as asked:
        qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.rect().center())
    assert asked.args == ["train"]


def test_queued_jobs_are_counted(bar: StatusBar, session: Session) -> None:
    jobs = bar._supervisor.jobs
    jobs.busy, jobs.waiting = True, 0
    bar.refresh()
    assert bar.words.text() == "Evaluating"
    assert "queued" not in shown(bar)
    say(session, state("running", 0), step(1.0))
    jobs.waiting = 1
    bar.refresh()
    assert bar.words.text() == "Training r07"
    assert bar.queued.text() == "+2 queued"


def test_stopping_is_said(bar: StatusBar, session: Session) -> None:
    say(session, state("running", 0), step(1.0))
    bar._supervisor.stopping = True
    bar._supervisor.changed.emit()
    assert bar.words.text() == "Stopping r07"


@pytest.mark.parametrize(
    ("args", "words"),
    [(("saved", "14:02"), "Saved 14:02"), (("saving", ""), "Saving…"),
     (("unsaved", "The disk is full."), "Not saved")],
)  # fmt: skip
def test_what_is_saved(args, words, bar: StatusBar, session: Session) -> None:
    session.labels_saved_changed.emit(*args)
    assert bar.saved.text() == words
    assert bar.saved.toolTip() == (args[1] if args[0] == "unsaved" else "")
