"""A project is a folder that can be copied, removed from without loss, opened by several."""

from __future__ import annotations

import gc
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.errors import FileRefusedError, UserError
from core.labels.edits import make_edit
from core.labels.schema import LabelSchema
from core.project.folder import FORMAT, series_key
from core.project.project import Project
from tests.core.project.conftest import MakeRecord


def test_created_project_opens_again_with_its_name_and_classes(tmp_path: Path) -> None:
    with Project.create(tmp_path / "a", "Liver"):
        pass
    with Project.open(tmp_path / "a" / "project.json") as again:
        assert again.name == "Liver"
        assert again.schema == LabelSchema.default()
        assert again.series() == []
        assert again.path == tmp_path / "a"


def test_a_folder_with_other_things_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        Project.create(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.docx"]
    with pytest.raises(FileRefusedError, match="it is a file"):
        Project.create(tmp_path / "thesis.docx")


def test_creating_twice_or_opening_nothing_says_so(project: Project, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="already holds a project"):
        Project.create(project.path)
    with pytest.raises(FileRefusedError, match="no LesionForge project"):
        Project.open(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": "x", "schema": []}'])
def test_damaged_settings_are_refused_by_name(project: Project, text: str) -> None:
    project.folder.settings_file.write_text(text)
    with pytest.raises(FileRefusedError, match=r"project\.json cannot be used: it is damaged"):
        Project.open(project.path)


def test_newer_formats_are_refused(project: Project) -> None:
    data = json.loads(project.folder.settings_file.read_text())
    project.folder.settings_file.write_text(json.dumps(data | {"format": FORMAT + 1}))
    with pytest.raises(FileRefusedError, match="newer version"):
        Project.open(project.path)


def test_damaged_library_is_refused_by_name(project: Project) -> None:
    project.close()
    project.folder.library_file.write_bytes(b"not a database" * 100)
    with pytest.raises(FileRefusedError, match=r"library\.sqlite"):
        Project.open(project.path)


def test_classes_saved_by_one_are_seen_by_the_other(project: Project) -> None:
    with Project.open(project.path) as other:
        added = other.ensure_class("Cyst", lesion=True)
        assert project.schema.by_name("cyst") == added
        assert project.ensure_class("CYST") == added
        assert project.schema.lesion_values == (1, 5)
        project.set_name("Kidney")
        assert other.name == "Kidney"
        assert other.schema.by_name("cyst") == added


@pytest.mark.parametrize("uid", ["../../etc/passwd", "CON", "a" * 300, "1.2\n3", "", "\ud800"])
def test_hostile_uids_give_safe_folder_names(project: Project, uid: str) -> None:
    folder = project.labels_dir(uid)
    assert folder.parent == project.path / "labels"
    assert len(folder.name) == 16
    assert set(folder.name) <= set("0123456789abcdef")


def test_folder_names_never_change() -> None:
    # Existing projects depend on it: a changed key would lose every label.
    assert series_key("1.2.840.1") == "f9a13599155b7052"


def test_the_project_keeps_its_own_files_to_itself_but_may_hold_pixel_data(
    project: Project, make_record: MakeRecord
) -> None:
    project.library.upsert(make_record("1"))
    project.label_store("1").save(np.zeros((3, 4, 5), np.uint8))
    files = [path for path in project.path.rglob("*") if path.is_file()]
    assert len(files) >= 3  # settings, library, label
    assert all(project.folder.owns(path) for path in files)
    assert not project.folder.owns(project.path / "demo_data" / "case" / "project.json")
    assert not project.folder.owns(project.path.parent / "labels" / "a.nii.gz")


def test_a_copied_project_brings_labels_and_its_own_files(
    project: Project, make_record: MakeRecord, tmp_path: Path
) -> None:
    inside = project.path / "images" / "case.nii.gz"
    inside.parent.mkdir()
    inside.write_bytes(b"pixels")
    outside = tmp_path / "scans" / "b.nrrd"
    outside.parent.mkdir()
    outside.write_bytes(b"pixels")
    project.library.upsert(make_record("1", files=(inside,), source="image"))
    project.library.upsert(make_record("2", files=(outside,), source="image"))
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[1, 2, 3] = 1
    project.label_store("1").save(labels)
    project.close()
    shutil.move(project.path, tmp_path / "elsewhere")
    with Project.open(tmp_path / "elsewhere") as moved:
        assert moved.record("1").files == (tmp_path / "elsewhere" / "images" / "case.nii.gz",)
        assert moved.record("2").files == (outside,)
        assert moved.check_files() == []
        np.testing.assert_array_equal(moved.label_store("1").load(), labels)


def test_label_summary_counts_lesions_that_touch_by_a_corner_as_one(
    project: Project, make_record: MakeRecord
) -> None:
    project.library.upsert(make_record("1"))
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[0, 0, 0] = labels[1, 1, 1] = 1  # one lesion, by a corner
    labels[0, 3, 4] = 1  # another
    labels[2] = 2  # organ: no lesion
    record = project.save_label_summary("1", labels)
    assert record == project.record("1")
    assert record.labels == ("Tumour", "Organ")
    assert (record.label_voxels, record.lesion_count, record.label_version) == (3, 2, 1)
    assert record.lesion_ml == pytest.approx(3 * 2.5 * 0.7 * 0.8 / 1000)
    assert record.label_status == "draft"
    assert record.label_saved


def test_status_follows_the_label_but_a_reader_has_the_last_word(
    project: Project, make_record: MakeRecord
) -> None:
    project.library.upsert(make_record("1"))
    empty, full = np.zeros((3, 4, 5), np.uint8), np.full((3, 4, 5), 1, np.uint8)
    assert project.save_label_summary("1", empty).label_status == "none"
    assert project.save_label_summary("1", full).label_status == "draft"
    assert project.save_label_summary("1", empty).label_status == "none"
    project.set_status("1", "reviewed")
    assert project.save_label_summary("1", empty).label_status == "reviewed"
    project.set_status("1", "proposed")
    assert project.save_label_summary("1", empty).label_status == "proposed"


def test_removing_a_series_loses_nothing_until_the_trash_is_emptied(
    project: Project, make_record: MakeRecord
) -> None:
    project.library.upsert_all([make_record("1"), make_record("2")])
    project.label_store("1").save(np.full((3, 4, 5), 1, np.uint8))
    project.set_status("1", "reviewed")
    project.remove(["1"])
    assert [r.series_uid for r in project.series()] == ["2"]
    with pytest.raises(UserError):
        project.record("1")
    project.restore(["1"])
    assert project.record("1").label_status == "reviewed"
    project.remove(["1"])
    project.library.upsert(make_record("1"))  # imported again
    assert project.record("1").label_status == "reviewed"
    assert project.label_store("1").load().all()
    project.remove(["1"])
    assert project.empty_trash() == 1
    assert not project.labels_dir("1").exists()
    project.restore(["1"])
    assert [r.series_uid for r in project.series()] == ["2"]


def test_all_who_ask_share_one_label_store(project: Project, make_record: MakeRecord) -> None:
    project.library.upsert(make_record("1"))
    first = project.label_store("1")
    labels = np.zeros((3, 4, 5), np.uint8)
    edit = make_edit(labels, ((0, 1), (0, 1), (0, 1)), np.ones((1, 1, 1), np.uint8), "Brush", 1)
    assert edit is not None
    first.commit(edit)
    project.ensure_class("Cyst")
    second = project.label_store("1")
    assert second is first
    assert second.schema.by_name("Cyst") is not None
    del first, second
    gc.collect()
    assert project.label_store("1").load()[0, 0, 0] == 1
    with pytest.raises(UserError, match="no series 9"):
        project.label_store("9")
