"""A plan that uses where lesions lie says so before the run is started."""

from __future__ import annotations

from dataclasses import replace

from pytestqt.qtbot import QtBot

from core.data.figures import Figures
from gui.pages.train import TrainPage
from tests.gui.pages.train_case import found, page
from tests.gui.run.conftest import play, session, supervisor

__all__ = ["found", "page", "play", "session", "supervisor"]  # fixtures


def test_cropped_images_are_remarked_on(qtbot: QtBot, page: TrainPage) -> None:
    page.show()
    qtbot.waitUntil(lambda: page.new.plan() is not None, timeout=15_000)
    plan = page.new.plan()
    assert plan is not None
    assert not page.new.remark.isVisible()
    page.new._edited = replace(plan, position=True, figures=Figures(place_dice=0.65))
    page.new._show_plan()
    assert page.new.remark.isVisible()
    assert "uncropped images" in page.new.remark.text()
