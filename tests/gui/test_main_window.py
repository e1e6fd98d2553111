"""The frame: pages made lazily, keys, drops, errors, messages, languages, closing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QDialog, QWidget

from core.project.project import Project
from gui import i18n
from gui.main_window import MainWindow
from gui.rail import PAGES
from gui.run.supervisor import RunSupervisor
from gui.session import Session
from gui.widgets import Confirm
from tests.gui.pages.library_case import fill


class Supervisor(RunSupervisor):
    """The real one, counting how often it was shut down."""

    shut = 0

    def shutdown(self):
        self.shut += 1
        super().shutdown()


@pytest.fixture
def made(monkeypatch):
    """Light pages in the place of the four that are tested elsewhere; lists which were made."""
    made: list[str] = []
    for name in ("label", "train", "evaluate", "models"):

        def make(session, supervisor, parent=None, name=name):
            made.append(name)
            return QWidget(parent)

        module = ModuleType(f"gui.pages.{name}")
        setattr(module, f"{name.capitalize()}Page", make)
        monkeypatch.setitem(sys.modules, f"gui.pages.{name}", module)
    return made


@pytest.fixture
def window(qtbot, made):
    i18n.install("en")
    session = Session()
    window = MainWindow(session, Supervisor(session))
    # Else closing it at the end of a test asks whether to go on training, and waits.
    qtbot.addWidget(window, before_close_func=lambda w: setattr(w.session, "active_run", None))
    window.show()

    def active():
        window.activateWindow()  # keys only reach the active window
        return window.isActiveWindow()

    qtbot.waitUntil(active)
    yield window
    window.supervisor.shutdown()
    session.shutdown()


def dialog_then(qtbot, kind, act):
    """Act on the next modal dialog of a kind once it is there."""

    def look():
        from PySide6.QtWidgets import QApplication  # noqa: PLC0415

        found = QApplication.activeModalWidget()
        if isinstance(found, kind):
            act(found)
        else:
            QTimer.singleShot(20, look)

    QTimer.singleShot(20, look)


def test_only_the_library_is_made_at_the_start(window, made):
    assert window.page == "library"
    assert made == []


def test_rail_and_keys_change_the_page(qtbot, window, made):
    qtbot.mouseClick(window.rail.button("train"), Qt.MouseButton.LeftButton)
    assert window.page == "train"
    assert made == ["train"]
    for number, page in enumerate(PAGES, start=1):
        qtbot.keyClick(window, Qt.Key(Qt.Key.Key_0 + number), Qt.KeyboardModifier.ControlModifier)
        assert window.page == page
        assert window.rail.button(page).isChecked()
    assert made == ["train", "label", "evaluate", "models"]


def test_pages_can_ask_for_another(window):
    window.session.page_requested.emit("models")
    assert window.page == "models"


def test_search_key_goes_to_the_library_from_pages_without_one(qtbot, window):
    window.show_page("models")
    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert window.page == "library"


def test_smallest_window_holds(window):
    window.resize(900, 500)
    assert (window.width(), window.height()) == (1280, 800)


def test_errors_are_banners_shown_once(qtbot, window):
    window.session.error.emit("The import stopped", "x.dcm cannot be used: it is empty.")
    window.session.error.emit("The import stopped", "x.dcm cannot be used: it is empty.")
    (banner,) = window.errors()
    assert banner.text() == "x.dcm cannot be used: it is empty."
    for number in range(3):
        window.session.error.emit("Nothing was written", f"{number} is full.")
    assert len(window.errors()) == 2
    for banner in window.errors():
        window._drop_error(banner)
    assert window.errors() == []


def test_messages_are_toasts_with_undo(qtbot, window):
    undone = []
    window.session.message.emit("LF-0037 marked as reviewed", lambda: undone.append(1))
    assert window.toast().isVisible()
    qtbot.mouseClick(window.toast().undo_button, Qt.MouseButton.LeftButton)
    assert undone == [1]


def test_undo_of_one_project_is_not_offered_in_the_next(window, tmp_path):
    window.session.create_project(tmp_path / "one")
    window.session.message.emit("2 series removed", lambda: pytest.fail("undone elsewhere"))
    assert window.toast().isVisible()
    window.session.create_project(tmp_path / "two")
    assert not window.toast().isVisible()
    window.toast().undo_button.click()


def test_help_and_settings_open(qtbot, window):
    titles = []

    def close(dialog):
        titles.append(dialog.heading.text())
        dialog.reject()

    dialog_then(qtbot, QDialog, close)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    dialog_then(qtbot, QDialog, close)
    window.show_settings()
    assert titles == ["Keys and mouse", "Settings"]


def test_another_language_without_a_restart(qtbot, window, made):
    window.show_page("train")
    dialog_then(qtbot, QDialog, lambda d: (d.language.changed.emit("zh_CN"), d.reject()))
    window.show_settings()
    qtbot.waitUntil(lambda: window.rail.button("train").text() == "训练")
    assert window.page == "train"
    assert made == ["train", "train"]
    window.show_page("library")
    assert window.page_widget("library").title == "病例库"
    i18n.install("en")
    qtbot.waitUntil(lambda: window.rail.button("train").text() == "Train")


def _drop(window, *paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(400, 400), Qt.DropAction.CopyAction, data, buttons, keys)
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    window.dropEvent(QDropEvent(QPointF(400, 400), Qt.DropAction.CopyAction, data, buttons, keys))


def test_dropping_a_project_opens_it_anything_else_is_imported(
    qtbot, window, tmp_path, monkeypatch
):
    project = Project.create(tmp_path / "project", "Liver lesions")
    fill(project, tmp_path / "ct")
    project.close()
    window.show_page("train")
    _drop(window, tmp_path / "project")
    assert window.session.project.name == "Liver lesions"
    assert window.page == "library"
    assert window.windowTitle() == "Liver lesions – LesionForge"
    imported = []
    monkeypatch.setattr(window.session, "import_paths", imported.extend)
    _drop(window, tmp_path / "ct")
    assert [Path(p).name for p in imported] == ["ct"]


def test_closing_saves_ends_and_waits(qtbot, window, tmp_path):
    window.session.create_project(tmp_path / "project")
    order = []
    window.session.flush_requested.connect(lambda: order.append("flush"))
    assert window.close()
    assert order[0] == "flush"
    assert window.supervisor.shut >= 1
    assert window.session.project is None
    assert window.session.tasks.busy == 0


def test_closing_while_training_asks(qtbot, window):
    window.session.active_run = "r01"
    dialog_then(qtbot, Confirm, lambda d: d.safe.click())
    assert not window.close()
    assert window.supervisor.shut == 0
    dialog_then(qtbot, Confirm, lambda d: d.danger.click())
    assert window.close()
    assert window.supervisor.shut >= 1


def test_a_live_run_marks_train(window):
    window.session.active_run = "r01"
    window.session.runs_changed.emit()
    assert window.rail.button("train").live
    assert not window.grab().isNull()
