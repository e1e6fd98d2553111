"""The phantom is reproducible, has the HU of its tissues, and one to four lesions in the liver."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from core.demo.canvas import Canvas, Frame
from core.demo.phantom import Case, field_of_view, make_case
from core.demo.shapes import capsule, curve, ellipsoid, smooth_noise

SHAPE = (32, 112, 112)


def _case(seed: int) -> Case:
    size = round(field_of_view(seed) / SHAPE[1], 3)
    return make_case(seed, SHAPE, (6.0, size, size))


@pytest.fixture(scope="module")
def case() -> Case:
    return _case(3)


def test_same_seed_same_case_and_another_seed_another(case: Case) -> None:
    before = np.random.get_state()[1].tolist()
    again, other = _case(3), _case(4)
    # The global random state is neither read nor moved.
    assert np.random.get_state()[1].tolist() == before
    assert np.array_equal(case.volume.hu, again.volume.hu)
    assert np.array_equal(case.labels, again.labels)
    assert not np.array_equal(case.volume.hu, other.volume.hu)


def test_volume_is_signed_hu_on_the_grid_asked_for(case: Case) -> None:
    assert case.volume.hu.shape == case.labels.shape == SHAPE
    assert case.volume.geometry.shape == SHAPE
    assert case.volume.geometry.spacing[0] == 6.0
    assert case.volume.hu.min() == -1024
    assert 400 < case.volume.hu.max() <= 3071


def test_tissues_lie_in_textbook_ranges(case: Case) -> None:
    hu, liver = case.volume.hu, case.labels == 2
    core = ndimage.binary_erosion(liver, iterations=3)
    assert abs(np.median(hu[core]) - case.phase.liver) < 15
    air = hu[:, :6, 50:62]
    assert abs(float(air.mean()) + 1000) < 10
    # Fat, soft tissue and bone each fill a fair part of a body; a histogram shows their peaks.
    body = ndimage.binary_fill_holes(hu[SHAPE[0] // 2] > -300)
    inside = hu[SHAPE[0] // 2][body]
    assert np.mean((inside > -140) & (inside < -70)) > 0.10
    assert np.mean((inside > 20) & (inside < 140)) > 0.25
    assert 0.005 < np.mean(inside > 250) < 0.2
    lung = hu[-3][(hu[-3] < -700) & ndimage.binary_fill_holes(hu[-3] > -300)]
    assert lung.size > 300
    assert -920 < np.median(lung) < -780


def test_noise_is_stronger_in_the_body_than_beside_it(case: Case) -> None:
    core = ndimage.binary_erosion(case.labels == 2, iterations=3)
    assert case.volume.hu[core].std() > 1.3 * case.volume.hu[:, :6, 50:62].std() > 0


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_each_case_has_one_to_four_lesions_that_differ_from_the_liver(seed: int) -> None:
    case = _case(seed)
    lesions, count = ndimage.label(case.labels == 1, np.ones((3, 3, 3)))
    sizes = np.bincount(lesions.ravel())[1:] * case.volume.geometry.voxel_ml
    # A vessel in front of a lesion may part a crumb from it; what counts is at least 0.1 mL.
    assert 1 <= np.count_nonzero(sizes > 0.1) <= 4
    assert sizes.max() > 2
    assert count <= 8
    liver = np.median(case.volume.hu[case.labels == 2])
    assert np.median(case.volume.hu[case.labels == 1]) < liver - 20
    assert 600 < np.count_nonzero(case.labels) * case.volume.geometry.voxel_ml < 3200


def test_liver_lies_on_the_right_and_the_spine_behind(case: Case) -> None:
    geometry = case.volume.geometry
    liver = geometry.index_to_mm(np.argwhere(case.labels == 2)).mean(axis=0)
    bone = geometry.index_to_mm(np.argwhere(case.volume.hu > 350)).mean(axis=0)
    assert liver[0] < -20  # LPS: the patient's right is negative
    assert bone[1] > liver[1] + 15  # posterior is positive


def test_a_grid_without_liver_is_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        make_case(1, (4, 32, 32), (5.0, 1.0, 1.0))


def test_smooth_noise_has_unit_spread_and_no_steps() -> None:
    noise = smooth_noise(np.random.default_rng(0), (40, 50, 60), (2.0, 1.0, 1.0), 6.0)
    assert noise.dtype == np.float32
    assert 0.7 < noise.std() < 1.3
    assert np.abs(np.diff(noise, axis=2)).max() < 1.0


def test_distances_are_zero_on_the_surface_and_negative_inside() -> None:
    x, y, z = np.meshgrid(*[np.float32([-10, 0, 5, 10, 13])] * 3, indexing="ij")
    ball = ellipsoid(x, y, z, (0, 0, 0), (10, 10, 10))
    assert ball[1, 1, 1] == pytest.approx(-10, abs=1e-3)
    assert ball[3, 1, 1] == pytest.approx(0, abs=1e-3)
    assert ball[4, 1, 1] == pytest.approx(3, rel=0.35)  # first order: exact only at the surface
    rod = capsule((x, y, z), (0, 0, 0), (5, 0, 0), 2, 3)
    assert rod[3, 1, 1] == pytest.approx(10 - 5 - 3)


def test_curve_runs_through_its_points() -> None:
    points = [(0.0, 0.0, 0.0), (30.0, 10.0, 0.0), (60.0, 0.0, 5.0)]
    path = np.asarray(curve(points))
    for point in points:
        assert np.linalg.norm(path - point, axis=1).min() < 1e-9
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() < 12


def test_boxes_hold_what_they_promise() -> None:
    frame = Frame((20, 60, 60), (5.0, 3.0, 3.0), (-50.0, -90.0, -90.0), (1.0, 1.0, 1.0))
    canvas = Canvas(frame, np.random.default_rng(1))
    found = canvas.tube([(0.0, 0.0, -20.0), (30.0, 10.0, 10.0)], 6.0)
    assert found is not None
    box, distance = found
    everywhere = capsule((canvas.x, canvas.y, canvas.z), (0, 0, -20), (30, 10, 10), 6.0, 6.0)
    assert np.count_nonzero(distance < 0) == np.count_nonzero(everywhere < 0) > 0
    assert np.array_equal(distance < 0, everywhere[box] < 0)
    assert canvas.tube([(0.0, 0.0, 400.0), (0.0, 0.0, 420.0)], 6.0) is None
