"""Thumbnails: on disk at the screen's ratio, the newest wish first, memory bounded."""

from __future__ import annotations

import pytest

from core.project.project import Project
from gui.pages import library_thumbs
from gui.pages.library_thumbs import Thumbnails
from gui.session import Session
from tests.gui.pages.library_case import fill


@pytest.fixture
def session(qtbot, tmp_path):
    with Project.create(tmp_path / "p") as project:
        fill(project, tmp_path / "ct")
    session = Session()
    session.open_project(tmp_path / "p")
    yield session
    session.shutdown()


@pytest.fixture
def thumbs(session):
    return Thumbnails(session)


def test_made_once_for_each_ratio_and_kept_on_disk(qtbot, session, thumbs, monkeypatch):
    record = session.series()[0]
    assert thumbs.get(record, 60, 46, 2.0) is None
    qtbot.waitUntil(lambda: thumbs.get(record, 60, 46, 2.0) is not None, timeout=10_000)
    picture = thumbs.get(record, 60, 46, 2.0)
    assert (picture.width(), picture.height()) == (120, 92)
    folder = session.project.cache_dir / "thumbnails"
    assert len(list(folder.glob("*.npy"))) == 1
    # Another start: from the disk, the images are not read.
    for path in record.files:
        path.unlink()
    again = Thumbnails(session)
    again.get(record, 60, 46, 2.0)
    qtbot.waitUntil(lambda: again.get(record, 60, 46, 2.0) is not None, timeout=10_000)


def test_of_many_wishes_the_newest_are_kept(session, thumbs, monkeypatch):
    monkeypatch.setattr(library_thumbs, "_AT_ONCE", 0)
    record = session.series()[0]
    for width in range(20, 220):
        thumbs.get(record, width, 46, 1.0)
    assert len(thumbs._wanted) == 64
    assert list(thumbs._wanted)[-1][2] == 219


def test_pictures_looked_at_last_stay(qtbot, session, thumbs, monkeypatch):
    monkeypatch.setattr(library_thumbs, "_WAITING", 2)
    monkeypatch.setattr(library_thumbs, "_KEPT_BYTES", 2 * 60 * 46 * 4)
    first, second, third, _ = session.series()
    for record in (first, second):
        thumbs.get(record, 60, 46, 1.0)
        qtbot.waitUntil(lambda r=record: thumbs.get(r, 60, 46, 1.0) is not None, timeout=10_000)
    assert thumbs.get(first, 60, 46, 1.0) is not None
    thumbs.get(third, 60, 46, 1.0)
    qtbot.waitUntil(lambda: len(thumbs._running) == 0, timeout=10_000)
    kept = {key[0] for key in thumbs._ready}
    assert kept == {first.series_uid, third.series_uid}


def test_a_series_without_images_gets_no_picture_and_no_second_try(qtbot, session, thumbs):
    record = session.series()[3]
    (path,) = record.files
    moved = path.rename(path.with_name("moved.nii.gz"))
    with qtbot.waitSignal(thumbs.arrived, timeout=10_000):
        assert thumbs.get(record, 60, 46, 1.0) is None
    assert thumbs.get(record, 60, 46, 1.0) is None
    assert thumbs._running == {} and thumbs._wanted == {}
    moved.rename(path)
    session.refresh_series()  # as finding the folder again does
    thumbs.get(record, 60, 46, 1.0)
    qtbot.waitUntil(lambda: thumbs.get(record, 60, 46, 1.0) is not None, timeout=10_000)
