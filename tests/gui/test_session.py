"""The session announces each change once it has happened."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from core.errors import Cancelled, UserError
from core.geometry import Geometry
from core.project.project import Project
from core.project.records import SeriesRecord
from gui.importing import ImportState
from gui.session import Session
from tests.core.dicom.make import write_series

_ONCE = Qt.ConnectionType.SingleShotConnection


def make_record(number: int, **fields) -> SeriesRecord:
    values = {
        "series_uid": f"2.25.{number}",
        "patient_id": f"LF-{number:04d}",
        "modality": "CT",
        "description": "Abdomen, portal venous",
        "geometry": Geometry((8, 16, 16), (2.5, 0.8, 0.8)),
        "files": (Path("/nowhere") / f"{number}.nii.gz",),
        "source": "image",
    }
    return SeriesRecord(**(values | fields))


@pytest.fixture
def session(qtbot):
    session = Session()
    yield session
    session.shutdown()


@pytest.fixture
def filled(session, tmp_path):
    assert session.create_project(tmp_path / "project", "Liver lesions")
    for number in range(3):
        session.project.library.upsert(make_record(number))
    session.refresh_series()
    return session


def test_creating_a_project_announces_it(qtbot, session, tmp_path):
    with qtbot.waitSignals([session.project_changed, session.series_changed]):
        assert session.create_project(tmp_path / "project", "Liver lesions")
    assert session.project.name == "Liver lesions"
    assert session.series() == []


def test_a_folder_that_is_no_project_is_an_error_and_keeps_the_open_one(qtbot, filled, tmp_path):
    (tmp_path / "other").mkdir()
    with qtbot.waitSignal(filled.error) as caught:
        assert not filled.open_project(tmp_path / "other")
    assert caught.args[1].endswith(".")
    assert filled.project.name == "Liver lesions"
    assert len(filled.series()) == 3


def test_rows_are_read_once(filled, monkeypatch):
    filled.series()
    monkeypatch.setattr(Project, "series", lambda self: pytest.fail("read again"))
    assert filled.record("2.25.1").patient_id == "LF-0001"


def test_patients_are_read_once_for_all_sentences(filled, monkeypatch):
    filled.set_pseudonyms(True)
    hidden = filled.shown_text("LF-0001 has no label.")
    assert "LF-0001" not in hidden
    with monkeypatch.context() as context:
        context.setattr(Project, "series", lambda self: pytest.fail("read again"))
        assert filled.shown_text("LF-0001 has no label.") == hidden
    filled.project.library.upsert(make_record(7, patient_id="Doe^Jane"))
    filled.refresh_series()
    assert "Doe" not in filled.shown_text("Doe^Jane has no label.")


def test_unknown_series_is_a_user_error(filled):
    with pytest.raises(UserError):
        filled.record("1.2.3")


def test_opening_a_series_asks_for_the_label_page(qtbot, filled):
    with qtbot.waitSignals([filled.open_series_changed, filled.page_requested]):
        filled.open_series("2.25.2")
    assert filled.open_uid == "2.25.2"
    with qtbot.assertNotEmitted(filled.open_series_changed):
        filled.open_series("2.25.2")


def test_status_and_split_are_stored(qtbot, filled):
    with qtbot.waitSignal(filled.series_changed):
        filled.set_status("2.25.0", "reviewed")
    filled.set_split(["2.25.0", "2.25.1"], "test")
    assert [r.label_status for r in filled.series()] == ["reviewed", "none", "none"]
    assert [r.split for r in filled.series()] == ["test", "test", "none"]


def test_removing_can_be_taken_back(qtbot, filled):
    with qtbot.waitSignal(filled.message) as caught:
        filled.remove_series(["2.25.0", "2.25.1"])
    text, undo = caught.args
    assert text.startswith("2 ")
    assert [r.series_uid for r in filled.series()] == ["2.25.2"]
    undo()
    assert len(filled.series()) == 3


def test_a_label_saved_elsewhere_refreshes_the_row(qtbot, filled):
    filled.series()
    labels = np.zeros((8, 16, 16), np.uint8)
    labels[2:4, 4:8, 4:8] = 1
    filled.project.save_label_summary("2.25.0", labels)
    with qtbot.waitSignal(filled.series_changed):
        filled.label_changed.emit("2.25.0")
    assert filled.record("2.25.0").label_status == "draft"


def test_demo_fills_in_the_background(qtbot, session, tmp_path, monkeypatch):
    def fill(project, cases, seed, progress, cancelled):
        for number in range(cases):
            project.library.upsert(make_record(number))
            progress(number + 1, cases)

    monkeypatch.setattr("core.demo.project.fill_demo", fill)
    session.create_project(tmp_path / "project")
    states: list[ImportState] = []
    session.import_progress.connect(states.append)
    with qtbot.waitSignal(session.import_finished, timeout=10_000):
        session.fill_demo(4)
    assert states[0].kind == "demo"
    assert states[0].total == 4
    assert len(session.series()) == 4
    assert session.importing is None


def test_an_import_is_held_and_let_go(qtbot, session, tmp_path):
    session.create_project(tmp_path / "project")
    write_series(tmp_path / "ct", 3)
    held = []

    def hold_at_once(_):
        held.append(session.import_paused)
        if len(held) == 1:
            session.pause_import(True)

    session.import_progress.connect(hold_at_once)
    session.import_paths([tmp_path / "ct"])
    assert held == [False, True]
    qtbot.wait(200)
    assert session.importing is not None
    with qtbot.waitSignal(session.import_finished, timeout=10_000):
        session.pause_import(False)
    assert len(session.series()) == 1 and not session.import_paused


def settled(qtbot, session):
    qtbot.waitUntil(lambda: session.tasks.busy == 0, timeout=10_000)


def test_leaving_a_project_under_import_ends_it_and_the_next_imports(qtbot, session, tmp_path):
    session.create_project(tmp_path / "one")
    write_series(tmp_path / "ct", 3)
    session.import_progress.connect(lambda _: session.pause_import(True), type=_ONCE)
    session.import_paths([tmp_path / "ct"])
    session.import_paths([tmp_path / "later"])
    left = session.project
    ended = []
    session.import_finished.connect(ended.append)
    assert session.create_project(tmp_path / "two")
    assert session.importing is None
    settled(qtbot, session)  # a bug in the import's thread would fail the test
    assert ended == [] and session.series() == []
    with pytest.raises(sqlite3.ProgrammingError):
        left.series()  # closed, once nobody used it any more
    with qtbot.waitSignal(session.import_finished, timeout=10_000) as done:
        session.import_paths([tmp_path / "ct"])
    assert len(done.args[0].series) == len(session.series()) == 1


def test_leaving_the_demo_under_way(qtbot, session, tmp_path, monkeypatch):
    left = threading.Event()

    def fill(project, cases, seed, progress, cancelled):
        progress(1, cases)
        assert left.wait(10)
        project.library.upsert(make_record(1))  # the case it is at is taken in
        if cancelled():
            raise Cancelled

    monkeypatch.setattr("core.demo.project.fill_demo", fill)
    session.create_project(tmp_path / "one")
    with qtbot.waitSignal(session.import_progress):
        session.fill_demo(4)
    session.create_project(tmp_path / "two")
    left.set()
    settled(qtbot, session)
    assert session.importing is None and session.series() == []
    session.open_project(tmp_path / "one")
    assert [record.series_uid for record in session.series()] == ["2.25.1"]


def test_an_import_that_fails_after_its_project_was_left_is_not_told(qtbot, session, tmp_path):
    session.create_project(tmp_path / "one")
    session.error.connect(lambda *words: pytest.fail(str(words)))
    session.import_paths([tmp_path / "gone"])
    session.create_project(tmp_path / "two")
    settled(qtbot, session)


def test_a_bug_in_an_import_keeps_no_later_one_from_running(qtbot, session, tmp_path, monkeypatch):
    session.create_project(tmp_path / "project")
    write_series(tmp_path / "ct", 3)
    with monkeypatch.context() as broken:
        broken.setattr("core.project.importer.group", lambda headers: 1 // 0)
        with qtbot.captureExceptions() as caught:
            with qtbot.waitSignal(session.import_finished, timeout=10_000):
                session.import_paths([tmp_path / "ct"])
            qtbot.waitUntil(lambda: len(caught) == 1)
    assert session.importing is None
    with qtbot.waitSignal(session.import_finished, timeout=10_000):
        session.import_paths([tmp_path / "ct"])
    assert len(session.series()) == 1


def test_closing_asks_for_unsaved_labels_first(qtbot, filled):
    order = []
    filled.flush_requested.connect(lambda: order.append(filled.project is not None))
    filled.project_changed.connect(lambda: order.append("changed"))
    filled.close_project()
    assert order == [True, "changed"]
    assert filled.series() == []
