"""Series: grouped, ordered along the normal, doubts named with their numbers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

from core.dicom.scan import scan
from core.dicom.series import FoundSeries, group
from tests.core.dicom.make import Change, write_series


def found(folder: Path) -> list[FoundSeries]:
    return group(scan([folder]).headers)


def codes(series: FoundSeries) -> list[str]:
    # The pixels of ``make`` are not square, so that no test mistakes rows for columns.
    return [c.code for c in series.checks if c.code != "non-square-pixels"]


def messages(series: FoundSeries) -> str:
    return " ".join(check.message for check in series.checks)


def test_slices_are_ordered_by_position_and_spacing_comes_from_it(tmp_path: Path) -> None:
    paths = write_series(tmp_path, 5, spacing=2.5)
    (series,) = found(tmp_path)
    assert series.files == tuple(paths)  # the names run the other way
    assert series.geometry.shape == (5, 6, 5)
    assert series.geometry.spacing == (2.5, 0.7, 0.8)  # not SliceThickness, which says 5
    assert series.geometry.origin == (-10.0, 20.0, 100.0)
    assert codes(series) == []


def test_reversed_row_direction_makes_slices_run_down(tmp_path: Path) -> None:
    def turn(made: Dataset, _: int) -> None:
        made.ImageOrientationPatient = [-1, 0, 0, 0, 1, 0]

    paths = write_series(tmp_path, 3, turn)
    (series,) = found(tmp_path)
    assert series.files == tuple(reversed(paths))
    assert np.linalg.det(series.geometry.axes) == pytest.approx(1)
    for index, item in enumerate(series.slices):
        assert np.allclose(series.geometry.index_to_mm((index, 0, 0)), item.frame.position)


def test_missing_slice_is_named_with_its_gap(tmp_path: Path) -> None:
    write_series(tmp_path, 8)[5].unlink()
    (series,) = found(tmp_path)
    assert codes(series) == ["missing-slice"]
    assert "6 mm between slices 5 and 6" in messages(series)
    assert series.geometry.spacing[0] == 3.0
    assert series.offsets[5] == pytest.approx(18.0)


def test_two_slices_before_a_wide_gap_keep_the_narrow_distance(tmp_path: Path) -> None:
    def move(made: Dataset, index: int) -> None:
        made.ImagePositionPatient = [0, 0, (0.0, 1.25, 203.75)[index]]

    write_series(tmp_path, 3, move)
    (series,) = found(tmp_path)
    assert series.geometry.spacing[0] == 1.25
    assert codes(series) == ["missing-slice"]


def test_mixed_spacing_is_named(tmp_path: Path) -> None:
    def move(made: Dataset, index: int) -> None:
        made.ImagePositionPatient = [0, 0, index * 3.0 + (0.9 if index > 3 else 0)]

    write_series(tmp_path, 8, move)
    (series,) = found(tmp_path)
    assert codes(series) == ["mixed-spacing"]
    assert "3 to 3.9 mm" in messages(series)


def test_rounded_positions_are_no_mixed_spacing(tmp_path: Path) -> None:
    def move(made: Dataset, index: int) -> None:
        made.ImagePositionPatient = [0, 0, f"{index * 0.625:.2f}"]

    write_series(tmp_path, 20, move)
    (series,) = found(tmp_path)
    assert codes(series) == []
    assert series.geometry.spacing[0] == pytest.approx(0.625, abs=1e-3)


def test_gantry_tilt_is_measured_from_the_positions(tmp_path: Path) -> None:
    angle = math.radians(12)

    def tilt(made: Dataset, index: int) -> None:
        made.ImageOrientationPatient = [1, 0, 0, 0, round(math.cos(angle), 6), -math.sin(angle)]
        made.ImagePositionPatient = [-10, 20, index * 5.0]

    write_series(tmp_path, 6, tilt)
    (series,) = found(tmp_path)
    assert "gantry-tilt" in codes(series)
    assert "12.0°" in messages(series)


def test_single_slice_is_a_series_and_says_so(tmp_path: Path) -> None:
    write_series(tmp_path, 1)
    (series,) = found(tmp_path)
    assert codes(series) == ["single-slice"]
    assert series.geometry.spacing[0] == 5.0  # the only case for SliceThickness


@pytest.mark.parametrize(
    ("keyword", "code"),
    [
        ("PixelSpacing", "no-spacing"),
        ("ImagePositionPatient", "no-position"),
        ("ImageOrientationPatient", "no-orientation"),
        ("RescaleSlope", "no-rescale"),
    ],
)
def test_missing_tag_is_a_check(tmp_path: Path, keyword: str, code: str) -> None:
    def drop(made: Dataset, _: int) -> None:
        delattr(made, keyword)

    paths = write_series(tmp_path, 3, drop)
    (series,) = found(tmp_path)
    assert codes(series) == [code]
    assert series.files == tuple(paths)


def test_rescales_that_differ_and_negative_slopes_are_checks(tmp_path: Path) -> None:
    def scale(made: Dataset, index: int) -> None:
        made.RescaleSlope = 1 + index

    def negative(made: Dataset, _: int) -> None:
        made.RescaleSlope = -1

    write_series(tmp_path / "a", 2, scale)
    write_series(tmp_path / "b", 2, negative, series="1.2.3.5")
    first, second = found(tmp_path)
    assert codes(first) == ["several-rescales"]
    assert codes(second) == ["negative-slope"]


def changed_from(index: int, keyword: str, value: object) -> Change:
    def change(made: Dataset, here: int) -> None:
        if here >= index:
            setattr(made, keyword, value)

    return change


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("FrameOfReferenceUID", UID("1.2.3.8")),
        ("ImageOrientationPatient", [0, 1, 0, 0, 0, -1]),
        ("PixelSpacing", [0.7, 0.9]),
    ],
)
def test_a_series_of_two_grids_becomes_two_volumes(
    tmp_path: Path, keyword: str, value: object
) -> None:
    write_series(tmp_path, 5, changed_from(3, keyword, value))
    volumes = found(tmp_path)
    assert [v.uid for v in volumes] == ["1.2.3.4.1", "1.2.3.4.2"]
    assert len(volumes[0].slices) == 3


def test_localizer_inside_an_axial_series_is_left_out(tmp_path: Path) -> None:
    def localizer(made: Dataset, index: int) -> None:
        if index == 0:
            made.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

    write_series(tmp_path, 5, localizer)
    (series,) = found(tmp_path)
    assert series.uid == "1.2.3.4" and len(series.slices) == 4 and not codes(series)


def test_interleaved_acquisitions_are_taken_apart(tmp_path: Path) -> None:
    def interleave(made: Dataset, index: int) -> None:
        made.AcquisitionNumber = 1 + index % 2
        made.ImagePositionPatient = [0, 0, 3.0 * (index // 2)]

    write_series(tmp_path, 8, interleave)
    volumes = found(tmp_path)
    assert [v.geometry.shape[0] for v in volumes] == [4, 4]
    assert all(len({s.header.acquisition for s in v.slices}) == 1 for v in volumes)


def test_repeats_without_an_explanation_keep_the_first(tmp_path: Path) -> None:
    def repeat(made: Dataset, index: int) -> None:
        made.ImagePositionPatient = [0, 0, 3.0 * min(index, 3)]

    paths = write_series(tmp_path, 5, repeat)
    (series,) = found(tmp_path)
    assert codes(series) == ["duplicate-positions"]
    assert series.files == tuple(paths[:4])
    assert [path for path, _ in series.dropped] == [paths[4]]


def test_copies_of_a_file_are_dropped_with_a_reason(tmp_path: Path) -> None:
    paths = write_series(tmp_path, 3)
    (tmp_path / "copy").write_bytes(paths[0].read_bytes())
    (series,) = found(tmp_path)
    assert len(series.slices) == 3 and not codes(series)
    assert len(series.dropped) == 1 and "a copy of" in series.dropped[0][1]


def test_blank_uids_still_give_one_series_with_a_stable_uid(tmp_path: Path) -> None:
    def blank(made: Dataset, _: int) -> None:
        made.SeriesInstanceUID = made.StudyInstanceUID = ""
        made.SOPInstanceUID = made.SOPClassUID = ""

    write_series(tmp_path / "a", 3, blank)
    write_series(tmp_path / "b", 3, blank)
    first, second = found(tmp_path)
    assert first.geometry.shape[0] == 3
    assert first.uid == second.uid and first.uid.startswith("2.25.")
