"""A project of small synthetic series with a bright lesion each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.geometry import Geometry
from core.images import write_image
from core.project.project import Project
from core.project.records import SeriesRecord
from core.volume import Volume


def series(folder: Path, number: int) -> tuple[SeriesRecord, np.ndarray]:
    """The record of a series written to ``folder``, and its label."""
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


def make_project(folder: Path, train: int = 3, val: int = 2, wrong: int | None = None) -> Project:
    """A project in ``folder/project``. wrong: the series whose label lies beside its lesion."""
    scans = folder / "scans"
    scans.mkdir()
    made = Project.create(folder / "project", "Synthetic")
    for number in range(train + val):
        record, labels = series(scans, number)
        if number == wrong:
            labels = np.roll(labels, (9, 0, 9), (0, 1, 2))
        made.library.upsert(record)
        made.label_store(record.series_uid).save(labels)
        made.save_label_summary(record.series_uid, labels)
        made.set_status(record.series_uid, "reviewed")
        made.set_split([record.series_uid], "train" if number < train else "val")
    return made
