"""No patient is on two sides; the same seed gives the same split; every part gets its share."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from core.geometry import Geometry
from core.project.project import Project
from core.project.records import SeriesRecord
from core.project.splits import count_splits, patient_key, resplit, split_by_patient
from tests.core.project.conftest import MakeRecord


def labelled(uid: str, patient: str, ml: float = 1.0, **fields: Any) -> SeriesRecord:
    values: dict[str, Any] = {"label_status": "draft", "label_voxels": 5, "lesion_ml": ml}
    return SeriesRecord(
        series_uid=uid,
        patient_id=patient,
        modality="CT",
        description="",
        geometry=Geometry((1, 1, 1), (1.0, 1.0, 1.0)),
        files=(),
        source="dicom",
        **(values | fields),
    )


rows = st.lists(
    st.tuples(st.integers(0, 12), st.floats(0, 500), st.sampled_from(["none", "val", "test"])),
    max_size=30,
).map(
    lambda items: [
        labelled(str(i), f"P{patient}", ml, split=split)
        for i, (patient, ml, split) in enumerate(items)
    ]
)


@given(rows, st.sampled_from([0.1, 0.2, 0.4]), st.sampled_from([0.0, 0.2, 0.5]), st.integers(0, 9))
def test_a_split_never_cuts_through_a_patient(
    records: list[SeriesRecord], val: float, test: float, seed: int
) -> None:
    parts = split_by_patient(records, val, test, seed)
    assert parts == split_by_patient(list(reversed(records)), val, test, seed)
    assert set(parts) == {r.series_uid for r in records}
    of_patient: dict[str, set[str]] = {}
    for record in records:
        of_patient.setdefault(record.patient_id, set()).add(parts[record.series_uid])
    assert all(len(splits) == 1 for splits in of_patient.values())
    kept = {r.patient_id for r in records if r.split == "test"}
    assert all(of_patient[patient] == {"test"} for patient in kept)
    free = [splits for patient, splits in of_patient.items() if patient not in kept]
    if free:
        assert {"train"} in free
    if len(free) >= 2:
        assert {"val"} in free
    if test == 0:
        assert {"test"} not in free


def test_shares_of_24_patients() -> None:
    records = [labelled(str(i), f"P{i}", ml=i) for i in range(24)]
    parts = split_by_patient(records, val=0.25, test=0.0, seed=0)
    assert sorted(parts.values()) == ["train"] * 18 + ["val"] * 6
    parts = split_by_patient(records, val=0.25, test=0.25, seed=0)
    assert sorted(parts.values()) == ["test"] * 6 + ["train"] * 12 + ["val"] * 6


@pytest.mark.parametrize("seed", range(10))
def test_each_part_gets_small_and_large_lesions(seed: int) -> None:
    records = [labelled(str(i), f"P{i}", ml=2.0**i) for i in range(20)]
    parts = split_by_patient(records, val=0.2, seed=seed)
    ranks = sorted(int(uid) for uid, split in parts.items() if split == "val")
    assert len(ranks) == 4
    assert all(group * 5 <= rank < group * 5 + 5 for group, rank in enumerate(ranks))


def test_seeds_differ() -> None:
    records = [labelled(str(i), f"P{i}", ml=i) for i in range(20)]
    splits = {tuple(sorted(split_by_patient(records, seed=s).items())) for s in range(6)}
    assert len(splits) == 6


def test_only_labels_in_use_are_split() -> None:
    records = [
        labelled("draft", "A"),
        labelled("reviewed", "B", label_status="reviewed"),
        labelled("proposed", "C", label_status="proposed"),
        labelled("none", "D", label_status="none"),
        labelled("organ only", "E", label_voxels=0),
    ]
    assert set(split_by_patient(records)) == {"draft", "reviewed"}


def test_series_without_a_patient_id_are_not_one_patient() -> None:
    records = [labelled(str(i), " ", study_uid=f"study {i // 2}") for i in range(6)]
    records.append(labelled("7", ""))
    assert len({patient_key(r) for r in records}) == 4
    parts = split_by_patient(records, val=0.5)
    assert parts["0"] == parts["1"]
    assert set(parts.values()) == {"train", "val"}


def test_testing_again_from_all_patients_when_asked() -> None:
    records = [labelled(str(i), f"P{i}", split="test") for i in range(10)]
    assert set(split_by_patient(records, test=0.2).values()) == {"test"}
    parts = split_by_patient(records, test=0.2, keep_test=False)
    assert sorted(parts.values()) == ["test"] * 2 + ["train"] * 6 + ["val"] * 2


@pytest.mark.parametrize(("val", "test"), [(1.0, 0.0), (-0.1, 0.0), (0.5, 0.5), (0.0, 1.5)])
def test_impossible_shares_are_refused(val: float, test: float) -> None:
    with pytest.raises(UserError, match="leaves nothing to train on"):
        split_by_patient([labelled("1", "A")], val, test)


def test_splitting_a_library_clears_stale_splits(project: Project, make_record: MakeRecord) -> None:
    with pytest.raises(UserError, match="nothing to split"):
        resplit(project.library)
    rows = [make_record(str(i), label_status="draft", label_voxels=3) for i in range(5)]
    project.library.upsert_all([*rows, make_record("9", split="train")])
    resplit(project.library, val=0.4)
    assert project.record("9").split == "none"
    assert count_splits(project.series()) == {
        "train": {"series": 3, "patients": 3},
        "val": {"series": 2, "patients": 2},
        "test": {"series": 0, "patients": 0},
    }
