"""The library under real events: find, filter, sort, choose, look, open, split, remove."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QDialog

from core.project.project import Project
from core.project.records import ImportReport, Skipped
from core.volume import Check
from gui.dialogs.import_report import ImportReportDialog
from gui.dialogs.split import SplitDialog
from gui.importing import ImportState
from gui.pages.library import LibraryPage
from gui.pages.library_details import millilitres
from gui.pages.library_model import Column
from gui.pages.library_words import check_words, thousands
from gui.session import Session
from tests.gui.pages.library_case import fill


class FakeSupervisor:
    """Remembers what was asked of it."""

    def __init__(self):
        self.proposed = []

    def propose(self, uids):
        self.proposed.append(uids)


@pytest.fixture
def session(qtbot, tmp_path):
    project = Project.create(tmp_path / "project", "Liver lesions")
    fill(project, tmp_path / "ct")
    project.close()
    session = Session()
    yield session
    session.shutdown()


@pytest.fixture
def page(qtbot, session, tmp_path):
    session.open_project(tmp_path / "project")
    page = LibraryPage(session, FakeSupervisor())
    qtbot.addWidget(page)
    page.resize(1528, 964)
    page.show()
    qtbot.waitExposed(page)
    qtbot.waitUntil(lambda: session.tasks.busy == 0, timeout=15_000)
    return page


def patients(page):
    return [record.patient_id for record in page.model.rows()]


def click(qtbot, page, row, column=Column.PATIENT, keys=Qt.KeyboardModifier.NoModifier):
    rect = page.table.visualRect(page.model.index(row, column))
    qtbot.mouseClick(
        page.table.viewport(), Qt.MouseButton.LeftButton, keys, QPoint(rect.x() + 20, rect.y() + 20)
    )


def chosen(page):
    return [record.patient_id for record in page.chosen()]


def test_rows_are_there_with_their_pictures(qtbot, page):
    assert patients(page) == ["LF-0001", "LF-0002", "LF-0003", "LF-0010"]
    qtbot.waitUntil(lambda: page.thumbs._running == {} and len(page.thumbs._ready) >= 4)
    assert all(picture is not None for picture in page.thumbs._ready.values())


def test_typing_filters_at_once(qtbot, page):
    qtbot.keyClicks(page.filters.search, "chest")
    qtbot.waitUntil(lambda: patients(page) == ["LF-0001"])
    page.filters.search.clear()
    qtbot.waitUntil(lambda: len(patients(page)) == 4)


def test_enter_in_the_search_goes_into_what_it_found_and_opens(qtbot, page, session):
    page.activateWindow()
    page.focus_search()
    qtbot.keyClicks(page.filters.search, "lf-0003")
    qtbot.keyClick(page.filters.search, Qt.Key.Key_Return)
    assert patients(page) == ["LF-0003"]
    qtbot.waitUntil(page.table.hasFocus)
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert session.open_uid == "2.25.2"
    page.filters.search.setText("zebra")
    page.filters.search.setFocus()
    qtbot.keyClick(page.filters.search, Qt.Key.Key_Down)
    assert page.nothing.isVisible()


def test_typing_in_the_table_goes_to_the_search(qtbot, page):
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_3)
    assert page.filters.search.text() == "3"
    qtbot.waitUntil(lambda: "LF-0003" in patients(page))


@pytest.mark.parametrize(
    ("chip", "expected"),
    [
        ("reviewed", ["LF-0001"]),
        ("draft", ["LF-0002"]),
        ("none", ["LF-0003", "LF-0010"]),
        ("checks", ["LF-0003"]),
        ("proposed", []),
    ],
)
def test_chips_filter_and_count(qtbot, page, chip, expected):
    assert page.filters.chips[chip].count == len(expected)
    assert page.filters.chips["all"].count == 4
    qtbot.mouseClick(page.filters.chips[chip], Qt.MouseButton.LeftButton)
    assert patients(page) == expected


def test_nothing_that_matches_says_so_and_shows_all_again(qtbot, page):
    page.filters.search.setText("zebra")
    qtbot.waitUntil(page.nothing.isVisible)
    qtbot.mouseClick(page.nothing.buttons[0], Qt.MouseButton.LeftButton)
    assert page.table.isVisible()
    assert len(patients(page)) == 4


def choose_kind(page, key):
    page.filters.kind.set_key(key)
    page.filters.kind.changed.emit(key)


def kinds(page):
    return [page.filters.kind.itemText(i) for i in range(page.filters.kind.count())]


def test_new_and_remedied_are_offered_where_they_choose(qtbot, page, session):
    assert not page.filters.kind.isVisible()
    session.project.update("2.25.1", added="2024-01-01T10:00:00")
    note = Check("remedy-interpolate", "Missing slices were filled.")
    session.project.update("2.25.2", checks=(note,))
    session.refresh_series()
    assert kinds(page) == ["Any kind", "New · 3", "Remedied · 1"]
    assert page.filters.chips["checks"].count == 0
    choose_kind(page, "new")
    assert patients(page) == ["LF-0001", "LF-0003", "LF-0010"]
    choose_kind(page, "remedied")
    assert patients(page) == ["LF-0003"]


def test_formats_are_offered_where_there_are_several(qtbot, page, session):
    session.project.library.update("2.25.1", source="dicom")
    session.refresh_series()
    assert kinds(page) == ["Any kind", "DICOM · 1", "NIfTI · 3"]
    choose_kind(page, "NIfTI")
    assert patients(page) == ["LF-0001", "LF-0003", "LF-0010"]
    qtbot.mouseClick(page.filters.chips["checks"], Qt.MouseButton.LeftButton)
    assert patients(page) == ["LF-0003"]


def test_the_grid_takes_the_same_keys(qtbot, page, session):
    qtbot.mouseClick(page.filters.view.button("grid"), Qt.MouseButton.LeftButton)
    page.grid.setCurrentIndex(page.model.index(2, 0))
    qtbot.keyClick(page.grid, Qt.Key.Key_Return)
    assert session.open_uid == "2.25.2"
    with qtbot.waitSignal(session.message):
        qtbot.keyClick(page.grid, Qt.Key.Key_Delete)
    assert "LF-0003" not in patients(page)
    qtbot.keyClick(page.grid, Qt.Key.Key_1)
    assert page.filters.search.text() == "1"


def test_split_filters(qtbot, page):
    page.filters.split.set_key("train")
    page.filters.split.changed.emit("train")
    assert patients(page) == ["LF-0001"]


def test_head_sorts_and_turns_round(qtbot, page):
    header = page.table.header
    x = header.sectionViewportPosition(Column.DATE) + 30
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(x, 18))
    assert patients(page) == ["LF-0010", "LF-0003", "LF-0002", "LF-0001"]
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(x, 18))
    assert patients(page)[0] == "LF-0001"


def test_click_ctrl_and_shift_choose(qtbot, page):
    click(qtbot, page, 1)
    assert chosen(page) == ["LF-0002"]
    click(qtbot, page, 3, keys=Qt.KeyboardModifier.ControlModifier)
    assert chosen(page) == ["LF-0002", "LF-0010"]
    click(qtbot, page, 0)
    click(qtbot, page, 2, keys=Qt.KeyboardModifier.ShiftModifier)
    assert chosen(page) == ["LF-0001", "LF-0002", "LF-0003"]


def test_boxes_add_rows_and_the_head_chooses_all(qtbot, page):
    click(qtbot, page, 0)
    click(qtbot, page, 2, Column.SELECT)
    assert chosen(page) == ["LF-0001", "LF-0003"]
    header = page.table.header
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, 18))
    assert len(chosen(page)) == 4
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, 18))
    assert chosen(page) == []


def test_choice_survives_sorting_and_refreshing(qtbot, page, session):
    click(qtbot, page, 3)
    page.table.header.setSortIndicator(Column.DATE, Qt.SortOrder.AscendingOrder)
    assert chosen(page) == ["LF-0010"]
    session.refresh_series()
    assert chosen(page) == ["LF-0010"]


def test_double_click_and_enter_open_in_label(qtbot, page, session):
    rect = page.table.visualRect(page.model.index(1, Column.PATIENT))
    with qtbot.waitSignal(session.page_requested) as caught:
        qtbot.mouseClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
        qtbot.mouseDClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    assert caught.args == ["label"]
    assert session.open_uid == "2.25.1"
    click(qtbot, page, 2)
    with qtbot.waitSignal(session.open_series_changed):
        qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert session.open_uid == "2.25.2"


def test_details_show_the_series_and_scrub(qtbot, page, session):
    click(qtbot, page, 0)
    details = page.details
    qtbot.waitUntil(lambda: details.preview.picture.loaded is not None, timeout=10_000)
    values = details.figures.values()
    assert values["Matrix, slices"] == "32 × 24 × 12"
    assert values["Spacing"] == "0.80 × 0.80 × 2.5 mm"
    assert values["Scanner"] == "–"
    slider = details.preview.slider
    assert slider.maximum() == 11
    assert slider.value() in range(4, 8)  # a slice with the lesion
    picture = details.preview.picture
    qtbot.waitUntil(lambda: picture.index == slider.value())
    before = picture.grab().toImage()
    slider.setValue(0)
    qtbot.waitUntil(lambda: picture.index == 0)
    assert picture.grab().toImage() != before


def test_check_stands_in_row_and_banner(qtbot, page):
    click(qtbot, page, 2)
    first = page.details.checks.doubts[0]
    assert first.isVisible()
    assert first.title_text() == "Missing slice"
    assert first.text() == "Slice 57 is missing."
    click(qtbot, page, 3)
    assert not first.isVisible()


def test_split_in_the_details_moves_all_chosen_and_can_be_undone(qtbot, page, session):
    click(qtbot, page, 0)
    click(qtbot, page, 1, keys=Qt.KeyboardModifier.ControlModifier)
    with qtbot.waitSignal(session.message) as caught:
        page.details.split.changed.emit("test")
    assert [r.split for r in session.series()[:2]] == ["test", "test"]
    caught.args[1]()
    assert [r.split for r in session.series()[:2]] == ["train", "none"]


def test_del_removes_and_undo_brings_back(qtbot, page, session):
    click(qtbot, page, 3)
    with qtbot.waitSignal(session.message) as caught:
        qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    assert "LF-0010" not in patients(page)
    caught.args[1]()
    assert "LF-0010" in patients(page)


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_context_menu(qtbot, page, session):
    click(qtbot, page, 1)
    menu = page.actions_.show_menu(page.chosen(), QPoint(0, 0))
    words = {str(a.data()): a for a in menu.actions() if not a.isSeparator()}
    assert not words["Propose labels"].isEnabled()  # no model yet
    words["Move to test split"].trigger()
    assert session.record("2.25.1").split == "test"
    menu.close()


def test_proposals_go_to_the_supervisor(qtbot, page, session, tmp_path):
    assert not page.head.propose.isEnabled()
    assert page.head.propose.toolTip() == "Train a model first"
    folder = session.project.models_dir / "r01"
    folder.mkdir(parents=True)
    (folder / "card.json").write_text("{}")
    session.models_changed.emit()
    click(qtbot, page, 3)
    qtbot.mouseClick(page.head.propose, Qt.MouseButton.LeftButton)
    assert page.actions_._supervisor.proposed == [["2.25.3"]]


def test_grid_shares_the_choice(qtbot, page):
    click(qtbot, page, 2)
    qtbot.mouseClick(page.filters.view.button("grid"), Qt.MouseButton.LeftButton)
    assert page.grid.isVisible()
    rows = {index.row() for index in page.grid.selectionModel().selectedIndexes()}
    assert rows == {2}
    assert not page.grid.grab().isNull()


def test_import_shows_a_strip_and_a_row_that_stays(qtbot, page, session):
    state = ImportState("import", "batch-07", "Reading files", 1842, 2960, 11, 12)
    session.import_progress.emit(state)
    assert page.strip.isVisible()
    assert page.model.rowCount() == 5
    assert not page.grab().isNull()
    click(qtbot, page, 4)
    assert "batch" not in str(chosen(page))
    session.import_finished.emit(ImportReport((), ()))
    assert not page.strip.isVisible()
    assert page.model.rowCount() == 4


def test_the_strip_of_an_import_goes_with_its_project(page, session, tmp_path):
    session.import_progress.emit(ImportState("import", "batch-07", "Reading files", 1842, 2960))
    assert page.strip.isVisible()
    session.create_project(tmp_path / "another")
    assert not page.strip.isVisible()
    assert page.model.rowCount() == 0


def test_report_tells_what_was_left_out(qtbot, page, session, tmp_path):
    skipped = (Skipped(tmp_path / "a.dcm", "a.dcm cannot be used: it is not CT but PET."),)
    session.import_finished.emit(ImportReport((), skipped))
    dialog = page.window().findChild(ImportReportDialog)
    assert dialog.isVisible()
    assert dialog.model.groups[0].reason == "It is not CT but PET."
    dialog.close()
    qtbot.waitUntil(lambda: page.window().findChild(ImportReportDialog) is None)
    page.head.report.trigger()  # again, from the menu of Import
    dialog = page.window().findChild(ImportReportDialog)
    assert dialog.isVisible()
    dialog.close()


def test_an_import_is_paused_and_goes_on(qtbot, page, session, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(session, "pause_import", asked.append)
    state = ImportState("import", "batch-07", "Reading files", 1842, 2960, 11, 12)
    session.import_progress.emit(state)
    qtbot.mouseClick(page.strip.pause, Qt.MouseButton.LeftButton)
    assert asked == [True]
    monkeypatch.setattr(Session, "import_paused", True)
    session.import_progress.emit(state)
    assert page.strip.pause.toolTip() == "Go on with the import"
    assert page.strip._left.text() == "Paused"
    qtbot.mouseClick(page.strip.pause, Qt.MouseButton.LeftButton)
    assert asked == [True, False]
    session.import_progress.emit(ImportState("demo", "demo cases", "", 2, 16))
    assert not page.strip.pause.isVisible()
    session.import_finished.emit(ImportReport((), ()))


def test_split_dialog_keeps_patients_together(qtbot, page, session):
    dialog = SplitDialog(page, session.series())
    qtbot.addWidget(dialog)
    assert dialog.apply.isEnabled()
    assert set(dialog.parts) == {"2.25.0", "2.25.1"}
    dialog.val.set_value(90)
    dialog.test.set_value(90)
    dialog.test.changed.emit(90)
    assert not dialog.apply.isEnabled()
    assert "leaves nothing to train" in dialog.apply.toolTip()
    assert dialog.result() != QDialog.DialogCode.Accepted


def test_narrow_window_makes_the_details_a_drawer(qtbot, page):
    page.resize(1208, 764)
    assert not page.details.isVisible()
    qtbot.mouseClick(page.head.details_button, Qt.MouseButton.LeftButton)
    assert page.details.isVisible()
    assert page.details.geometry().right() <= page.width()
    page.resize(1528, 964)
    assert page.details.isVisible()
    assert not page.head.details_button.isVisible()


def test_without_a_series_the_page_says_what_to_do(qtbot, session):
    page = LibraryPage(session, FakeSupervisor())
    qtbot.addWidget(page)
    page.show()
    assert page.empty.isVisible()
    assert not page.head.split.isVisible()


def test_words():
    assert check_words("gantry-tilt") == "Gantry tilt"
    assert thousands(1842) == "1\u2009842"
    assert millilitres(0.416) == "0.42 mL"
    assert millilitres(31.62) == "31.6 mL"
    assert millilitres(1604.2) == "1\u2009604 mL"
