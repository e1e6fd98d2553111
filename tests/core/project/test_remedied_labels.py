"""RTSTRUCT and SEG of series that a remedy changed, or whose slices lie askew."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from core.dicom.remedies import Remedy
from core.dicom.seg import read_seg
from core.export.labels import LabelOptions, export_dicom_label
from core.project.import_series import stack_of
from core.project.importer import import_paths
from core.project.project import Project
from core.project.records import SeriesRecord
from tests.core.dicom.make import write_rtstruct
from tests.core.dicom.truth import (
    Ellipsoid,
    stacked,
    write,
)
from tests.core.project.remedied import (
    BODY,
    EVEN,
    GRID,
    SHEAR,
    assert_label_true,
    labelled,
    outline,
    tilted,
)


def contours(body: Ellipsoid, record: SeriesRecord) -> list[np.ndarray]:
    """The body's outline on each scanned slice of a stack that lies along its rows, in LPS mm."""
    assert record.scanned is not None
    row, column, normal = record.geometry.axes.T
    turn = np.linspace(0, 2 * math.pi, 64, endpoint=False)
    found = []
    for first in record.scanned.positions():
        # In the plane p = o + a row + b column the ellipsoid is a conic; solved ray by ray.
        centre = np.asarray(body.centre)
        o = centre + normal * ((first - centre) @ normal)
        rays = np.cos(turn)[:, None] * row + np.sin(turn)[:, None] * column
        q, d = (o - centre) / body.semi, rays / np.asarray(body.semi)
        a, b, c = (d * d).sum(1), d @ q, q @ q - 1
        if c < 0:
            found.append(o + rays * ((-b + np.sqrt(b * b - a * c)) / a)[:, None])
    return found


@pytest.mark.parametrize("remedy", [None, SHEAR])
def test_contours_of_a_tilted_series_lie_on_its_slices(
    project: Project, tmp_path: Path, remedy: Remedy | None
) -> None:
    record = tilted(project, tmp_path)
    if remedy is not None:
        (record,) = project.apply_remedy(record.series_uid, remedy)
    write_rtstruct(tmp_path / "rt" / "s", {"GTV": contours(BODY, record)})
    import_paths(project, [tmp_path / "rt"])
    labels = project.label_store(record.series_uid).load()
    if remedy is None:  # drawn on the slices as they were scanned
        drawn = outline(record)
        overlap = 2 * np.count_nonzero(labels & drawn) / (labels.sum() + drawn.sum())
        assert overlap > 0.99
    else:
        assert_label_true(project, record.series_uid)


def test_labels_find_the_parts_of_a_split_series(project: Project, tmp_path: Path) -> None:
    firsts = stacked(EVEN, GRID)
    write(tmp_path / "ct", firsts[:20] + firsts[25:], grid=GRID)
    (record,) = import_paths(project, [tmp_path / "ct"]).series
    (offer,) = [o for o in project.remedies(record.series_uid) if o.recommended]
    first, _ = project.apply_remedy(record.series_uid, offer.remedy)
    write_rtstruct(tmp_path / "rt" / "s", {"GTV": contours(BODY, record)})
    import_paths(project, [tmp_path / "rt"])
    assert project.record(first.series_uid).label_voxels > 0
    assert import_paths(project, [tmp_path / "ct"]).series[0].hidden  # still split
    assert [r.part_of for r in project.series()] == [record.series_uid] * 2


def test_a_seg_of_a_tilted_series_gives_every_voxel_back(project: Project, tmp_path: Path) -> None:
    record = tilted(project, tmp_path)
    before = labelled(project, record)
    options = LabelOptions(made="manual")
    written = export_dicom_label(project, record.series_uid, tmp_path / "seg.dcm", "seg", options)
    found = read_seg(written.path).rasterise(stack_of(record))
    assert np.array_equal(found.labels > 0, before > 0)
