"""A small project on disk for tests of the library: four series as NIfTI, two with labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from core.geometry import Geometry
from core.images import write_image
from core.project.project import Project
from core.project.records import SeriesRecord
from core.volume import Check, Volume

GRID = Geometry((12, 24, 32), (2.5, 0.8, 0.8))


def make_volume(seed: int) -> Volume:
    """Noise with a bright block."""
    hu = np.random.default_rng(seed).normal(40, 20, GRID.shape).astype(np.int16)
    hu[4:8, 8:16, 8:16] = 200
    return Volume(hu, GRID)


def make_labels() -> np.ndarray:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[4:8, 8:16, 8:16] = 1
    return labels


def fill(project: Project, folder: Path) -> list[SeriesRecord]:
    """LF-0001 reviewed and train, LF-0002 draft, LF-0003 with a check, LF-0010 plain."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("LF-0001", "LF-0002", "LF-0003", "LF-0010")
    for number, name in enumerate(names):
        path = folder / f"{name}.nii.gz"
        write_image(path, make_volume(number))
        record = SeriesRecord(
            series_uid=f"2.25.{number}", patient_id=name, modality="CT",
            description="Abdomen, portal venous" if number else "Chest", geometry=GRID,
            files=(path,), source="image", study_date=f"2024-03-{20 - number}", sex="F", age="61",
            kernel="B30f", kvp="120",
        )  # fmt: skip
        if number == 2:
            record = replace(record, checks=(Check("missing-slice", "Slice 57 is missing."),))
        project.library.upsert(record)
    for uid in ("2.25.0", "2.25.1"):
        project.label_store(uid).save(make_labels())
        project.save_label_summary(uid, make_labels())
    project.set_status("2.25.0", "reviewed")
    project.set_split(["2.25.0"], "train")
    return project.series()
