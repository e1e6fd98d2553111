"""What is not sure and what is not outlined, as it is stored, and projects from before."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from core.geometry import Geometry
from core.labels.schema import LabelClass, LabelSchema
from core.project.folder import FORMAT
from core.project.library import _CREATE, VERSION
from core.project.manifest import Manifest
from core.project.project import Project
from core.project.records import SeriesRecord


def record(uid: str = "1.2", **fields: object) -> SeriesRecord:
    values = {
        "series_uid": uid, "patient_id": "P", "modality": "CT", "description": "",
        "geometry": Geometry((2, 3, 4), (1.0, 1.0, 1.0)), "files": (), "source": "image",
    }  # fmt: skip
    return SeriesRecord(**{**values, **fields})  # type: ignore[arg-type]


def test_what_is_not_outlined_is_the_users(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        project.library.upsert(record())
        assert project.record("1.2").unannotated == ()
        project.update("1.2", unannotated=(2, 3))
        project.library.upsert(record(description="imported again"))
        again = project.record("1.2")
        assert (again.unannotated, again.description) == ((2, 3), "imported again")


def test_a_library_from_before_counts_every_class_as_outlined(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        project.library.upsert(record(split="val"))
    file = tmp_path / "p" / "library.sqlite"
    with sqlite3.connect(file) as old:  # back to version 1
        now = [row[1] for row in old.execute("PRAGMA table_info(series)")]
        later = ("unannotated", "scanned", "choices", "part_of", "hidden")
        names = [name for name in now if name not in later]
        row = old.execute(f"SELECT {', '.join(names)} FROM series").fetchone()  # noqa: S608
        old.execute("DROP TABLE series")
        old.executescript(_CREATE)
        marks = ", ".join("?" * len(names))
        old.execute(f"INSERT INTO series ({', '.join(names)}) VALUES ({marks})", row)  # noqa: S608
        old.execute("PRAGMA user_version = 1")
    old.close()
    with Project.open(tmp_path / "p") as project:
        found = project.record("1.2")
        assert (found.split, found.unannotated) == ("val", ())
        project.update("1.2", unannotated=(1,))
        assert project.record("1.2").unannotated == (1,)
    with sqlite3.connect(file) as new:
        assert new.execute("PRAGMA user_version").fetchone()[0] == VERSION
    new.close()


def test_a_project_from_before_opens_and_gets_the_new_format(tmp_path: Path) -> None:
    Project.create(tmp_path / "p").close()
    file = tmp_path / "p" / "project.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    data["format"] = 1
    for one in data["schema"]:
        del one["ignore"]
    file.write_text(json.dumps(data), encoding="utf-8")
    with Project.open(tmp_path / "p") as project:
        assert project.schema == LabelSchema.default()
        project.set_schema(project.schema.with_ignored(4))
    assert json.loads(file.read_text(encoding="utf-8"))["format"] == FORMAT
    with Project.open(tmp_path / "p") as project:
        assert project.schema.ignore_value == 4


def test_a_manifest_says_what_is_not_outlined_and_reads_older_ones() -> None:
    case = {
        "series_uid": "1.2", "patient_id": "P", "split": "train", "label_sha256": "",
        "files_id": "", "lesion_ml": 1.0,
    }  # fmt: skip
    old = Manifest.from_json({"cases": [case]})
    assert old.cases[0].unannotated == ()
    new = Manifest.from_json({"cases": [case | {"unannotated": [2]}]})
    assert new.cases[0].unannotated == (2,)
    assert Manifest.from_json(json.loads(json.dumps(new.as_json()))) == new


def test_one_class_at_most_means_not_sure() -> None:
    schema = LabelSchema.default().with_ignored(1)
    assert schema.ignore_value == 1
    assert not schema.by_value(1).lesion
    assert [c.value for c in schema.trained] == [2, 3, 4]
    assert [c.value for c in schema.with_ignored(3).trained] == [1, 2, 4]
    assert schema.with_ignored(None).ignore_value is None
    assert LabelSchema.from_json(schema.as_json()) == schema
    with pytest.raises(ValueError, match="both"):
        LabelClass(1, "x", "#000000", lesion=True, ignore=True)
    with pytest.raises(ValueError, match="two label classes are ignored"):
        LabelSchema(tuple(LabelClass(v, str(v), "#000000", ignore=True) for v in (1, 2)))
