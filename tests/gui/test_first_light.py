"""The whole loop through the real window, on real CT, by real events.

Import a folder, look, paint, undo, reopen, train with live curves and device use, go on scrolling,
stop, resume, propose for an unlabelled series, accept, export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDropEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from core.events import HardwareEvent, StepEvent
from core.images import read_mask, resample_mask
from core.project.runs import run as find_run
from gui.dialogs.export_model import ExportDialog
from gui.main_window import MainWindow
from gui.run.supervisor import RunSupervisor
from gui.session import Session

PATIENTS = 12


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    session = Session()
    supervisor = RunSupervisor(session)
    made = MainWindow(session, supervisor)
    # First the runs: closing a window whose run is at work asks a question.
    qtbot.addWidget(made, before_close_func=lambda _window: supervisor.shutdown())
    made.resize(1600, 1000)
    made.show()
    yield made
    supervisor.shutdown()
    made.close()
    session.shutdown()


def buttons(parent: QWidget, words: str) -> list[QAbstractButton]:
    """The buttons with that text that can be pressed now."""
    every = parent.findChildren(QAbstractButton)
    return [b for b in every if b.text() == words and b.isVisible() and b.isEnabled()]


def press(qtbot: QtBot, parent: QWidget, words: str, seconds: float = 60) -> None:
    """Press a button once it is there."""
    until(qtbot, lambda: buttons(parent, words), seconds)
    qtbot.mouseClick(buttons(parent, words)[0], Qt.MouseButton.LeftButton)


def drop(window: MainWindow, *paths: Path) -> None:
    """Files let go over the window."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(p)) for p in paths])
    event = QDropEvent(
        QPointF(400, 400), Qt.DropAction.CopyAction, mime,
        Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    window.dropEvent(event)


def close_dialogs(window: MainWindow) -> None:
    for widget in QApplication.topLevelWidgets():
        if widget is not window and widget.isVisible():
            widget.close()


def wheel(view: QWidget, steps: int) -> None:
    at = QPointF(view.rect().center())
    event = QWheelEvent(
        at, view.mapToGlobal(at), QPoint(), QPoint(0, 120 * steps),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def drag(qtbot: QtBot, view: QWidget, start: QPoint, end: QPoint) -> None:
    left = Qt.MouseButton.LeftButton
    qtbot.mousePress(view, left, pos=start)
    for share in (0.25, 0.5, 0.75, 1.0):
        between = start + (end - start) * share
        qtbot.mouseMove(view, between)
    qtbot.mouseRelease(view, left, pos=end)


def import_sarcomas(qtbot: QtBot, window: MainWindow, data: Path) -> None:
    """12 CT with their labels, one unlabelled CT; MR and PET are not offered."""
    session = window.session
    with qtbot.waitSignal(session.import_finished, timeout=120_000) as done:
        drop(window, data / "sts" / "dicom", data / "totalseg" / "example_ct_dicom")
    report = done.args[0]
    close_dialogs(window)
    series = session.series()
    assert {r.modality for r in series} == {"CT"}
    assert len(series) == PATIENTS + 1
    assert any("MR" in s.reason for s in report.skipped)
    assert any("PT" in s.reason or "PET" in s.reason for s in report.skipped)
    labelled = [r for r in series if r.label_status != "none"]
    assert len(labelled) == PATIENTS
    assert {r.labels for r in labelled} == {("Tumour",)}
    for record in labelled:
        reference, geometry, _ = read_mask(
            data / "sts" / "nifti" / f"{record.patient_id}_mask.nii.gz"
        )
        theirs = resample_mask(reference, geometry, record.geometry) > 0
        ours = session.project.label_store(record.series_uid).load() > 0
        assert 2 * (ours & theirs).sum() / (ours.sum() + theirs.sum()) >= 0.95


def paint_and_reopen(qtbot: QtBot, window: MainWindow) -> None:
    """Double click opens; a stroke, undo, redo; there again after another series was open.

    The second row: the first, without a patient, is the unlabelled series.
    """
    session = window.session
    library = window.page_widget("library")
    table = library.table
    first = table.visualRect(table.model().index(1, 2)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=first)
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=first)
    assert window.page == "label"
    page = window.page_widget("label")
    document = page.document
    qtbot.waitUntil(lambda: document.editable, timeout=30_000)
    uid, before = document.uid, document.labels.copy()
    axial = page.views.planes["axial"]
    qtbot.keyClick(axial, Qt.Key.Key_B)
    centre = axial.rect().center()
    drag(qtbot, axial, centre + QPoint(-160, -120), centre + QPoint(-80, -120))
    painted = document.labels.copy()
    assert np.count_nonzero(painted != before) > 20
    qtbot.keyClick(axial, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert np.array_equal(document.labels, before)
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(axial, Qt.Key.Key_Z, both)
    assert np.array_equal(document.labels, painted)
    qtbot.keyClick(axial, Qt.Key.Key_PageDown, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: document.editable and document.uid != uid, timeout=30_000)
    session.open_series(uid)
    qtbot.waitUntil(lambda: document.editable and document.uid == uid, timeout=30_000)
    assert np.array_equal(document.labels, painted)
    record = session.project.record(uid)
    assert record.label_voxels == np.count_nonzero(painted)
    assert window.grab().save(str(session.project.path / "label.png"))


def until(qtbot: QtBot, condition: Callable[[], object], seconds: float) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=int(seconds * 1000))


def answer(qtbot: QtBot, words: str) -> None:
    """Press a button of the question that opens next."""

    def pressed() -> None:
        dialog = QApplication.activeModalWidget()
        if dialog is None:
            QTimer.singleShot(50, pressed)
        else:
            press(qtbot, dialog, words)

    QTimer.singleShot(50, pressed)


def stop(qtbot: QtBot, window: MainWindow, run_id: str) -> None:
    """Stop, answer the question; a checkpoint and a model are there."""
    answer(qtbot, "Stop run")
    press(qtbot, window.page_widget("train"), "Stop…")
    until(qtbot, lambda: window.supervisor.live_run is None, 120)
    stopped = find_run(window.session.project, run_id)
    assert stopped.state == "stopped"
    assert stopped.checkpoint_step >= stopped.step > 0
    assert stopped.model_id


def train_stop_resume(qtbot: QtBot, window: MainWindow) -> str:
    """Start; curves and device use move while slices are scrolled; stop; resume; stop."""
    session, supervisor = window.session, window.supervisor
    seen: list[object] = []
    session.run_event.connect(lambda _run, event: seen.append(event))
    window.show_page("train")
    train = window.page_widget("train")
    press(qtbot, train, "10 min")
    press(qtbot, train, "Start training")
    until(qtbot, lambda: supervisor.live_run, 30)
    run_id = supervisor.live_run
    window.show_page("label")
    axial = window.page_widget("label").views.planes["axial"]
    turned = 0
    for turn in range(6000):
        if sum(isinstance(e, StepEvent) for e in seen) >= 3:
            break
        before = axial.index
        wheel(axial, 1 if turn // 10 % 2 else -1)
        turned += axial.index != before
        qtbot.wait(20)
    assert turned > 20
    window.show_page("train")
    until(qtbot, lambda: train.run_id == run_id and train.history.steps, 30)
    assert train.history.steps[0].loss > 0
    assert sum(isinstance(e, HardwareEvent) for e in seen) >= 3
    assert train.history.device is not None
    stop(qtbot, window, run_id)
    until(qtbot, lambda: train.history.validations, 30)
    press(qtbot, train, "Resume")
    until(qtbot, lambda: supervisor.live_run == run_id, 30)
    begun = len(seen)
    until(qtbot, lambda: any(isinstance(e, StepEvent) for e in seen[begun:]), 120)
    stop(qtbot, window, run_id)
    return run_id


def propose_accept_export(qtbot: QtBot, window: MainWindow, run_id: str) -> None:
    """A proposal for the unlabelled series stays apart until it is accepted; then the export."""
    session = window.session
    bare = next(r for r in session.series() if r.label_status == "none")
    session.open_series(bare.series_uid)
    page = window.page_widget("label")
    document = page.document
    until(qtbot, lambda: document.editable and document.uid == bare.series_uid, 30)
    with qtbot.waitSignal(session.proposal_changed, timeout=120_000):
        press(qtbot, page, f"Propose with {run_id}")
    until(qtbot, lambda: session.record(bare.series_uid).label_status == "proposed", 10)
    assert not document.labels.any()
    # A network of a few steps may find nothing on a strange body part: then nothing is offered.
    if document.proposal is not None and document.proposal.any():
        wanted = np.count_nonzero(document.proposal)
        until(qtbot, lambda: document.findings.proposed, 20)
        press(qtbot, page, "Accept all")
        assert np.count_nonzero(document.labels) == wanted
    window.show_page("models")
    models = window.page_widget("models")
    until(qtbot, lambda: models.chosen() is not None, 20)
    press(qtbot, models, "Export…")
    dialog = next(w for w in QApplication.topLevelWidgets() if isinstance(w, ExportDialog))
    dialog.choose("onnx")
    press(qtbot, dialog, "Export")
    until(qtbot, lambda: buttons(dialog, "Done"), 180)
    written = list(session.project.exports_dir.glob("*.onnx"))
    assert len(written) == 1
    press(qtbot, dialog, "Done")


@pytest.mark.real_data
@pytest.mark.timeout(600)
def test_from_a_dicom_folder_to_an_exported_model(
    qtbot: QtBot, window: MainWindow, shared_data: Path, tmp_path: Path
) -> None:
    window.session.create_project(tmp_path / "project", "Sarcomas")
    import_sarcomas(qtbot, window, shared_data)
    paint_and_reopen(qtbot, window)
    run_id = train_stop_resume(qtbot, window)
    propose_accept_export(qtbot, window, run_id)
