"""Liver, gallbladder, spleen, pancreas, adrenals and kidneys."""

from __future__ import annotations

import math

import numpy as np

from core.demo.body import Body
from core.demo.canvas import Canvas
from core.demo.shapes import Field, Point, curve, ellipse, ellipsoid, smooth_max
from core.demo.tissue import Phase
from core.demo.vessels import paint_liver_veins

FAT = -104.0


def liver_distance(canvas: Canvas, body: Body, size: float) -> Field:
    """Distance to the liver over the whole canvas. size: about 1."""
    x, y, z = canvas.x, canvas.y, canvas.z
    lumps = 2.2 * canvas.noise(38.0)
    shear = 0.30 * (28 - z)
    right = ellipsoid(x + shear, y, z, (-72.0, -2.0, 26.0), (80.0 * size, 90.0, 98.0 * size))
    # The left lobe thins out to the side and towards the feet.
    thin = np.clip((x + 20) / 90, 0, 1)
    left = ellipsoid(x, y + 8 * thin, z - 10 * thin, (0.0, -46.0, 46.0), (78.0 * size, 38.0, 44.0))
    left = left + 9 * thin
    caudate = ellipsoid(x, y, z, (-12.0, -8.0, 44.0), (17.0, 15.0, 28.0))
    solid = -smooth_max(-right, -left, 22.0)
    solid = -smooth_max(-solid, -caudate, 6.0) + lumps
    # The under side is hollow where duodenum, pancreas head and stomach lie.
    hollow = ellipsoid(x, y, z, (2.0, 4.0, -22.0), (54.0, 56.0, 46.0))
    stomach = ellipsoid(x, y, z, (58.0, 8.0, 44.0), (52.0, 46.0, 70.0))
    solid = smooth_max(solid, -hollow, 10.0)
    solid = smooth_max(solid, -stomach, 8.0)
    return smooth_max(solid, body.cavity + 1.2, 6.0)


def paint_liver(canvas: Canvas, body: Body, liver: Field, phase: Phase, hu: float) -> None:
    """Parenchyma, fissures and veins; label 2 is set where the liver is."""
    full = body.all()
    x, y, z = canvas.x, canvas.y, canvas.z
    canvas.paint(full, np.maximum(liver - 2.0, body.cavity), FAT)
    texture = hu + 2.2 * canvas.noise(9.0) + 2.5 * canvas.noise(40.0)
    canvas.paint(full, liver, texture, label=2)
    wave = 3.0 * canvas.noise(30.0)
    slant = x + 14 + 0.30 * (y + 40) + wave
    fissure = np.maximum(
        np.abs(slant) - 1.2 + 0.25 * wave, np.maximum(y + 26, z - 42 - 0.3 * (y + 60))
    )
    canvas.paint(full, np.maximum(fissure, liver), FAT + 15)
    venosum = np.maximum(
        np.abs(y + 24 + 0.35 * x + 1.5 * wave) - 0.8, np.maximum(np.abs(x + 2) - 13, 34 - z)
    )
    canvas.paint(full, np.maximum(np.maximum(venosum, z - 66), liver), FAT + 10)
    hilum = ellipsoid(x, y, z, (-32.0, -12.0, 30.0), (17.0, 9.0, 8.0)) + 2.5 * canvas.noise(12.0)
    canvas.paint(full, np.maximum(hilum, liver), FAT + 20)
    paint_liver_veins(canvas, liver, phase)


def paint_gallbladder(canvas: Canvas, body: Body, stone: bool) -> None:
    """A pear of bile under the right lobe."""
    box = canvas.box((-80, -80, -50), (-15, -5, 30))
    if box is None:
        return
    x, y, z = canvas.xyz(box)
    u = z + 0.5 * (y + 40)
    pear = ellipsoid(x, y, u, (-44.0, -44.0, -8.0), (14.0, 24.0, 22.0))
    pear = np.maximum(pear, body.cavity[box] + 3)
    canvas.paint(box, pear - 3.5, FAT)
    canvas.paint(box, pear - 0.6, 60.0)
    canvas.paint(box, pear + 0.6, 9.0)
    if stone:
        spot = ellipsoid(x, y, z, (-44.0, -34.0, -12.0), (5.0, 4.0, 4.5))
        canvas.paint(box, spot, 320.0)
        canvas.paint(box, spot + 2.0, 90.0)


def paint_spleen(canvas: Canvas, body: Body, phase: Phase, size: float) -> None:
    """A crescent between stomach and wall, high on the left and behind."""
    box = canvas.box((35, -40, -50), (150, 110, 100))
    if box is None:
        return
    x, y, z = canvas.xyz(box)
    outer = ellipsoid(x, y, z, (90.0, 34.0, 40.0), (54.0 * size, 54.0 * size, 50.0 * size))
    dent = ellipsoid(x, y, z, (58.0, 2.0, 38.0), (38.0, 44.0, 80.0))
    spleen = smooth_max(outer, -dent, 9.0) + 1.6 * canvas.noise(22.0, box)
    spleen = smooth_max(spleen, body.cavity[box] + 1.5, 6.0)
    canvas.paint(box, np.maximum(spleen - 2.5, body.cavity[box]), FAT)
    mottle = 14 if phase.aorta > 250 else 2
    canvas.paint(box, spleen, phase.spleen + mottle * canvas.noise(13.0, box))


def paint_pancreas(canvas: Canvas, phase: Phase, fatty: float) -> None:
    """Lobulated, from the duodenum over the spine to the spleen; fatty: 0 to 1."""
    path = curve(
        [(-34, -10, -16), (-22, -22, -4), (-2, -30, 6), (24, -20, 16), (50, 2, 24), (74, 20, 30)]
    )
    radii = np.interp(np.linspace(0, 1, len(path)), [0, 0.2, 0.45, 0.8, 1], [15, 13, 9, 10.5, 6])
    found = canvas.tube(path, [float(r) for r in radii], margin=6.0)
    if not found:
        return
    box, distance = found
    lobes = canvas.noise(6.0, box)
    distance = distance + 1.6 * lobes
    canvas.paint(box, distance - 2.5, FAT)
    hu = phase.pancreas - (14 + 40 * fatty) * np.clip(lobes - 0.4, 0, 1.5)
    canvas.paint(box, distance, hu)
    duct = canvas.tube(path[3:], 0.8)
    if duct:
        canvas.paint(*duct, 35.0, opacity=0.7)


def paint_adrenals(canvas: Canvas) -> None:
    """Thin inverted Y above each kidney."""
    for centre in ((-36.0, 20.0, 30.0), (36.0, 20.0, 26.0)):
        x, y, z = centre
        sign = 1 if x > 0 else -1
        limbs: tuple[tuple[Point, Point], ...] = (
            ((x, y - 9, z + 6), (x + sign, y + 2, z)),
            ((x + sign, y + 2, z), (x + 7 * sign, y + 15, z - 8)),
            ((x + sign, y + 2, z), (x - 4 * sign, y + 15, z - 8)),
        )
        for start, end in limbs:
            found = canvas.tube([start, end], [2.6, 1.7])
            if found:
                canvas.paint(*found, 72.0)


def paint_kidneys(canvas: Canvas, body: Body, phase: Phase, cyst: bool) -> None:
    """Cortex, pyramids, sinus fat and pelvis, in their bed of perirenal fat."""
    for centre in ((-62.0, 38.0, -24.0), (63.0, 37.0, -10.0)):
        _paint_kidney(canvas, body, phase, centre)
    if cyst:
        rng = canvas.rng
        spot = (float(rng.uniform(80, 88)), float(rng.uniform(36, 50)), float(rng.uniform(-30, 15)))
        found = canvas.tube([spot, (spot[0], spot[1], spot[2] + 2)], float(rng.uniform(7, 12)))
        if found:
            canvas.paint(*found, 6.0)


def _paint_kidney(canvas: Canvas, body: Body, phase: Phase, centre: Point) -> None:
    """One kidney; the right one where ``centre`` lies on the right."""
    box = canvas.box(
        (centre[0] - 50, centre[1] - 48, centre[2] - 78),
        (centre[0] + 50, centre[1] + 48, centre[2] + 78),
    )
    if box is None:
        return
    sign = 1 if centre[0] > 0 else -1
    x, y, z = canvas.xyz(box)
    cx, cy, cz = centre
    # Upper pole towards the spine and back, hilum turned a little forward.
    u = (x - cx) * sign + 0.16 * (z - cz)
    v = y - cy - 0.10 * (z - cz)
    turn = 0.45
    out = u * math.cos(turn) + v * math.sin(turn)
    front = -u * math.sin(turn) + v * math.cos(turn)
    w = z - cz
    inside = body.cavity[box]
    bed = ellipsoid(u, v, w, (0, 2, 0), (33.0, 30.0, 55.5))
    canvas.paint(box, np.maximum(bed, inside), FAT + 4 * canvas.noise(8.0, box))
    canvas.paint(box, np.maximum(np.abs(bed) - 0.5, inside + 1), -50.0, opacity=0.7)
    lumps = 1.0 * canvas.noise(14.0, box)
    kidney = ellipsoid(out, front, w, (0, 0, 0), (28.0, 23.5, 53.0)) + lumps
    sinus = ellipsoid(out, front, w, (-17.0, 0, 0), (21.0, 10.5, 27.0)) + 1.5 * lumps
    mouth = ellipse(out, w, (-28.0, 0.0), (17.0, 20.0))
    kidney = smooth_max(kidney, -np.maximum(mouth, np.abs(front) - 9), 4.0)
    canvas.paint(box, kidney, phase.cortex)
    # Pyramids point at the sinus: fans of medulla parted by columns of cortex.
    around = np.arctan2(front, out + 10)
    fans = np.cos(around * 5.0 + 0.6) * np.cos(w / 7.2 + 0.8 * np.sign(front)) + 0.35
    depth = np.clip(-kidney - 6.5, -2, 2) / 2
    pyramid = np.clip(fans * 2.4, 0, 1) * np.clip(depth, 0, 1)
    canvas.paint(box, kidney + 5.5, phase.cortex + (phase.medulla - phase.cortex) * pyramid)
    canvas.paint(box, sinus, -88.0)
    pelvis = ellipsoid(out, front, w, (-19.0, 0, 0), (11.0, 4.6, 10.0))
    canvas.paint(box, np.minimum(pelvis, np.maximum(sinus + 7.5, np.abs(fans) * 9 - 2)), 14.0)
    ureter = canvas.tube(
        [(sign * 40.0, 30.0, cz - 4), (sign * 32.0, 26.0, cz - 36), (sign * 30.0, 24.0, -120.0)],
        2.2,
    )
    if ureter:
        canvas.paint(*ureter, 14.0)
