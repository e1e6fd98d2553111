"""Fixtures of the Label page; imported by its tests."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget

from gui.pages.label import LabelPage
from gui.session import Session
from tests.gui.label_case import UIDS, FakeSupervisor, make_project


@pytest.fixture
def supervisor():
    return FakeSupervisor()


@pytest.fixture
def session(qtbot):
    session = Session()
    yield session
    session.shutdown()


@pytest.fixture
def page(qtbot, session, supervisor, tmp_path, monkeypatch):
    """The page with the labelled series open; the 3D view has tests of its own."""
    monkeypatch.setattr(LabelPage, "_volume_view", lambda self: QWidget())
    make_project(tmp_path).close()
    session.open_project(tmp_path / "project")
    page = LabelPage(session, supervisor)
    qtbot.addWidget(page)
    page.resize(1400, 860)
    page.show()
    page.activateWindow()
    qtbot.waitExposed(page)
    with qtbot.waitSignal(page.document.opened, timeout=20_000):
        session.open_series(UIDS[0])
    return page


@pytest.fixture
def axial(page):
    return page.views.planes["axial"]
