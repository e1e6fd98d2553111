"""The neighbour of the open series is there already when it is opened."""

from __future__ import annotations

import pytest

from core.project import reading
from tests.gui.label_case import UIDS
from tests.gui.label_fixtures import page, session, supervisor  # noqa: F401


def test_a_neighbour_opens_without_being_read(qtbot, page, session, monkeypatch):  # noqa: F811
    document = page.document
    assert document._ahead.settled(20)
    assert UIDS[1] in document._ahead.held
    monkeypatch.setattr(reading, "read_volume", lambda *_: pytest.fail("it was read again"))
    with qtbot.waitSignal(document.opened, timeout=20_000):
        session.open_series(UIDS[1])
    assert document.problem == "" and document.volume is not None
    assert document.volume.hu.shape == document.record.geometry.shape
    session.let_go()
    session.close_project()
    assert document._ahead.held == ()
