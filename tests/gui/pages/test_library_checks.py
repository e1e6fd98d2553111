"""Doubts and remedies in the details: offered, applied, shown in the row, taken back."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import delete

from core.errors import UserError
from core.project.importer import import_paths
from core.project.project import Project
from gui import i18n
from gui.dialogs.remedies import RemedyDialog
from gui.pages.library import LibraryPage
from gui.pages.library_model import Column
from gui.pages.library_words import check_title, note_title
from gui.session import Session
from gui.widgets import Button
from tests.core.dicom.make import write_series


@pytest.fixture
def session(qtbot, tmp_path):
    i18n.ensure()
    files = write_series(tmp_path / "ct", 12)
    files[7].unlink()
    with Project.create(tmp_path / "p") as project:
        import_paths(project, [tmp_path / "ct"])
    session = Session()
    session.open_project(tmp_path / "p")
    yield session
    session.shutdown()


@pytest.fixture
def page(qtbot, session):
    page = LibraryPage(session, None)
    qtbot.addWidget(page)
    page.resize(1528, 964)
    page.show()
    qtbot.waitUntil(lambda: buttons(page.details.checks.doubts[0]) != [], timeout=10_000)
    return page


def buttons(banner):
    return [b.text() for b in banner.findChildren(Button) if not b.isHidden()]


def press(qtbot, banner, words):
    found = next(b for b in banner.findChildren(Button) if b.text() == words and b.isVisible())
    qtbot.mouseClick(found, Qt.MouseButton.LeftButton)


def settled(qtbot, session, check):
    qtbot.waitUntil(lambda: session.tasks.busy == 0 and check(), timeout=15_000)


def in_the_dialog(qtbot, act):
    """Act on the dialog of remedies once it is there."""

    def look():
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, RemedyDialog):
            act(dialog)
        else:
            QTimer.singleShot(20, look)

    QTimer.singleShot(20, look)


def test_a_gap_is_offered_to_be_interpolated_and_the_row_says_so(qtbot, page, session):
    checks = page.details.checks
    doubt = checks.doubts[0]
    assert doubt.title_text() == "Missing slice"
    assert buttons(doubt) == ["Interpolate gap", "Other remedies…"]
    assert not checks.note.isVisible()
    with qtbot.waitSignal(session.message) as caught:
        press(qtbot, doubt, "Interpolate gap")
        assert buttons(doubt) == []  # not twice
    settled(qtbot, session, checks.note.isVisible)
    (record,) = session.series()
    assert record.geometry.shape[0] == 12
    assert note_title(record) == "Gap interpolated +1"
    assert check_title(record) == doubt.title_text() == "Oblong pixels"  # no remedy ends that
    assert checks.note.title_text() == "Gap interpolated"
    assert not page.table.grab().isNull()
    qtbot.waitUntil(lambda: page.details.preview.slider.maximum() == 11, timeout=10_000)
    assert page.details.preview.opened.made == {7}
    caught.args[1]()  # Undo of the message
    settled(qtbot, session, lambda: doubt.title_text() == "Missing slice")
    assert session.series()[0].geometry.shape[0] == 11


def test_a_remedy_outlives_the_page_it_was_chosen_on(qtbot, session, monkeypatch):
    """Another language makes the pages anew; the message still comes, and its Undo works."""
    go, apply = threading.Event(), Project.apply_remedy
    monkeypatch.setattr(Project, "apply_remedy", lambda *args: go.wait(10) and apply(*args))
    left = LibraryPage(session, None)
    left.resize(1528, 964)
    left.show()
    qtbot.waitUntil(lambda: buttons(left.details.checks.doubts[0]) != [], timeout=10_000)
    press(qtbot, left.details.checks.doubts[0], "Interpolate gap")
    delete(left)
    page = LibraryPage(session, None)
    qtbot.addWidget(page)
    page.resize(1528, 964)
    page.show()
    assert buttons(page.details.checks.doubts[0]) == []  # under way here, too
    with qtbot.waitSignal(session.message, timeout=10_000) as caught:
        go.set()
    settled(qtbot, session, page.details.checks.note.isVisible)
    caught.args[1]()
    settled(qtbot, session, lambda: session.series()[0].geometry.shape[0] == 11)


def test_undo_in_the_panel(qtbot, page, session):
    checks = page.details.checks
    press(qtbot, checks.doubts[0], "Interpolate gap")
    settled(qtbot, session, lambda: "Undo" in buttons(checks.note))
    with qtbot.waitSignal(session.message) as caught:
        press(qtbot, checks.note, "Undo")
    assert "taken back" in caught.args[0]
    settled(qtbot, session, lambda: checks.doubts[0].title_text() == "Missing slice")
    assert not checks.note.isVisible()


def test_other_remedies_say_what_they_do_and_one_is_taken(qtbot, page, session):
    seen = {}

    def act(dialog):
        seen.update({kind: card.offer.text for kind, card in dialog.cards.items()})
        assert not dialog.use.isEnabled()  # what is in use is chosen
        qtbot.mouseClick(dialog.cards["resample"], Qt.MouseButton.LeftButton)
        assert dialog._row.isVisible()
        dialog.spacing.setText("1.5")
        dialog.spacing.textEdited.emit("1.5")
        assert not dialog.grab().isNull()
        dialog.accept()

    in_the_dialog(qtbot, act)
    page.details.checks.choose()
    assert "12 slices every 3 mm" in seen["interpolate"]
    settled(qtbot, session, lambda: session.series()[0].remedy.kind == "resample")
    assert session.series()[0].geometry.shape[0] == 23
    assert session.series()[0].geometry.spacing[0] == 1.5


def test_a_split_makes_two_rows_and_is_undone_from_either(qtbot, page, session):
    def act(dialog):
        qtbot.mouseClick(dialog.cards["split"], Qt.MouseButton.LeftButton)
        dialog.accept()

    in_the_dialog(qtbot, act)
    page.details.checks.choose()
    settled(qtbot, session, lambda: len(session.series()) == 2)
    note = page.details.checks.note
    qtbot.waitUntil(lambda: buttons(note) == ["Undo split"], timeout=10_000)
    assert note.title_text() == "Part of a series"
    press(qtbot, note, "Undo split")
    settled(qtbot, session, lambda: len(session.series()) == 1)


def test_what_is_not_used_is_not_opened(qtbot, page, session):
    def act(dialog):
        qtbot.mouseClick(dialog.cards["refuse"], Qt.MouseButton.LeftButton)
        dialog.accept()

    in_the_dialog(qtbot, act)
    page.details.checks.choose()
    settled(qtbot, session, lambda: not session.series()[0].usable)
    assert not page.details.open_button.isEnabled()
    rect = page.table.visualRect(page.model.index(0, Column.PATIENT))
    with qtbot.waitSignal(session.error) as caught:
        qtbot.mouseClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
        qtbot.mouseDClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    assert "It is not used" in caught.args[1]
    assert session.open_uid is None


def test_the_open_series_is_let_go_meanwhile_and_taken_up_again(qtbot, page, session):
    (record,) = session.series()
    labels = np.zeros(record.geometry.shape, np.uint8)
    labels[5:8, 1:4, 1:4] = 1
    session.project.label_store(record.series_uid).save(labels)
    session.project.save_label_summary(record.series_uid, labels)
    session.refresh_series()
    session.open_series(record.series_uid)
    seen = []
    session.open_series_changed.connect(lambda: seen.append(session.open_uid))
    qtbot.waitUntil(lambda: "Interpolate gap" in buttons(page.details.checks.doubts[0]))
    press(qtbot, page.details.checks.doubts[0], "Interpolate gap")
    settled(qtbot, session, lambda: len(seen) == 2)
    assert seen == [None, record.series_uid]
    moved = session.project.label_store(record.series_uid).load()
    assert moved.shape[0] == 12
    assert [bool(plane.any()) for plane in moved[4:10]] == [False, True, True, True, True, False]


def test_a_remedy_that_fails_leaves_the_volume_as_it_was(qtbot, page, session, monkeypatch):
    def refuse(*_args):
        raise UserError("The disk is full. Make room and try again.")

    monkeypatch.setattr(Project, "apply_remedy", refuse)
    with qtbot.waitSignal(session.error) as caught:
        press(qtbot, page.details.checks.doubts[0], "Interpolate gap")
    assert caught.args == [
        "The volume was left as it was",
        "The disk is full. Make room and try again.",
    ]
    expected = ["Interpolate gap", "Other remedies…"]
    qtbot.waitUntil(lambda: buttons(page.details.checks.doubts[0]) == expected)


def test_cards_are_chosen_by_keys(qtbot, page):
    checks = page.details.checks
    names = {offer.remedy.kind: offer.title for offer in checks._offers}
    dialog = RemedyDialog(page, checks._record, checks._offers, names)
    qtbot.addWidget(dialog)
    dialog.show()
    card = dialog.cards["interpolate"]
    assert card.accessibleDescription() == card.offer.text
    card.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(card, Qt.Key.Key_Space)
    assert dialog.chosen().kind == "interpolate"
    qtbot.mouseClick(dialog.use, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    assert dialog.result() == dialog.DialogCode.Accepted
