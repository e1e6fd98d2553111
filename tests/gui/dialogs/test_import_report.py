"""The report of an import: reasons grouped, searched, copied, and a look into a file."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from core.project.records import ImportReport, Skipped
from gui import i18n
from gui.dialogs.import_report import ImportReportDialog
from gui.dialogs.report_tree import grouped
from gui.tasks import TaskPool
from tests.core.dicom.make import write_rtstruct


@pytest.fixture
def skipped(tmp_path):
    pet = [
        Skipped(tmp_path / "pet" / f"{i}.dcm", f"{i}.dcm cannot be used: it is not CT but PET.")
        for i in range(12)
    ]
    short = [
        Skipped(
            tmp_path / "ct" / f"s{i}",
            f"s{i} cannot be used: its pixel data are cut short ({i} of 60 bytes).",
        )
        for i in (30, 12)
    ]
    return tuple([*short, *pet])


@pytest.fixture
def dialog(qtbot, skipped):
    i18n.ensure()
    tasks = TaskPool()
    dialog = ImportReportDialog(None, ImportReport((), skipped), tasks)
    qtbot.addWidget(dialog)
    dialog.show()
    yield dialog
    tasks.shutdown()


def test_files_of_one_reason_stand_together_whatever_their_numbers(skipped):
    assert [(g.reason, len(g.files)) for g in grouped(skipped)] == [
        ("It is not CT but PET.", 12),
        ("Its pixel data are cut short (… of … bytes).", 2),
    ]
    (one,) = grouped(skipped[:1])
    assert one.reason == "Its pixel data are cut short (30 of 60 bytes)."


def test_reasons_open_by_a_click_and_few_files_are_open(qtbot, dialog):
    model, tree = dialog.model, dialog.tree
    pet, short = model.index(0, 0), model.index(1, 0)
    assert not tree.isExpanded(pet) and tree.isExpanded(short)
    assert model.rowCount(pet) == 12
    assert model.file_at(model.index(0, 0, short)).path.name == "s30"
    where = tree.visualRect(pet).center()
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert tree.isExpanded(pet)
    assert model.parent(model.index(3, 0, pet)) == pet
    assert not dialog.grab().isNull()


def test_search_finds_file_folder_and_reason(qtbot, dialog):
    assert dialog.count.text() == "14 files · 2 reasons"
    qtbot.keyClicks(dialog.search, "short s12")
    qtbot.waitUntil(lambda: dialog.count.text() == "1 files · 1 reason")
    assert dialog.tree.isExpanded(dialog.model.index(0, 0))
    dialog.search.setText("zebra")
    qtbot.waitUntil(lambda: dialog.model.rowCount() == 0)


def test_copy_takes_the_chosen_or_all_that_are_shown(qtbot, dialog):
    dialog.copy()
    assert len(QGuiApplication.clipboard().text().splitlines()) == 14
    dialog.tree.setCurrentIndex(dialog.model.index(1, 0))
    qtbot.keyClick(dialog, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert len(lines) == 2
    assert lines[0].endswith(
        "s30\ts30 cannot be used: its pixel data are cut short (30 of 60 bytes)."
    )


def test_a_file_left_out_can_be_looked_into(qtbot, dialog, tmp_path):
    path = write_rtstruct(tmp_path / "ct" / "s30", {"GTV": []})
    assert dialog.show_tags(dialog.model.index(0, 0)) is None  # a reason is no file
    tags = dialog.show_tags(dialog.model.index(0, 0, dialog.model.index(1, 0)))
    qtbot.waitUntil(lambda: tags.model.rowCount() > 5)
    assert str(path) in tags.file.whole_text()
    tags.close()


def test_nothing_left_out_says_so(qtbot):
    dialog = ImportReportDialog(None, ImportReport((), ()))
    qtbot.addWidget(dialog)
    dialog.show()
    assert not dialog.grab().isNull()
    assert dialog.model.rowCount() == 0
