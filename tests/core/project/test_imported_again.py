"""Series that are imported again after they were removed or split, with what was made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.project.importer import import_paths
from core.project.project import Project
from tests.core.dicom.truth import stacked, write
from tests.core.project.remedied import EVEN, FILL, GRID, gap, labelled


def test_a_removed_series_comes_back_with_its_remedy_and_label(
    project: Project, tmp_path: Path
) -> None:
    uid = gap(project, tmp_path).series_uid
    labelled(project, project.record(uid))
    project.apply_remedy(uid, FILL)
    labels = project.label_store(uid).load()
    after = project.record(uid)
    project.remove([uid])
    assert import_paths(project, [tmp_path / "ct"]).series == (after,)
    assert np.array_equal(project.label_store(uid).load(), labels)


def test_the_other_half_of_a_removed_series_makes_it_whole(
    project: Project, tmp_path: Path
) -> None:
    firsts = stacked(EVEN, GRID)
    write(tmp_path / "a", firsts[:20], grid=GRID)
    write(tmp_path / "b", firsts[20:], grid=GRID, number=500)
    (half,) = import_paths(project, [tmp_path / "a"]).series
    project.remove([half.series_uid])
    (whole,) = import_paths(project, [tmp_path / "b"]).series
    assert (whole.series_uid, whole.geometry.shape[0]) == (half.series_uid, len(firsts))
