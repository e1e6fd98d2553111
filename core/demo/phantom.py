"""One synthetic CT: who is scanned, where, on what scanner, and what is to be found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.demo.body import HALF_WIDTH, make_body, paint_lungs, paint_ribs, paint_wall
from core.demo.bowel import paint_colon, paint_small_bowel, paint_stomach
from core.demo.canvas import Canvas, Frame
from core.demo.lesions import choose_lesions, paint_lesion
from core.demo.organs import (
    liver_distance,
    paint_adrenals,
    paint_gallbladder,
    paint_kidneys,
    paint_liver,
    paint_pancreas,
    paint_spleen,
)
from core.demo.scanner import SCANNERS, Scanner, add_table, scan
from core.demo.shapes import Field
from core.demo.spine import paint_muscles, paint_spine
from core.demo.tissue import ARTERIAL, NATIVE, PORTAL, Phase
from core.demo.vessels import paint_great_vessels, paint_mesentery
from core.geometry import Geometry, Triple, Zyx
from core.volume import Volume

#: Standard-body mm at the middle of the body in front-back direction: the fat in front is thicker.
_MIDDLE_Y = -4.0


@dataclass(frozen=True, slots=True)
class Case:
    """A phantom. labels uint8 [z, y, x]: 1 tumour, 2 the rest of the liver."""

    volume: Volume
    labels: NDArray[np.uint8]
    scanner: Scanner
    phase: Phase


@dataclass(frozen=True, slots=True)
class _Person:
    """What differs from body to body. size: mm per standard mm (z, y, x); fat: mm on the belly."""

    size: tuple[float, float, float]
    fat: float
    liver: float
    phase: Phase
    steatosis: float


def _person(rng: np.random.Generator) -> _Person:
    tall = float(rng.normal(1.0, 0.05))
    wide = float(np.clip(rng.normal(1.0, 0.06), 0.9, 1.12))
    # Mostly portal venous, as liver protocols are.
    phase = (PORTAL, ARTERIAL, NATIVE)[int(rng.choice(3, p=(0.8, 0.12, 0.08)))]
    return _Person(
        size=(tall, wide * float(rng.uniform(0.95, 1.06)), wide),
        fat=float(np.clip(rng.gamma(3.2, 5.5), 7, 38)),
        liver=float(rng.uniform(0.92, 1.08)),
        phase=phase,
        steatosis=float(rng.choice((0.0, 0.0, 0.0, 22.0))),
    )


def make_case(seed: int, shape: Zyx, spacing: Triple, lesions: int | None = None) -> Case:
    """A synthetic CT of the upper abdomen. The same arguments give the same case.

    shape, spacing: (z, y, x), mm. lesions: how many tumours to try for; 1 to 4 by chance when
    None. The label map has at least one tumour. Raises ValueError when the grid is too small to
    hold part of a liver.
    """
    rng = np.random.default_rng([seed, 176])
    person = _person(rng)
    scanner = SCANNERS[int(rng.integers(len(SCANNERS)))]
    count = int(rng.integers(1, 5)) if lesions is None else lesions
    full, frame, corner = _frames(shape, spacing, person)
    canvas = Canvas(frame, rng)
    skin = _paint(canvas, person, count)
    if not (canvas.labels == 1).any():
        raise ValueError("the grid is too small to hold a liver with a tumour")
    hu = np.full(shape, -1000.0, np.float32)
    outside = np.full(shape, 50.0, np.float32)
    labels = np.zeros(shape, np.uint8)
    hu[corner] = np.where(skin < 3, canvas.hu, -1000)
    outside[corner] = skin
    labels[corner] = canvas.labels
    lowest = np.flatnonzero((outside < 0).any(axis=(0, 2)))[-1]
    add_table(hu, spacing[2], float(lowest))
    values = scan(hu, spacing, scanner, outside, rng)
    return Case(Volume(values, full), labels, scanner, person.phase)


def field_of_view(seed: int) -> float:
    """Side in mm of the square image that just holds the body of ``seed``, in steps of 10 mm."""
    person = _person(np.random.default_rng([seed, 176]))
    width = 2 * (HALF_WIDTH * person.size[2] + 0.95 * person.fat) + 24
    return float(np.ceil(width / 10) * 10)


def _frames(
    shape: Zyx, spacing: Triple, person: _Person
) -> tuple[Geometry, Frame, tuple[slice, slice, slice]]:
    """The series' grid, the part of it that the body fills, and where that part lies."""
    span = [n * s for n, s in zip(shape, spacing, strict=True)]
    # From the lower poles of the kidneys to the domes; longer scans reach up and down.
    start_z = 12.0 * person.size[0] - span[0] / 2
    half = (100 * person.size[1] + person.fat * 1.35 + 14, 150 * person.size[2] + person.fat + 12)
    corner: list[slice] = [slice(0, shape[0])]
    starts = [start_z / person.size[0]]
    for axis in (1, 2):
        middle = (shape[axis] - 1) / 2
        offset = _MIDDLE_Y if axis == 1 else 0.0
        reach = half[axis - 1] / spacing[axis]
        first = max(0, int(middle - reach))
        last = min(shape[axis], int(middle + reach) + 1)
        corner.append(slice(first, last))
        starts.append(((first - middle) * spacing[axis] + offset) / person.size[axis])
    part = (corner[0], corner[1], corner[2])
    inner = tuple(s.stop - s.start for s in part)
    frame = Frame(
        (inner[0], inner[1], inner[2]), spacing, (starts[0], starts[1], starts[2]), person.size
    )
    origin = (-(shape[2] - 1) / 2 * spacing[2], -(shape[1] - 1) / 2 * spacing[1] + 150.0, start_z)
    return Geometry(shape, spacing, origin), frame, part


def _paint(canvas: Canvas, person: _Person, lesions: int) -> Field:
    """Paint the whole body, deep layers first; returns the distance to the skin."""
    rng = canvas.rng
    phase = person.phase
    body = make_body(canvas, person.fat)
    canvas.hu[body.skin > 0] = -1000
    paint_wall(canvas, body)
    paint_lungs(canvas, body, phase)
    paint_mesentery(canvas, body, phase)
    paint_small_bowel(canvas, body, phase, oral=bool(rng.uniform() < 0.2))
    paint_colon(canvas, body, phase)
    paint_pancreas(canvas, phase, fatty=float(rng.uniform(0, 1)))
    paint_stomach(canvas, body, phase, full=float(rng.uniform(0.1, 1)))
    paint_spleen(canvas, body, phase, size=float(rng.uniform(0.9, 1.08)))
    liver = liver_distance(canvas, body, person.liver)
    liver_hu = phase.liver - person.steatosis
    paint_liver(canvas, body, liver, phase, liver_hu)
    for lesion in choose_lesions(canvas, liver, lesions):
        paint_lesion(canvas, body, lesion, liver_hu, liver)
    paint_gallbladder(canvas, body, stone=bool(rng.uniform() < 0.25))
    paint_kidneys(canvas, body, phase, cyst=bool(rng.uniform() < 0.3))
    paint_adrenals(canvas)
    paint_muscles(canvas, body)
    paint_great_vessels(canvas, body, phase, plaque=bool(rng.uniform() < 0.5))
    paint_ribs(canvas, body, phase=float(rng.normal(40, 4)))
    paint_spine(canvas)
    return body.skin
