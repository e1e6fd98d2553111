"""Recent projects on the empty page and in the dialog, the missing ones too."""

from __future__ import annotations

import shutil

import pytest
from PySide6.QtCore import Qt

from core.project.project import Project
from core.project.recent import known_projects, remember
from gui.pages.library import LibraryPage
from gui.pages.library_recent import RecentDialog
from gui.session import Session


@pytest.fixture
def session(qtbot, tmp_path):
    for name in ("liver", "gone"):
        Project.create(tmp_path / name, name.title()).close()
        remember(tmp_path / name, name.title())
    shutil.rmtree(tmp_path / "gone")
    session = Session()
    yield session
    session.shutdown()


@pytest.fixture
def page(qtbot, session):
    page = LibraryPage(session, None)
    qtbot.addWidget(page)
    page.resize(1208, 764)
    page.show()
    return page


def rows(page):
    return {row.project.name: row for row in page.empty.recent.rows}


def test_the_empty_page_lists_them_and_a_click_opens(qtbot, page, session, tmp_path):
    assert list(rows(page)) == ["Gone", "Liver"]
    assert "not found" in rows(page)["Gone"].accessibleName()
    qtbot.mouseClick(rows(page)["Gone"], Qt.MouseButton.LeftButton)
    assert session.project is None
    qtbot.mouseClick(rows(page)["Liver"], Qt.MouseButton.LeftButton)
    assert session.project.path == tmp_path / "liver"
    assert list(rows(page)) == ["Gone"]  # the open one is not among the others
    assert not page.grab().isNull()


def test_a_missing_one_is_taken_off_the_list(qtbot, page):
    qtbot.mouseClick(rows(page)["Gone"].remove, Qt.MouseButton.LeftButton)
    assert list(rows(page)) == ["Liver"]
    assert [known.name for known in known_projects()] == ["Liver"]
    qtbot.keyClick(rows(page)["Liver"], Qt.Key.Key_Delete)
    assert not page.empty._recent.isVisible()


def test_enter_opens(qtbot, page, session, tmp_path):
    qtbot.keyClick(rows(page)["Liver"], Qt.Key.Key_Return)
    assert session.project.path == tmp_path / "liver"


def test_the_choice_of_projects_leads_to_all_of_them(qtbot, page, session):
    keys = [page.head.project.itemData(i) for i in range(page.head.project.count())]
    assert "::all" in keys
    words = [page.head.project.itemText(i) for i in range(page.head.project.count())]
    assert "Liver" in words and "Gone" not in words


def test_the_dialog_says_when_none_is_left(qtbot, session):
    dialog = RecentDialog(None, None)
    qtbot.addWidget(dialog)
    dialog.show()
    for _ in range(2):
        qtbot.mouseClick(dialog.list.rows[0].remove, Qt.MouseButton.LeftButton)
    assert dialog.nothing.isVisible()
    assert dialog.chosen is None
