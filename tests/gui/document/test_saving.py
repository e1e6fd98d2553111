# ruff: noqa: F811 - pytest passes fixtures by the name they are imported under
"""No stroke is lost: journal, saving by itself, reopening, a disk that refuses."""

from __future__ import annotations

import numpy as np
import pytest

from core.geometry import Geometry
from core.labels.store import LabelStore
from core.project.project import Project
from gui.document import document as module
from tests.gui.label_case import UIDS, drag, place_of
from tests.gui.label_fixtures import axial, page, session, supervisor  # noqa: F401


@pytest.fixture
def doc(page):
    return page.document


def stroke(view, row=12):
    drag(view, [place_of(view, (10, row, 15)), place_of(view, (10, row, 40))])


def saved_as(doc):
    """What another program would read now."""
    geometry: Geometry = doc.record.geometry
    store = LabelStore(doc.project.labels_dir(doc.uid), geometry, doc.project.schema)
    return store.load()


def test_a_stroke_is_in_the_journal_at_once(qtbot, axial, doc):
    stroke(axial)
    assert doc.writer.flush(10)
    assert np.array_equal(saved_as(doc), doc.labels)
    doc.undo()
    assert doc.writer.flush(10)
    assert np.array_equal(saved_as(doc), doc.labels)


def test_saves_by_itself_after_the_last_stroke(qtbot, monkeypatch, axial, doc, session):
    monkeypatch.setattr(module, "SAVE_AFTER_MS", 50)
    states = []
    session.labels_saved_changed.connect(lambda state, words: states.append((state, words)))
    with qtbot.waitSignal(session.label_changed, timeout=10_000):
        stroke(axial)
    assert states[0][0] == "saving"
    assert states[-1][0] == "saved"
    assert states[-1][1].startswith("Saved ")
    assert not (doc.project.labels_dir(doc.uid) / "edits.journal").exists()
    assert session.record(doc.uid).label_voxels == int((doc.labels == 1).sum())


def test_the_first_stroke_makes_a_draft(qtbot, monkeypatch, page, axial, session):
    monkeypatch.setattr(module, "SAVE_AFTER_MS", 50)
    with qtbot.waitSignal(page.document.opened, timeout=10_000):
        page.open_beside(1)
    assert page.head.status_box.key() == "none"
    with qtbot.waitSignal(session.label_changed, timeout=10_000):
        stroke(axial)
    assert session.record(UIDS[1]).label_status == "draft"
    assert page.head.status_box.key() == "draft"


def test_labels_are_there_again_after_switching_to_and_fro(qtbot, page, axial, doc):
    stroke(axial)
    painted = doc.labels.copy()
    with qtbot.waitSignal(doc.opened, timeout=10_000):
        page.open_beside(1)
    assert not doc.labels.any()
    with qtbot.waitSignal(doc.opened, timeout=10_000):
        page.open_beside(-1)
    assert np.array_equal(doc.labels, painted)


def test_closing_the_project_has_everything_on_disk(qtbot, axial, doc, session, tmp_path):
    stroke(axial)
    painted = doc.labels.copy()
    session.close_project()
    with Project.open(tmp_path / "project") as project:
        assert np.array_equal(project.label_store(UIDS[0]).load(), painted)
        assert project.record(UIDS[0]).label_voxels == int((painted == 1).sum())


def test_a_stroke_that_goes_on_is_not_saved_half(qtbot, monkeypatch, axial, doc):
    monkeypatch.setattr(module, "SAVE_AFTER_MS", 30)
    stroke(axial)
    before = doc.labels.copy()
    drag(axial, [place_of(axial, (10, 50, 15)), place_of(axial, (10, 50, 40))], release=False)
    qtbot.wait(200)
    assert doc.writer.flush(10)
    assert np.array_equal(saved_as(doc), before)
    axial.cancel()
    qtbot.waitUntil(lambda: not doc._unsaved, timeout=5_000)


def test_a_disk_that_refuses_is_told_and_tried_again(qtbot, monkeypatch, page, axial):
    doc, session = page.document, page.session
    monkeypatch.setattr(module, "SAVE_AFTER_MS", 30)
    monkeypatch.setattr(module, "RETRY_AFTER_MS", 60)
    states = []
    session.labels_saved_changed.connect(lambda state, words: states.append((state, words)))
    whole = LabelStore.save
    left = [2]

    def refusing(self, labels, mark=None):
        if left[0]:
            left[0] -= 1
            raise OSError(28, "No space left on device")
        whole(self, labels, mark)

    monkeypatch.setattr(LabelStore, "save", refusing)
    stroke(axial)
    qtbot.waitUntil(page.unsaved.isVisible, timeout=10_000)
    assert "No space left on device" in page.unsaved.text()
    qtbot.waitUntil(lambda: bool(states) and states[-1][0] == "saved", timeout=10_000)
    assert not page.unsaved.isVisible()
    assert ("unsaved", "No space left on device") in states
    assert np.array_equal(saved_as(doc), doc.labels)


def test_a_file_that_is_gone_is_a_sentence_in_the_views(qtbot, page, doc, session):
    session.record(UIDS[1]).files[0].unlink()
    page.open_beside(1)
    qtbot.waitUntil(lambda: bool(doc.problem), timeout=10_000)
    assert "case2.nii.gz" in doc.problem
    assert page.views.planes["axial"].grab().width() > 0
    assert not doc.editable
