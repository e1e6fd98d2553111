"""Contours and segmentations land on the right voxels, by physical position."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dicom.polygon import fill, fill_all
from core.dicom.rtstruct import read_rtstruct
from core.dicom.scan import scan
from core.dicom.seg import read_seg
from core.dicom.segpixels import unpack_rle
from core.dicom.series import FoundSeries, group
from core.dicom.stack import Stack, transfer
from core.errors import FileRefusedError
from core.geometry import Geometry
from tests.core.dicom.make import rectangle, write_rtstruct, write_series
from tests.core.dicom.make_seg import write_seg


def series_of(folder: Path, **values: object) -> FoundSeries:
    write_series(folder, 5, **values)  # type: ignore[arg-type]
    (series,) = group(scan([folder]).headers)
    return series


def stack(series: FoundSeries) -> Stack:
    return Stack(series.geometry, series.offsets)


def box(rows: tuple[float, float], columns: tuple[float, float]) -> np.ndarray:
    (a, b), (c, d) = rows, columns
    return np.array([(a, c), (a, d), (b, d), (b, c)])


def test_a_pixel_is_inside_when_its_centre_is() -> None:
    mask = fill(box((0.6, 3.4), (1.2, 2.9)), (5, 5))
    assert np.argwhere(mask).tolist() == [[1, 2], [2, 2], [3, 2]]


def test_contours_that_share_an_edge_share_no_pixel() -> None:
    left, right = fill(box((0, 4), (0, 2)), (5, 5)), fill(box((0, 4), (2, 4)), (5, 5))
    assert not (left & right).any() and (left | right).sum() == 16


def test_keyhole_leaves_the_hole_open() -> None:
    outer = [(0.5, 0.5), (0.5, 8.5), (8.5, 8.5), (8.5, 0.5)]
    inner = [(2.5, 2.5), (2.5, 5.5), (5.5, 5.5), (5.5, 2.5)]
    keyhole = np.array([*outer, outer[0], inner[0], *inner[::-1], inner[0]])
    expected = fill(np.array(outer), (10, 10)) & ~fill(np.array(inner), (10, 10))
    assert np.array_equal(fill(keyhole, (10, 10)), expected)
    assert expected.sum() == 64 - 9


def test_channel_of_a_keyhole_at_any_angle_leaves_no_trace() -> None:
    outer = [(0.1, 0.2), (0.3, 9.7), (9.6, 9.8), (9.9, 0.3)]
    inner = [(4.1, 3.3), (5.9, 3.1), (5.7, 5.8)]
    keyhole = np.array([*outer, outer[0], *inner, inner[0], outer[0]])
    expected = fill(np.array(outer), (10, 10)) ^ fill(np.array(inner), (10, 10))
    assert np.array_equal(fill(keyhole, (10, 10)), expected)


def test_nested_contours_are_holes_overlapping_ones_are_joined() -> None:
    outer, hole = box((-0.5, 8.5), (-0.5, 8.5)), box((1.5, 6.5), (1.5, 6.5))
    island = box((2.5, 4.5), (2.5, 4.5))
    assert fill_all([island, hole, outer], (9, 9)).sum() == 81 - 25 + 4
    assert fill_all([outer, outer], (9, 9)).all()
    halves = [box((-0.5, 8.5), (-0.5, 5.5)), box((-0.5, 8.5), (3.5, 8.5))]
    assert fill_all(halves, (9, 9)).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(-5, 15), st.floats(-5, 15)), min_size=3, max_size=12))
def test_fill_agrees_with_counting_crossings(points: list[tuple[float, float]]) -> None:
    mask = fill(np.array(points), (8, 8))
    edges = [sorted(edge) for edge in zip(points, [*points[1:], points[0]], strict=True)]
    for row in range(8):
        for column in range(8):
            crossings = sum(
                r0 <= row < r1 and c0 + (row - r0) / (r1 - r0) * (c1 - c0) <= column
                for (r0, c0), (r1, c1) in edges
            )
            assert mask[row, column] == crossings % 2


def test_contours_find_their_slices_without_image_references(tmp_path: Path) -> None:
    series = series_of(tmp_path / "ct")
    contours = [rectangle(1, (0.5, 3.5), (0.5, 2.5)), rectangle(3, (0.5, 1.5), (0.5, 1.5))]
    path = write_rtstruct(
        tmp_path / "rt", {"GTV": contours, "Organ": [rectangle(1, (-1, 9), (-1, 9))]}
    )
    raster = read_rtstruct(path).rasterise(stack(series))
    assert raster.names == {1: "GTV", 2: "Organ"} and not raster.note
    expected = np.zeros(series.geometry.shape, np.uint8)
    expected[1] = 2
    expected[1, 1:4, 1:3] = 1  # the smaller structure is kept
    expected[3, 1, 1] = 1
    assert np.array_equal(raster.labels, expected)


def test_contours_behind_a_gap_do_not_slide(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", 8)[3].unlink()
    (series,) = group(scan([tmp_path / "ct"]).headers)
    path = write_rtstruct(tmp_path / "rt", {"GTV": [rectangle(6, (0.5, 3.5), (0.5, 2.5))]})
    raster = read_rtstruct(path).rasterise(stack(series))
    assert np.unique(np.argwhere(raster.labels)[:, 0]).tolist() == [5]


def test_contours_off_the_series_are_counted_or_refused(tmp_path: Path) -> None:
    series = series_of(tmp_path / "ct")
    shape = ((0.5, 3.5), (0.5, 2.5))
    path = write_rtstruct(tmp_path / "rt", {"GTV": [rectangle(1, *shape), rectangle(9, *shape)]})
    assert "1 of 2 contours" in read_rtstruct(path).rasterise(stack(series)).note
    away = write_rtstruct(tmp_path / "away", {"GTV": [rectangle(9, *shape)]})
    with pytest.raises(FileRefusedError, match="none of its contours"):
        read_rtstruct(away).rasterise(stack(series))
    empty = write_rtstruct(tmp_path / "none", {"GTV": []})
    with pytest.raises(FileRefusedError, match="no closed contour"):
        read_rtstruct(empty)


def some_masks(parts: int) -> np.ndarray:
    masks = np.zeros((5, 6, 5, parts), dtype=np.uint8)
    masks[1:3, 1:5, 1:4, 0] = 1
    if parts > 1:
        masks[2, 2:4, 2:5, 1] = 1  # overlaps the first
    return masks


def test_overlapping_segments_keep_the_smaller(tmp_path: Path) -> None:
    series = series_of(tmp_path / "ct")
    masks = some_masks(2)
    raster = read_seg(write_seg(tmp_path / "seg", masks)).rasterise(stack(series))
    assert np.array_equal(raster.labels, np.where(masks[..., 1], 2, masks[..., 0]))
    assert raster.names == {1: "Part 1", 2: "Part 2"}


def test_fractional_segments_are_cut_at_one_half(tmp_path: Path) -> None:
    series = series_of(tmp_path / "ct")
    share = np.zeros((5, 6, 5, 1), dtype=np.float32)
    share[2, 1], share[2, 2] = 0.7, 0.3
    raster = read_seg(write_seg(tmp_path / "seg", share, "FRACTIONAL")).rasterise(stack(series))
    assert np.argwhere(raster.labels)[:, :2].tolist() == [[2, 1]] * 5


def test_segment_lands_on_a_reversed_and_finer_series(tmp_path: Path) -> None:
    masks = some_masks(1)
    segmentation = read_seg(write_seg(tmp_path / "seg", masks))
    # Twice as many slices and columns, columns running the other way.
    target = Geometry(
        (10, 6, 10),
        (1.5, 0.7, 0.4),
        (-10 + 4 * 0.8 + 0.2, 20.0, 99.25),
        (-1, 0, 0, 0, 1, 0, 0, 0, -1),
    )
    target = Geometry(target.shape, target.spacing, (*target.origin[:2], 112.75), target.direction)
    raster = segmentation.rasterise(Stack.even(target))
    expected = np.repeat(np.repeat(masks[..., 0], 2, axis=0), 2, axis=2)[::-1, :, ::-1]
    assert np.array_equal(raster.labels, expected)


def test_segments_elsewhere_are_refused(tmp_path: Path) -> None:
    segmentation = read_seg(write_seg(tmp_path / "seg", some_masks(1)))
    with pytest.raises(FileRefusedError, match="nothing of it lies on the series"):
        segmentation.rasterise(Stack.even(Geometry((3, 4, 5), (1, 1, 1), (500, 0, 0))))


def test_turned_stack_is_read_by_position() -> None:
    grid = Geometry((3, 4, 5), (1.0, 1.0, 1.0))
    labels = np.random.default_rng(0).integers(0, 4, grid.shape, dtype=np.uint8)
    # The same voxels stored as sagittal planes: array axes (x, z, y).
    sagittal = Geometry((5, 3, 4), (1.0, 1.0, 1.0), (0, 0, 0), (0, 0, 1, 1, 0, 0, 0, 1, 0))
    stored = np.ascontiguousarray(labels.transpose(2, 0, 1))
    assert np.array_equal(transfer(stored, Stack.even(sagittal), Stack.even(grid)), labels)


def test_run_lengths_are_unpacked_up_to_a_limit() -> None:
    head = bytes([1, 0, 0, 0, 64]) + bytes(59)
    assert unpack_rle(head + b"\x01ab\xfdc\x80\x00d", 99) == b"abccccd"
    assert unpack_rle(head + b"\x81a" * 1000, 200) == b"a" * 200
