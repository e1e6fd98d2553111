# ruff: noqa: F811 - pytest passes fixtures by the name they are imported under
"""What was done about a volume stands over it while it is labelled."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget

from core.dicom.remedies import Remedy
from core.project.importer import import_paths
from core.project.project import Project
from gui.pages.label import LabelPage
from tests.core.dicom.make import write_series
from tests.gui.label_fixtures import session, supervisor  # noqa: F401


@pytest.fixture
def page(qtbot, session, supervisor, tmp_path, monkeypatch):
    monkeypatch.setattr(LabelPage, "_volume_view", lambda self: QWidget())

    def square(made, _index):
        made.PixelSpacing = [0.8, 0.8]

    files = write_series(tmp_path / "ct", 12, square, rows=32, columns=32)
    files[7].unlink()
    with Project.create(tmp_path / "project") as project:
        import_paths(project, [tmp_path / "ct"])
    session.open_project(tmp_path / "project")
    page = LabelPage(session, supervisor)
    qtbot.addWidget(page)
    page.resize(1400, 860)
    page.show()
    return page


def opened(qtbot, page, session):
    with qtbot.waitSignal(page.document.opened, timeout=20_000):
        session.open_series(session.series()[0].series_uid)
    return page


def test_a_doubt_stands_in_the_head(qtbot, page, session):
    opened(qtbot, page, session)
    assert page.head.note.isVisible()
    assert page.head.note.text() == "Missing slice"
    assert "mm between slices" in page.head.note.toolTip()


def test_a_remedy_stands_in_the_head_and_made_slices_are_named(qtbot, page, session):
    uid = session.series()[0].series_uid
    session.project.apply_remedy(uid, Remedy(kind="interpolate"))
    session.refresh_series()
    opened(qtbot, page, session)
    assert page.head.note.text() == "Gap interpolated"
    axial, sagittal = page.views.planes["axial"], page.views.planes["sagittal"]
    axial.go_to(7)
    assert axial._head().endswith("interpolated")
    axial.go_to(6)
    assert not axial._head().endswith("interpolated")
    sagittal.go_to(7)
    assert not sagittal._head().endswith("interpolated")
