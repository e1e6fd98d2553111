"""Series with a gap or a tilt, a known body in them, and its label."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from core.dicom.remedies import Remedy
from core.project.importer import import_paths
from core.project.project import Project
from core.project.records import SeriesRecord
from tests.core.dicom.truth import (
    Ellipsoid,
    Grid,
    heights,
    stacked,
    write,
)

BODY = Ellipsoid()
GRID = Grid(rows=48, columns=48, spacing=(1.5, 1.5))
EVEN = heights(*[3.0] * 26)
FILL, SHEAR, EVENLY = Remedy(kind="interpolate"), Remedy(kind="shear"), Remedy(kind="resample")


def gap(project: Project, tmp_path: Path, absent: tuple[int, ...] = (13,)) -> SeriesRecord:
    firsts = [f for i, f in enumerate(stacked(EVEN, GRID)) if i not in absent]
    write(tmp_path / "ct", firsts, grid=GRID)
    (record,) = import_paths(project, [tmp_path / "ct"]).series
    return record


def tilted(project: Project, tmp_path: Path, degrees: float = 14.0) -> SeriesRecord:
    angle = math.radians(degrees)
    turned = (1.0, 0.0, 0.0, 0.0, math.cos(angle), -math.sin(angle))
    grid = Grid(60, 48, (1.5, 1.5), turned)
    write(tmp_path / "ct", stacked(EVEN, grid, (-math.tan(angle), 0.0)), grid=grid)
    (record,) = import_paths(project, [tmp_path / "ct"]).series
    return record


def outline(record: SeriesRecord, body: Ellipsoid = BODY) -> np.ndarray:
    """The voxels of a series as scanned whose centres lie in the body."""
    grid = record.geometry
    assert record.scanned is not None
    index = np.stack(np.mgrid[0:1, : grid.shape[1], : grid.shape[2]], axis=-1)
    plane = grid.index_to_mm(index) - np.asarray(grid.origin)
    firsts = record.scanned.positions()[:, None, None, :]
    return (body.radius(firsts + plane) < 1).astype(np.uint8)


def labelled(project: Project, record: SeriesRecord, body: Ellipsoid = BODY) -> np.ndarray:
    project.ensure_class("Tumour", lesion=True)
    labels = outline(record, body)
    project.label_store(record.series_uid).save(labels)
    project.save_label_summary(record.series_uid, labels)
    project.set_split([record.series_uid], "train")
    return labels


def assert_label_true(project: Project, uid: str, body: Ellipsoid = BODY) -> None:
    record = project.record(uid)
    labels = project.label_store(uid).load()
    assert labels.shape == record.geometry.shape
    ml = np.count_nonzero(labels) * record.geometry.voxel_ml
    assert abs(ml / body.ml - 1) < 0.005, f"{ml:.3f} mL, not {body.ml:.3f}"
    centre = record.geometry.index_to_mm(np.argwhere(labels)).mean(axis=0)
    assert np.abs(centre - body.centre).max() < 0.1, centre
    assert record.lesion_ml == pytest.approx(ml)
