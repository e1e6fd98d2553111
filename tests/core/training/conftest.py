"""A project of five small synthetic series with lesions, split 3 and 2, and a run folder in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.geometry import Geometry
from core.images import write_image
from core.project import manifest
from core.project.project import Project
from core.project.records import SeriesRecord
from core.volume import Volume
from tests.core.data.plans import tiny_plan

MakeRun = Callable[..., Path]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Several threads on blocks this small only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _series(folder: Path, number: int) -> tuple[SeriesRecord, np.ndarray]:
    rng = np.random.default_rng(number)
    geometry = Geometry((20, 22, 24), (4.0, 4.0, 4.0), (-30.0, 10.0, float(number)))
    hu = rng.normal(30, 15, geometry.shape).astype(np.int16)
    hu[:, :3], hu[:, -3:] = -1000, -1000
    z, y, x = np.meshgrid(*map(np.arange, geometry.shape), indexing="ij")
    centre = rng.uniform(7, 13, 3)
    lesion = sum((a - c) ** 2 for a, c in zip((z, y, x), centre, strict=True)) < 4.5**2
    hu[lesion] += 120
    path = folder / f"scan{number}.nii.gz"
    write_image(path, Volume(hu, geometry))
    record = SeriesRecord(
        series_uid=f"1.2.3.{number}",
        patient_id=f"P{number}",
        modality="CT",
        description="",
        geometry=geometry,
        files=(path,),
        source="image",
    )
    return record, lesion.astype(np.uint8)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    scans = tmp_path / "scans"
    scans.mkdir()
    with Project.create(tmp_path / "project", "Synthetic") as made:
        for number in range(5):
            record, labels = _series(scans, number)
            made.library.upsert(record)
            made.label_store(record.series_uid).save(labels)
            made.save_label_summary(record.series_uid, labels)
            made.set_status(record.series_uid, "reviewed")
            made.set_split([record.series_uid], "train" if number < 3 else "val")
        yield made


@pytest.fixture
def make_run(project: Project) -> MakeRun:
    """Makes ``runs/<name>`` with a plan of the fields given and the project's manifest."""

    def make(name: str = "r01", **changes: Any) -> Path:
        run_dir = project.runs_dir / name
        run_dir.mkdir(parents=True)
        tiny_plan(**changes).save(run_dir / "plan.json")
        manifest.build(project).save(run_dir / "manifest.json")
        return run_dir

    return make
