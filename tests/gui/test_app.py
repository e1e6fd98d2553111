"""Starting: command line, logging, and what becomes of a bug."""

from __future__ import annotations

import logging
import sys
import threading

import pytest
from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from gui import app as app_module
from gui.dialogs.bug import BugDialog
from gui.opening import Opener
from gui.session import Session


@pytest.fixture
def config(tmp_path):
    return tmp_path / "config"


@pytest.fixture
def clean_logging():
    root = logging.getLogger()
    before = list(root.handlers), root.level
    yield
    for handler in root.handlers[:]:
        if handler not in before[0]:
            root.removeHandler(handler)
            handler.close()
    root.setLevel(before[1])


def test_arguments():
    args = app_module._arguments(["--demo"])
    assert args.demo
    assert args.paths == []
    assert [path.name for path in app_module._arguments(["some/folder", "b"]).paths] == [
        "folder",
        "b",
    ]


def test_log_goes_to_the_config_folder(config, clean_logging):
    app_module.start_logging()
    logging.getLogger("gui").warning("hello")
    assert "hello" in (config / "logs" / "lesionforge.log").read_text(encoding="utf-8")


def test_a_bug_is_logged_and_shown_with_its_trace(qtbot, config, clean_logging):
    app_module.start_logging()
    catcher = app_module.BugCatcher()
    shown = []

    def look():
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, BugDialog):
            shown.append(dialog.trace.toPlainText())
            dialog.reject()
        else:
            QTimer.singleShot(20, look)

    QTimer.singleShot(20, look)
    try:
        raise RuntimeError("the figures do not add up")
    except RuntimeError:
        catcher.hook(*sys.exc_info())
    qtbot.waitUntil(lambda: shown != [])
    assert "RuntimeError: the figures do not add up" in shown[0]
    log = (config / "logs" / "lesionforge.log").read_text(encoding="utf-8")
    assert "the figures do not add up" in log


def test_a_bug_in_a_thread_is_shown_on_the_window(qtbot, monkeypatch):
    catcher = app_module.BugCatcher()
    shown = []
    monkeypatch.setattr(catcher, "_show", lambda trace: None)
    catcher._caught.disconnect()
    catcher._caught.connect(
        lambda trace: shown.append(threading.current_thread() is threading.main_thread())
    )
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    catcher.install()

    def fail():
        raise RuntimeError("in a thread")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(shown) == 1)


@pytest.mark.parametrize(("system", "taken"), [("darwin", True), ("linux", False)])
def test_files_handed_over_are_taken_on_macos_alone(qapp, tmp_path, monkeypatch, system, taken):
    session = Session()
    opener = Opener(session)
    monkeypatch.setattr(sys, "platform", system)
    app_module._take_files(qapp, opener)
    monkeypatch.undo()
    asked = []
    opener.open = asked.append
    event = QFileOpenEvent(QUrl.fromLocalFile(str(tmp_path / "p")))
    qapp.sendEvent(qapp, event)
    qapp.removeEventFilter(opener)
    assert asked == ([[tmp_path / "p"]] if taken else [])
    session.shutdown()


def test_first_project(qtbot, config, tmp_path):
    session = Session()
    opener = Opener(session)
    app_module._open_first(session, opener, app_module._arguments([]))
    assert session.project is None
    folder = tmp_path / "liver"
    app_module._open_first(session, opener, app_module._arguments([str(folder)]))
    assert session.project.path == folder
    session.close_project()
    app_module._open_first(session, opener, app_module._arguments([]))  # the one opened last
    assert session.project.path == folder
    session.shutdown()
