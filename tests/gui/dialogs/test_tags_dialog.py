"""The DICOM tag viewer with real files: listed, searched, copied, refused."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from gui.dialogs.tags import TagsDialog
from gui.dialogs.tags_table import TAG, VALUE
from tests.core.dicom.make import write_rtstruct, write_series


@pytest.fixture
def dialog(qtbot, tasks, tmp_path):
    files = write_series(tmp_path / "ct", 4)
    dialog = TagsDialog(None, tasks, files, 2, "P1")
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.model.rowCount() > 20)
    return dialog


def shown(dialog, column):
    return [
        dialog.model.data(dialog.model.index(row, column)) for row in range(dialog.model.rowCount())
    ]


def test_elements_of_the_chosen_slice_are_listed(dialog):
    assert dialog.place.text() == "File 3 of 4"
    assert "IM0002" in dialog.file.whole_text()
    values = dict(zip(shown(dialog, TAG), shown(dialog, VALUE), strict=True))
    assert values["(0010,0010)"] == "Doe^Jane"
    assert values["(0020,0013)"] == "3"
    assert not dialog.grab().isNull()


def test_typing_filters_and_another_slice_keeps_the_search(qtbot, dialog):
    qtbot.keyClicks(dialog.search, "instancenumber")
    qtbot.waitUntil(lambda: shown(dialog, VALUE) == ["3"])
    assert dialog.count.text().startswith("1 of ")
    dialog.slider.setValue(0)
    qtbot.waitUntil(lambda: shown(dialog, VALUE) == ["1"])
    qtbot.keyClicks(dialog.search, " zebra")
    qtbot.waitUntil(lambda: dialog.states.currentWidget() is dialog.nothing)
    assert "zebra" in dialog.nothing.text.text()
    assert not dialog.copy_button.isEnabled()


def test_copies_the_chosen_rows_or_all_that_are_shown(qtbot, dialog):
    dialog.search.setText("00200013")
    qtbot.waitUntil(lambda: dialog.model.rowCount() == 1)
    qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "(0020,0013)\tIS\tInstanceNumber\t3"
    dialog.search.clear()
    qtbot.waitUntil(lambda: dialog.model.rowCount() > 20)
    dialog.table.selectRow(0)
    qtbot.keyClick(dialog.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().startswith("(0002,0000)")
    assert "\n" not in QGuiApplication.clipboard().text()


def test_one_file_needs_no_slider_and_items_are_indented(qtbot, tasks, tmp_path):
    path = write_rtstruct(tmp_path / "rt", {"GTV": []})
    dialog = TagsDialog(None, tasks, [path])
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.model.rowCount() > 5)
    assert not dialog.slices.isVisible()
    assert {row.depth for row in dialog.model.rows()} >= {0, 1, 2}
    assert not dialog.table.grab().isNull()


def test_a_file_that_is_gone_or_hostile_ends_in_a_sentence(qtbot, dialog, tmp_path):
    dialog._files[0].write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 40)
    dialog.slider.setValue(0)
    qtbot.waitUntil(lambda: dialog.states.currentWidget() is dialog.failed)
    assert "IM0004 cannot be used" in dialog.failed.text.text()
    dialog._files[1].unlink()
    dialog.slider.setValue(1)
    qtbot.waitUntil(lambda: "IM0003" in dialog.failed.text.text())
    dialog.slider.setValue(2)
    qtbot.waitUntil(lambda: dialog.states.currentWidget() is dialog.table)


def test_values_are_not_taken_for_html(dialog):
    row = next(i for i, r in enumerate(dialog.model.rows()) if r.keyword == "PatientName")
    index = dialog.model.index(row, VALUE)
    assert dialog.model.data(index, Qt.ItemDataRole.ToolTipRole) == "<p>Doe^Jane</p>"
