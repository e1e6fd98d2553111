# ruff: noqa: F811 - pytest passes fixtures by the name they are imported under
"""The tools with a real mouse on real views."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt

from tests.gui.label_case import drag, mouse, place_of
from tests.gui.label_fixtures import axial, page, session, supervisor  # noqa: F401

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def doc(page):
    return page.document


def click(view, place, **more):
    drag(view, [place], **more)


def test_a_stroke_is_one_step_and_covers_the_way_between_two_mouse_points(page, axial, doc):
    page.toolbox.settings.set(size_mm=4, shape="2d")
    before = doc.labels.copy()
    drag(axial, [place_of(axial, (10, 12, 15)), place_of(axial, (10, 12, 55))])
    assert (doc.labels[10, 12, 15:56] == 1).all()
    assert np.array_equal(np.delete(doc.labels, 10, axis=0), np.delete(before, 10, axis=0))
    assert [e.name for e in doc.steps] == ["Brush stroke, Tumour"]
    assert doc.ml(1) == pytest.approx((doc.labels == 1).sum() * 0.003)
    doc.undo()
    assert np.array_equal(doc.labels, before)
    doc.redo()
    assert (doc.labels[10, 12, 15:56] == 1).all()


def test_ball_paints_through_slices(page, axial, doc):
    page.toolbox.settings.set(size_mm=12, shape="3d")
    click(axial, place_of(axial, (10, 12, 15)))
    assert doc.labels[8, 12, 15] == doc.labels[12, 12, 15] == 1


def test_brush_keeps_to_the_hu_range(page, axial, doc):
    page.toolbox.settings.set(size_mm=30, shape="2d", hu_on=True, hu_range=(-200, 200))
    click(axial, place_of(axial, (10, 8, 20)))
    assert doc.labels[10, 8, 20] == 1
    assert doc.labels[10, 3, 20] == 0  # air


def test_ctrl_erases_and_so_does_the_eraser(qtbot, page, axial, doc):
    page.toolbox.settings.set(size_mm=6, shape="2d")
    click(axial, place_of(axial, (10, 32, 36)), keys=CTRL)
    assert doc.labels[10, 32, 36] == 0
    qtbot.keyClick(page, Qt.Key.Key_E)
    click(axial, place_of(axial, (10, 32, 42)))
    assert doc.labels[10, 32, 42] == 0
    assert {e.name for e in doc.steps} == {"Erase, Tumour"}


def test_locked_and_hidden_classes_are_not_painted_over(qtbot, page, axial, doc):
    doc.toggle(doc.locked, 1)
    before = doc.labels.copy()
    with qtbot.waitSignal(doc.said):
        click(axial, place_of(axial, (10, 32, 36)))
    assert np.array_equal(doc.labels, before)
    doc.set_active(2)
    page.toolbox.settings.set(size_mm=40, shape="2d")
    click(axial, place_of(axial, (10, 32, 36)))
    assert (doc.labels == 2).any()
    assert ((doc.labels == 1) == (before == 1)).all()
    doc.undo()
    doc.toggle(doc.locked, 1)
    doc.toggle(doc.hidden, 1)
    click(axial, place_of(axial, (10, 32, 36)))
    assert ((doc.labels == 1) == (before == 1)).all()


def test_esc_leaves_the_stroke_without_a_change(qtbot, page, axial, doc):
    before, counts = doc.labels.copy(), doc.counts.copy()
    drag(axial, [(200, 100), (260, 120), (280, 200)], release=False)
    assert not np.array_equal(doc.labels, before)
    qtbot.keyClick(axial, Qt.Key.Key_Escape)
    assert np.array_equal(doc.labels, before)
    assert np.array_equal(doc.counts, counts)
    mouse(axial, QEvent.Type.MouseMove, (300, 220), held=Qt.MouseButton.LeftButton)
    mouse(axial, QEvent.Type.MouseButtonRelease, (300, 220), Qt.MouseButton.LeftButton)
    assert np.array_equal(doc.labels, before)
    assert doc.steps == []


def test_taking_another_tool_or_series_leaves_the_stroke(qtbot, page, axial, doc):
    before = doc.labels.copy()
    drag(axial, [(200, 100), (260, 120)], release=False)
    qtbot.keyClick(page, Qt.Key.Key_P)
    assert np.array_equal(doc.labels, before)


def test_sixty_strokes_can_be_undone(page, axial, doc):
    page.toolbox.settings.set(size_mm=3, shape="2d")
    before = doc.labels.copy()
    for number in range(60):
        place = place_of(axial, (10, 10 + number // 15 * 4, 8 + number % 15 * 4))
        click(
            axial,
            place,
            keys=CTRL if doc.labels[10, 10, 8] and number % 2 else Qt.KeyboardModifier(0),
        )
    after = doc.labels.copy()
    steps = len(doc.steps)
    for _ in range(steps):
        doc.undo()
    assert np.array_equal(doc.labels, before)
    for _ in range(steps):
        doc.redo()
    assert np.array_equal(doc.labels, after)


def test_hu_brush_takes_what_looks_like_its_start(qtbot, page, axial, doc):
    doc.set_active(2)
    qtbot.keyClick(page, Qt.Key.Key_T)
    page.toolbox.settings.set(size_mm=30, shape="2d")
    click(axial, place_of(axial, (10, 32, 36)))
    painted = doc.volume.hu[doc.labels == 2]
    assert painted.size > 100
    assert painted.min() > 80


def test_polygon_by_corners_and_double_click(qtbot, page, axial, doc):
    qtbot.keyClick(page, Qt.Key.Key_P)
    doc.set_active(3)
    corners = [(10, 10, 10), (10, 10, 30), (10, 24, 30), (10, 24, 10)]
    for corner in corners:
        click(axial, place_of(axial, corner))
    assert doc.steps == []
    place = place_of(axial, corners[-1])
    left = Qt.MouseButton.LeftButton
    mouse(axial, QEvent.Type.MouseButtonDblClick, place, left, left)
    mouse(axial, QEvent.Type.MouseButtonRelease, place, left)
    assert (doc.labels[10, 11:24, 11:30] == 3).all()
    assert [e.name for e in doc.steps] == ["Polygon, Necrosis"]
    assert axial.isVisible()


def test_polygon_enter_closes_backspace_takes_back_esc_forgets(qtbot, page, axial, doc):
    qtbot.keyClick(page, Qt.Key.Key_P)
    for corner in [(10, 10, 10), (10, 10, 30), (10, 24, 30), (10, 50, 50)]:
        click(axial, place_of(axial, corner))
    qtbot.keyClick(page, Qt.Key.Key_Backspace)
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert doc.labels[10, 12, 28] == 1
    assert doc.labels[10, 30, 40] == 1  # the ball, as before
    assert len(doc.steps) == 1
    for corner in [(10, 40, 10), (10, 40, 30), (10, 50, 30)]:
        click(axial, place_of(axial, corner))
    qtbot.keyClick(axial, Qt.Key.Key_Escape)
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert len(doc.steps) == 1


def test_grow_fills_what_hangs_together(qtbot, page, axial, doc):
    doc.set_active(2)
    qtbot.keyClick(page, Qt.Key.Key_G)
    page.toolbox.settings.set(shape="3d")
    ball = doc.labels == 1
    click(axial, place_of(axial, (10, 32, 36)))
    assert ((doc.labels == 2) == ball).all()
    assert [e.name for e in doc.steps] == ["Region grow, Organ"]


def test_smart_fill_fills_between_slices(qtbot, page, axial, doc):
    doc.set_active(4)
    page.toolbox.settings.set(size_mm=10, shape="2d")
    for z in (3, 8):
        doc.set_cursor((z, 12, 14))
        click(axial, place_of(axial, (z, 12, 14)))
    qtbot.keyClick(page, Qt.Key.Key_F)
    click(axial, place_of(axial, (8, 12, 14)))
    assert (doc.labels[4:8, 12, 14] == 4).all()
    assert doc.steps[0].name == "Smart fill, Vessel"


def test_measuring_changes_nothing_and_shows_all_axes(qtbot, page, axial, doc):
    before = doc.labels.copy()
    qtbot.keyClick(page, Qt.Key.Key_R)
    assert doc.all_measured
    drag(axial, [place_of(axial, (10, 20, 20)), place_of(axial, (10, 20, 40))])
    shown = page.toolbox.current.preview(axial, None)
    assert shown.text == "20.0 mm"
    assert np.array_equal(doc.labels, before)
    assert len(doc.measurements("axial", axial.index)) == 2


def test_looking_tools(qtbot, page, axial, doc):
    qtbot.keyClick(page, Qt.Key.Key_W)
    drag(axial, [(100, 100), (120, 110)])
    assert doc.window == (420.0, 30.0)
    qtbot.keyClick(page, Qt.Key.Key_V)
    x, y = place_of(axial, (10, 32, 36))
    drag(axial, [(100, 100), (120, 110)])
    assert place_of(axial, (10, 32, 36)) == pytest.approx((x + 20, y + 10))
    assert doc.steps == []
