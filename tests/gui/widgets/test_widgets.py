"""The parts of the design under real events."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gui import theme
from gui import widgets as w
from tests.gui.widgets.gallery import gallery


def test_gallery_paints_all_parts_in_the_tokens(qtbot):
    window = gallery()
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    image = window.grab().toImage()
    seen = {
        image.pixelColor(x, y).name().upper()
        for x in range(0, image.width(), 2)
        for y in range(0, image.height(), 2)
    }
    for token in (
        theme.BG1,
        theme.BG2,
        theme.BG3,
        theme.BG4,
        theme.ACCF,
        theme.ERRBG,
        theme.WARNBG,
    ):
        assert token in seen


def test_button_is_32_high_and_never_cuts_its_text(qtbot):
    button = w.Button("Mark at least five cases as reviewed", icon="ph.check")
    qtbot.addWidget(button)
    assert button.sizeHint().height() == 32
    assert button.minimumSizeHint().width() >= button.fontMetrics().horizontalAdvance(button.text())
    assert w.Button("x", dense=True).sizeHint().height() == 28


def test_unknown_kind_of_button_is_a_bug(qtbot):
    with pytest.raises(ValueError, match="unknown kind"):
        w.Button("x", "loud")


def test_icon_button_has_an_accessible_name(qtbot):
    button = w.IconButton("ph.x", "Close")
    qtbot.addWidget(button)
    assert button.accessibleName() == "Close"
    assert button.sizeHint().width() >= 24


@pytest.fixture
def two(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    row = QHBoxLayout(window)
    first, second = w.Button("One"), w.Button("Two")
    row.addWidget(first)
    row.addWidget(second)
    window.show()
    window.activateWindow()
    qtbot.waitExposed(window)
    return window, first, second


def _rings(window):
    return [c for c in window.children() if type(c).__name__ == "FocusRing" and c.isVisible()]


def test_ring_follows_tab_but_not_the_mouse(qtbot, two):
    window, first, second = two
    qtbot.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
    qtbot.waitUntil(lambda: len(_rings(window)) == 1)
    ringed = window.focusWidget()
    assert _rings(window)[0].geometry().contains(ringed.geometry())
    other = first if ringed is second else second
    qtbot.mouseClick(other, Qt.MouseButton.LeftButton)
    assert other.hasFocus()
    assert not _rings(window)


def test_segmented_emits_the_key(qtbot):
    control = w.Segmented([("a", "Axial"), ("s", "Sagittal"), ("c", "Coronal")])
    qtbot.addWidget(control)
    assert control.key() == "a"
    with qtbot.waitSignal(control.changed) as caught:
        qtbot.mouseClick(control.button("c"), Qt.MouseButton.LeftButton)
    assert caught.args == ["c"]
    assert control.key() == "c"
    control.set_key("s")
    assert control.key() == "s"


def test_switch_toggles_with_space(qtbot):
    switch = w.Switch("Paint only in HU range")
    qtbot.addWidget(switch)
    with qtbot.waitSignal(switch.toggled):
        qtbot.keyClick(switch, Qt.Key.Key_Space)
    assert switch.isChecked()


def test_search_emits_once_the_typing_pauses_and_esc_clears(qtbot):
    field = w.SearchField("Search")
    qtbot.addWidget(field)
    with qtbot.waitSignal(field.searched) as caught:
        qtbot.keyClicks(field, "LF-0041")
    assert caught.args == ["LF-0041"]
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == ""


def test_number_field_refuses_what_is_out_of_range(qtbot):
    field = w.NumberField(20, "HU", -1024, 3071)
    qtbot.addWidget(field)
    taken = []
    field.changed.connect(taken.append)
    field.selectAll()
    qtbot.keyClicks(field, "5000")
    assert not field.valid()
    assert field.property("invalid")
    assert field.toolTip() == "Enter −1024 to 3071"
    assert taken == [5, 50, 500]
    field.editingFinished.emit()
    assert field.text() == "500"
    qtbot.keyClick(field, Qt.Key.Key_Down)
    assert field.value() == 499


def test_number_field_reads_minus_and_comma(qtbot):
    field = w.NumberField(0, "mm", -10, 10, 1)
    qtbot.addWidget(field)
    field.selectAll()
    qtbot.keyClicks(field, "-2,5")
    assert field.value() == -2.5


def test_combo_emits_keys_only_for_the_user(qtbot):
    combo = w.ComboField("Status", [("draft", "Draft"), ("reviewed", "Reviewed")])
    qtbot.addWidget(combo)
    got = []
    combo.changed.connect(got.append)
    combo.set_key("reviewed")
    combo.set_options([("none", "–"), ("reviewed", "Reviewed")])
    assert combo.key() == "reviewed"
    assert got == []
    qtbot.keyClick(combo, Qt.Key.Key_Up)
    assert got == ["none"]


def test_slider_jumps_to_the_click(qtbot):
    slider = w.Slider(lo=0, hi=100)
    qtbot.addWidget(slider)
    slider.resize(112, 24)
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(56, 12))
    assert slider.value() == 50
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert slider.value() == 51


def test_vertical_slider_starts_at_the_top(qtbot):
    slider = w.Slider(Qt.Orientation.Vertical, 0, 100)
    qtbot.addWidget(slider)
    slider.resize(24, 112)
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(12, 6))
    assert slider.value() == 0
    assert not slider.grab().isNull()


def test_range_slider_moves_the_nearer_knob_and_never_crosses(qtbot):
    slider = w.RangeSlider(0, 100, 20, 80)
    qtbot.addWidget(slider)
    slider.resize(112, 24)
    with qtbot.waitSignal(slider.changed):
        qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(36, 12))
    assert slider.values() == (30, 80)
    slider.set_values(90, 10)
    assert slider.values() == (10, 90)


def test_toast_takes_back(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(800, 600)
    window.show()
    toast = w.Toast(window)
    undone = []
    toast.show_message("LF-0037 marked as reviewed", lambda: undone.append(1))
    assert toast.isVisible()
    qtbot.mouseClick(toast.undo_button, Qt.MouseButton.LeftButton)
    assert undone == [1]
    assert not toast.isVisible()


def test_confirm_keeps_the_focus_on_the_safe_choice(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(800, 600)
    window.show()
    seen = []

    def press_enter():
        dialog = window.findChild(w.Confirm)
        seen.append(dialog.safe.isDefault())
        qtbot.keyClick(dialog, Qt.Key.Key_Return)

    QTimer.singleShot(50, press_enter)
    assert w.confirm(window, "Stop run r07?", "It is saved.", "Keep training", "Stop run") is False
    assert seen == [True]

    QTimer.singleShot(
        50,
        lambda: qtbot.mouseClick(window.findChild(w.Confirm).danger, Qt.MouseButton.LeftButton),
    )
    assert w.confirm(window, "Stop run r07?", "It is saved.", "Keep training", "Stop run") is True


def test_key_values_are_replaced_in_place(qtbot):
    rows = w.KeyValue([("Cases", "52"), ("Batch", "4")])
    qtbot.addWidget(rows)
    rows.set_rows([("Cases", "60")])
    assert rows.values() == {"Cases": "60"}


def test_elided_text_is_whole_in_the_tooltip(qtbot):
    label = w.Elided("Abdomen, portal venous, thin slices")
    qtbot.addWidget(label)
    label.show()
    label.resize(60, 20)
    assert label.text().endswith("…")
    assert label.toolTip() == "Abdomen, portal venous, thin slices"
    label.resize(600, 20)
    assert label.toolTip() == ""


def test_chip_grows_with_its_count(qtbot):
    chip = w.Chip("All", 9)
    qtbot.addWidget(chip)
    before = chip.sizeHint().width()
    chip.set_count(1000)
    assert chip.sizeHint().width() > before


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_menu_paints_and_triggers(qtbot):
    menu = w.Menu()
    qtbot.addWidget(menu)
    got = []
    menu.add("Open in Label", lambda: got.append("open"), "ph.paint-brush", "Enter")
    menu.addSeparator()
    remove = menu.add("Remove from project", lambda: got.append("no"), "ph.x", "Del", danger=True)
    menu.popup(QPoint(0, 0))
    assert not menu.grab().isNull()
    remove.trigger()
    assert got == ["no"]
    menu.close()
