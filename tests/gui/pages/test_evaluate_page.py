"""The Evaluate page on real run folders, with a supervisor that starts nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from core.evaluation.metrics import CaseMetrics
from core.evaluation.result import CaseEvaluation, EvaluationResult, result_path
from core.events import StageEvent, StateEvent, StepEvent, to_line
from gui.pages import evaluate_read
from gui.pages.evaluate import EvaluatePage
from gui.session import Session


class Supervisor:
    """Takes jobs and lets the test play their events."""

    def __init__(self) -> None:
        self.jobs: list = []
        self.cancelled = 0

    def submit(self, job, on_event, on_end) -> Supervisor:
        self.jobs.append((job, on_event, on_end))
        return self

    def cancel(self) -> None:
        self.cancelled += 1


def make_run(project_dir: Path, run_id: str, name: str, dice: float | None) -> Path:
    folder = project_dir / "runs" / run_id
    folder.mkdir(parents=True)
    made = {"format": 1, "name": name, "created": "2026-01-01T10:00:00+0100"}
    (folder / "run.json").write_text(json.dumps(made))
    (folder / "plan.json").write_text(json.dumps({"device": "cpu", "network": "u"}))
    step = StepEvent(
        step=50, steps=100, epoch=5.0, epochs=10, loss=0.5, learning_rate=0.1,
        patches_per_second=2.0, data_wait=0.0, seconds_left=60.0, elapsed=600.0,
    )  # fmt: skip
    lines = [to_line(step), to_line(StateEvent(state="stopped"))]
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    if dice is not None:
        write_result(folder, dice)
    return folder


def write_result(folder: Path, dice: float, split: str = "test") -> None:
    cases = tuple(
        CaseEvaluation(
            series_uid=f"uid-{i}",
            patient_id=f"LF-{i}",
            metrics=CaseMetrics(
                dice=dice + i / 100, hd95_mm=4.0, reference_ml=10.0, predicted_ml=9.0,
                lesions=1, lesions_found=1, false_lesions=0,
            ),
        )
        for i in range(3)
    )  # fmt: skip
    EvaluationResult(run_id=folder.name, split=split, cases=cases).save(result_path(folder, split))


@pytest.fixture
def session(qtbot: QtBot, tmp_path: Path, monkeypatch) -> Iterator[Session]:
    # Which runs left a model is the model store's business.
    monkeypatch.setattr(
        evaluate_read, "find_model", lambda _p, run_id: None if run_id == "r09" else object()
    )
    made = Session()
    made.create_project(tmp_path / "project")
    yield made
    made.shutdown()


@pytest.fixture
def supervisor() -> Supervisor:
    return Supervisor()


def open_page(qtbot: QtBot, session: Session, supervisor: Supervisor) -> EvaluatePage:
    page = EvaluatePage(session, supervisor)
    qtbot.addWidget(page)
    page.resize(1528, 964)
    with qtbot.waitExposed(page):
        page.show()
    qtbot.waitUntil(lambda: session.tasks.busy == 0, timeout=10_000)
    return page


def empty_title(page: EvaluatePage) -> str:
    state = page.stack.currentWidget().layout().itemAt(0).widget()
    return state.title.text()


def test_without_a_model_the_page_says_what_to_do(
    qtbot: QtBot, session: Session, supervisor: Supervisor
) -> None:
    page = open_page(qtbot, session, supervisor)
    assert empty_title(page) == "No model to evaluate yet"
    assert not page.evaluate_button.isEnabled() and page.evaluate_button.toolTip()
    button = page.stack.currentWidget().layout().itemAt(0).widget().buttons[0]
    with qtbot.waitSignal(session.page_requested, timeout=1000) as asked:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert asked.args == ["train"]


def test_results_are_shown_and_a_run_becomes_the_reference(
    qtbot: QtBot, session: Session, supervisor: Supervisor, tmp_path: Path
) -> None:
    make_run(tmp_path / "project", "r01", "First", 0.5)
    make_run(tmp_path / "project", "r02", "Second", 0.8)
    page = open_page(qtbot, session, supervisor)
    cards = [card for card in page.view.cards if card.isVisible()]
    assert [card.reference for card in cards] == [False, True]
    assert cards[0].deltas[0].text() == "−0.30"
    assert page.view.cases_card.subtitle.text() == "r02, 3 cases"
    assert page.view.devices.cpu.time.text() == "≈ 20 min"
    qtbot.mouseClick(cards[0], Qt.MouseButton.LeftButton)
    assert page.view.cases_card.subtitle.text() == "r01, 3 cases"
    with qtbot.waitSignal(session.error, timeout=1000) as error:
        page.view.table.opened.emit("uid-1")
    assert error.args[0] == "The case was not opened"


def test_a_damaged_result_is_told_and_the_rest_shown(
    qtbot: QtBot, session: Session, supervisor: Supervisor, tmp_path: Path
) -> None:
    make_run(tmp_path / "project", "r01", "First", 0.5)
    bad = make_run(tmp_path / "project", "r02", "Second", None)
    result_path(bad, "test").write_text("{}")
    page = open_page(qtbot, session, supervisor)
    assert page.banner.isVisible() and "r02" in page.banner.text()
    assert page.view.isVisible()


def test_evaluating_a_run_from_the_empty_page(
    qtbot: QtBot, session: Session, supervisor: Supervisor, tmp_path: Path
) -> None:
    folder = make_run(tmp_path / "project", "r01", "First", None)
    page = open_page(qtbot, session, supervisor)
    assert empty_title(page) == "No run has been evaluated on this split"
    button = page.stack.currentWidget().layout().itemAt(0).widget().buttons[0]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    (job, on_event, on_end) = supervisor.jobs[0]
    assert (job.run_id, job.split, job.project) == ("r01", "test", tmp_path / "project")
    on_event(StageEvent(stage="evaluate", done=1, total=3))
    assert page.strip.isVisible() and page.strip.count.text() == "1 of 3"
    assert page.strip.bar.fraction() == pytest.approx(1 / 3)
    write_result(folder, 0.7)
    on_end(StateEvent(state="done"))
    qtbot.waitUntil(page.view.isVisible, timeout=10_000)
    assert not page.strip.isVisible()
    assert page.view.cases_card.subtitle.text() == "r01, 3 cases"


def test_cancelled_and_failed_evaluations(
    qtbot: QtBot, session: Session, supervisor: Supervisor, tmp_path: Path
) -> None:
    make_run(tmp_path / "project", "r01", "First", None)
    page = open_page(qtbot, session, supervisor)
    page.strip.start("r01", "test")
    qtbot.mouseClick(page.strip.cancel_button, Qt.MouseButton.LeftButton)
    assert supervisor.cancelled == 1 and page.strip.busy
    with qtbot.assertNotEmitted(session.error, wait=50):
        supervisor.jobs[0][2](StateEvent(state="stopped"))
    assert not page.strip.busy
    page.strip.start("r01", "test")
    with qtbot.waitSignal(session.error, timeout=1000) as error:
        supervisor.jobs[1][2](StateEvent(state="failed", sentence="No labelled series."))
    assert error.args == ["r01 was not evaluated", "No labelled series."]


def test_the_menu_offers_runs_with_a_model(
    qtbot: QtBot, session: Session, supervisor: Supervisor, tmp_path: Path
) -> None:
    for run_id, dice in (("r01", 0.5), ("r02", None), ("r09", None)):
        make_run(tmp_path / "project", run_id, "Name", dice)
    page = open_page(qtbot, session, supervisor)
    menu = page.run_menu()
    assert [a.data() for a in menu.actions()] == ["r02  Name", "r01 again  Name"]
    menu.actions()[0].trigger()
    assert supervisor.jobs[0][0].run_id == "r02"


def test_the_page_opens_on_a_split_that_has_results(
    qtbot: QtBot, session: Session, supervisor: Supervisor, tmp_path: Path
) -> None:
    folder = make_run(tmp_path / "project", "r01", "First", None)
    write_result(folder, 0.9, "val")
    page = open_page(qtbot, session, supervisor)
    assert page.split.key() == "val" and page.view.isVisible()
    page.split.set_key("test")
    page.split.changed.emit("test")
    qtbot.waitUntil(lambda: session.tasks.busy == 0, timeout=10_000)
    assert page.split.key() == "test"
    assert empty_title(page) == "No run has been evaluated on this split"
    session.close_project()
    qtbot.waitUntil(lambda: empty_title(page) == "No project is open", timeout=10_000)


def test_splits_and_export(
    qtbot: QtBot, session: Session, supervisor: Supervisor, tmp_path: Path
) -> None:
    folder = make_run(tmp_path / "project", "r01", "First", 0.5)
    write_result(folder, 0.9, "val")
    page = open_page(qtbot, session, supervisor)
    assert page.split.currentText() == "Test split, 0 cases"
    page.split.set_key("val")
    page.split.changed.emit("val")
    qtbot.waitUntil(lambda: page.view.cards[0].numbers[0].text() == "0.91", timeout=10_000)
    with qtbot.waitSignal(session.message, timeout=5000) as said:
        page.export_report(tmp_path / "report.html")
    assert "report.html" in said.args[0]
    assert "val split" in (tmp_path / "report.html").read_text(encoding="utf-8")
    page.export_report(tmp_path / "report.pdf")
    qtbot.waitUntil(page.banner.isVisible, timeout=5000)
    assert "report.pdf" in page.banner.text()
