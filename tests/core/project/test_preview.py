"""Single slices as pictures: those of the whole series, without reading it whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.dicom.remedies import Remedy
from core.errors import Cancelled, FileRefusedError
from core.images import write_image
from core.planes import PlaneAxes
from core.project import preview
from core.project.importer import import_paths
from core.project.preview import body_box, open_preview
from core.project.project import Project
from core.project.reading import read_volume
from core.project.records import SeriesRecord
from core.volume import Volume, apply_window, window_lut
from tests.core.dicom.make import write_series
from tests.gui.pages.library_case import GRID, fill, make_volume


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.create(tmp_path / "p")


def imported(project: Project, folder: Path) -> SeriesRecord:
    import_paths(project, [folder])
    (record,) = project.series()
    return record


def pictures(record: SeriesRecord) -> list[np.ndarray]:
    """What every slice should look like, from the whole volume."""
    volume = read_volume(record)
    axes = PlaneAxes.of(volume.geometry, "axial")
    lut = window_lut(400, 40)
    return [apply_window(axes.cut(volume.hu, i), lut) for i in range(axes.slices)]


def test_slices_of_files_are_those_of_the_volume(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path / "ct", 9)
    record = imported(project, tmp_path / "ct")
    expected = pictures(record)
    monkeypatch.setattr(preview, "read_volume", None)  # it must not be needed
    opened = open_preview(project, record)
    assert opened.start == 4 and opened.whole is None
    for index, picture in enumerate(expected):
        assert np.array_equal(opened.slice(index), picture)


def test_an_image_file_is_read_once_and_kept_small(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "a.nii.gz", make_volume(1))
    record = imported(project, tmp_path / "a.nii.gz")
    seen: list[tuple[int, int]] = []
    opened = open_preview(project, record, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (12, 12)
    for index, picture in enumerate(pictures(record)):
        assert np.array_equal(opened.slice(index), picture)
    monkeypatch.setattr(preview, "WHOLE_BYTES", 1000)
    coarse = open_preview(project, record)
    assert coarse.whole is not None and coarse.step == 4
    assert coarse.whole.nbytes <= 1000
    assert np.array_equal(coarse.slice(3), opened.slice(3)[::4, ::4])


def test_labels_lie_where_they_were_drawn(project: Project, tmp_path: Path) -> None:
    fill(project, tmp_path / "ct")
    record = project.record("2.25.0")
    opened = open_preview(project, record)
    labels = project.label_store("2.25.0").load()
    assert opened.labels is not None
    assert opened.labels.values.shape == (4, 8, 8)
    assert opened.labels.lesion_slices == (4, 5, 6, 7)
    assert opened.start == 4
    assert opened.labels.ml == {1: pytest.approx(4 * 8 * 8 * GRID.voxel_ml)}
    for index in range(12):
        cut = opened.labels.cut(opened.axes, index)
        truth = opened.axes.cut(labels, index)
        assert np.array_equal(cut, truth) if cut is not None else not truth.any()
    assert open_preview(project, project.record("2.25.3")).labels is None


def test_slices_that_a_remedy_made_are_shown_and_named(project: Project, tmp_path: Path) -> None:
    files = write_series(tmp_path / "ct", 9)
    files[4].unlink()
    record = imported(project, tmp_path / "ct")
    (record,) = project.apply_remedy(record.series_uid, Remedy(kind="interpolate"))
    opened = open_preview(project, record)
    assert opened.axes.slices == 9
    assert opened.made == {4}
    assert np.array_equal(opened.slice(4), pictures(record)[4])


def test_a_file_that_goes_away_is_named_and_opening_can_be_stopped(
    project: Project, tmp_path: Path
) -> None:
    files = write_series(tmp_path / "ct", 9)
    record = imported(project, tmp_path / "ct")
    opened = open_preview(project, record)
    files[2].unlink()
    with pytest.raises(FileRefusedError, match=files[2].name):
        opened.slice(2)
    with pytest.raises(Cancelled):
        open_preview(project, record, cancelled=lambda: True)


def test_the_box_holds_the_body_not_the_air_around_it() -> None:
    hu = np.full((20, 100, 120), -1000, np.int16)
    hu[:, 30:70, 40:90] = 40
    hu[:, 90, 10:11] = 300  # a spot of table
    volume = Volume(hu, GRID.__class__(hu.shape, (2.5, 0.8, 0.8)))
    assert body_box(list(volume.hu)) == (28, 72, 38, 92)
    assert body_box([np.full((100, 120), -1000, np.int16)]) == (0, 100, 0, 120)
