"""A demo that was interrupted goes on where it was, and touches nothing that was finished."""

from __future__ import annotations

import pytest

from core.demo import project as demo
from core.demo.cases import demo_case
from core.demo.project import DATA_FOLDER, fill_demo
from core.errors import Cancelled
from core.geometry import Geometry
from core.project.project import Project
from core.project.records import SeriesRecord


def test_only_the_missing_cases_are_made(tmp_path, monkeypatch):
    project = Project.create(tmp_path / "demo")
    root = project.path / DATA_FOLDER
    asked = []

    def cases(_root, _seed, count, cancelled, skip):
        asked.append(sorted(set(range(1, count + 1)) - skip))
        yield from (demo_case(root, n) for n in asked[-1])

    def interrupted(_root, _seed, count, cancelled, skip):
        case = demo_case(root, 1)
        yield case
        raise Cancelled

    taken = []

    def take_in(project, case):
        record = _record(case.folder.name)
        project.library.upsert(record)
        taken.append(case.number)

    monkeypatch.setattr(demo, "_take_in", take_in)
    monkeypatch.setattr(demo, "demo_cases", interrupted)
    with pytest.raises(Cancelled):
        fill_demo(project, 3)
    project.remove([project.series()[0].series_uid])  # removed by the user: it stays away
    unfinished = demo_case(root, 2)
    unfinished.folder.mkdir(parents=True)
    unfinished.label_file.write_bytes(b"")
    project.library.upsert(_record(unfinished.folder.name))

    monkeypatch.setattr(demo, "demo_cases", cases)
    counted = []
    fill_demo(project, 3, progress=lambda done, total: counted.append((done, total)))
    assert asked == [[2, 3]]
    assert taken == [1, 2, 3]
    assert counted == [(2, 3), (3, 3)]
    project.close()


def _record(name: str) -> SeriesRecord:
    return SeriesRecord(
        series_uid=f"2.25.{int(name[3:])}", patient_id=name, modality="CT", description="",
        geometry=Geometry((4, 8, 8), (5.0, 1.0, 1.0)), files=(), source="dicom",
    )  # fmt: skip
