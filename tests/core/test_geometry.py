"""Positions: round trips, and agreement with SimpleITK, an independent reader of the same grid."""

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from core.geometry import Geometry, orientation_letter

shapes = st.tuples(*[st.integers(1, 60)] * 3)
spacings = st.tuples(*[st.floats(0.2, 12.0)] * 3)
origins = st.tuples(*[st.floats(-600.0, 600.0)] * 3)
angles = st.tuples(*[st.floats(-math.pi, math.pi)] * 3)


def rotation(a: float, b: float, c: float) -> np.ndarray:
    def turn(axis: int, angle: float) -> np.ndarray:
        m = np.eye(3)
        i, j = [k for k in range(3) if k != axis]
        m[i, i] = m[j, j] = math.cos(angle)
        m[i, j], m[j, i] = -math.sin(angle), math.sin(angle)
        return m

    return turn(0, a) @ turn(1, b) @ turn(2, c)


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    direction = tuple(rotation(*draw(angles)).ravel().tolist())
    return Geometry(draw(shapes), draw(spacings), draw(origins), direction)


@given(geometries(), st.tuples(*[st.floats(-10, 70)] * 3))
def test_index_to_mm_and_back(geometry: Geometry, index: tuple[float, float, float]) -> None:
    assert np.allclose(geometry.mm_to_index(geometry.index_to_mm(index)), index, atol=1e-6)


@given(geometries(), st.tuples(*[st.integers(-10, 70)] * 3))
def test_positions_are_simpleitks(geometry: Geometry, index: tuple[int, int, int]) -> None:
    image = sitk.Image([n for n in reversed(geometry.shape)], sitk.sitkUInt8)
    image.SetSpacing(geometry.spacing[::-1])
    image.SetOrigin(geometry.origin)
    image.SetDirection(geometry.direction)
    theirs = image.TransformContinuousIndexToPhysicalPoint([float(i) for i in index[::-1]])
    assert np.allclose(geometry.index_to_mm(index), theirs, atol=1e-6)
    homogeneous = geometry.affine @ [*index[::-1], 1]
    assert np.allclose(homogeneous[:3], theirs, atol=1e-6)


@given(geometries())
def test_json_round_trip(geometry: Geometry) -> None:
    assert Geometry.from_json(geometry.as_json()) == geometry


def test_same_grid_judges_by_what_happens_at_the_far_corner() -> None:
    near = Geometry((100, 512, 512), (2.0, 0.7, 0.7))
    assert near.same_grid(Geometry((100, 512, 512), (2.0, 0.7, 0.70001)))
    assert not near.same_grid(Geometry((100, 512, 512), (2.0, 0.7, 0.701)))
    assert not near.same_grid(Geometry((100, 512, 511), (2.0, 0.7, 0.7)))


def test_volume_of_a_voxel_and_extent() -> None:
    geometry = Geometry((10, 20, 30), (5.0, 2.0, 1.0))
    assert geometry.voxel_ml == pytest.approx(0.01)
    assert geometry.size_mm == (50.0, 40.0, 30.0)


@pytest.mark.parametrize(
    "bad",
    [
        {"shape": (0, 1, 1)},
        {"spacing": (1.0, 0.0, 1.0)},
        {"spacing": (1.0, math.nan, 1.0)},
        {"origin": (math.inf, 0.0, 0.0)},
        {"direction": (1.0, 0.1, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)},
        {"direction": (0.0,) * 9},
    ],
)
def test_no_grid_is_refused(bad: dict) -> None:
    with pytest.raises(ValueError):
        Geometry(**{"shape": (1, 1, 1), "spacing": (1.0, 1.0, 1.0), **bad})


def test_letters() -> None:
    assert orientation_letter((1, 0, 0)) == "L"
    assert orientation_letter((-0.9, 0.3, 0)) == "R"
    assert orientation_letter((0, 1, 0.2)) == "P"
    assert orientation_letter((0, 0, 1)) == "H"
    assert orientation_letter((0, 0.1, -1)) == "F"
