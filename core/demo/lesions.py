"""Tumours: 1 to 4 a case, in the liver and now and then in the fat behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.demo.body import Body
from core.demo.canvas import Canvas
from core.demo.shapes import Field, Point, ellipsoid

TUMOUR = 1


@dataclass(frozen=True, slots=True)
class Lesion:
    """centre (x, y, z) and radius in standard mm; necrotic: with a dead core and a bright rim."""

    centre: Point
    radius: float
    necrotic: bool


def choose_lesions(canvas: Canvas, liver: Field, count: int) -> list[Lesion]:
    """Places well inside the liver, apart from each other, from 6 to 27 mm in radius.

    liver: distance to the liver over the whole canvas.
    """
    rng = canvas.rng
    chosen: list[Lesion] = []
    for number in range(count):
        # The first one is never tiny, so that every case has something to see.
        radius = float(rng.uniform(13, 27) if number == 0 else 6 * np.exp(rng.uniform(0, 1.15)))
        spot = _place(canvas, liver, radius, chosen)
        if spot is not None:
            chosen.append(Lesion(spot, radius, radius > 12 and bool(rng.uniform() < 0.55)))
    return chosen


def _place(canvas: Canvas, liver: Field, radius: float, others: list[Lesion]) -> Point | None:
    # A coarse look at the liver is enough to find a centre. Some lesions touch the capsule.
    stride = (slice(None, None, 2), slice(None, None, 3), slice(None, None, 3))
    deep = liver[stride] < -0.75 * radius
    x, y, z = (field[stride][deep] for field in (canvas.x, canvas.y, canvas.z))
    low, high = float(canvas.axes[0][0]), float(canvas.axes[0][-1])
    good = (z > low + 0.5 * radius) & (z < high - 0.5 * radius)
    # The vena cava is not displaced by what is painted here, so nothing may lie round it.
    good &= np.hypot(x + 21, y - 4) > radius + 15
    for other in others:
        ox, oy, oz = other.centre
        apart = np.sqrt((x - ox) ** 2 + (y - oy) ** 2 + (z - oz) ** 2)
        good &= apart > 1.5 * (radius + other.radius)
    places = np.flatnonzero(good)
    if places.size == 0:
        return None
    pick = int(places[int(canvas.rng.integers(places.size))])
    return (float(x[pick]), float(y[pick]), float(z[pick]))


def paint_lesion(canvas: Canvas, body: Body, lesion: Lesion, liver_hu: float, limit: Field) -> None:
    """Irregular border, uneven inside; writes :data:`TUMOUR` into the label map.

    limit: distance to the organ that holds it; the lesion bulges at most 2 mm beyond it.
    """
    rng = canvas.rng
    r = lesion.radius
    low = (lesion.centre[0] - 2.1 * r, lesion.centre[1] - 2.1 * r, lesion.centre[2] - 2.1 * r)
    high = (lesion.centre[0] + 2.1 * r, lesion.centre[1] + 2.1 * r, lesion.centre[2] + 2.1 * r)
    box = canvas.box(low, high)
    if box is None:
        return
    x, y, z = canvas.xyz(box)
    squeeze = rng.uniform(0.82, 1.2, 3)
    radii = (r * float(squeeze[0]), r * float(squeeze[1]), r * float(squeeze[2]))
    distance = ellipsoid(x, y, z, lesion.centre, radii)
    distance = distance + 0.17 * r * canvas.noise(max(0.9 * r, 7.0), box)
    distance = distance + 0.05 * r * canvas.noise(max(0.35 * r, 4.0), box)
    distance = np.maximum(distance, limit[box] - 2)
    distance = np.maximum(distance, body.cavity[box] + 1.0)
    base = liver_hu - float(rng.uniform(34, 58))
    uneven = 5 * canvas.noise(max(0.5 * r, 4.0), box) + 3 * canvas.noise(4.0, box)
    canvas.paint(box, distance, base + uneven, label=TUMOUR, edge=canvas.edge * 1.6)
    if lesion.necrotic:
        rim = np.abs(distance + 1.8) - 1.6
        ring = canvas.noise(0.8 * r, box)
        canvas.paint(box, rim, liver_hu + 16 + 8 * ring, label=None, opacity=0.75)
        core = distance + 0.42 * r + 0.12 * r * ring
        canvas.paint(box, core, 24 + 0.6 * uneven, label=None, edge=canvas.edge * 3)
