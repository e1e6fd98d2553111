"""Paths from outside: a project opens, a folder is imported, of a single file its series shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QFileOpenEvent

from core.images import write_image
from core.project.project import Project
from gui import opening
from gui.opening import Opener
from gui.session import Session
from tests.core.dicom.make import write_series
from tests.gui.pages.library_case import make_volume


@pytest.fixture
def session(qtbot, tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "projects_home", lambda: tmp_path / "documents")
    session = Session()
    yield session
    session.shutdown()


@pytest.fixture
def opener(session):
    return Opener(session)


def opens(qtbot, session, act):
    """Act, and wait for the import that follows."""
    with qtbot.waitSignal(session.import_finished, timeout=15_000):
        assert act()


def test_a_slice_opens_its_series_in_a_project_of_its_folder(qtbot, session, opener, tmp_path):
    files = write_series(tmp_path / "patient 7", 4)
    opens(qtbot, session, lambda: opener.open([files[1]]))
    assert session.project.path == tmp_path / "documents" / "patient 7"
    (record,) = session.series()
    assert record.geometry.shape[0] == 4
    assert session.open_uid == record.series_uid
    session.close_project()
    # The same again: the same project, no second series.
    opens(qtbot, session, lambda: opener.open([tmp_path / "patient 7"]))
    assert len(session.series()) == 1
    assert session.open_uid is None


def test_pixel_data_go_into_the_open_project(qtbot, session, opener, tmp_path):
    session.create_project(tmp_path / "mine")
    write_image(tmp_path / "a.nii.gz", make_volume(1))
    opens(qtbot, session, lambda: opener.open([tmp_path / "a.nii.gz"]))
    assert session.project.path == tmp_path / "mine"
    assert session.open_uid == session.series()[0].series_uid
    assert not (tmp_path / "documents").exists()


def test_a_file_given_during_another_import_is_looked_at_too(qtbot, session, opener, tmp_path):
    session.create_project(tmp_path / "mine")
    (tmp_path / "ct").mkdir()
    for name in ("ct/a", "b", "c"):
        write_image(tmp_path / f"{name}.nii.gz", make_volume(len(name)))
    session.import_paths([tmp_path / "ct"])
    assert opener.open([tmp_path / "b.nii.gz"])
    with qtbot.waitSignals([session.import_finished] * 2, timeout=15_000):
        pass
    assert session.record(session.open_uid).files == (tmp_path / "b.nii.gz",)
    # Not the file that was given before the project was left.
    assert opener.open([tmp_path / "c.nii.gz"])
    session.create_project(tmp_path / "another")
    opens(qtbot, session, lambda: opener.drop([tmp_path / "c.nii.gz"]))
    assert len(session.series()) == 1 and session.open_uid is None


def test_a_project_opens_and_a_new_folder_becomes_one(session, opener, tmp_path):
    Project.create(tmp_path / "p").close()
    assert opener.open([tmp_path / "p" / "project.json"])
    assert session.project.path == tmp_path / "p"
    assert opener.open([tmp_path / "new"])
    assert session.project.path == tmp_path / "new"


def test_what_is_not_there_is_told(qtbot, session, opener, tmp_path):
    for act in (opener.open, opener.drop):
        with qtbot.waitSignal(session.error) as caught:
            assert not act([tmp_path / "gone.dcm"])
        assert "gone.dcm cannot be used: it does not exist" in caught.args[1]
    assert session.project is None


def test_what_is_dropped_is_imported_and_the_library_stays(qtbot, session, opener, tmp_path):
    session.create_project(tmp_path / "mine")
    (tmp_path / "ct").mkdir()
    write_image(tmp_path / "ct" / "a.nii.gz", make_volume(1))
    opens(qtbot, session, lambda: opener.drop([tmp_path / "ct" / "a.nii.gz"]))
    assert len(session.series()) == 1
    assert session.open_uid is None


def test_macos_hands_files_over_as_an_event(qtbot, qapp, session, opener, tmp_path):
    Project.create(tmp_path / "p").close()
    event = QFileOpenEvent(QUrl.fromLocalFile(str(tmp_path / "p")))
    assert opener.eventFilter(qapp, event)
    assert session.project.path == Path(tmp_path / "p")
