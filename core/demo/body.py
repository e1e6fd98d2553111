"""The outside of the phantom: skin, fat, muscle wall, ribs, diaphragm, lungs.

Everything here is written in polar terms: ``phi`` is 0 in front and ±pi at the back, ``depth`` the
radial distance to the outer face of the muscle wall (negative inside), ``side`` the way round from
the back (0) to the front (1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.demo.canvas import Box, Canvas
from core.demo.shapes import Field, Point, ellipse, ellipsoid, smooth_max
from core.demo.tissue import Phase

#: Half axes of the muscle wall, mm: a slim adult is about 30 cm wide and 20 cm deep without fat.
HALF_WIDTH, HALF_DEPTH = 146.0, 100.0
#: Vertebrae and ribs repeat at this distance along z, mm.
PITCH = 31.0
DOME_RIGHT, DOME_LEFT = 96.0, 86.0


@dataclass(slots=True)
class Body:
    """Fields over the whole canvas that later painters need.

    depth: mm from the outer face of the muscle wall. wall: its thickness. dome: z of the diaphragm
    there. cavity: distance to the abdominal cavity (negative inside, below the diaphragm).
    thorax: the same for the pleural cavity. skin: distance to the skin. fat_mm: mean fat.
    """

    depth: Field
    side: Field
    wall: Field
    dome: Field
    cavity: Field
    thorax: Field
    skin: Field

    def all(self) -> Box:
        """The whole canvas as a box."""
        z, y, x = self.depth.shape
        return (slice(0, z), slice(0, y), slice(0, x))


def make_body(canvas: Canvas, fat_mm: float) -> Body:
    """Work out the fields. fat_mm: thickness of the fat over the belly."""
    x, y, z = canvas.x, canvas.y, canvas.z
    phi = np.arctan2(x, -y)
    side = 1 - np.abs(phi) / np.float32(np.pi)
    radius = np.sqrt(x * x + y * y)
    # A superellipse with a flatter back, drawn in a little at the waist.
    waist = 1 - 0.05 * np.exp(-(((z + 45) / 55) ** 2))
    u = np.abs(x) / (HALF_WIDTH * waist)
    v = np.maximum(y / np.float32(HALF_DEPTH * 0.97), -y / np.float32(HALF_DEPTH))
    # Exponent 2.5 by square roots: a power of every voxel costs ten times as much.
    ring = (u * u * np.sqrt(u) + v * v * np.sqrt(v)) ** np.float32(0.4)
    furrow = 5.0 * np.exp(-((side / 0.05) ** 2))
    depth = radius * (1 - 1 / np.maximum(ring, 1e-3)) + furrow
    lumps = canvas.noise(70.0)
    fat = fat_mm * (0.62 + 0.42 * side**2 + 0.3 * np.exp(-(((side - 0.25) / 0.18) ** 2)))
    fat *= (1 + 0.1 * lumps) * (1.08 - z / 700)
    fat += furrow * 0.6
    back = np.exp(-((side / 0.155) ** 2))
    wall = 16.5 + 36 * back - 3.5 * np.exp(-(((side - 0.95) / 0.12) ** 2))
    wall += 1.1 * canvas.noise(45.0)
    # The diaphragm: two flat-topped domes that fall steeply towards the wall, deepest behind.
    q = np.clip(1 + (depth + wall) / np.maximum(radius - depth, 60), 0, 1.2)
    tilt = 0.5 + 0.5 * np.tanh(x / 25)
    top = DOME_RIGHT + (DOME_LEFT - DOME_RIGHT) * tilt - 9 * np.exp(-((x / 30) ** 2))
    fall = 46 + 66 * (1 - side) + 2.0 * lumps
    power = q * q * q
    dome = top - fall * power * power
    # The slope of the dome turns a height above it into a distance.
    steep = 6 * fall * power * q * q / np.maximum(radius - depth, 60)
    flat = np.sqrt(1 + steep * steep)
    inside = depth + wall
    return Body(
        depth=depth,
        side=side,
        wall=wall,
        dome=dome,
        cavity=smooth_max(inside, (z - dome) / flat + 2.0, 8.0),
        thorax=smooth_max(inside, (dome - z) / flat, 5.0),
        skin=smooth_max(depth - fat, y - 98 - 0.45 * fat_mm, 24.0),
    )


def paint_wall(canvas: Canvas, body: Body) -> None:
    """Fat with its septa, skin, and the muscle wall with its fascial planes."""
    full = body.all()
    web = canvas.noise((16.0, 9.0, 14.0))
    canvas.hu += 16 * np.exp(-((web / 0.09) ** 2)) + 3 * canvas.noise(14.0)
    depth, side, wall = body.depth, body.side, body.wall
    canvas.paint(full, np.abs(body.skin + 1.0) - 1.1, 8.0)
    strands = canvas.noise((60.0, 5.0, 5.0))
    muscle = 57 + 5 * strands - 62 * np.exp(-(((strands - 1.2) / 0.3) ** 2))
    shell = np.maximum(depth, -depth - wall)
    canvas.paint(full, shell, muscle)
    z = canvas.z
    lateral = np.exp(-(((side - 0.52) / 0.24) ** 4))
    ripple = 0.8 * web
    for level, strength in ((-5.2, 0.95), (-10.8, 0.8)):
        canvas.paint(full, np.abs(depth - level + ripple) - 0.75 * lateral, -70.0, opacity=strength)
    # Front: linea alba between the two recti, and the gap at their outer edge.
    front = np.maximum(shell, -canvas.y)
    belly = z < body.dome
    gap = np.where(belly, np.abs(np.abs(canvas.x) - 62 + 0.12 * z) - 2.2, 9)
    canvas.paint(full, np.maximum(np.maximum(front, canvas.y), gap), -80.0, opacity=0.8)
    canvas.paint(full, np.maximum(np.maximum(shell, canvas.y), np.abs(canvas.x) - 2.0), -60.0)
    # Back: the two columns of the erector spinae, parted from the outer muscles by fat.
    column = ellipse(np.abs(canvas.x), canvas.y, (33.0, 76.0), (28.0, 19.0))
    canvas.paint(full, np.maximum(np.abs(column) - 0.9, shell), -75.0, opacity=0.75)
    split = ellipse(np.abs(canvas.x), canvas.y, (20.0, 76.0), (13.0, 17.0))
    canvas.paint(full, np.maximum(np.abs(split) - 0.5, shell), -40.0, opacity=0.5)


def paint_ribs(canvas: Canvas, body: Body, phase: float) -> None:
    """Twelve pairs of oblique arcs in the wall, cartilage in front, and the sternum.

    One distance serves all ribs: at each place of the wall the nearest one is found from z.
    phase: z of the twelfth rib's head, mm.
    """
    full = body.all()
    side, z = body.side, canvas.z
    depth = body.depth + 9.5 + 25 * np.exp(-((side / 0.135) ** 2))
    turn = np.clip(side / 0.70, 0, 1)
    drop = 96 * np.sin(np.pi / 2 * turn) ** np.float32(1.15)
    rise = np.maximum(side - 0.72, 0) * 210
    number = (z + drop - rise - phase) / np.float32(PITCH * 0.86)
    nearest = np.clip(np.rint(number), 0, 9)
    off = (number - nearest) * np.float32(PITCH * 0.86 * 0.93)
    reach = np.asarray([0.27, 0.47, 0.64, 0.68, 0.71, 0.74, 0.76, 0.78, 0.79, 0.8], np.float32)
    end = reach[nearest.astype(np.intp)]
    wobble = 1 + 0.12 * canvas.noise(28.0)
    bar = (np.sqrt((off / (6.6 * wobble)) ** 2 + (depth / (3.7 * wobble)) ** 2) - 1) * 4.2
    along = (np.maximum(0.055 - side, side - end)) * 400
    rib = np.maximum(bar, along)
    in_front = np.where(nearest >= 2, np.maximum(bar + 0.3, (end + 0.003 - side) * 400), 9.0)
    in_front = np.maximum(in_front, 15 - np.abs(canvas.x))
    canvas.paint(full, in_front, 105.0)
    bone(canvas, full, rib, cortex=600.0, marrow=160.0, rim=1.2)
    sternum = ellipsoid(canvas.x, body.depth + 8.0, np.minimum(z - 100, 0), (0, 0, 0), (17, 5, 46))
    sternum = np.maximum(sternum, canvas.y)
    bone(canvas, full, sternum, cortex=420.0, marrow=150.0, rim=1.2)


def bone(
    canvas: Canvas, box: Box, distance: Field, *, cortex: float, marrow: float, rim: float
) -> None:
    """A bone with a bright cortex ``rim`` mm thick and marrow within."""
    canvas.paint(box, distance, cortex)
    canvas.paint(box, distance + rim, marrow, label=None, edge=canvas.edge * 1.2)


def paint_lungs(canvas: Canvas, body: Body, phase: Phase) -> None:
    """Air above the diaphragm with its vessels, the heart and the fat beside it."""
    # Nothing of the lungs hangs lower than this.
    box = canvas.box((-1e3, -1e3, -30.0), (1e3, 1e3, 1e3))
    if box is None:
        return
    x, y, z = canvas.xyz(box)
    middle = ellipse(x, y, (2.0, 34.0), (27.0, 36.0))
    heart_fat = ellipsoid(x, y, z, (20.0, -40.0, 132.0), (76.0, 62.0, 62.0))
    hole = smooth_max(-middle, -heart_fat, 10.0)
    lung = smooth_max(body.thorax[box], hole, 6.0)
    air = -865 + 16 * canvas.noise(24.0, box) + 22 * np.clip(y / 80, -1, 1)
    canvas.paint(box, lung, air, edge=canvas.edge * 1.5)
    # The diaphragm itself, seen as a thin line where fat or stomach lies below it.
    # (dome - z) / slope is what ``cavity`` and ``thorax`` hold away from the wall.
    sheet = np.maximum(np.abs(body.thorax[box] - 1.2) - 1.2, (body.depth + body.wall)[box] + 1)
    canvas.paint(box, sheet, 52.0)
    heart = ellipsoid(x, y, z, (24.0, -38.0, 138.0), (64.0, 50.0, 58.0))
    blood = 0.5 * (phase.aorta + phase.veins)
    canvas.paint(box, heart, min(0.72 * blood + 10, 118.0) + 4 * canvas.noise(12.0, box))
    left = ellipsoid(x, y, z, (46.0, -28.0, 142.0), (32.0, 26.0, 44.0))
    right = ellipsoid(x, y, z, (-6.0, -44.0, 140.0), (27.0, 30.0, 44.0))
    canvas.paint(box, left, phase.aorta * 0.96)
    canvas.paint(box, right, blood)
    for sign in (-1, 1):
        for _ in range(75):
            _lung_vessel(canvas, body, sign)


def _lung_vessel(canvas: Canvas, body: Body, sign: int) -> None:
    rng = canvas.rng
    start = np.asarray([sign * rng.uniform(24, 48), rng.uniform(-25, 40), rng.uniform(110, 165)])
    angle = rng.uniform(0, 2 * np.pi)
    spread = rng.uniform(0.3, 1.0) ** 0.5
    tip = np.asarray(
        [
            sign * (78 + 60 * spread * np.cos(angle)),
            5 + 72 * spread * np.sin(angle),
            rng.uniform(20, 95) + 15,
        ]
    )
    middle = (start + tip) / 2 + rng.normal(0, 7, 3)
    points: list[Point] = [(float(p[0]), float(p[1]), float(p[2])) for p in (start, middle, tip)]
    wide = rng.uniform(1.8, 4.2)
    found = canvas.tube(points, [wide, wide * 0.62, 0.5], 1.5)
    if found:
        box, distance = found
        canvas.paint(box, np.maximum(distance, body.thorax[box] + 3), 45.0)
