"""Remedied grids against the truth, whatever the gaps, tilt and orientation."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from core.dicom.offers import offers, parts
from core.dicom.outcomes import Outcome, outcome
from core.dicom.regrid import regrid
from core.dicom.remedies import REGRIDDING, Remedy
from core.dicom.scanned import Scanned, usual_distance
from core.geometry import Geometry
from core.project.carrying import Lay, carry
from core.volume import Check, Volume
from tests.core.dicom.truth import AXIAL, Ellipsoid, Grid, assert_true, hu_of, stacked

DOUBT = (Check("missing-slice", "."),)
#: HU per mm of a field that grows evenly in one direction: a difference in HU is a place in mm.
STEEPNESS = 40.0

gaps = st.lists(
    st.one_of(st.sampled_from([2.5, 5.0, 7.5]), st.floats(0.8, 9.0)), min_size=4, max_size=14
)
angles = st.tuples(*[st.floats(-180, 180)] * 3)
tilts = st.tuples(*[st.floats(-0.5, 0.5).map(lambda t: t if abs(t) > 0.02 else 0.0)] * 2)


def stack(steps: list[float], turn: tuple[float, ...], tilt: tuple[float, float]) -> Scanned:
    offsets = np.concatenate([[0.0], np.cumsum(steps)])
    axes = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    spacing = (usual_distance(offsets, 1.0), 0.9, 1.1)
    grid = Geometry((len(offsets), 12, 10), spacing, (-40.0, 25.5, 310.0), tuple(axes.ravel()))
    shifts = tuple((float(o * tilt[0]), float(o * tilt[1])) for o in offsets)
    return Scanned(grid, tuple(offsets.tolist()), shifts, (), DOUBT)


def field(scanned: Scanned, direction: np.ndarray) -> np.ndarray:
    """HU [z, y, x] of an even slope along ``direction``, as scanned."""
    grid = scanned.geometry
    plane = grid.index_to_mm(np.stack(np.mgrid[0:1, :12, :10], axis=-1)) - np.asarray(grid.origin)
    points = scanned.positions()[:, None, None] + plane
    return np.rint((points - np.asarray(grid.origin)) @ direction * STEEPNESS).astype(np.int16)


def places_off(volume: Volume, made: Outcome, scanned: Scanned, direction: np.ndarray) -> float:
    """The largest distance in mm between where a voxel's value comes from and where the grid puts
    it, over all voxels that were scanned on both sides.
    """
    index = np.stack(np.mgrid[tuple(slice(n) for n in volume.hu.shape)], axis=-1)
    points = volume.geometry.index_to_mm(index) - np.asarray(scanned.geometry.origin)
    inside = np.zeros(volume.hu.shape, dtype=bool)
    for z, (below, weight) in enumerate(zip(made.below, made.weight, strict=True)):
        sources = [below] if weight == 0 else [below, below + 1]
        inside[z] = True
        for source in sources:
            shift = np.asarray(scanned.shifts[source]) if scanned.sheared else np.zeros(2)
            first = (shift - made.offset) / np.asarray(scanned.geometry.spacing[1:])
            at = index[z][..., 1:] - first
            inside[z] &= ((at >= 0) & (at <= np.array([11, 9]))).all(axis=-1)
    wrong = np.abs(volume.hu - points @ direction * STEEPNESS) / STEEPNESS
    return float(wrong[inside].max())


@settings(max_examples=40, deadline=None)
@given(
    steps=gaps,
    turn=angles,
    tilt=tilts,
    kind=st.sampled_from(REGRIDDING),
    factor=st.floats(0.5, 2.0),
    ramp=angles,
)
def test_every_voxel_of_a_new_grid_comes_from_where_it_lies(
    *,
    steps: list[float],
    turn: tuple[float, ...],
    tilt: tuple[float, float],
    kind: str,
    factor: float,
    ramp: tuple[float, ...],
) -> None:
    scanned = stack(steps, turn, tilt)
    offered = {offer.remedy.kind: offer.remedy for offer in offers(scanned)}
    assume(kind in offered)
    remedy = offered[kind]
    if kind == "resample":
        remedy = Remedy(kind="resample", spacing=scanned.geometry.spacing[0] * factor)
    direction = Rotation.from_euler("xyz", ramp, degrees=True).apply([1.0, 0.0, 0.0])
    made = outcome(scanned, remedy)
    volume = Volume(regrid(field(scanned, direction), scanned, made), made.geometry)
    assert places_off(volume, made, scanned, direction) < 0.1
    # The first slice's first pixel lies on the new grid where its file says.
    start = made.geometry.mm_to_index(scanned.geometry.origin)
    assert np.abs(start - np.rint(start)).max() < 1e-6
    # The new slices reach from the first scanned one to within a step of the last.
    reach = (made.geometry.shape[0] - 1) * made.geometry.spacing[0]
    assert -0.1 <= scanned.offsets[-1] - reach < made.geometry.spacing[0]


@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    st.dictionaries(st.integers(9, 15), st.sampled_from([6.0, 4.2]), max_size=2),
    st.floats(-25, 25),
    st.tuples(*[st.floats(-3, 3)] * 3),
)
def test_a_body_keeps_volume_and_place(
    odd: dict[int, float], degrees: float, move: tuple[float, float, float]
) -> None:
    angle = math.radians(degrees)
    turned = (*AXIAL[:3], 0.0, math.cos(angle), -math.sin(angle))
    grid = Grid(52, 36, (2.2, 2.2), turned)
    # A ball keeps volume and centre across two gaps of 6 mm through its middle; how far it reaches
    # into a gap at its end no interpolation can know.
    steps = [odd.get(index, 3.0) for index in range(25)]
    offsets = np.concatenate([[0.0], np.cumsum(steps)]).tolist()
    firsts = stacked(offsets, grid, (-math.tan(angle), 0.0))
    body = Ellipsoid((move[0], move[1], 60.0 + move[2]), (28.0, 27.0, 29.0))
    axes = np.array([turned[:3], turned[3:], (0.0, math.sin(angle), math.cos(angle))]).T
    spacing = (usual_distance(np.asarray(offsets), 1.0), *grid.spacing)
    x, y, z = firsts[0].tolist()
    shape = (len(firsts), grid.rows, grid.columns)
    geometry = Geometry(shape, spacing, (x, y, z), tuple(axes.ravel().tolist()))
    scanned = Scanned.of(geometry, np.asarray(firsts))
    best = [o.remedy for o in offers(scanned) if o.recommended]
    assume(best and best[0].kind in REGRIDDING)
    made = outcome(scanned, best[0])
    hu = np.stack([hu_of(body, grid, first) for first in firsts])
    assert_true(Volume(regrid(hu, scanned, made), made.geometry), body)


@settings(max_examples=60, deadline=None)
@given(gaps, tilts, st.integers(0, 2**32 - 1))
def test_labels_go_to_a_new_grid_and_back_unharmed(
    steps: list[float], tilt: tuple[float, float], seed: int
) -> None:
    scanned = stack(steps, (0, 0, 0), tilt)
    labels = np.random.default_rng(seed).integers(0, 4, scanned.geometry.shape).astype(np.uint8)
    for offer in offers(scanned):
        if offer.remedy.kind not in ("interpolate", "shear"):
            continue  # resampled slices lie between the scanned ones: nothing is exact there
        made = outcome(scanned, offer.remedy)
        here, there = Lay.of(scanned, None), Lay.of(scanned, made)
        back = carry(carry(labels, here, there), there, here)
        assert np.array_equal(back, labels)


@given(gaps, angles, tilts)
def test_parts_are_even_and_lie_where_they_were_scanned(
    steps: list[float], turn: tuple[float, ...], tilt: tuple[float, float]
) -> None:
    scanned = stack(steps, turn, tilt)
    cuts = parts(scanned)
    assume(cuts)
    ends = [0, *cuts, len(scanned.offsets)]
    for start, stop in pairwise(ends):
        part = scanned.part(start, stop)
        assert np.allclose(part.positions(), scanned.positions()[start:stop], atol=1e-6)
        assert Scanned.from_json(json.loads(json.dumps(part.as_json()))) == part


@given(st.sampled_from(["keep", *REGRIDDING, "refuse"]), st.floats(0.1, 20))
def test_a_remedy_survives_json_and_says_when_voxels_differ(kind: str, spacing: float) -> None:
    remedy = Remedy(kind=kind, spacing=spacing if kind == "resample" else 0.0)
    assert Remedy.from_json(json.loads(json.dumps(remedy.as_json()))) == remedy
    assert (remedy.identity == "") == (kind == "keep")
    other = Remedy(kind="resample", spacing=spacing + 0.5)
    assert other.identity != remedy.identity
