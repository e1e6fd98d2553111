# ruff: noqa: F811 - pytest passes fixtures by the name they are imported under
"""The Label page: keys, panels, findings, proposals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import Qt

from core.events import StageEvent, StateEvent
from core.models.card import ModelCard
from tests.gui.label_case import UIDS, ball, drag, place_of
from tests.gui.label_fixtures import axial, page, session, supervisor  # noqa: F401

SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def doc(page):
    return page.document


class Model:
    id = "r06"
    card = ModelCard(name="Liver lesion", version="1", run_id="r06", created="2024-03-18")


def put_proposal(page, *balls):
    """What a child would have left, and the signal that says so."""
    geometry = page.document.geometry
    labels = np.zeros(geometry.shape, np.uint8)
    components = []
    for number, (centre, radius) in enumerate(balls):
        mask = ball(geometry, centre, radius)
        labels[mask] = 1
        components.append({"value": 1, "voxels": int(mask.sum()), "confidence": 0.9 - number / 10})
    info = {"model_id": "r06", "components": components}
    page.document.store.save_proposal(labels, info)
    page.session.proposal_changed.emit(page.document.uid)


PARTS = (((10, 14, 14), 6.0), ((10, 50, 60), 5.0))


@pytest.fixture
def proposed(qtbot, page):
    with qtbot.waitSignal(page.document.proposal_changed, timeout=10_000):
        put_proposal(page, *PARTS)
    return page


def test_head_names_the_series(page):
    assert page.head.patient.text() == "LF-0001"
    assert page.head.about.whole_text() == "F 61 · 2024-03-18 · Abdomen · 20 slices × 3 mm"
    assert page.head.place.text() == "Series 1 of 2"
    assert not page.head.previous.isEnabled()
    assert page.head.status_box.key() == "draft"


def test_series_by_keys(qtbot, page, doc):
    with qtbot.waitSignal(doc.opened, timeout=10_000):
        qtbot.keyClick(page, Qt.Key.Key_PageDown, CTRL)
    assert doc.uid == UIDS[1]
    with qtbot.waitSignal(doc.opened, timeout=10_000):
        qtbot.keyClick(page, Qt.Key.Key_PageUp, CTRL)
    assert doc.uid == UIDS[0]


def test_classes_and_presets_by_number(qtbot, page, doc):
    qtbot.keyClick(page, Qt.Key.Key_3)
    assert doc.active == 3
    qtbot.keyClick(page, Qt.Key.Key_9)
    assert doc.active == 3
    qtbot.keyClick(page, Qt.Key.Key_2, SHIFT)
    assert doc.window == (1500, -600)
    assert page.bar.presets.key() == "lung"
    qtbot.keyClick(page, Qt.Key.Key_Percent, SHIFT)
    assert doc.window == (80, 40)


def test_tools_by_letter(qtbot, page):
    for letter, key in zip("WVBETPGFR", page.toolbox.tools, strict=True):
        qtbot.keyClick(page, getattr(Qt.Key, f"Key_{letter}"))
        assert page.toolbox.current.key == key
        assert page.strip.buttons[key].isChecked()


def test_undo_and_redo_by_keys_and_from_the_list(qtbot, page, axial, doc):
    before = doc.labels.copy()
    for row in (10, 14, 18):
        drag(axial, [place_of(axial, (10, row, 15)), place_of(axial, (10, row, 40))])
    after = doc.labels.copy()
    assert len(page.side.history.rows) == 3
    qtbot.keyClick(page, Qt.Key.Key_Z, CTRL)
    qtbot.keyClick(page, Qt.Key.Key_Z, CTRL | SHIFT)
    assert np.array_equal(doc.labels, after)
    qtbot.mouseClick(page.side.history.rows[2], Qt.MouseButton.LeftButton)
    assert sum(e.undone for e in doc.steps) == 2
    qtbot.mouseClick(page.side.history.undo, Qt.MouseButton.LeftButton)
    assert np.array_equal(doc.labels, before)


def test_volume_is_live_in_the_list(qtbot, page, axial, doc):
    from gui.pages.label_classes import volume_words  # noqa: PLC0415

    before = doc.ml(1)
    drag(axial, [place_of(axial, (10, 10, 10)), place_of(axial, (10, 10, 50))], release=False)
    assert doc.ml(1) > before
    assert volume_words(doc.ml(1)) == f"{doc.ml(1):.1f} mL"
    axial.cancel()
    assert doc.ml(1) == pytest.approx(before)


def test_eye_and_lock(qtbot, page, doc):
    row = page.side.classes.rows[1]
    qtbot.mouseClick(row.lock, Qt.MouseButton.LeftButton)
    assert doc.locked == {1}
    qtbot.mouseClick(row.eye, Qt.MouseButton.LeftButton)
    assert doc.hidden == {1}
    qtbot.mouseClick(page.side.classes.rows[2], Qt.MouseButton.LeftButton)
    assert doc.active == 2


def test_lesions_are_measured_after_a_stroke(qtbot, page, axial, doc):
    assert [f.name for f in doc.findings.all] == ["L1"]
    page.toolbox.settings.set(size_mm=8, shape="3d")
    drag(axial, [place_of(axial, (10, 10, 10))])
    qtbot.waitUntil(lambda: len(page.side.lesions.rows) == 2, timeout=5_000)
    second = doc.findings.all[1].lesion
    assert second.ml == pytest.approx(4 / 3 * math.pi * 4**3 / 1000, rel=0.35)
    assert second.centre == pytest.approx((10, 10, 10), abs=1)
    qtbot.keyClick(page, Qt.Key.Key_N)
    assert doc.cursor[1:] == pytest.approx((10, 10), abs=2)
    qtbot.keyClick(page, Qt.Key.Key_N, SHIFT)
    assert doc.cursor[1:] == pytest.approx((32, 36), abs=2)


def test_click_in_the_table_jumps(qtbot, page, doc):
    doc.set_cursor((0, 0, 0))
    qtbot.mouseClick(page.side.lesions.rows[0], Qt.MouseButton.LeftButton)
    assert doc.cursor == pytest.approx((10, 32, 36), abs=1.5)


def test_proposal_waits_beside_the_label(proposed, doc, axial):
    assert not doc.labels[ball(doc.geometry, *PARTS[0])].any()
    assert [f.name for f in doc.findings.proposed] == ["L2", "L3"]
    tags = [t.text for t in doc.tags("axial", 10) if t.proposal]
    assert tags == ["L2   r06 · 0.90", "L3   r06 · 0.80"]
    assert len(proposed.side.lesions.rows) == 3
    assert axial.grab().width() > 0


def test_accept_by_tick_is_one_step_that_can_be_undone(qtbot, proposed, doc):
    mask = ball(doc.geometry, *PARTS[0])
    row = proposed.side.lesions.rows[1]
    qtbot.mouseClick(row.tick, Qt.MouseButton.LeftButton)
    assert (doc.labels[mask] == 1).all()
    assert [e.name for e in doc.steps] == ["Accept proposal, L2"]
    assert len(doc.findings.proposed) == 1
    doc.undo()
    assert not doc.labels[mask].any()
    assert len(doc.findings.proposed) == 2
    assert (doc.proposal[mask] == 1).all()
    doc.redo()
    assert len(doc.findings.proposed) == 1
    assert doc.writer.flush(10)
    kept, _info = doc.store.load_proposal()
    assert not kept[mask].any()
    assert kept.any()


def test_a_series_without_label_is_proposed_while_something_waits(qtbot, page, doc, session):
    with qtbot.waitSignal(doc.opened, timeout=10_000):
        page.open_beside(1)
    with qtbot.waitSignal(doc.proposal_changed, timeout=10_000):
        put_proposal(page, *PARTS)
    session.set_status(UIDS[1], "proposed")
    qtbot.mouseClick(page.side.lesions.reject_all, Qt.MouseButton.LeftButton)
    assert session.record(UIDS[1]).label_status == "none"


def test_enter_and_del_decide_one_after_the_other(qtbot, proposed, doc):
    qtbot.keyClick(proposed, Qt.Key.Key_Return)  # shows the first one
    assert doc.cursor[1:] == pytest.approx((14, 14), abs=1.5)
    qtbot.keyClick(proposed, Qt.Key.Key_Return)
    assert (doc.labels[ball(doc.geometry, *PARTS[0])] == 1).all()
    qtbot.keyClick(proposed, Qt.Key.Key_Delete)
    assert not doc.labels[ball(doc.geometry, *PARTS[1])].any()
    assert doc.proposal is None
    assert doc.writer.flush(10)
    assert doc.store.load_proposal() is None


def test_a_locked_class_takes_no_proposal(qtbot, proposed, doc):
    doc.toggle(doc.locked, 1)
    before = doc.labels.copy()
    with qtbot.waitSignal(doc.said):
        qtbot.mouseClick(proposed.side.lesions.accept_all, Qt.MouseButton.LeftButton)
    assert np.array_equal(doc.labels, before)
    assert len(doc.findings.proposed) == 2


def test_reviewed_only_after_the_proposal_is_decided(qtbot, proposed, doc, session):
    qtbot.keyClick(proposed, Qt.Key.Key_Return, CTRL)
    assert session.record(UIDS[0]).label_status == "draft"
    qtbot.mouseClick(proposed.side.lesions.reject_all, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(session.message) as caught:
        qtbot.keyClick(proposed, Qt.Key.Key_Return, CTRL)
    assert session.record(UIDS[0]).label_status == "reviewed"
    assert proposed.head.status_box.key() == "reviewed"
    caught.args[1]()
    assert session.record(UIDS[0]).label_status == "draft"


def test_propose_submits_and_shows_progress(qtbot, monkeypatch, page, supervisor, session):
    monkeypatch.setattr("core.models.store.proposal_model", lambda project: Model())
    session.models_changed.emit()
    assert page.head.propose_button.text() == "Propose with r06"
    qtbot.keyClick(page, Qt.Key.Key_M)
    qtbot.keyClick(page, Qt.Key.Key_M)
    assert len(supervisor.jobs) == 1
    job, on_event, on_end, handle = supervisor.jobs[0]
    assert (job.series_uid, job.model_id) == (UIDS[0], "r06")
    on_event(StageEvent(stage="predict", done=3, total=12))
    assert page.side.lesions.job.isVisible()
    assert page.side.lesions.job_bar.fraction() == 0.25
    qtbot.mouseClick(page.side.lesions.job_cancel, Qt.MouseButton.LeftButton)
    assert handle.cancelled
    on_end(StateEvent(state="stopped"))
    assert not page.side.lesions.job.isVisible()
    with qtbot.waitSignal(session.error):
        page.propose()
        supervisor.jobs[1][2](StateEvent(state="failed", sentence="The disk is full."))


def test_without_a_model_the_button_says_why(page):
    assert not page.head.propose_button.isEnabled()
    assert "Train a model" in page.head.propose_button.toolTip()


def test_empty_page_points_to_the_library(qtbot, page, session):
    session.close_project()
    assert page.empty.isVisible()
    with qtbot.waitSignal(session.page_requested) as caught:
        qtbot.mouseClick(page.empty.buttons[0], Qt.MouseButton.LeftButton)
    assert caught.args == ["library"]


def test_in_a_narrow_window_the_panel_is_a_drawer(qtbot, page):
    page.resize(1208, 764)
    assert page.bar.panel.isVisible()
    assert not page.side.isVisible()
    assert page.grab().width() == 1208
    qtbot.mouseClick(page.bar.panel, Qt.MouseButton.LeftButton)
    assert page.side.isVisible()
    page.resize(1400, 860)
    assert page.side.isVisible()
    assert not page.bar.panel.isVisible()


def test_layouts(qtbot, page):
    planes = page.views.planes
    qtbot.mouseClick(page.bar.layouts.button("columns"), Qt.MouseButton.LeftButton)
    top = {p: view.mapTo(page, view.rect().topLeft()) for p, view in planes.items()}
    assert top["axial"].y() == top["sagittal"].y() < top["coronal"].y()
    assert planes["axial"].height() > planes["sagittal"].height() * 1.8
    assert all(view.isVisible() for view in planes.values())
    qtbot.mouseClick(page.bar.layouts.button("one"), Qt.MouseButton.LeftButton)
    assert [p for p, view in planes.items() if view.isVisible()] == ["axial"]
    qtbot.mouseClick(page.bar.layouts.button("grid"), Qt.MouseButton.LeftButton)
    assert all(view.isVisible() for view in planes.values())
