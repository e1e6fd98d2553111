"""Every orientation of an array must look the same on the screen."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.geometry import Geometry
from core.planes import PLANES, PlaneAxes, _array_axis_of_lps

SPACING = (5.0, 2.0, 1.0)


def reorientations() -> list[tuple[tuple[int, ...], tuple[bool, ...]]]:
    return [(p, f) for p in permutations(range(3)) for f in product((False, True), repeat=3)]


def turned(array: np.ndarray, order: tuple[int, ...], flips: tuple[bool, ...]):
    """The same anatomy stored with permuted and flipped axes, and its geometry."""
    base = Geometry(array.shape, SPACING)
    stored = array.transpose(order)
    columns = [
        base.axes[:, 2 - axis] * (-1 if f else 1) for axis, f in zip(order, flips, strict=True)
    ]
    corner = np.zeros(3)
    for axis, flip in zip(order, flips, strict=True):
        if flip:
            corner[axis] = array.shape[axis] - 1
    stored = stored[tuple(slice(None, None, -1 if f else 1) for f in flips)]
    direction = np.stack(columns[::-1], axis=1)
    spacing = tuple(SPACING[a] for a in order)
    origin = tuple(base.index_to_mm(corner).tolist())
    return stored, Geometry(stored.shape, spacing, origin, tuple(direction.ravel().tolist()))


@pytest.mark.parametrize(("order", "flips"), reorientations())
def test_same_picture_for_every_storage_order(order, flips) -> None:
    anatomy = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    stored, geometry = turned(anatomy, order, flips)
    for plane, letters, picture in (
        ("axial", ("A", "P", "R", "L"), anatomy[1]),
        ("coronal", ("H", "F", "R", "L"), anatomy[::-1, 2]),
        ("sagittal", ("H", "F", "A", "P"), anatomy[::-1, :, 3]),
    ):
        axes = PlaneAxes.of(geometry, plane)
        reference = PlaneAxes.of(Geometry(anatomy.shape, SPACING), plane)
        index = {"axial": 1, "coronal": 2, "sagittal": 3}[plane]
        position = geometry.mm_to_index(
            Geometry(anatomy.shape, SPACING).index_to_mm(reference.to_zyx(index, 0, 0))
        )
        assert axes.letters == letters
        assert np.array_equal(axes.cut(stored, round(position[axes.normal])), picture)
        assert axes.pixel_mm == reference.pixel_mm


@given(
    st.sampled_from(reorientations()),
    st.sampled_from(PLANES),
    st.tuples(*[st.floats(0, 3)] * 3),
)
def test_screen_and_array_positions_are_inverse(turn, plane, at) -> None:
    _, geometry = turned(np.zeros((4, 5, 6), np.int16), *turn)
    axes = PlaneAxes.of(geometry, plane)
    assert np.allclose(axes.from_zyx(axes.to_zyx(*at)), at)


def test_a_pixel_is_the_voxel_it_shows() -> None:
    anatomy = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    stored, geometry = turned(anatomy, (2, 0, 1), (True, False, True))
    for plane in PLANES:
        axes = PlaneAxes.of(geometry, plane)
        shown = axes.cut(stored, 1)
        z, y, x = (round(i) for i in axes.to_zyx(1, 2, 3))
        assert shown[2, 3] == stored[z, y, x]


def test_oblique_axes_are_matched_one_to_one() -> None:
    c = np.cos(np.pi / 4)
    tilted = Geometry((3, 3, 3), (1.0, 1.0, 1.0), direction=(1, 0, 0, 0, c, -c, 0, c, c))
    assert sorted(_array_axis_of_lps(tilted)) == [0, 1, 2]
