"""Vertebrae with their arches and processes, discs, canal, and the muscles beside the spine."""

from __future__ import annotations

import numpy as np

from core.demo.body import PITCH, Body, bone
from core.demo.canvas import Box, Canvas
from core.demo.shapes import Field, Point, capsule, ellipse, smooth_max


def paint_muscles(canvas: Canvas, body: Body) -> None:
    """Psoas and quadratus lumborum below the diaphragm, its crura in front of the spine."""
    x, z = canvas.x, canvas.z
    full = body.all()
    mirrored = np.abs(x)
    grow = np.clip((8 - z) / 90, 0, 1.1)
    psoas = ellipse(mirrored, canvas.y, (32.0, 44.0), (15.0, 20.0)) + 12 * (1 - grow)
    psoas = np.maximum(psoas, z - 18)
    texture = 60 + 3.5 * canvas.noise((30.0, 5.0, 5.0))
    canvas.paint(full, psoas, texture)
    slope = canvas.y + 0.3 * (mirrored - 52)
    quadratus = ellipse(mirrored, slope, (53.0, 60.0), (19.0, 8.5)) + 4 * (1 - grow)
    canvas.paint(full, np.maximum(quadratus, z - 22), texture)
    for sign in (-1, 1):
        crus = canvas.tube(
            [(sign * 13.0, 21.0, -35.0), (sign * 17.0, 14.0, 25.0), (sign * 15.0, -2.0, 84.0)],
            [2.5, 5.0, 4.0],
        )
        if crus:
            box, distance = crus
            canvas.paint(box, np.maximum(distance, body.thorax[box] * -1 - 60), 60.0)


def paint_spine(canvas: Canvas) -> None:
    """All vertebrae that the canvas reaches; z = 0 is the middle of the first lumbar body."""
    first = int(np.floor((float(canvas.axes[0][0]) - 30) / PITCH))
    last = int(np.ceil((float(canvas.axes[0][-1]) + 30) / PITCH))
    column = canvas.box((-30, 18, -1000), (30, 80, 1000))
    if column is None:
        return
    _paint_canal_and_discs(canvas, column)
    for number in range(first, last + 1):
        _paint_vertebra(canvas, number * PITCH, size=1.0 - 0.018 * number, lumbar=number <= 0)


def _paint_canal_and_discs(canvas: Canvas, box: Box) -> None:
    x, y, z = canvas.xyz(box)
    disc = smooth_max(
        ellipse(x, y, (0.0, 40.0), (24.0, 17.5)), -ellipse(x, y, (0.0, 69.0), (13.0, 13.5)), 4.0
    )
    core = np.clip(disc / 12, -1, 0)
    canvas.paint(box, disc, 84 - 18 * core)
    canal = ellipse(x, y, (0.0, 66.0), (12.0, 10.0))
    canvas.paint(box, canal, -70.0)
    canvas.paint(box, ellipse(x, y, (0.0, 66.0), (9.5, 8.0)), 22.0)
    cord = ellipse(x, y, (0.0, 66.5), (5.0, 3.8))
    canvas.paint(box, np.maximum(cord, -10 - z), 44.0)
    # Nerve roots of the cauda equina lie as a faint crescent at the back of the sac.
    canvas.paint(box, np.maximum(ellipse(x, y, (0.0, 69.5), (6.5, 2.6)), z + 10), 40.0)


def _paint_vertebra(canvas: Canvas, centre: float, size: float, lumbar: bool) -> None:
    reach = 62.0 if lumbar else 48.0
    box = canvas.box((-reach, 15, centre - 34), (reach, 122, centre + 20))
    if box is None:
        return
    x, y, z = canvas.xyz(box)
    z = z - np.float32(centre)
    body = _vertebral_body(x, y, z, size)
    cancellous = 185 + 34 * canvas.noise(4.5, box) + 12 * canvas.noise(12.0, box)
    canvas.paint(box, body, 560.0)
    inner = np.maximum(body + 1.5, np.abs(z) - 10.6)
    canvas.paint(box, inner, cancellous, label=None)
    arch = _arch(x, y, z, size, lumbar)
    canal = ellipse(x, y, (0.0, 66.0), (11.5 * size, 9.8))
    arch = np.maximum(arch, -canal)
    bone(canvas, box, np.maximum(arch, -body - 1.0), cortex=640.0, marrow=260.0, rim=2.1)
    if not lumbar:
        _rib_heads(canvas, box, x, y, z)


def _vertebral_body(x: Field, y: Field, z: Field, size: float) -> Field:
    flare = 1.7 * (z / 12) ** 2 - 1.2
    outline = ellipse(x, y, (0.0, 40.0), (23.0 * size, 16.8 * size)) - flare
    outline = smooth_max(outline, -ellipse(x, y, (0.0, 69.5), (14.0, 13.5)), 4.0)
    return smooth_max(outline, np.abs(z) - 12.2, 2.0)


def _arch(x: Field, y: Field, z: Field, size: float, lumbar: bool) -> Field:
    """Pedicles, laminae, facets, transverse and spinous processes as one distance."""
    mirrored = np.abs(x)
    wide = 16.0 * size

    def bar(start: Point, end: Point, radius: float, end_radius: float, tall: float) -> Field:
        # Taller than thick: squash z before measuring.
        low = (start[0], start[1], start[2] / tall)
        high = (end[0], end[1], end[2] / tall)
        return capsule((mirrored, y, z / tall), low, high, radius, end_radius)

    pedicle = bar((wide - 1, 50, 4), (wide, 72, 4), 4.3, 4.6, 1.7)
    lamina = bar((wide - 1, 74, 0), (1.5, 84, -7), 3.4, 3.4, 2.6)
    spine = bar((0, 83, -8), (0, 94, -14 if lumbar else -22), 2.8, 3.4, 2.6 if lumbar else 1.8)
    facet = bar((wide + 2, 76, 9), (wide + 1, 79, -19), 5.2, 5.0, 1.0)
    if lumbar:
        transverse = bar((wide, 72, 1), (46, 80, 2), 4.2, 2.6, 1.5)
    else:
        transverse = bar((wide, 74, 2), (33, 86, 5), 4.6, 4.6, 1.3)
    distance = np.minimum(np.minimum(pedicle, lamina), np.minimum(spine, facet))
    return np.minimum(distance, transverse)


def _rib_heads(canvas: Canvas, box: Box, x: Field, y: Field, z: Field) -> None:
    """Head and neck of the rib, from the side of the body to the transverse process."""
    mirrored = np.abs(x)
    neck = capsule((mirrored, y, z), (25, 53, 8), (42, 79, 5), 4.6, 4.0)
    bone(canvas, box, neck, cortex=600.0, marrow=230.0, rim=1.6)
