"""Rows survive a round trip; importing again keeps what the user made; many may write at once."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import FileRefusedError, UserError
from core.geometry import Geometry
from core.project.library import VERSION, Library
from core.project.project import Project
from core.project.records import SPLITS, SeriesRecord
from core.project.search import natural_key, sort_records
from core.volume import Check
from tests.core.project.conftest import MakeRecord

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(uid=text, words=st.lists(text, min_size=9, max_size=9), names=st.lists(text, max_size=3))
def test_every_field_comes_back(
    project: Project, tmp_path: Path, uid: str, words: list[str], names: list[str]
) -> None:
    record = SeriesRecord(
        series_uid=uid,
        patient_id=words[0],
        modality=words[1],
        description=words[2],
        geometry=Geometry((2, 3, 4), (0.1, 1 / 3, 1e-3), (1e5, -0.1, 7.0)),
        files=tuple(tmp_path / "a" / f"{i} ü,;'\"" for i in range(3)),
        source="image",
        study_uid=words[3],
        frame_uid=words[4],
        study_date="2024-02-29",
        sex="F",
        age="61",
        scanner=words[5],
        kernel=words[6],
        kvp=words[7],
        checks=(Check("missing-slice", words[8]),),
        labels=tuple(names),
        label_status="reviewed",
        label_voxels=12,
        lesion_count=2,
        lesion_ml=3.25,
        label_version=4,
        label_saved="2024-03-01T10:00:00+01:00",
        split="val",
        missing=True,
        added="2024-03-01T09:00:00+01:00",
    )
    project.library.upsert(record)
    assert project.record(uid) == record
    project.remove([uid])
    project.empty_trash()


def test_importing_again_refreshes_facts_and_keeps_what_the_user_made(
    project: Project, make_record: MakeRecord
) -> None:
    added = project.library.upsert(make_record("1"))
    assert added.added
    project.update("1", label_status="reviewed", label_voxels=9, split="test", labels=("Tumour",))
    fresh = make_record("1", description="Renamed", files=(), checks=(Check("a", "b."),))
    again = project.library.upsert(fresh)
    assert (again.description, again.files, again.checks) == ("Renamed", (), (Check("a", "b."),))
    assert (again.label_status, again.label_voxels, again.split) == ("reviewed", 9, "test")
    assert (again.labels, again.added) == (("Tumour",), added.added)


def test_files_on_one_folder_are_stored_once(project: Project, make_record: MakeRecord) -> None:
    project.library.upsert(make_record("1"))
    with sqlite3.connect(project.folder.library_file) as connection:
        (packed,) = connection.execute("SELECT files FROM series").fetchone()
    connection.close()
    assert packed.count("scans") == 1


def test_updates_of_several_are_all_or_nothing(project: Project, make_record: MakeRecord) -> None:
    project.library.upsert_all([make_record("1"), make_record("2")])
    with pytest.raises(UserError, match="no series 9"):
        project.set_split(["1", "9"], "train")
    assert project.record("1").split == "none"
    project.set_split(["1", "2"], "val")
    assert [r.split for r in project.series()] == ["val", "val"]


def test_wrong_fields_are_bugs_not_rows(project: Project, make_record: MakeRecord) -> None:
    project.library.upsert(make_record("1"))
    with pytest.raises(TypeError, match="colour"):
        project.update("1", colour="red")
    with pytest.raises(TypeError, match="series_uid"):
        project.update("1", series_uid="2")
    with pytest.raises(ValueError, match="split"):
        project.update("1", split="training")
    with pytest.raises(ValueError, match="status"):
        project.update("1", label_status="done")


def test_threads_write_without_losing_anything(project: Project, make_record: MakeRecord) -> None:
    def work(worker: int) -> None:
        for i in range(20):
            uid = f"{worker}.{i}"
            project.library.upsert(make_record(uid))
            project.update(uid, split="train")
            assert project.record(uid).split == "train"

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(project.series()) == 80
    assert {r.split for r in project.series()} == {"train"}


_OTHER_PROCESS = """
import sys
from core.project.project import Project
with Project.open(sys.argv[1]) as project:
    for i in range(50):
        project.update("1", label_version=project.record("1").label_version + 1)
"""


def test_another_process_writes_at_the_same_time(project: Project, make_record: MakeRecord) -> None:
    project.library.upsert_all([make_record("1"), make_record("2")])
    other = subprocess.Popen([sys.executable, "-c", _OTHER_PROCESS, str(project.path)])
    rounds = 0
    while other.poll() is None:
        project.update("2", split=SPLITS[rounds % 4])
        rounds += 1
    assert other.returncode == 0
    assert rounds > 0
    assert project.record("1").label_version == 50


def test_a_library_of_a_newer_version_is_refused_untouched(project: Project) -> None:
    project.close()
    with sqlite3.connect(project.folder.library_file) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    before = project.folder.library_file.read_bytes()
    with pytest.raises(FileRefusedError, match="newer version"):
        Project.open(project.path)
    assert project.folder.library_file.read_bytes() == before


def test_a_forgotten_project_closes_its_file(tmp_path: Path) -> None:
    forgotten = Project.create(tmp_path / "p")
    connection = forgotten.library._connection
    del forgotten
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("SELECT 1")


def test_search_wants_every_word_and_every_condition(
    project: Project, make_record: MakeRecord
) -> None:
    rows = [
        make_record("1", patient_id="STS_10", description="Lung KERNEL", label_status="draft"),
        make_record("2", patient_id="STS_2", checks=(Check("gap", "A gap."),), split="val"),
        make_record("3", patient_id="Müller", study_date="2024-04-02", missing=True),
    ]
    project.library.upsert_all(rows)

    def found(*args: object, **conditions: object) -> list[str]:
        return [r.series_uid for r in project.library.search(*args, **conditions)]  # type: ignore[arg-type]

    assert found() == ["3", "2", "1"]  # Müller, STS_2, STS_10
    assert found(order="-patient") == ["1", "2", "3"]
    assert found("sts kernel") == ["1"]
    assert found("MÜLLER 2024-04") == ["3"]
    assert found("sts müller") == []
    assert found(status=["draft", "reviewed"]) == ["1"]
    assert found(split="val") == ["2"]
    assert found(checks=True) == ["3", "2"]
    assert found(checks=False) == ["1"]
    assert found("sts", checks=True, order="-date") == ["2"]


def test_rows_kept_in_memory_are_those_on_disk_whoever_writes(
    project: Project, make_record: MakeRecord
) -> None:
    library, other = project.library, Library(project.folder)
    chance = random.Random(5)
    for step in range(120):
        writer = chance.choice([library, library, other])
        uids = [str(chance.randrange(12)) for _ in range(chance.randrange(1, 4))]
        there = {r.series_uid for r in library.all()}
        match chance.randrange(5):
            case 0 | 1:
                records = [make_record(u, patient_id=f"P{chance.randrange(9)}") for u in uids]
                writer.upsert_all([replace(r, added=f"2024-01-0{step % 9 + 1}") for r in records])
            case 2:
                writer.update_each({u: {"split": "val", "missing": step % 2 == 0}
                                    for u in uids if u in there})  # fmt: skip
            case 3:
                writer.set_removed(uids, chance.random() < 0.7)
            case 4:
                writer.forget(uids)
        fresh = Library(project.folder)
        assert library.all() == fresh.all() and library.all(hidden=True) == fresh.all(hidden=True)
        fresh.close()
    other.close()


def test_rows_that_did_not_change_stay_the_same_objects(
    project: Project, make_record: MakeRecord
) -> None:
    project.library.upsert_all([make_record(str(n)) for n in range(5)])
    before = {r.series_uid: r for r in project.series()}
    project.set_split(["3"], "test")
    with pytest.raises(UserError):
        project.library.update("nobody", split="val")
    after = {r.series_uid: r for r in project.series()}
    assert [uid for uid in after if after[uid] is not before[uid]] == ["3"]
    assert after["3"].split == "test"


def test_sorting_by_each_column_agrees_with_its_plain_key(make_record: MakeRecord) -> None:
    chance = random.Random(2)
    rows = [
        make_record(
            str(n), patient_id=chance.choice(["p2", "P10", "a", "ä1", ""]),
            description=chance.choice(["CT 5", "ct 40", "x"]), lesion_ml=chance.choice([0.0, 2.5]),
            geometry=Geometry((chance.randrange(2, 30), 4, 4), (chance.choice([0.7, 10.0]), 1, 1)),
            label_status=chance.choice(["none", "draft", "reviewed"]), split=chance.choice(SPLITS),
            study_date=chance.choice(["", "2024-01-02"]), checks=(Check("a", "b."),) * (n % 3),
        )
        for n in range(60)
    ]  # fmt: skip
    keys = {
        "patient": lambda r: natural_key(r.patient_id),
        "description": lambda r: natural_key(r.description),
        "date": lambda r: r.study_date,
        "slices": lambda r: r.geometry.shape[0],
        "spacing": lambda r: r.geometry.spacing,
        "labels": lambda r: (["reviewed", "draft", "none"].index(r.label_status), -r.lesion_ml),
        "split": lambda r: ["train", "val", "test", "none"].index(r.split),
        "checks": lambda r: -len(r.checks),
    }
    tied = sorted(rows, key=lambda r: (natural_key(r.patient_id), r.study_date, r.series_uid))
    for name, key in keys.items():
        assert sort_records(rows, name) == sorted(tied, key=key)
        if name != "patient":
            assert sort_records(rows, f"-{name}") == sorted(tied, key=key, reverse=True)
    assert sort_records(reversed(rows)) == tied
