from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from core.project import runs
from gui.dialogs.compare_runs import MOST, CompareRuns
from gui.dialogs.run_notes import RunNotes
from gui.pages.train import TrainPage
from gui.session import Session
from tests.gui.pages.train_case import add_run, found, open_run, page
from tests.gui.run.conftest import play, session, supervisor
from tests.gui.run.recorded import run_events

__all__ = ["found", "page", "play", "session", "supervisor"]  # fixtures


def choose(page: TrainPage, words: str) -> None:
    """Trigger a row of the menu (offscreen, a popup cannot take the keyboard)."""
    menu = page.extras.menu()
    next(a for a in menu.actions() if str(a.data()).startswith(words)).trigger()


def when_open(kind: type, act) -> None:
    """Act on a modal dialog once it is there."""

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, kind):
            act(dialog)
        else:
            QTimer.singleShot(20, look)

    QTimer.singleShot(0, look)


def test_notes_are_kept_and_can_be_taken_back(
    qtbot: QtBot, page: TrainPage, session: Session
) -> None:
    folder = add_run(session, run_events())
    open_run(qtbot, page)
    said: list[tuple[str, object]] = []
    session.message.connect(lambda words, undo: said.append((words, undo)))

    def write(dialog: RunNotes) -> None:
        qtbot.keyClicks(dialog.text, "Too few cases.")
        qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)

    when_open(RunNotes, write)
    choose(page, "Notes")
    assert (folder / runs.NOTES).read_text() == "Too few cases."
    assert said[0][0] == "Notes on r01 saved"
    qtbot.waitUntil(lambda: page.runs[0].notes == "Too few cases.")
    said[0][1]()
    assert (folder / runs.NOTES).read_text() == ""


def test_one_run_cannot_be_compared(qtbot: QtBot, page: TrainPage, session: Session) -> None:
    add_run(session, run_events())
    open_run(qtbot, page)
    rows = {str(a.data()): a.isEnabled() for a in page.extras.menu().actions()}
    assert rows == {"Notes…": True, "Compare runs…": False, "Export for TensorBoard…": True}


def test_a_run_is_written_for_tensorboard(
    qtbot: QtBot, page: TrainPage, session: Session, tmp_path: Path
) -> None:
    add_run(session, run_events())
    open_run(qtbot, page)
    with qtbot.waitSignal(session.message) as said:
        page.extras.export(tmp_path / "board")
    assert "tensorboard --logdir" in said.args[0]
    assert list((tmp_path / "board" / "r01").glob("events.out.*"))
    with qtbot.waitSignal(session.error) as failed:
        page.extras.export(tmp_path / "board")
    assert "already holds an export" in failed.args[1]


@pytest.fixture
def compared(qtbot: QtBot, page: TrainPage, session: Session) -> CompareRuns:
    for number in range(MOST + 1):
        add_run(session, run_events(), f"Run {number}")
    page.show()
    dialog = CompareRuns(page, session, runs.list_runs(session.require_project()))
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: len(dialog.figures) == MOST + 1)
    return dialog


def words_of(dialog: CompareRuns) -> set[str]:
    return {label.text() for label in dialog.table.widget().findChildren(QLabel)}


def test_runs_are_compared_side_by_side(qtbot: QtBot, compared: CompareRuns) -> None:
    assert [run.record.id for run in compared.chosen()] == ["r05", "r04", "r03", "r02"]
    assert "The plans of these runs are the same." in words_of(compared)
    assert "Best Dice" in words_of(compared)
    assert "Patch" not in words_of(compared)
    qtbot.mouseClick(compared.only, Qt.MouseButton.LeftButton)
    assert "Patch" in words_of(compared)


def test_no_more_runs_than_colours(qtbot: QtBot, compared: CompareRuns) -> None:
    assert not compared._boxes["r01"].isEnabled()
    compared._boxes["r04"].setChecked(False)
    assert compared._boxes["r01"].isEnabled()
    compared._boxes["r01"].setChecked(True)
    assert [run.record.id for run in compared.chosen()] == ["r05", "r03", "r02", "r01"]
    for box in compared._boxes.values():
        box.setChecked(False)
    assert "Choose the runs to compare." in words_of(compared)
