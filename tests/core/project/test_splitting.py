"""A split that fails halfway, and what was said of the parts when they are joined again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.dicom.remedies import Remedy
from core.project.importer import import_paths
from core.project.project import Project
from core.project.records import SeriesRecord
from tests.core.dicom.truth import stacked, write
from tests.core.project.remedied import EVEN, EVENLY, GRID, labelled

SPLIT = Remedy(kind="split", cuts=(12,))


@pytest.fixture
def whole(project: Project, tmp_path: Path) -> SeriesRecord:
    """A labelled series that misses slices."""
    firsts = stacked(EVEN, GRID)
    write(tmp_path / "ct", firsts[:12] + firsts[14:], grid=GRID)
    (record,) = import_paths(project, [tmp_path / "ct"]).series
    labelled(project, record)
    return project.record(record.series_uid)


def test_a_split_that_fails_halfway_leaves_the_whole(
    project: Project, whole: SeriesRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = whole.series_uid
    before = project.label_store(uid).load()
    project.apply_remedy(uid, EVENLY)
    summary = project.save_label_summary

    def full(series_uid: str, labels: np.ndarray) -> Any:
        if series_uid.endswith(".0.2"):
            raise OSError(28, "No space left on device")
        return summary(series_uid, labels)

    with monkeypatch.context() as disk:
        disk.setattr(project, "save_label_summary", full)
        with pytest.raises(OSError, match="No space"):
            project.apply_remedy(uid, SPLIT)
    (found,) = project.series()
    assert (found.series_uid, found.remedy.kind) == (uid, "keep")
    assert found.geometry == whole.geometry and found.checks == whole.checks
    assert np.array_equal(project.label_store(uid).load(), before)
    first, second = project.apply_remedy(uid, SPLIT)
    assert project.series() == [first, second]
    assert np.array_equal(project.label_store(first.series_uid).load(), before[:12])
