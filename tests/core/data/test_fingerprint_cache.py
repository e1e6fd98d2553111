from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.data import cache, fingerprint
from core.data.planner import plan_project
from core.errors import Cancelled, FileRefusedError, UserError
from core.geometry import Geometry
from core.images import write_image
from core.project import manifest
from core.project.project import Project
from core.project.records import SeriesRecord
from core.volume import Volume
from tests.core.data.plans import tiny_plan
from tests.small_disk import small_disk

__all__ = ["small_disk"]  # fixture

#: Stored feet first and with x running to the right, as NIfTI often is.
FLIPPED = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project", "Figures") as made:
        for number, split in enumerate(("train", "train", "val")):
            geometry = Geometry((10, 20, 24), (5.0, 2.0, 2.0), (0.0, 0.0, 0.0), FLIPPED)
            hu = np.full(geometry.shape, 20, np.int16)
            labels = np.zeros(geometry.shape, np.uint8)
            labels[2:6, 4:10, 4:10] = 1  # 144 voxels of 0.02 mL
            labels[9, 19, 20 : 21 + 3 * number] = 1
            hu[labels > 0] = 60
            path = tmp_path / f"{number}.nii.gz"
            write_image(path, Volume(hu, geometry))
            uid = f"1.2.{number}"
            record = SeriesRecord(
                series_uid=uid,
                patient_id=f"P{number}",
                modality="CT",
                description="",
                geometry=geometry,
                files=(path,),
                source="image",
            )
            made.library.upsert(record)
            made.label_store(uid).save(labels)
            made.save_label_summary(uid, labels)
            made.set_status(uid, "reviewed")
            made.set_split([uid], split)
        yield made


def test_figures_are_those_of_the_training_cases(project: Project) -> None:
    seen: list[tuple[int, int]] = []
    found = fingerprint.fingerprint(
        project, manifest.build(project), progress=lambda *a: seen.append(a)
    )
    assert seen == [(0, 3), (1, 3), (2, 3)]
    assert (found.cases_train, found.cases_val) == (2, 1)
    assert found.median_spacing == (5.0, 2.0, 2.0)
    assert found.median_size_mm == (50.0, 40.0, 48.0)
    # The speck of one voxel in the first case is none; the four voxels of the second are.
    assert found.lesions == 3
    assert found.lesion_ml == pytest.approx((0.08, 2.88, 2.88))
    assert found.single_lesion_share == 0.5
    assert found.hu == (60, 60, 60)
    assert found.hu_mean == pytest.approx(60)
    assert found.litres == pytest.approx(3 * 0.05 * 0.04 * 0.048 * 1000)


def test_cases_are_measured_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    made = manifest.build(project)
    first = fingerprint.fingerprint(project, made)

    def never(_: object) -> Volume:
        raise AssertionError("read again")

    monkeypatch.setattr(fingerprint, "read_volume", never)
    assert fingerprint.fingerprint(project, made) == first
    for path in (project.cache_dir / "fingerprint").iterdir():
        path.write_text("{torn")
    with pytest.raises(AssertionError):
        fingerprint.fingerprint(project, made)


def test_measuring_can_be_cancelled(project: Project) -> None:
    with pytest.raises(Cancelled):
        fingerprint.fingerprint(project, manifest.build(project), cancelled=lambda: True)


def test_a_plan_of_a_project(project: Project) -> None:
    plan = plan_project(project, [], minutes=5)
    assert [c.name for c in plan.classes] == ["Tumour"]
    assert plan.name == "Figures model"
    assert plan.figures.cases_train == 2
    assert plan.estimates.seconds == 300
    project.set_split(["1.2.0"], "none")
    with pytest.raises(UserError, match="at least 2 labelled cases"):
        plan_project(project, [], minutes=5)


def test_preprocessing_goes_on_where_it_was_interrupted(project: Project) -> None:
    entries = manifest.build(project).cases
    plan = tiny_plan()
    asked = iter([False, False, True])
    with pytest.raises(Cancelled):
        cache.prepare(project, entries, plan, cancelled=lambda: next(asked))
    folder = project.cache_dir / "cases"
    before = {f.name: f.stat().st_mtime_ns for f in folder.iterdir()}
    assert len(before) == 2
    cases = cache.prepare(project, entries, plan)
    after = {f.name: f.stat().st_mtime_ns for f in folder.iterdir()}
    assert len(after) == 3
    assert before.items() <= after.items()
    assert [c.entry for c in cases] == list(entries)


def test_a_full_disk_is_a_sentence_and_leaves_nothing_half_made(
    project: Project, request: pytest.FixtureRequest
) -> None:
    entries = manifest.build(project).cases
    one = cache.prepare(project, entries[:1], tiny_plan())
    fine = tiny_plan(spacing=(2.0, 2.0, 2.0))
    request.getfixturevalue("small_disk")
    with pytest.raises(UserError, match=r"the disk is full.*goes on with the next case"):
        cache.prepare(project, entries, fine)
    assert len(list((project.cache_dir / "cases").iterdir())) == len(one)


def test_what_killed_processes_left_is_swept_away_after_an_hour(project: Project) -> None:
    entries = manifest.build(project).cases
    folder = project.cache_dir / "cases"
    old, young = folder / ".0123.abcdef01", folder / ".0123.abcdef02"
    for left in (old, young):
        left.mkdir(parents=True)
    os.utime(old, (0, 0))
    cache.prepare(project, entries[:1], tiny_plan())
    assert (old.exists(), young.exists()) == (False, True)


def test_a_case_on_the_plan_grid(project: Project) -> None:
    entries = manifest.build(project).cases
    (case,) = cache.prepare(project, entries[:1], tiny_plan())
    assert case.image.dtype == np.int16
    assert case.image.shape == case.label.shape == case.info.shape == (12, 10, 12)
    assert case.truth.shape == (10, 20, 24)
    assert case.preview.shape == (20, 24)
    assert case.preview_row == 2
    # Stored with x and y reversed: the lesion at low indices lies at high ones in patient order.
    assert np.argwhere(case.label).mean(0)[2] > 6
    assert abs(case.image[case.label > 0].mean() - 60) < 12
    assert case.label[tuple(case.centres[:, 1:].T)].all()


def test_another_spacing_or_label_is_another_folder(project: Project) -> None:
    entry = manifest.build(project).cases[0]
    plan = tiny_plan()
    assert cache.key(entry, plan) == cache.key(entry, tiny_plan(batch=4, seed=1))
    assert cache.key(entry, plan) != cache.key(entry, tiny_plan(spacing=(4.0, 4.0, 3.0)))
    labels = project.label_store(entry.series_uid).load()
    labels[0] = 1
    project.label_store(entry.series_uid).save(labels)
    changed = manifest.build(project).cases[0]
    assert cache.key(changed, plan) != cache.key(entry, plan)
    # A run made before the change does not quietly train on the new label.
    with pytest.raises(FileRefusedError, match="label was changed"):
        cache.prepare(project, (entry,), plan)


def test_an_interrupted_write_leaves_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(UserError, match=r"No space left.*Free some space"):
        cache.prepare(project, manifest.build(project).cases, tiny_plan())
    assert list((project.cache_dir / "cases").iterdir()) == []
