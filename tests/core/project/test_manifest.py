"""The manifest tells later whether a label or a file changed since the run was made."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from core.errors import FileRefusedError
from core.labels.edits import make_edit
from core.project.manifest import Manifest, build
from core.project.project import Project
from tests.core.project.conftest import MakeRecord


@pytest.fixture
def labelled(project: Project, make_record: MakeRecord) -> Project:
    """Series 1 (train) and 2 (val) labelled, 3 labelled without a split, 4 unlabelled."""
    for uid in "1234":
        record = project.library.upsert(make_record(uid))
        record.files[0].parent.mkdir(parents=True)
        for path in record.files:
            path.write_bytes(b"pixels")
        if uid != "4":
            labels = np.zeros((3, 4, 5), np.uint8)
            labels[0, 0, int(uid)] = 1
            project.label_store(uid).save(labels)
            project.save_label_summary(uid, labels)
    project.set_split(["1", "4"], "train")
    project.set_split(["2"], "val")
    return project


def test_only_labelled_series_in_a_split_are_in_it(labelled: Project, tmp_path: Path) -> None:
    manifest = build(labelled)
    assert [(c.series_uid, c.split) for c in manifest.cases] == [("1", "train"), ("2", "val")]
    assert [c.series_uid for c in manifest.of("val")] == ["2"]
    assert len({c.label_sha256 for c in manifest.cases}) == 2
    manifest.save(tmp_path / "manifest.json")
    assert Manifest.load(tmp_path / "manifest.json") == manifest


def test_an_edit_that_is_only_in_the_journal_changes_the_hash(labelled: Project) -> None:
    before = build(labelled)
    assert build(labelled) == before  # from the remembered hashes
    store = labelled.label_store("1")
    edit = make_edit(
        store.load(), ((2, 3), (0, 1), (0, 1)), np.ones((1, 1, 1), np.uint8), "Brush", 1
    )
    assert edit is not None
    store.commit(edit)
    after = build(labelled)
    assert after.cases[0].label_sha256 != before.cases[0].label_sha256
    assert after.cases[1] == before.cases[1]
    assert dataclasses.replace(after.cases[0], label_sha256="") == dataclasses.replace(
        before.cases[0], label_sha256=""
    )


def test_a_changed_or_missing_file_changes_the_identity(labelled: Project) -> None:
    before = build(labelled).cases[0]
    path = labelled.record("1").files[1]
    path.write_bytes(b"other pixels")
    assert build(labelled).cases[0].files_id != before.files_id
    path.unlink()
    assert build(labelled).cases[0].files_id == ""


def test_remembered_hashes_may_be_deleted_or_damaged(labelled: Project) -> None:
    before = build(labelled)
    cache = labelled.cache_dir / "label_hashes.json"
    cache.write_text("{")
    assert build(labelled) == before
    cache.unlink()
    labelled.cache_dir.rmdir()
    assert build(labelled) == before


@pytest.mark.parametrize("text", ["", "{}", '{"cases": [{}]}', '{"cases": 3}'])
def test_damaged_manifests_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(FileRefusedError, match=r"manifest\.json"):
        Manifest.load(path)
