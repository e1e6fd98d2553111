"""A remedy chosen for a series: its label, proposal, caches, exports and history follow; undo."""

from __future__ import annotations

import json
import math
import sqlite3
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from core.data.cache import prepare
from core.dicom.remedies import KEEP, Remedy
from core.errors import FileRefusedError, UserError
from core.export.images import export_image, export_label
from core.labels.edits import make_edit
from core.labels.moving import NEXT_FILE, begin_move
from core.project import manifest
from core.project.carrying import Lay, carry
from core.project.importer import import_paths
from core.project.project import Project
from core.project.reading import read_volume
from core.project.thumbnails import thumbnail
from tests.core.data.plans import tiny_plan
from tests.core.dicom.truth import (
    Ellipsoid,
    Grid,
    stacked,
    write,
)
from tests.core.project.remedied import (
    BODY,
    EVEN,
    EVENLY,
    FILL,
    GRID,
    SHEAR,
    assert_label_true,
    gap,
    labelled,
    outline,
    tilted,
)


@pytest.mark.parametrize("absent", [(13,), (5, 20), (12, 13)])
def test_a_label_crosses_a_filled_gap_and_comes_back(
    project: Project, tmp_path: Path, absent: tuple[int, ...]
) -> None:
    record = gap(project, tmp_path, absent)
    uid = record.series_uid
    before = labelled(project, record)
    project.apply_remedy(uid, FILL)
    assert_label_true(project, uid)
    (back,) = project.undo_remedy(uid)
    assert back.geometry == record.geometry and back.checks == record.checks
    assert np.array_equal(project.label_store(uid).load(), before)


def test_a_label_is_straightened_with_its_slices(project: Project, tmp_path: Path) -> None:
    record = tilted(project, tmp_path)
    before = labelled(project, record)
    project.apply_remedy(record.series_uid, SHEAR)
    assert_label_true(project, record.series_uid)
    project.undo_remedy(record.series_uid)
    assert np.array_equal(project.label_store(record.series_uid).load(), before)


def test_strokes_made_after_a_remedy_survive_its_undo(project: Project, tmp_path: Path) -> None:
    record = gap(project, tmp_path)
    uid = record.series_uid
    before = labelled(project, record)
    project.apply_remedy(uid, FILL)
    store = project.label_store(uid)
    labels = store.load()
    box = ((20, 22), (5, 7), (6, 9))  # behind the gap: slices 19 and 20 as scanned
    store.commit(make_edit(labels, box, np.full((2, 2, 3), 1, np.uint8), "Brush"))
    project.undo_remedy(uid)
    expected = before.copy()
    expected[19:21, 5:7, 6:9] = 1
    assert np.array_equal(project.label_store(uid).load(), expected)
    kept = list((project.labels_dir(uid) / "grids").glob("*.seg.nrrd"))
    assert len(kept) == 2  # the label before the remedy, and before its undo


def test_one_remedy_after_another_and_back_step_by_step(project: Project, tmp_path: Path) -> None:
    record = gap(project, tmp_path)
    uid = record.series_uid
    before = labelled(project, record)
    finer = Remedy(kind="resample", spacing=2.0)
    project.apply_remedy(uid, FILL)
    filled = project.label_store(uid).load()
    (after,) = project.apply_remedy(uid, finer)
    assert after.geometry.spacing[0] == 2.0 and after.remedy == finer
    assert np.count_nonzero(project.label_store(uid).load()) > np.count_nonzero(filled)
    (after,) = project.undo_remedy(uid)
    assert after.remedy == FILL
    assert np.array_equal(project.label_store(uid).load(), filled)
    (after,) = project.undo_remedy(uid)
    assert after.remedy == KEEP
    assert np.array_equal(project.label_store(uid).load(), before)
    assert [(c.remedy, c.undone) for c in after.choices] == [(FILL, True), (finer, True)]
    with pytest.raises(UserError, match="nothing to undo"):
        project.undo_remedy(uid)
    (after,) = project.apply_remedy(uid, FILL)
    assert [c.undone for c in after.choices] == [True, True, False]


def test_a_proposal_is_carried_along(project: Project, tmp_path: Path) -> None:
    record = gap(project, tmp_path)
    uid = record.series_uid
    project.ensure_class("Tumour", lesion=True)
    project.label_store(uid).save_proposal(outline(record), {"model": "m"})
    (after,) = project.apply_remedy(uid, FILL)
    found = project.label_store(uid).load_proposal()
    assert found is not None and found[1] == {"model": "m"}
    assert np.count_nonzero(found[0]) * after.geometry.voxel_ml == pytest.approx(BODY.ml, rel=0.005)
    assert not project.label_store(uid).exists()


def test_only_safe_remedies_can_be_chosen(project: Project, tmp_path: Path) -> None:
    uid = gap(project, tmp_path).series_uid
    for remedy in (SHEAR, Remedy(kind="resample", spacing=50.0), Remedy(kind="split", cuts=(2,))):
        with pytest.raises(UserError):
            project.apply_remedy(uid, remedy)
    assert project.record(uid).choices == ()


def test_a_refused_series_is_not_used(project: Project, tmp_path: Path) -> None:
    record = gap(project, tmp_path)
    uid = record.series_uid
    labelled(project, record)
    assert len(manifest.build(project).cases) == 1
    (after,) = project.apply_remedy(uid, Remedy(kind="refuse"))
    assert not after.usable and [c.code for c in after.checks][-1] == "remedy-refuse"
    assert manifest.build(project).cases == ()
    with pytest.raises(FileRefusedError, match="chose not to use"):
        read_volume(after)
    with pytest.raises(UserError, match="refused"):
        export_label(project, uid, tmp_path / "label.nrrd")
    assert thumbnail(project, after, 32).shape == (32, 32)  # it is still seen in the library
    project.undo_remedy(uid)
    assert len(manifest.build(project).cases) == 1
    read_volume(project.record(uid))


def test_a_split_divides_the_label_and_its_undo_joins_it(project: Project, tmp_path: Path) -> None:
    firsts = stacked(EVEN, GRID)
    write(tmp_path / "ct", firsts[:12] + firsts[17:], grid=GRID)
    (record,) = import_paths(project, [tmp_path / "ct"]).series
    uid = record.series_uid
    before = labelled(project, record)
    (offer,) = [o for o in project.remedies(uid) if o.recommended]
    first, second = project.apply_remedy(uid, offer.remedy)
    assert project.series() == [first, second]
    assert (first.split, first.label_status, first.part_of) == ("train", "draft", uid)
    assert first.patient_id == record.patient_id
    labels = project.label_store(first.series_uid).load()
    assert np.array_equal(labels, before[:12])
    labels[2, 3, 4] = 1
    project.label_store(first.series_uid).save(labels)
    (whole,) = project.undo_remedy(second.series_uid)
    assert project.series() == [whole] and whole.geometry == record.geometry
    expected = before.copy()
    expected[2, 3, 4] = 1
    assert np.array_equal(project.label_store(uid).load(), expected)
    again = project.apply_remedy(uid, offer.remedy)  # the parts come back with the label as it is
    assert [r.series_uid for r in again] == [first.series_uid, second.series_uid]
    assert np.array_equal(project.label_store(first.series_uid).load(), expected[:12])


def test_a_part_can_have_a_remedy_of_its_own(project: Project, tmp_path: Path) -> None:
    angle = math.radians(14)
    turned = (1.0, 0.0, 0.0, 0.0, math.cos(angle), -math.sin(angle))
    grid = Grid(60, 48, (1.5, 1.5), turned)
    firsts = stacked(EVEN, grid, (-math.tan(angle), 0.0))
    body = Ellipsoid((3.0, -2.0, 50.3), (20.0, 18.0, 17.0))
    write(tmp_path / "ct", firsts[:20] + firsts[25:], body, grid)
    (record,) = import_paths(project, [tmp_path / "ct"]).series
    labelled(project, record, body)
    (offer,) = [o for o in project.remedies(record.series_uid) if o.recommended]
    assert offer.remedy.kind == "split"
    first, second = project.apply_remedy(record.series_uid, offer.remedy)
    assert "gantry-tilt" in [c.code for c in first.checks]
    project.apply_remedy(first.series_uid, SHEAR)
    assert_label_true(project, first.series_uid, body)
    (whole,) = project.undo_remedy(second.series_uid)  # joins the label from the mended part, too
    labels = project.label_store(whole.series_uid).load()
    volume = np.count_nonzero(labels) * whole.geometry.voxel_ml
    assert volume == pytest.approx(body.ml, rel=0.005)


def test_what_training_made_of_a_series_is_not_used_after_another_remedy(
    project: Project, tmp_path: Path
) -> None:
    record = gap(project, tmp_path)
    labelled(project, record)
    plan = tiny_plan(spacing=(3.0, 1.5, 1.5))
    before = manifest.build(project)
    assert before.cases[0].remedy == "" and before.mended() == ""
    prepare(project, before.cases, plan)
    project.apply_remedy(record.series_uid, EVENLY)
    with pytest.raises(FileRefusedError, match="another remedy"):
        prepare(project, before.cases, plan)
    after = manifest.build(project)
    assert after.cases[0].files_id != before.cases[0].files_id
    assert after.mended() == "1 of 1 series mended: resampled 1"
    (case,) = prepare(project, after.cases, plan)
    assert case.truth.shape == project.record(record.series_uid).geometry.shape
    loaded = manifest.Manifest.from_json(json.loads(json.dumps(after.as_json())))
    assert loaded == after
    project.undo_remedy(record.series_uid)
    assert manifest.build(project) == before
    prepare(project, before.cases, plan)


def test_exports_lie_on_the_new_grid_and_say_what_was_done(
    project: Project, tmp_path: Path
) -> None:
    record = gap(project, tmp_path)
    labelled(project, record)
    uid = record.series_uid
    (after,) = project.apply_remedy(uid, FILL)
    note = "LesionForge remedy: interpolate, 3 mm slices, 1 slices interpolated"
    assert after.remedy_note == note
    nifti = nibabel.load(export_image(project, uid, tmp_path / "ct.nii.gz"))
    assert nifti.shape == after.geometry.shape[::-1]
    assert nifti.header["descrip"].item().decode() == note
    lps = np.diag([-1, -1, 1, 1]) @ nifti.affine
    assert np.allclose(lps, after.geometry.affine, atol=1e-3)
    for name in ("label.nrrd", "label.seg.nrrd"):
        image = sitk.ReadImage(str(export_label(project, uid, tmp_path / name)))
        assert image.GetMetaData("LesionForge_Note") == note
        assert image.GetSize() == after.geometry.shape[::-1]
    project.undo_remedy(uid)
    image = sitk.ReadImage(str(export_image(project, uid, tmp_path / "plain.nrrd")))
    assert not image.HasMetaDataKey("LesionForge_Note")


def test_thumbnails_are_made_anew(project: Project, tmp_path: Path) -> None:
    record = tilted(project, tmp_path, 20.0)
    before = thumbnail(project, record, 48)
    (after,) = project.apply_remedy(record.series_uid, SHEAR)
    assert not np.array_equal(thumbnail(project, after, 48), before)
    (back,) = project.undo_remedy(record.series_uid)
    assert np.array_equal(thumbnail(project, back, 48), before)


def test_importing_again_keeps_the_remedy_until_slices_arrive(
    project: Project, tmp_path: Path
) -> None:
    record = gap(project, tmp_path)
    uid = record.series_uid
    project.apply_remedy(uid, FILL)
    (again,) = import_paths(project, [tmp_path / "ct"]).series
    assert again.remedy == FILL and again == project.record(uid)
    assert again.geometry.shape[0] == 27
    write(tmp_path / "late", stacked(EVEN, GRID)[13:14], grid=GRID, number=500)
    (whole,) = import_paths(project, [tmp_path / "late"]).series
    assert whole.remedy == KEEP and not whole.checks and whole.geometry.shape[0] == 27
    assert [c.undone for c in whole.choices] == [True]
    read_volume(whole)


def test_a_labelled_series_with_a_remedy_does_not_take_other_slices(
    project: Project, tmp_path: Path
) -> None:
    record = gap(project, tmp_path)
    labelled(project, record)
    project.apply_remedy(record.series_uid, FILL)
    write(tmp_path / "late", stacked(EVEN, GRID)[13:14], grid=GRID, number=500)
    report = import_paths(project, [tmp_path / "late"])
    assert not report.series and "has a label" in report.skipped[-1].reason
    assert project.record(record.series_uid).remedy == FILL


@pytest.mark.parametrize("committed", [False, True])
def test_a_kill_between_label_and_library_loses_nothing(
    project: Project, tmp_path: Path, committed: bool
) -> None:
    record = gap(project, tmp_path)
    uid = record.series_uid
    before = labelled(project, record)
    with Project.open(project.path) as other:
        (after,) = other.apply_remedy(uid, FILL)
        filled = other.label_store(uid).load()
        other.undo_remedy(uid)
    begin_move(project.label_store(uid), filled, after.geometry, remedy=after.regridded)
    # The kill comes before the library's row was written, or right after it.
    if committed:
        project.update(uid, geometry=after.geometry, choices=after.choices, scanned=after.scanned)
    with Project.open(project.path) as reopened:
        labels = reopened.label_store(uid).load()
    assert np.array_equal(labels, filled if committed else before)
    assert not (project.labels_dir(uid) / NEXT_FILE).exists()


def test_an_old_library_asks_the_files_how_the_slices_lie(project: Project, tmp_path: Path) -> None:
    record = gap(project, tmp_path)
    uid = record.series_uid
    with sqlite3.connect(project.folder.library_file) as old:
        old.execute("UPDATE series SET scanned = ''")
    old.close()
    (after,) = project.apply_remedy(uid, FILL)
    assert after.geometry.shape[0] == 27 and after.interpolated == (13,)
    for path in record.files:
        path.unlink()
    project.undo_remedy(uid)  # by now the library knows
    with sqlite3.connect(project.folder.library_file) as old:
        old.execute("UPDATE series SET scanned = ''")
    old.close()
    with pytest.raises(FileRefusedError, match="Import it again"):
        project.remedies(uid)


def test_carrying_keeps_classes_apart_and_drops_nothing_at_the_ends() -> None:
    source = Lay((0.0, 3.0, 9.0), ((0.0, 0.0),) * 3, (8, 8), (1.0, 1.0))
    target = Lay((0.0, 3.0, 6.0, 9.0), ((0.0, 0.0),) * 4, (8, 8), (1.0, 1.0))
    labels = np.zeros((3, 8, 8), np.uint8)
    labels[1, 1:7, 1:4], labels[1, 1:7, 4:7] = 1, 2
    labels[2, 1:7, 1:4], labels[2, 1:7, 4:7] = 1, 2
    labels[0, 0, 0] = 3
    made = carry(labels, source, target)
    assert np.array_equal(made[[0, 1, 3]], labels)
    assert np.array_equal(made[2], labels[1])
    assert np.array_equal(carry(made, target, source), labels)
