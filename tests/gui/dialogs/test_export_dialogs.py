"""Labels and de-identified series out of the window, and masks that wait for a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from PySide6.QtWidgets import QWidget

from core.dicom.writing.meaning import TUMOURS, parse_code
from core.geometry import Geometry
from core.images import write_mask
from core.project.importer import import_paths
from core.project.project import Project
from gui.dialogs.deidentify import DeidentifyDialog
from gui.dialogs.export_labels import LabelExportDialog
from gui.dialogs.label_meaning import TUMOUR_CODES
from gui.dialogs.mask_offers import MaskOffersDialog
from tests.core.dicom.make import write_series


@pytest.fixture
def project(tmp_path):
    def burn(image, index):
        image.BurnedInAnnotation = "YES" if index == 1 else "NO"

    write_series(tmp_path / "ct", 4, burn)
    with Project.create(tmp_path / "p") as made:
        (record,) = import_paths(made, [tmp_path / "ct"]).series
        labels = np.zeros(record.geometry.shape, np.uint8)
        labels[1, 1:4, 1:4] = 1
        made.label_store(record.series_uid).save(labels)
        made.save_label_summary(record.series_uid, labels)
        yield made


@pytest.fixture
def parent(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def test_the_codes_offered_are_those_of_core() -> None:
    assert tuple(parse_code(text) for text in TUMOUR_CODES) == TUMOURS


def test_a_label_is_written_in_the_format_chosen(qtbot, project, tasks, parent) -> None:
    (record,) = project.series()
    dialog = LabelExportDialog(parent, project, record, tasks)
    for key, ending in (("nifti", ".nii.gz"), ("slicer", ".seg.nrrd"), ("rtstruct", ".dcm")):
        dialog.formats[key].setChecked(True)
        assert dialog.path.text().endswith(f"P1_label{ending}") and dialog.export.isEnabled()
    assert dialog.meaning.isVisibleTo(dialog)
    dialog.meaning.made.set_key("automatic")
    dialog.meaning.code.set_key(TUMOUR_CODES[2])
    with qtbot.waitSignal(dialog.written, timeout=20_000) as told:
        dialog.start()
    made = pydicom.dcmread(told.args[0])
    assert made.StructureSetROISequence[0].ROIGenerationAlgorithm == "AUTOMATIC"
    (observation,) = made.RTROIObservationsSequence
    assert observation.RTROIIdentificationCodeSequence[0].CodeValue == "14799000"


def test_a_wrong_place_or_code_is_said_before_anything_runs(qtbot, project, tasks, parent) -> None:
    (record,) = project.series()
    dialog = LabelExportDialog(parent, project, record, tasks)
    dialog.path.setText("somewhere.dcm")
    assert not dialog.export.isEnabled() and "whole path" in dialog.note.text()
    dialog.path.setText(str(project.exports_dir / "a.dcm"))
    dialog.meaning.code.set_key("own")
    dialog.meaning.own.setText("no code")
    dialog.start()
    assert "value^scheme^meaning" in dialog.banner.text() and tasks.busy == 0
    dialog.done(0)


def test_the_audit_comes_before_writing(qtbot, project, tasks, parent, tmp_path) -> None:
    dialog = DeidentifyDialog(parent, project, project.series(), tasks)
    assert not dialog.write.isEnabled()
    qtbot.waitUntil(lambda: dialog.audit is not None, timeout=20_000)
    assert dialog.model.rowCount() > 20
    dialog.model.search("patient's name")
    texts = [dialog.model.index(0, c).data() for c in range(6)]
    assert texts[1] == "Patient's Name" and texts[4] == "Doe^Jane" and texts[5].startswith("LF-")
    # One of the slices says that text is burned in: nothing is written until somebody looked.
    assert "flagged" in dialog.banner.text() and not dialog.write.isEnabled()
    dialog.burned_in.click()
    assert dialog.write.isEnabled() and dialog.write.text().startswith("Write 5")
    dialog.path.setText(str(tmp_path / "ct"))
    assert not dialog.write.isEnabled()  # not empty
    dialog.path.setText(str(tmp_path / "out"))
    with qtbot.waitSignal(dialog.written, timeout=20_000):
        dialog.start()
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 5


def test_with_pseudonyms_the_audit_shows_no_value_that_changes(
    qtbot, project, tasks, parent
) -> None:
    dialog = DeidentifyDialog(parent, project, project.series(), tasks, hide=True)
    qtbot.waitUntil(lambda: dialog.audit is not None, timeout=20_000)
    model = dialog.model
    shown = [[model.index(row, c).data() for c in range(6)] for row in range(model.rowCount())]
    before = {texts[1]: texts[4] for texts in shown}
    assert before["Patient's Name"] == "•••" and before["Modality"] == "CT"
    assert not any("Doe" in text for texts in shown for text in texts)
    model.search("doe")
    assert model.rowCount() == 0  # nor can it be guessed by searching
    dialog.done(0)


def test_a_refusal_names_patients_as_the_window_may(qtbot, project, tasks, parent) -> None:
    (record,) = project.series()
    project.label_store(record.series_uid).path.unlink()
    dialog = LabelExportDialog(parent, project, record, tasks)
    dialog.words_of = lambda words: words.replace("patient P1", "patient LF-1")
    dialog.formats["nifti"].setChecked(True)
    dialog.start()
    qtbot.waitUntil(lambda: bool(dialog.banner.text()), timeout=20_000)
    assert dialog.banner.text().startswith("The series of patient LF-1 has no label yet.")


def test_another_option_asks_for_another_look(qtbot, project, tasks, parent) -> None:
    dialog = DeidentifyDialog(parent, project, project.series(), tasks)
    qtbot.waitUntil(lambda: dialog.audit is not None, timeout=20_000)
    first = dialog.audit
    dialog.shift.click()
    assert dialog.audit is None and not dialog.write.isEnabled()
    qtbot.waitUntil(lambda: dialog.audit is not None, timeout=20_000)
    assert dialog.audit is not first
    actions = {row.tag: row.action.value for row in dialog.audit.rows()}
    assert actions["(0008,0020)"] == "date shifted"
    dialog.done(0)


def test_a_mask_on_another_grid_is_taken_when_accepted(
    qtbot, tasks, parent, tmp_path: Path
) -> None:
    write_series(tmp_path / "ct", 4)
    with Project.create(tmp_path / "q") as project:
        (record,) = import_paths(project, [tmp_path / "ct"]).series
        grid = record.geometry
        z, y, x = grid.spacing
        fine = Geometry((8, 6, 5), (z / 2, y, x), (*grid.origin[:2], grid.origin[2] - z / 4))
        mask = np.zeros(fine.shape, np.uint8)
        mask[2:4, 1:3, 1:3] = 1
        write_mask(tmp_path / "P1_mask.nii.gz", mask, fine, None)
        report = import_paths(project, [tmp_path / "P1_mask.nii.gz"])
        dialog = MaskOffersDialog(parent, project, report.offers, tasks)
        assert dialog.take.text().startswith("Accept 1")
        ((_, row),) = dialog.rows
        row.switch.click()
        assert not dialog.take.isEnabled()
        row.switch.click()
        with qtbot.waitSignal(dialog.accepted_masks, timeout=20_000) as told:
            dialog.start()
        taken, chosen = told.args
        assert taken.labelled == (record.series_uid,) and chosen == list(report.offers)
        assert np.argwhere(project.label_store(record.series_uid).load())[:, 0].tolist() == [1] * 4
