# ruff: noqa: F811 - pytest passes fixtures by the name they are imported under
"""The 3D view: rendered without a window of its own, turned, clicked."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from core.errors import Cancelled
from gui.view.scene3d import Scene
from gui.view.surfaces import anatomy, label_surface
from gui.view.volume3d import VolumeView
from tests.gui.label_case import BALL, drag, wheel
from tests.gui.label_fixtures import page, session, supervisor  # noqa: F401


@pytest.fixture
def view(qtbot, page):
    view = VolumeView(page.document)
    qtbot.addWidget(view)
    view.resize(360, 300)
    view.show()
    qtbot.waitUntil(lambda: bool(view.problem) or not view._image.isNull(), timeout=30_000)
    if view.problem:
        pytest.skip(view.problem)
    qtbot.waitUntil(lambda: "label-1" in view.scene.actors, timeout=10_000)
    view._render()
    yield view
    if view.scene is not None:
        view.scene.close()
        view.scene = None


def orange(view) -> np.ndarray:
    """(x, y) of all pixels in the colour of the lesion."""
    image = view._image.convertToFormat(view._image.Format.Format_RGB888)
    stride = image.bytesPerLine()
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), stride)
    rgb = flat[:, : image.width() * 3].reshape(image.height(), image.width(), 3).astype(int)
    y, x = np.nonzero((rgb[..., 0] - rgb[..., 2] > 50) & (rgb[..., 0] > 90))
    return np.stack([x, y], axis=1)


def test_surface_lies_where_the_voxels_are(page):
    doc = page.document
    bounds = doc.bounds
    cut = doc.labels[tuple(slice(a, b) for a, b in bounds)]
    found = label_surface(cut, 1, tuple(a for a, _ in bounds), doc.geometry)
    x0, x1, y0, y1, z0, z1 = found.mesh.GetBounds()
    centre, radius = BALL
    for low, high, c, s in zip(
        (z0, y0, x0), (z1, y1, x1), centre, doc.geometry.spacing, strict=True
    ):
        assert (low + high) / 2 == pytest.approx(c * s, abs=0.6)
        assert (high - low) / 2 == pytest.approx(radius, abs=1.5)


def test_lesion_can_be_seen_turned_and_zoomed(qtbot, view):
    before = orange(view)
    assert len(before) > 150
    drag(view, [(180, 150), (260, 150)])
    qtbot.waitUntil(lambda: not view._draw.isActive(), timeout=5_000)
    wheel(view, 3)
    view._render()
    assert len(orange(view)) > len(before)


def test_click_on_a_lesion_names_it(qtbot, page, view):
    x, y = orange(view).mean(axis=0)
    with qtbot.waitSignal(view.finding_clicked, timeout=5_000) as caught:
        drag(view, [(x, y)])
    assert caught.args[0].name == "L1"


def test_click_beside_names_nothing(qtbot, view):
    with qtbot.assertNotEmitted(view.finding_clicked):
        drag(view, [(3, 150)])


def test_chips_show_and_hide(qtbot, view):
    assert {"lesions", "body"} <= set(view.chips.buttons)
    qtbot.mouseClick(view.chips.buttons["lesions"], Qt.MouseButton.LeftButton)
    view._render()
    assert len(orange(view)) == 0


def test_without_opengl_the_view_says_so(qtbot, page, monkeypatch):
    monkeypatch.setattr(Scene, "usable", lambda self: False)
    view = VolumeView(page.document)
    qtbot.addWidget(view)
    view.show()
    assert "OpenGL" in view.problem
    assert view.grab().width() > 0


def test_anatomy_can_be_cancelled(page):
    with pytest.raises(Cancelled):
        anatomy(page.document.volume.hu, page.document.geometry, lambda: True)
