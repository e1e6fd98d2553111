"""Scrubbing through the chosen series: wheel, drag, keys; memory bounded, loss told."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from core.project.importer import import_paths
from core.project.project import Project
from gui.pages import library_preview
from gui.pages.library_preview import Preview
from gui.session import Session
from tests.core.dicom.make import write_series


@pytest.fixture
def files(tmp_path):
    return write_series(tmp_path / "ct", 60, rows=32, columns=40)


@pytest.fixture
def session(qtbot, tmp_path, files):
    with Project.create(tmp_path / "p") as project:
        import_paths(project, [tmp_path / "ct"])
    session = Session()
    session.open_project(tmp_path / "p")
    yield session
    session.shutdown()


@pytest.fixture
def preview(qtbot, session):
    preview = Preview(session)
    qtbot.addWidget(preview)
    preview.resize(344, 300)
    preview.show()
    preview.show_record(session.series()[0])
    qtbot.waitUntil(lambda: preview.opened is not None, timeout=10_000)
    return preview


def shown(qtbot, preview, index):
    qtbot.waitUntil(lambda: preview.picture.index == index, timeout=10_000)
    return True


def wheel(preview, turn, keys=Qt.KeyboardModifier.NoModifier):
    event = QWheelEvent(
        QPointF(50, 50), QPointF(50, 50), QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton,
        keys, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(preview.picture, event)


def test_wheel_goes_by_one_shift_by_ten_and_parts_of_a_notch_add_up(qtbot, preview):
    assert preview.slider.value() == 30
    wheel(preview, -120)
    assert shown(qtbot, preview, 31)
    wheel(preview, 120, Qt.KeyboardModifier.ShiftModifier)
    assert shown(qtbot, preview, 21)
    for _ in range(3):
        wheel(preview, -40)
    assert shown(qtbot, preview, 22)


def test_dragging_across_the_picture_goes_through_the_series(qtbot, preview):
    left, width = Qt.MouseButton.LeftButton, preview.picture.width()
    qtbot.mousePress(preview.picture, left, pos=QPoint(100, 100))
    qtbot.mouseMove(preview.picture, QPoint(100 + width // 4, 100))
    assert shown(qtbot, preview, 45)  # a quarter of 60 slices further
    qtbot.mouseMove(preview.picture, QPoint(100 - width, 100))
    assert shown(qtbot, preview, 0)
    qtbot.mouseRelease(preview.picture, left)


def test_keys(qtbot, preview):
    for key, index in (
        (Qt.Key.Key_Home, 0), (Qt.Key.Key_Down, 1), (Qt.Key.Key_PageDown, 11),
        (Qt.Key.Key_End, 59), (Qt.Key.Key_Up, 58),
    ):  # fmt: skip
        qtbot.keyClick(preview.picture, key)
        assert shown(qtbot, preview, index)
    assert preview.picture.accessibleName() == "Axial, slice 59 of 60"


def test_only_what_is_near_is_read_and_what_is_far_let_go(qtbot, preview, session, monkeypatch):
    monkeypatch.setattr(library_preview, "_CACHE_BYTES", 40 * 32 * 40)
    qtbot.waitUntil(lambda: session.tasks.busy == 0, timeout=10_000)
    assert sorted(preview._cache) == list(range(14, 47))
    preview.slider.setValue(59)
    qtbot.waitUntil(lambda: 43 in preview._cache and session.tasks.busy == 0, timeout=10_000)
    assert preview._bytes <= 40 * 32 * 40
    assert set(range(43, 60)) <= set(preview._cache)


def test_a_slice_that_is_gone_is_told_not_replaced(qtbot, preview, session, files):
    qtbot.waitUntil(lambda: session.tasks.busy == 0, timeout=10_000)
    gone = session.series()[0].files[2]
    gone.unlink()
    preview.slider.setValue(2)
    qtbot.waitUntil(lambda: gone.name in preview.picture.words, timeout=10_000)
    assert preview.opened is None
    assert not preview.slider.isEnabled()


def test_another_series_or_none_stops_the_reading(qtbot, preview, session):
    preview.show_record(None)
    assert preview.opened is None
    assert not preview.slider.isEnabled()
    qtbot.waitUntil(lambda: session.tasks.busy == 0, timeout=10_000)
    assert preview._cache == {}
