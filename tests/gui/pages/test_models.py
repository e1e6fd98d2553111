"""Models under real events: list, sort, search, card, edit, import, remove, export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot

from core.events import ResultEvent, StageEvent, StateEvent
from core.jobs.spec import ExportJob
from core.models import store
from core.models.words import difference, parameters, size
from gui.dialogs.edit_card import EditCardDialog
from gui.dialogs.export_model import ExportDialog
from gui.pages.models import ModelsPage
from gui.pages.models_read import moment
from gui.pages.models_table import Column
from gui.session import Session
from tests.gui.pages.models_case import card, fill, write_file

LEFT = Qt.MouseButton.LeftButton


class Handle:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeSupervisor:
    """Takes jobs and lets the test say what happens."""

    def submit(self, job, on_event, on_end):
        self.job, self.event, self.end = job, on_event, on_end
        self.handle = Handle()
        return self.handle


@pytest.fixture
def supervisor() -> FakeSupervisor:
    return FakeSupervisor()


@pytest.fixture
def session(tmp_path: Path, qtbot: QtBot) -> Iterator[Session]:
    opened = Session()
    assert opened.create_project(tmp_path / "p")
    yield opened
    opened.shutdown()


@pytest.fixture
def page(session: Session, supervisor: FakeSupervisor, qtbot: QtBot) -> ModelsPage:
    fill(session.require_project())
    made = ModelsPage(session, supervisor)
    qtbot.addWidget(made)
    made.resize(1528, 964)
    made.show()
    qtbot.waitUntil(lambda: len(made.rows.rows) == 3)
    return made


def titles(page: ModelsPage) -> list[str]:
    return [row.entry.id for row in page.rows.rows]


def click(qtbot: QtBot, page: ModelsPage, row: int, column: Column = Column.RUN) -> None:
    at = page.table.visualRect(page.rows.index(row, column)).center()
    qtbot.mouseClick(page.table.viewport(), LEFT, pos=at)


def test_newest_first_and_its_card_shown(page: ModelsPage) -> None:
    assert titles(page) == ["r06", "r05", "r04"]
    chosen = page.chosen()
    assert chosen is not None
    assert chosen.id == "r06"
    assert page.card.title.text() == "Liver lesion v3"
    assert page.card.facts["Input"] == "CT in HU, resampled to 0.76 × 0.76 × 2.5 mm"
    assert page.card.facts["Cases"] == "44 train"
    assert page.stack.currentIndex() == 1


def test_a_click_on_a_title_sorts_and_the_choice_stays(page: ModelsPage, qtbot: QtBot) -> None:
    click(qtbot, page, 2)
    header = page.table.horizontalHeader()
    at = header.sectionViewportPosition(Column.DICE) + 20
    seen = []
    for _ in range(2):
        qtbot.mouseClick(header.viewport(), LEFT, pos=QPoint(at, 18))
        seen.append(titles(page))
    assert sorted(seen) == [["r04", "r06", "r05"], ["r05", "r06", "r04"]]
    chosen = page.chosen()
    assert chosen is not None
    assert chosen.id == "r04"


def test_search_narrows_and_clears(page: ModelsPage, qtbot: QtBot) -> None:
    qtbot.keyClicks(page.search, "r05")
    qtbot.waitUntil(lambda: titles(page) == ["r05"])
    assert page.card.title.text() == "Liver lesion v2"
    qtbot.keyClick(page.search, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: len(titles(page)) == 3)


def test_the_list_of_files_shows_a_failed_check(page: ModelsPage) -> None:
    model = page.exports.table.model()
    words = [str(model.index(0, c).data()) for c in range(6)]
    assert words[:4] == ["old.onnx", "ONNX", "fp32", "34 MB"]
    assert words[4] == "max |Δ| 4.2e−02, above 1e−03"


def test_another_model_can_be_chosen_for_proposals(
    page: ModelsPage, session: Session, qtbot: QtBot
) -> None:
    assert [row.proposes for row in page.rows.rows] == [True, False, False]
    click(qtbot, page, 1)
    with qtbot.waitSignal(session.message):
        page.use_for_proposals()
    qtbot.waitUntil(lambda: [row.proposes for row in page.rows.rows] == [False, True, False])


def test_remove_can_be_undone(page: ModelsPage, session: Session, qtbot: QtBot) -> None:
    with qtbot.waitSignal(session.message) as caught:
        page.remove()
    qtbot.waitUntil(lambda: titles(page) == ["r05", "r04"])
    undo = caught.args[1]
    undo()
    qtbot.waitUntil(lambda: titles(page) == ["r06", "r05", "r04"])


def test_import_adds_a_model_and_refuses_other_files(
    page: ModelsPage, session: Session, tmp_path: Path, qtbot: QtBot
) -> None:
    source = tmp_path / "lung.safetensors"
    write_file(source, card("r99", "1", 0.7, "2023-01-01"))
    page.import_model(source)
    qtbot.waitUntil(lambda: len(page.rows.rows) == 4)
    chosen = page.chosen()
    assert chosen is not None
    assert chosen.card.imported
    (tmp_path / "bad.safetensors").write_bytes(b"PK\x03\x04" * 10)
    with qtbot.waitSignal(session.error) as caught:
        page.import_model(tmp_path / "bad.safetensors")
    assert "bad.safetensors" in caught.args[1]
    assert len(page.rows.rows) == 4


def test_an_edited_card_is_saved(page: ModelsPage, qtbot: QtBot) -> None:
    chosen = page.chosen()
    assert chosen is not None
    dialog = EditCardDialog(page, chosen.card)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.name.clear()
    assert not dialog.save.isEnabled()
    qtbot.keyClicks(dialog.name, "Renamed")
    qtbot.keyClicks(dialog.limits, "None.")
    qtbot.mouseClick(dialog.save, LEFT)
    assert dialog.result() == QDialog.DialogCode.Accepted
    made = dialog.card()
    assert (made.name, made.limits, made.dice) == ("Renamed", "None.", 0.81)


def test_without_models_the_page_says_what_to_do(
    session: Session, supervisor: FakeSupervisor, qtbot: QtBot
) -> None:
    page = ModelsPage(session, supervisor)
    qtbot.addWidget(page)
    page.show()
    assert page.stack.currentIndex() == 0
    assert not page.export_button.isEnabled()
    assert page.export_button.toolTip()
    with qtbot.waitSignal(session.page_requested) as caught:
        qtbot.mouseClick(page.empty.buttons[0], LEFT)
    assert caught.args == ["train"]


def test_damaged_models_are_named(page: ModelsPage, session: Session, qtbot: QtBot) -> None:
    project = session.require_project()
    (project.models_dir / "r05" / "card.json").write_text("{", encoding="utf-8")
    session.models_changed.emit()
    qtbot.waitUntil(page.banner.isVisible)
    assert "r05" in page.banner.text()
    assert titles(page) == ["r06", "r04"]


# ---- export ----------------------------------------------------------------------------------


@pytest.fixture
def dialog(page: ModelsPage, qtbot: QtBot) -> ExportDialog:
    qtbot.mouseClick(page.export_button, LEFT)
    (made,) = page.findChildren(ExportDialog)
    qtbot.waitUntil(made.isVisible)
    return made


def test_formats_change_the_ending_and_facts(dialog: ExportDialog, session: Session) -> None:
    folder = session.require_project().exports_dir
    assert dialog.format == "onnx"
    assert Path(dialog.path.text()) == folder / "liver-lesion-v3.onnx"
    assert dialog.facts.values()["Patch size"] == "Any multiple of 2 × 2 × 2"
    dialog.choose("safetensors")
    assert Path(dialog.path.text()) == folder / "liver-lesion-v3.safetensors"
    assert "Opset" not in dialog.facts.values()


def test_impossible_places_are_refused_with_a_reason(dialog: ExportDialog) -> None:
    for place in ("/absent-folder/m.onnx", "m.onnx", "/m.pt", ""):
        dialog.path.setText(place)
        assert not dialog.export_button.isEnabled()
        assert dialog.note.text()


def test_export_runs_in_a_child_and_shows_the_result_in_place(
    dialog: ExportDialog, supervisor: FakeSupervisor, qtbot: QtBot
) -> None:
    target = Path(dialog.path.text())
    qtbot.mouseClick(dialog.export_button, LEFT)
    job = supervisor.job
    assert isinstance(job, ExportJob)
    assert (job.model_id, job.format, job.path) == ("r06", "onnx", target)
    assert target.parent.is_dir()
    assert not dialog.path.isEnabled()
    supervisor.event(StageEvent(stage="export", done=41, total=180))
    assert dialog.result_panel.bar.fraction() == pytest.approx(41 / 180)
    data = {
        "path": str(target), "passed": True, "max_abs_difference": 8.1e-6, "limit": 1e-3,
        "checked_on": "case", "same_voxels": 0.99999, "dice": 1.0, "seconds": 18.2,
        "bytes": 62_000_000,
    }  # fmt: skip
    with qtbot.waitSignal(dialog.written):
        supervisor.event(ResultEvent(name="export", data=data))
    supervisor.end(StateEvent(state="done"))
    assert dialog.words.text() == "Written: liver-lesion-v3.onnx, 62 MB"
    rows = dialog.result_panel.rows.values()
    assert rows["Max |Δ| of softmax"] == "8.1e−06"
    assert rows["Dice between both masks"] == "1.0000"
    assert dialog.done_button.isVisible()
    qtbot.mouseClick(dialog.done_button, LEFT)
    assert dialog.result() == QDialog.DialogCode.Accepted


def test_a_model_that_differs_is_shown_as_failed(
    dialog: ExportDialog, supervisor: FakeSupervisor
) -> None:
    dialog.start()
    data = {
        "path": dialog.path.text(), "passed": False, "max_abs_difference": 0.042, "limit": 1e-3,
        "checked_on": "patch", "same_voxels": 0.97, "dice": None, "seconds": 3.0, "bytes": 10,
    }  # fmt: skip
    supervisor.event(ResultEvent(name="export", data=data))
    supervisor.end(StateEvent(state="done"))
    assert "differs" in dialog.result_panel.title.text()
    assert "Dice between both masks" not in dialog.result_panel.rows.values()


def test_failure_and_cancel_leave_the_dialog_usable(
    dialog: ExportDialog, supervisor: FakeSupervisor, qtbot: QtBot
) -> None:
    dialog.start()
    supervisor.end(StateEvent(state="failed", sentence="The disk is full."))
    assert dialog.result_panel.sentence.text() == "The disk is full."
    assert dialog.export_button.isEnabled()
    dialog.start()
    qtbot.mouseClick(dialog.close_button, LEFT)
    assert supervisor.handle.cancelled
    supervisor.end(StateEvent(state="stopped"))
    assert not dialog.running
    assert dialog.isVisible()


def test_closing_while_it_runs_cancels_and_late_news_do_no_harm(
    dialog: ExportDialog, supervisor: FakeSupervisor
) -> None:
    dialog.start()
    dialog.reject()
    assert supervisor.handle.cancelled
    supervisor.event(StageEvent(stage="export", done=1, total=2))
    supervisor.end(StateEvent(state="stopped"))


def test_numbers_are_shown_as_the_design_asks() -> None:
    assert [difference(v) for v in (0.0, 8.1e-4, 1e-3)] == ["0", "8.1e−04", "1e−03"]
    assert [parameters(n) for n in (0, 412_000, 30_800_000)] == ["–", "412 k", "30.8 M"]
    assert [size(n) for n in (300, 1_540_000, 62_000_000, 1_200_000_000)] == [
        "1 kB", "1.5 MB", "62 MB", "1.2 GB",
    ]  # fmt: skip
    assert moment("2024-05-03T10:00:00+02:00") == "2024-05-03"
    assert store.IMPORTED == "import"
