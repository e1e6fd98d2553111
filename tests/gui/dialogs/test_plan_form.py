from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from core.data.nnunet import augmentation_of
from core.data.plan import FIELDS, Plan
from core.hardware import DeviceInfo
from gui.dialogs.plan_form import PlanForm
from tests.core.data.plans import tiny_plan

DEVICES = (
    DeviceInfo("cuda:0", "NVIDIA H100", True, 80 * 10**9),
    DeviceInfo("cpu", "AMD EPYC", False, 16 * 10**9, 2),
)


@pytest.fixture
def form(qtbot: QtBot) -> Iterator[PlanForm]:
    window = QWidget()
    qtbot.addWidget(window)
    made = PlanForm(tiny_plan(), DEVICES, window)
    made.show()
    yield made
    made.reject()


def enter(qtbot: QtBot, form: PlanForm, key: str, words: str, part: int = 0) -> None:
    editor = form.rows[key].editor
    field = editor.fields[part] if hasattr(editor, "fields") else editor.field
    field.selectAll()
    qtbot.keyClick(field, Qt.Key.Key_Delete)
    if words.isascii():
        qtbot.keyClicks(field, words)
    else:  # QTest has no keys for the others
        QApplication.clipboard().setText(words)
        field.paste()
    qtbot.waitUntil(lambda: not form._wait.isActive())


def without_estimates(plan: Plan) -> dict[str, object]:
    return {f.name: getattr(plan, f.name) for f in fields(plan) if f.name != "estimates"}


def test_every_field_is_there_named_and_explained(form: PlanForm) -> None:
    assert set(form.rows) == {spec.key for spec in FIELDS}
    for spec in FIELDS:
        assert spec.label and spec.help


def test_nothing_changed_is_the_same_plan(form: PlanForm) -> None:
    assert form.check()
    assert without_estimates(form.plan()) == without_estimates(tiny_plan())
    assert form.plan().estimates.parameters > 0


def test_a_changed_field_changes_plan_and_estimates(qtbot: QtBot, form: PlanForm) -> None:
    before = form.plan().estimates
    enter(qtbot, form, "batch", "8")
    assert form.plan().batch == 8
    assert form.plan().estimates.memory_bytes > before.memory_bytes
    enter(qtbot, form, "patch", "32", part=2)
    assert form.plan().patch == (16, 16, 32)
    enter(qtbot, form, "channels", "8, 16, 24")
    assert form.plan().channels == (8, 16, 24)
    form.rows["mirror"].editor.switch.click()
    assert form.check()
    assert not form.plan().mirror


@pytest.mark.parametrize(
    ("key", "words", "sentence"),
    [
        ("batch", "x", "Enter a whole number"),
        ("batch", "2.5", "Enter a whole number"),
        ("batch", "65", "Enter 1 to 64"),
        ("learning_rate", "", "Enter a number"),
        ("hu_low", "-40000", "Enter −32768 to 32767"),
        ("spacing", "0", "Enter 0.2 to 20"),
        ("patch", "1.5", "Enter three whole numbers"),
        ("channels", "8, x", "Enter one entry a stage, like 16, 32, 64"),
        ("strides", "1x1x1, 2x2", "Enter one entry a stage, like 1×1×1, 2×2×2"),
        ("name", "  ", "Enter something"),
    ],
)
def test_what_is_wrong_stands_below_the_field(
    qtbot: QtBot, form: PlanForm, key: str, words: str, sentence: str
) -> None:
    before = form.plan()
    enter(qtbot, form, key, words)
    row = form.rows[key]
    assert row.problem.isVisible()
    assert row.problem.text() == sentence
    assert not form.accept_button.isEnabled()
    assert form.plan() == before
    # Mended it is as if nothing had been.
    form.restore()
    assert not row.problem.isVisible()
    assert form.accept_button.isEnabled()


def test_what_does_not_fit_together_is_marked_where_it_is_named(
    qtbot: QtBot, form: PlanForm
) -> None:
    enter(qtbot, form, "patch", "18")
    assert "must be a multiple of" in form.verdict.text()
    assert form.rows["patch"].problem.text() == form.verdict.text()
    assert not form.accept_button.isEnabled()


def test_time_or_epochs_not_both(qtbot: QtBot, form: PlanForm) -> None:
    enter(qtbot, form, "budget_minutes", "20")
    assert "either a time budget or a number of epochs" in form.verdict.text()
    enter(qtbot, form, "epochs", "")
    assert form.check()
    assert (form.plan().budget_minutes, form.plan().epochs) == (20, None)


def test_comma_and_minus_signs_of_people(qtbot: QtBot, form: PlanForm) -> None:
    enter(qtbot, form, "hu_low", "−150,5")
    assert form.plan().hu_low == -150.5


def test_the_edited_plan_is_shown_and_reset_goes_to_the_automatic(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    form = PlanForm(tiny_plan(), DEVICES, window, edited=tiny_plan(batch=7))
    assert form.check()
    assert form.plan().batch == 7
    qtbot.mouseClick(form.reset, Qt.MouseButton.LeftButton)
    assert form.plan().batch == tiny_plan().batch


def test_a_run_that_has_begun_is_only_shown(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    form = PlanForm(tiny_plan(device="cuda:3"), [], window, read_only=True)
    assert form.rows["batch"].editor.field.isReadOnly()
    assert not form.rows["mirror"].editor.isEnabled()
    assert form.rows["device"].editor.read()[0] == "cuda:3"
    assert not hasattr(form, "accept_button")


def test_another_network_brings_its_stages_along_and_back(form: PlanForm) -> None:
    form.rows["network"].editor.set_value("swin_unetr")
    assert form.check()
    assert form.plan().network == "swin_unetr"
    assert form.rows["strides"].editor.read()[0] == ((1, 1, 1), *((2, 2, 2),) * 5)
    form.rows["network"].editor.set_value("residual_unet")
    assert form.check()
    assert len(form.plan().strides) == len(form.plan().channels) < 6
    form.restore()
    assert without_estimates(form.plan()) == without_estimates(tiny_plan())


def test_a_patch_of_one_slice_makes_the_network_flat(qtbot: QtBot, form: PlanForm) -> None:
    enter(qtbot, form, "patch", "1")
    assert form.plan().kernels == ((1, 3, 3),) * 3
    assert form.rows["batch_dice"].editor.read()[0] is True
    enter(qtbot, form, "slices", "3")
    assert form.plan().inputs == 3
    enter(qtbot, form, "patch", "16")
    assert (form.plan().slices, form.plan().kernels) == (1, ((3, 3, 3),) * 3)


def choose(form: PlanForm, key: str) -> None:
    combo = form.augmentation.editor.combo
    combo.set_key(key)
    combo.changed.emit(key)


def test_one_choice_sets_the_augmentation_as_nnunet_does(qtbot: QtBot, form: PlanForm) -> None:
    assert form.augmentation.editor.read()[0] == "lesionforge"
    ours = form.plan()
    choose(form, "nnunet")
    assert augmentation_of(form.plan()) == "nnunet"
    assert form.rows["rotation_degrees"].editor.read()[0] == 30
    enter(qtbot, form, "rotation_degrees", "20")
    assert form.augmentation.editor.read()[0] == "own"
    choose(form, "lesionforge")
    assert without_estimates(form.plan()) == without_estimates(ours)
