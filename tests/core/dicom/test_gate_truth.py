"""Every fault of geometry, made with a known body: named, and mended to the truth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from core.dicom.remedies import Kind, Remedy
from core.project.importer import import_paths
from core.project.project import Project
from core.project.reading import read_volume
from core.project.records import SeriesRecord
from core.volume import Volume
from tests.core.dicom.truth import (
    Change,
    Ellipsoid,
    Grid,
    assert_true,
    heights,
    measured,
    stacked,
    write,
    write_frames,
)

SQUARE = Grid(rows=48, columns=48, spacing=(1.5, 1.5))
EVEN = heights(*[3.0] * 26)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project") as made:
        yield made


def imported(project: Project, folder: Path) -> tuple[SeriesRecord, ...]:
    return import_paths(project, [folder]).series


def codes(record: SeriesRecord) -> list[str]:
    return [check.code for check in record.checks]


def said(record: SeriesRecord) -> str:
    return " ".join(check.message for check in record.checks)


def remedied(project: Project, record: SeriesRecord, kind: Kind) -> Volume:
    (offer,) = [o for o in project.remedies(record.series_uid) if o.remedy.kind == kind]
    (after,) = project.apply_remedy(record.series_uid, offer.remedy)
    return read_volume(after)


def without(*absent: int) -> list[float]:
    return [place for index, place in enumerate(EVEN) if index not in absent]


def test_a_whole_series_is_true_and_has_no_remedy(project: Project, tmp_path: Path) -> None:
    write(tmp_path / "ct", stacked(EVEN, SQUARE), grid=SQUARE)
    (record,) = imported(project, tmp_path / "ct")
    assert not record.checks and record.scanned is None
    assert_true(read_volume(record))
    assert [o.remedy.kind for o in project.remedies(record.series_uid)] == ["keep"]


@pytest.mark.parametrize(
    ("absent", "sentence"),
    [
        ((13,), "6 mm between slices 13 and 14 (1 missing)"),
        ((6, 19), "6 mm between slices 6 and 7 (1 missing), 6 mm between slices 18 and 19"),
        ((13, 14), "9 mm between slices 13 and 14 (2 missing)"),
    ],
)
def test_missing_slices(
    project: Project, tmp_path: Path, absent: tuple[int, ...], sentence: str
) -> None:
    firsts = stacked(EVEN, SQUARE)
    write(tmp_path / "ct", [f for i, f in enumerate(firsts) if i not in absent], grid=SQUARE)
    (record,) = imported(project, tmp_path / "ct")
    assert codes(record) == ["missing-slice"] and sentence in said(record)
    ml, _ = measured(read_volume(record))
    assert ml < 0.97 * Ellipsoid().ml  # kept as it is, the volume is wrong and the check says so
    volume = remedied(project, record, "interpolate")
    assert_true(volume)
    after = project.record(record.series_uid)
    assert after.interpolated == absent  # the new grid counts the slices that were not there
    assert codes(after) == ["remedy-interpolate"] and f"{len(absent)} slice" in said(after)
    offers = project.remedies(record.series_uid)
    assert [o.remedy.kind for o in offers if o.recommended] == ["interpolate"]


def test_a_gap_that_could_hide_a_lesion_is_split_not_filled(
    project: Project, tmp_path: Path
) -> None:
    body = Ellipsoid((2.0, 1.0, 44.0), (20.0, 18.0, 19.0))
    firsts = stacked(EVEN, SQUARE)
    write(tmp_path / "ct", firsts[:18] + firsts[22:], body, SQUARE)
    (record,) = imported(project, tmp_path / "ct")
    assert "15 mm between slices 18 and 19 (4 missing)" in said(record)
    offers = {o.remedy.kind: o for o in project.remedies(record.series_uid)}
    assert list(offers) == ["keep", "split", "refuse"] and offers["split"].recommended
    first, second = project.apply_remedy(record.series_uid, offers["split"].remedy)
    assert (first.geometry.shape[0], second.geometry.shape[0]) == (18, 5)
    assert_true(read_volume(first), body)
    assert read_volume(second).hu.max() == -500  # air
    assert np.allclose(second.geometry.origin, firsts[22])
    assert project.series() == [first, second]


def test_mixed_spacing(project: Project, tmp_path: Path) -> None:
    places = heights(*[2.0] * 18, *[3.5] * 12)
    write(tmp_path / "ct", stacked(places, SQUARE), grid=Grid(**{**vars(SQUARE), "thickness": 2.0}))
    (record,) = imported(project, tmp_path / "ct")
    assert codes(record) == ["mixed-spacing"] and "from 2 to 3.5 mm" in said(record)
    assert [o.remedy.kind for o in project.remedies(record.series_uid)] == [
        "keep", "resample", "split", "refuse",
    ]  # fmt: skip
    assert_true(remedied(project, record, "resample"))
    (finer,) = project.apply_remedy(record.series_uid, Remedy(kind="resample", spacing=1.25))
    assert finer.geometry.spacing[0] == 1.25
    assert_true(read_volume(finer))


def test_a_drift_too_small_for_each_gap_adds_up(project: Project, tmp_path: Path) -> None:
    places = heights(*[3.0] * 13, *[3.06] * 13)
    write(tmp_path / "ct", stacked(places, SQUARE), grid=SQUARE)
    (record,) = imported(project, tmp_path / "ct")
    assert codes(record) == ["mixed-spacing"] and "adds up" in said(record)
    assert_true(remedied(project, record, "resample"))


@pytest.mark.parametrize("degrees", [2.0, -12.0, 24.0])
def test_gantry_tilt(project: Project, tmp_path: Path, degrees: float) -> None:
    angle = math.radians(degrees)
    turned = (1.0, 0.0, 0.0, 0.0, math.cos(angle), -math.sin(angle))
    grid = Grid(60, 48, (1.5, 1.5), turned)
    # The table moves along z while the slices stand at an angle: they slide along their columns.
    write(tmp_path / "ct", stacked(EVEN, grid, (-math.tan(angle), 0.0)), grid=grid)
    (record,) = imported(project, tmp_path / "ct")
    assert "gantry-tilt" in codes(record) and f"{abs(degrees):.1f}°" in said(record)
    volume = remedied(project, record, "shear")
    assert_true(volume)
    after = project.record(record.series_uid)
    assert "remedy-shear" in codes(after) and "gantry-tilt" not in codes(after)
    assert not after.interpolated
    outside = volume.hu[0, 0] if degrees > 0 else volume.hu[0, -1]
    assert (outside == -1024).all() or after.geometry.shape[1] == 60


def test_tilt_and_a_missing_slice_at_once(project: Project, tmp_path: Path) -> None:
    angle = math.radians(10)
    turned = (1.0, 0.0, 0.0, 0.0, math.cos(angle), -math.sin(angle))
    grid = Grid(60, 48, (1.5, 1.5), turned)
    write(tmp_path / "ct", stacked(without(11), grid, (-math.tan(angle), 0.0)), grid=grid)
    (record,) = imported(project, tmp_path / "ct")
    assert {"missing-slice", "gantry-tilt"} <= set(codes(record))
    volume = remedied(project, record, "resample")
    assert_true(volume)
    after = project.record(record.series_uid)
    assert after.interpolated == (11,) and not {"missing-slice", "gantry-tilt"} & set(codes(after))


def test_slices_that_jump_aside(project: Project, tmp_path: Path) -> None:
    firsts = stacked(EVEN, SQUARE)
    firsts = [f + (np.array([2.3, -0.7, 0]) if i > 12 else 0) for i, f in enumerate(firsts)]
    write(tmp_path / "ct", firsts, grid=SQUARE)
    (record,) = imported(project, tmp_path / "ct")
    assert codes(record) == ["shifted-slices"] and "2.4 mm" in said(record)
    assert_true(remedied(project, record, "shear"))


def oblique(degrees: float) -> tuple[float, ...]:
    a, b = math.radians(degrees), math.radians(degrees / 2)
    row = (math.cos(a), math.sin(a), 0.0)
    column = (-math.sin(a) * math.cos(b), math.cos(a) * math.cos(b), math.sin(b))
    return (*row, *column)


@pytest.mark.parametrize(
    ("grid", "code", "sentence"),
    [
        (Grid(), "non-square-pixels", "1.3 mm down and 1.6 mm across"),
        (Grid(48, 48, (1.5, 1.5), oblique(20)), "oblique", "turned by 2"),
        (Grid(48, 48, (1.5, 1.5), (-1, 0, 0, 0, 1, 0)), "", ""),
    ],
)
def test_shapes_that_are_right_as_they_are(
    project: Project, tmp_path: Path, grid: Grid, code: str, sentence: str
) -> None:
    write(tmp_path / "ct", stacked(EVEN, grid), grid=grid)
    (record,) = imported(project, tmp_path / "ct")
    assert codes(record) == ([code] if code else []) and sentence in said(record)
    assert_true(read_volume(record))
    kinds = [o.remedy.kind for o in project.remedies(record.series_uid)]
    assert kinds == (["keep", "refuse"] if code else ["keep"])


def test_mixed_orientation_gives_two_volumes(project: Project, tmp_path: Path) -> None:
    other = Grid(48, 48, (1.5, 1.5), oblique(15))
    write(tmp_path / "ct", stacked(EVEN, SQUARE), grid=SQUARE)
    write(tmp_path / "ct", stacked(EVEN[:20], other), grid=other, number=100)
    records = imported(project, tmp_path / "ct")
    assert [r.geometry.shape[0] for r in records] == [27, 20]
    assert all("mixed-orientation" in codes(r) for r in records)
    assert "2 volumes: they differ in orientation (this one by 16." in said(records[0])
    assert_true(read_volume(records[0]))


OTHER = Ellipsoid((-4.0, 5.0, 56.0), (21.0, 26.0, 24.0))


@pytest.mark.parametrize(
    ("keyword", "values", "name"),
    [
        ("AcquisitionNumber", (1, 2), "2 acquisition numbers"),
        ("EchoNumbers", (1, 2), "2 echo numbers"),
        ("TemporalPositionIdentifier", (1, 2), "2 temporal positions"),
        ("KVP", (80, 140), "2 tube voltages"),
        ("", (0, 0), "image numbers only"),
    ],
)
def test_interleaved_stacks_are_taken_apart(
    project: Project, tmp_path: Path, keyword: str, values: tuple[object, object], name: str
) -> None:
    for number, (body, value) in enumerate(zip((Ellipsoid(), OTHER), values, strict=True)):

        def set_tag(made: Dataset, _: int, value: object = value) -> None:
            if keyword:
                setattr(made, keyword, value)

        firsts = stacked(EVEN, SQUARE)
        write(tmp_path / "ct", firsts, body, SQUARE, set_tag, number=100 * number)
    records = imported(project, tmp_path / "ct")
    assert [codes(r) for r in records] == [["interleaved"], ["interleaved"]]
    assert name in said(records[0])
    volumes = sorted((read_volume(r) for r in records), key=lambda v: -measured(v)[0])
    assert_true(volumes[0])
    assert_true(volumes[1], OTHER)


def test_duplicates_with_the_same_pixels_and_with_others(project: Project, tmp_path: Path) -> None:
    firsts = stacked(EVEN, SQUARE)
    for name, body in (("same", Ellipsoid()), ("other", OTHER)):
        write(tmp_path / name, firsts, grid=SQUARE, series=f"1.2.{len(name)}")
        write(tmp_path / name, firsts[10:12], body, SQUARE, series=f"1.2.{len(name)}", number=100)
    same, other = (imported(project, tmp_path / name)[0] for name in ("same", "other"))
    assert codes(same) == codes(other) == ["duplicate-positions"]
    assert "2 places hold several images, with identical pixels" in said(same)
    assert "2 places hold several images, with different pixels" in said(other)
    assert_true(read_volume(same))
    assert_true(read_volume(other))  # the first of each by its image number


def marked(*image_type: str) -> Change:
    def change(made: Dataset, _: int) -> None:
        made.ImageType = list(image_type)

    return change


@pytest.mark.parametrize(
    "image_type",
    [("DERIVED", "SECONDARY", "MPR"), ("DERIVED", "PRIMARY", "MIP"), ("ORIGINAL", "SECONDARY")],
)
def test_derived_images_between_the_slices_are_split_off(
    project: Project, tmp_path: Path, image_type: tuple[str, ...]
) -> None:
    write(tmp_path / "ct", stacked(EVEN, SQUARE), grid=SQUARE)
    between = [f + np.array([0, 0, 1.1]) for f in stacked(EVEN, SQUARE)[4:9]]
    write(tmp_path / "ct", between, OTHER, SQUARE, marked(*image_type), number=100)
    records = imported(project, tmp_path / "ct")
    assert [r.geometry.shape[0] for r in records] == [27, 5]
    assert all(codes(r) == ["mixed-kind"] for r in records)
    assert "were taken out of this one" in said(records[0])
    assert_true(read_volume(records[0]))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (marked("ORIGINAL", "PRIMARY", "LOCALIZER"), "localizer"),
        (marked("DERIVED", "SECONDARY", "SCREEN SAVE"), "saved screen"),
        (marked("DERIVED", "SECONDARY", "OTHER", "DOSE_INFO"), "dose report"),
        (lambda made, _: setattr(made, "ConversionType", "WSD"), "secondary capture"),
    ],
)
def test_pictures_inside_an_axial_series_are_left_out(
    project: Project, tmp_path: Path, change: Change, why: str
) -> None:
    write(tmp_path / "ct", stacked(EVEN, SQUARE), grid=SQUARE)
    write(tmp_path / "ct", stacked([30.7], SQUARE), OTHER, SQUARE, change, number=100)
    report = import_paths(project, [tmp_path / "ct"])
    (record,) = report.series
    assert not record.checks and record.geometry.shape[0] == 27
    assert_true(read_volume(record))
    assert [why in s.reason for s in report.skipped] == [True]


def test_a_localizer_without_its_word_is_a_volume_of_its_own(
    project: Project, tmp_path: Path
) -> None:
    coronal = Grid(60, 44, (1.5, 1.5), (1, 0, 0, 0, 0, -1))
    write(tmp_path / "ct", stacked(EVEN, SQUARE), grid=SQUARE)
    write(tmp_path / "ct", stacked([0.0], coronal), grid=coronal, number=100)
    stack, scout = imported(project, tmp_path / "ct")
    assert codes(stack) == ["mixed-matrix", "mixed-orientation"] and "single-slice" in codes(scout)
    assert_true(read_volume(stack))


def dropped(keyword: str) -> Change:
    return lambda made, _: delattr(made, keyword)


@pytest.mark.parametrize(
    ("keyword", "code", "recommended"),
    [
        ("PixelSpacing", "no-spacing", "refuse"),
        ("ImagePositionPatient", "no-position", "refuse"),
        ("ImageOrientationPatient", "no-orientation", None),
        ("RescaleSlope", "no-rescale", None),
    ],
)
def test_absent_tags_are_named(
    project: Project, tmp_path: Path, keyword: str, code: str, recommended: str | None
) -> None:
    write(tmp_path / "ct", stacked(EVEN[:4], SQUARE), grid=SQUARE, change=dropped(keyword))
    (record,) = imported(project, tmp_path / "ct")
    assert codes(record) == [code]
    offers = project.remedies(record.series_uid)
    assert [o.remedy.kind for o in offers] == ["keep", "refuse"]
    assert next((o.remedy.kind for o in offers if o.recommended), None) == recommended


def test_several_slopes_and_a_negative_one_keep_the_hu(project: Project, tmp_path: Path) -> None:
    def rescale(made: Dataset, index: int) -> None:
        slope = (1, 2, -1)[index % 3]
        stored = np.frombuffer(made.PixelData, "<u2").astype(np.int32)
        hu = (stored - 1024) // 2 * 2  # even, so that a slope of two loses nothing
        made.RescaleSlope, made.RescaleIntercept = slope, -1024 if slope > 0 else 1024
        made.PixelData = ((hu - made.RescaleIntercept) // slope).astype("<u2").tobytes()

    write(tmp_path / "ct", stacked(EVEN, SQUARE), grid=SQUARE, change=rescale)
    (record,) = imported(project, tmp_path / "ct")
    assert codes(record) == ["several-rescales", "negative-slope"]
    assert "3 different rescales (slopes -1 to 2)" in said(record)
    assert_true(read_volume(record))


def test_multiframe_with_a_missing_frame_and_with_a_tilt(project: Project, tmp_path: Path) -> None:
    write_frames(tmp_path / "gap" / "mf", stacked(without(9), SQUARE), grid=SQUARE)
    (record,) = imported(project, tmp_path / "gap")
    assert codes(record) == ["missing-slice"]
    assert_true(remedied(project, record, "interpolate"))


def test_multiframe_with_a_tilt(project: Project, tmp_path: Path) -> None:
    angle = math.radians(15)
    turned = (1.0, 0.0, 0.0, 0.0, math.cos(angle), -math.sin(angle))
    grid = Grid(60, 48, (1.5, 1.5), turned)
    write_frames(tmp_path / "ct" / "mf", stacked(EVEN, grid, (-math.tan(angle), 0.0)), grid=grid)
    (record,) = imported(project, tmp_path / "ct")
    assert "gantry-tilt" in codes(record)
    assert_true(remedied(project, record, "shear"))


def test_multiframe_of_two_phases_gives_each_its_own_frames(
    project: Project, tmp_path: Path
) -> None:
    firsts = stacked(EVEN, SQUARE)
    write_frames(tmp_path / "ct" / "mf", firsts, grid=SQUARE, bodies=(Ellipsoid(), OTHER))
    first, second = imported(project, tmp_path / "ct")
    assert codes(first) == codes(second) == ["interleaved"]
    assert "2 temporal positions" in said(first)
    assert_true(read_volume(first))
    assert_true(read_volume(second), OTHER)
