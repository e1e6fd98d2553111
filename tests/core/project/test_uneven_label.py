"""A label of uneven slices that fill the very box they are resampled to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.labels.moving import begin_move
from core.project.importer import import_paths
from core.project.project import Project
from core.project.records import SeriesRecord
from tests.core.dicom.truth import heights, stacked, write
from tests.core.project.remedied import EVENLY, GRID, assert_label_true, labelled


@pytest.fixture
def uneven(project: Project, tmp_path: Path) -> SeriesRecord:
    places = heights(*[3.0] * 9, 4.3, 4.3, 1.7, 1.7, *[3.0] * 13)
    write(tmp_path / "ct", stacked(places, GRID), grid=GRID)
    (record,) = import_paths(project, [tmp_path / "ct"]).series
    return record


def test_a_label_moves_where_only_the_planes_do(project: Project, uneven: SeriesRecord) -> None:
    uid = uneven.series_uid
    before = labelled(project, uneven)
    (after,) = project.apply_remedy(uid, EVENLY)
    assert after.geometry == uneven.geometry
    moved = project.label_store(uid).load()
    assert not np.array_equal(moved, before)
    assert_label_true(project, uid)
    project.undo_remedy(uid)
    assert np.array_equal(project.label_store(uid).load(), before)
    project.apply_remedy(uid, EVENLY)
    assert np.array_equal(project.label_store(uid).load(), moved)


def test_a_kill_leaves_the_label_of_the_planes_in_force(
    project: Project, uneven: SeriesRecord
) -> None:
    uid = uneven.series_uid
    before = labelled(project, uneven)
    begin_move(project.label_store(uid), 1 - before, uneven.geometry, remedy=EVENLY.identity)
    with Project.open(project.path) as reopened:
        assert np.array_equal(reopened.label_store(uid).load(), before)
