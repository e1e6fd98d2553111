"""Labels as strangers write them: between slices, without contours, with references to nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from core.dicom.rtstruct import read_rtstruct
from core.dicom.scan import scan
from core.dicom.seg import read_seg
from core.dicom.series import group
from core.dicom.stack import Stack
from core.project.importer import import_paths
from core.project.project import Project
from tests.core.dicom.make import rectangle, write_rtstruct, write_series
from tests.core.dicom.make_seg import write_seg

BOX = ((0.5, 3.5), (0.5, 2.5))


def stack_in(folder: Path, count: int = 5) -> Stack:
    write_series(folder, count)
    (series,) = group(scan([folder]).headers)
    return Stack(series.geometry, series.offsets)


def planes(labels: np.ndarray) -> list[int]:
    return np.flatnonzero(labels.any(axis=(1, 2))).tolist()


def test_contours_of_thinner_slices_are_no_holes_in_each_other(tmp_path: Path) -> None:
    stack = stack_in(tmp_path / "ct")
    # Every 1.5 mm on slices of 3 mm; those between are smaller, so they would punch holes.
    contours = [rectangle(z, *BOX) for z in (1, 2)]  # type: ignore[arg-type]
    contours += [rectangle(z, (1.5, 2.5), (1.5, 2.5)) for z in (1.4, 1.6)]  # type: ignore[arg-type]
    path = write_rtstruct(tmp_path / "rt", {"GTV": contours})
    raster = read_rtstruct(path).rasterise(stack)
    assert planes(raster.labels) == [1, 2] and np.count_nonzero(raster.labels) == 2 * 3 * 2
    assert "2 of 4 contours" in raster.note and "between slices" in raster.note


def test_a_contour_between_slices_goes_to_the_nearest(tmp_path: Path) -> None:
    stack = stack_in(tmp_path / "ct")
    path = write_rtstruct(tmp_path / "rt", {"GTV": [rectangle(1.4, *BOX)]})  # type: ignore[arg-type]
    raster = read_rtstruct(path).rasterise(stack)
    assert planes(raster.labels) == [1] and not raster.note


def test_slices_that_nobody_outlined_stay_empty_and_that_is_said(tmp_path: Path) -> None:
    stack = stack_in(tmp_path / "ct", 8)
    path = write_rtstruct(tmp_path / "rt", {"GTV": [rectangle(z, *BOX) for z in (1, 3, 5)]})
    raster = read_rtstruct(path).rasterise(stack)
    assert planes(raster.labels) == [1, 3, 5] and "GTV" in raster.note
    assert "not outlined on every slice" in raster.note


def test_a_structure_without_contours_is_named_and_harms_no_other(tmp_path: Path) -> None:
    stack = stack_in(tmp_path / "ct")
    path = write_rtstruct(tmp_path / "rt", {"Empty": [], "GTV": [rectangle(2, *BOX)]})
    raster = read_rtstruct(path).rasterise(stack)
    assert raster.names == {2: "GTV"} and "Empty of rt has no contours" in raster.note


def test_points_and_open_lines_are_counted(tmp_path: Path) -> None:
    def mark(made: Dataset) -> None:
        made.ROIContourSequence[0].ContourSequence[1].ContourGeometricType = "POINT"

    contours = {"GTV": [rectangle(1, *BOX), rectangle(2, *BOX)]}
    path = write_rtstruct(tmp_path / "rt", contours, change=mark)
    raster = read_rtstruct(path).rasterise(stack_in(tmp_path / "ct"))
    assert planes(raster.labels) == [1] and "1 contours of rt are points" in raster.note


def test_xor_contours_are_taken_even_odd(tmp_path: Path) -> None:
    stack = stack_in(tmp_path / "ct")
    # They overlap without one lying in the other: joined they would give the union.
    contours = [rectangle(1, (0.5, 3.5), (0.5, 3.5)), rectangle(1, (2.5, 4.5), (0.5, 3.5))]
    joined = read_rtstruct(write_rtstruct(tmp_path / "a", {"GTV": contours})).rasterise(stack)
    path = write_rtstruct(tmp_path / "b", {"GTV": contours}, kind="CLOSEDPLANAR_XOR")
    odd = read_rtstruct(path).rasterise(stack)
    assert np.count_nonzero(joined.labels) == 4 * 3
    assert np.count_nonzero(odd.labels) == 3 * 3 and not odd.labels[1, 3].any()


def test_a_keyhole_in_a_file_leaves_its_hole(tmp_path: Path) -> None:
    outer, inner = rectangle(1, (-0.4, 5.4), (-0.4, 4.4)), rectangle(1, (1.6, 3.4), (0.6, 2.4))
    keyhole = np.concatenate([outer, outer[:1], inner[::-1], inner[-1:], outer[:1]])
    path = write_rtstruct(tmp_path / "rt", {"GTV": [keyhole]})
    labels = read_rtstruct(path).rasterise(stack_in(tmp_path / "ct")).labels
    assert np.count_nonzero(labels) == 30 - 4 and not labels[1, 2:4, 1:3].any()


def test_references_to_nothing_do_no_harm(tmp_path: Path) -> None:
    def refer(made: Dataset) -> None:
        frame = made.ReferencedFrameOfReferenceSequence[0]
        del frame.FrameOfReferenceUID, made.FrameOfReferenceUID
        series = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
        series.SeriesInstanceUID = "1.9.9.9"
        image = Dataset()
        image.ReferencedSOPInstanceUID = "1.9.9.9.1"
        series.ContourImageSequence = Sequence([image])
        for contour in made.ROIContourSequence[0].ContourSequence:
            contour.ContourImageSequence = Sequence([image])

    write_series(tmp_path / "ct", 5)
    write_series(tmp_path / "other", 5, series="1.2.3.5", change=_elsewhere)
    path = write_rtstruct(tmp_path / "rt.dcm", {"GTV": [rectangle(2, *BOX)]}, change=refer)
    with Project.create(tmp_path / "p") as project:
        report = import_paths(project, [tmp_path / "ct", tmp_path / "other", path])
        assert report.labelled == ("1.2.3.4",) and not report.skipped
        assert planes(project.label_store("1.2.3.4").load()) == [2]


def _elsewhere(image: Dataset, _index: int) -> None:
    x, y, z = image.ImagePositionPatient
    image.ImagePositionPatient = [x, y, z + 900]
    image.FrameOfReferenceUID = "1.2.3.10"


@pytest.mark.parametrize(
    ("kind", "syntax"),
    [("FRACTIONAL", s) for s in (RLELossless, JPEG2000Lossless, JPEGLSLossless)]
    + [("LABELMAP", None), ("LABELMAP", RLELossless), ("LABELMAP", JPEG2000Lossless)],
)
def test_segments_in_every_kind_and_encoding(tmp_path: Path, kind: str, syntax: str | None) -> None:
    write_series(tmp_path / "ct", 5, rows=33, columns=35)  # JPEG 2000 wants 32 or more
    (series,) = group(scan([tmp_path / "ct"]).headers)
    stack = Stack(series.geometry, series.offsets)
    labels = np.zeros(stack.geometry.shape, np.uint8)
    labels[1:3, 1:5, 1:4], labels[3, 20:24, 2:25] = 1, 2
    parts = labels if kind == "LABELMAP" else np.stack([labels == 1, labels == 2], -1) * 1.0
    path = write_seg(tmp_path / "seg.dcm", parts, kind, syntax)
    raster = read_seg(path).rasterise(stack)
    assert np.array_equal(raster.labels, labels) and raster.names == {1: "Part 1", 2: "Part 2"}
