"""Projects and rows to test with, without pixel data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.geometry import Geometry
from core.project.project import Project
from core.project.records import SeriesRecord

MakeRecord = Callable[..., SeriesRecord]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project", "Liver 2024") as made:
        yield made


@pytest.fixture
def make_record(tmp_path: Path) -> MakeRecord:
    """A row with the fields given and plausible others; its files do not exist."""

    def make(uid: str, **fields: Any) -> SeriesRecord:
        values: dict[str, Any] = {
            "patient_id": f"P{uid}",
            "modality": "CT",
            "description": "Abdomen, portal venous",
            "geometry": Geometry((3, 4, 5), (2.5, 0.7, 0.8), (1.0, -2.0, 3.5)),
            "files": tuple(tmp_path / "scans" / uid / f"{i}.dcm" for i in range(3)),
            "source": "dicom",
        }
        return SeriesRecord(series_uid=uid, **(values | fields))

    return make
