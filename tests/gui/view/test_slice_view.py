# ruff: noqa: F811 - pytest passes fixtures by the name they are imported under
"""A slice view under real mouse, wheel and key events."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLineEdit

from tests.gui.label_case import BALL, SHAPE, drag, make_project, mouse, place_of, wheel
from tests.gui.label_fixtures import axial, page, session, supervisor  # noqa: F401

SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)


def test_opens_on_the_largest_lesion(page, axial):
    assert axial.index == BALL[0][0]
    assert axial.accessibleName() == f"Axial, slice {axial.index + 1} of {SHAPE[0]}"
    assert page.views.planes["sagittal"].index == pytest.approx(BALL[0][2], abs=1)


def test_wheel_and_keys_scroll(qtbot, axial):
    start = axial.index
    wheel(axial, 1)
    assert axial.index == start + 1
    wheel(axial, -3)
    assert axial.index == start - 2
    wheel(axial, 1, keys=SHIFT)
    assert axial.index == start + 8
    qtbot.keyClick(axial, Qt.Key.Key_Down)
    assert axial.index == start + 7
    qtbot.keyClick(axial, Qt.Key.Key_End)
    assert axial.index == SHAPE[0] - 1
    qtbot.keyClick(axial, Qt.Key.Key_Home)
    assert axial.index == 0
    wheel(axial, -1)
    assert axial.index == 0


def test_half_a_wheel_step_of_a_touchpad_waits_for_the_other_half(axial):
    start = axial.index
    wheel(axial, 0.5)
    assert axial.index == start
    wheel(axial, 0.5)
    assert axial.index == start + 1


def test_zoom_keeps_what_is_under_the_pointer(axial):
    before, zoom = axial.framing.to_image(QPointF(200, 150)), axial.framing.zoom
    wheel(axial, 3, keys=CTRL)
    assert axial.framing.zoom > zoom * 1.5
    assert axial.framing.to_image(QPointF(200, 150)) == pytest.approx(before)
    axial.fit()
    assert axial.framing.zoom == pytest.approx(zoom)


def test_voxels_keep_their_shape_in_mm(page):
    sagittal = page.views.planes["sagittal"]
    a, b = place_of(sagittal, (5, 30, 36)), place_of(sagittal, (6, 30, 36))
    c = place_of(sagittal, (5, 33, 36))
    assert abs(b[1] - a[1]) == pytest.approx(abs(c[0] - a[0]))  # 3 mm up as 3 mm across


def test_pan_with_the_middle_button_and_with_space(qtbot, axial):
    target = (10, 32, 36)
    x, y = place_of(axial, target)
    drag(axial, [(100, 100), (130, 90)], Qt.MouseButton.MiddleButton)
    assert place_of(axial, target) == pytest.approx((x + 30, y - 10))
    qtbot.keyPress(axial, Qt.Key.Key_Space)
    drag(axial, [(100, 100), (90, 100)])
    qtbot.keyRelease(axial, Qt.Key.Key_Space)
    assert place_of(axial, target) == pytest.approx((x + 20, y - 10))
    assert axial.doc.history.entries == []


def test_right_drag_windows(axial):
    drag(axial, [(100, 100), (150, 80)], Qt.MouseButton.RightButton)
    assert axial.doc.window == (450.0, 60.0)


def test_shift_click_moves_the_crosshair_and_the_other_planes_follow(page, axial):
    place = place_of(axial, (10, 20, 50))
    drag(axial, [place], keys=SHIFT)
    assert page.document.cursor == pytest.approx((10, 20, 50))
    assert page.views.planes["coronal"].index == 20
    assert page.views.planes["sagittal"].index == 50
    assert page.document.history.entries == []


def test_readout_names_the_voxel_under_the_pointer(page, axial):
    x, y = place_of(axial, (10, 21, 44))
    event = axial._event(QPointF(x, y))
    hu = int(page.document.volume.hu[10, 21, 44])
    mx, my, mz = page.document.geometry.index_to_mm((10, 21, 44))
    words = axial.readout(event).replace("−", "-")
    assert words == f"{hu} HU   x {mx:.1f}  y {my:.1f}  z {mz:.1f}"


def test_slider_shows_lesions_and_jumps(axial):
    (first, last, _colour), *_ = axial.bar.marks()
    assert (first, last) == (6, 15)
    drag(axial.bar, [(12, axial.bar.y_of(3))])
    assert axial.index == 3


def test_brush_size_by_alt_wheel_and_brackets(qtbot, page, axial):
    size = page.toolbox.settings.size_mm
    wheel(axial, 1, keys=ALT)
    bigger = page.toolbox.settings.size_mm
    assert bigger > size
    qtbot.keyClick(axial, Qt.Key.Key_BracketLeft)
    assert page.toolbox.settings.size_mm < bigger


def test_double_click_makes_a_view_large_and_back(page, axial):
    sagittal = page.views.planes["sagittal"]
    mouse(
        sagittal, QEvent.Type.MouseButtonDblClick, (100, 100),
        Qt.MouseButton.LeftButton, Qt.MouseButton.LeftButton,
    )  # fmt: skip
    assert sagittal.isVisible()
    assert not axial.isVisible()
    assert page.bar.layouts.key() == "one"
    mouse(
        sagittal, QEvent.Type.MouseButtonDblClick, (100, 100),
        Qt.MouseButton.LeftButton, Qt.MouseButton.LeftButton,
    )  # fmt: skip
    assert axial.isVisible()


def test_entering_takes_the_keys_but_not_from_a_text_field(qtbot, page, axial):
    field = page.side.brush.low
    page.toolbox.settings.set(hu_on=True)
    field.setFocus()
    assert isinstance(field, QLineEdit)
    qtbot.waitUntil(field.hasFocus)
    axial.enterEvent(_enter())
    assert field.hasFocus()
    assert axial.active
    field.clearFocus()
    axial.enterEvent(_enter())
    assert axial.hasFocus()


def _enter():
    from PySide6.QtGui import QEnterEvent  # noqa: PLC0415

    return QEnterEvent(QPointF(5, 5), QPointF(5, 5), QPointF(5, 5))


def test_labels_show_in_their_colour_and_h_hides_them(qtbot, page, axial):
    def orange() -> int:
        image = axial.grab().toImage()
        found = 0
        for x in range(0, image.width() - 40, 3):  # beside the slider
            for y in range(60, image.height() - 60, 3):
                colour = QColor(image.pixel(x, y))
                found += colour.red() - colour.blue() > 40
        return found

    shown = orange()
    assert shown > 200
    qtbot.keyPress(page, Qt.Key.Key_H)
    assert orange() == 0
    qtbot.keyRelease(page, Qt.Key.Key_H)
    assert orange() == shown
    qtbot.keyClick(page, Qt.Key.Key_C)
    assert 0 < orange() < shown / 3


FLIPS = [
    (1, 0, 0, 0, 1, 0, 0, 0, 1),
    (-1, 0, 0, 0, -1, 0, 0, 0, 1),
    (1, 0, 0, 0, -1, 0, 0, 0, -1),
    (0, 0, 1, 1, 0, 0, 0, 1, 0),  # sagittal series: the array's z runs along the patient's x
    (1, 0, 0, 0, 0, 1, 0, -1, 0),  # coronal series
]


@pytest.mark.parametrize("direction", FLIPS)
def test_the_voxel_painted_is_the_voxel_clicked_whatever_the_orientation(
    qtbot,
    page,
    session,
    tmp_path,
    direction,
):
    make_project(tmp_path / "other", direction, labelled=False).close()
    session.open_project(tmp_path / "other" / "project")
    with qtbot.waitSignal(page.document.opened, timeout=20_000):
        session.open_series("2.25.1")
    page.toolbox.settings.set(size_mm=0.1)
    doc = page.document
    for number, view in enumerate(page.views.planes.values()):
        target = (9 + number, 20, 30)
        doc.set_cursor(target)
        drag(view, [place_of(view, target)])
        assert doc.labels[target] == 1
        assert int(doc.labels.sum()) == number + 1
    assert np.array_equal(doc.counts[:2], [doc.labels.size - 3, 3])
