"""Stomach with its air-fluid level, small bowel, colon with stool and gas."""

from __future__ import annotations

import numpy as np

from core.demo.body import Body
from core.demo.canvas import Box, Canvas
from core.demo.organs import FAT
from core.demo.shapes import Field, Point, curve
from core.demo.tissue import Phase

#: Gas rises: the patient lies on the back, so it collects in front.
GAS = -920.0


def paint_stomach(canvas: Canvas, body: Body, phase: Phase, full: float) -> None:
    """full: 0 (collapsed) to 1 (filled)."""
    path = curve(
        [(58, 14, 72), (66, 8, 50), (66, -18, 26), (52, -46, 2), (24, -58, -12), (-4, -52, -8),
         (-26, -42, -4)]
    )  # fmt: skip
    stations = np.linspace(0, 1, len(path))
    radii = np.interp(stations, [0, 0.2, 0.45, 0.7, 0.9, 1], [27, 32, 27, 21, 15, 9])
    radii = radii * (0.72 + 0.34 * full)
    found = canvas.tube(path, [float(r) for r in radii], margin=6.0)
    if not found:
        return
    box, distance = found
    folds = canvas.noise(11.0, box)
    distance = np.maximum(distance + 1.2 * folds, body.cavity[box] + 1.5)
    canvas.paint(box, np.maximum(distance - 2.0, body.cavity[box]), FAT)
    canvas.paint(box, distance, phase.bowel_wall)
    _fill(
        canvas, box, distance + 4.2 + 1.4 * np.abs(folds),
        level=-34 + 26 * (1 - full), fluid=22 + 30 * np.clip(folds - 0.5, 0, 1),
    )  # fmt: skip


def _fill(
    canvas: Canvas, box: Box, lumen: Field, level: float | Field, fluid: float | Field
) -> None:
    """Fluid behind ``level`` (y, mm), gas in front of it."""
    canvas.paint(box, lumen, fluid)
    # The surface is flat in the room, not in the warped body.
    y = np.broadcast_to(canvas.axes[1][None, :, None], canvas.shape)[box]
    canvas.paint(box, np.maximum(lumen + 0.6, y - level), GAS)


def paint_small_bowel(canvas: Canvas, body: Body, phase: Phase, oral: bool) -> None:
    """Coils of loops below the stomach. oral: whether they hold positive contrast."""
    rng = canvas.rng
    spot = np.asarray([20.0, -30.0, -8.0])
    heading = rng.normal(0, 1, 3)
    for number in range(44):
        points: list[Point] = []
        if number % 6 == 5:
            spot = np.asarray([rng.uniform(-55, 90), rng.uniform(-70, 5), rng.uniform(-115, -25)])
        for _ in range(5):
            heading = 0.55 * heading + rng.normal(0, 1, 3) * (1, 0.8, 0.75)
            spot = spot + heading / np.linalg.norm(heading) * 17
            # Bounce off the box that the coils fill.
            for axis, (low, high) in enumerate(((-66, 94), (-80, 8), (-130, -18))):
                if not low < spot[axis] < high:
                    heading[axis] *= -1
                    spot[axis] = np.clip(spot[axis], low, high)
            points.append((float(spot[0]), float(spot[1]), float(spot[2])))
        _paint_loop(canvas, body, phase, points, oral)


def _paint_loop(canvas: Canvas, body: Body, phase: Phase, points: list[Point], oral: bool) -> None:
    rng = canvas.rng
    found = canvas.tube(curve(points, 7.0), float(rng.uniform(8.0, 12.5)), margin=4.0)
    if not found:
        return
    box, distance = found
    distance = np.maximum(distance + 0.9 * canvas.noise(9.0, box), body.cavity[box] + 2.5)
    canvas.paint(box, np.maximum(distance - 1.8, body.cavity[box]), FAT)
    canvas.paint(box, distance, phase.bowel_wall + rng.normal(0, 6))
    kind = rng.uniform()
    fluid = float(rng.uniform(210, 330)) if oral and kind < 0.6 else float(rng.uniform(14, 42))
    level = float(np.mean([p[1] for p in points])) + float(rng.uniform(-16, -2))
    feathers = 3.0 * np.clip(canvas.noise(4.5, box), 0, 1)
    _fill(canvas, box, distance + 2.3 + feathers, level if kind > 0.35 else -500.0, fluid)


def paint_colon(canvas: Canvas, body: Body, phase: Phase) -> None:
    """The frame of the colon: up on the right, across in front, down on the left."""
    rng = canvas.rng
    sag = float(rng.uniform(-14, 8))
    path = curve(
        [(-92, 20, -130), (-96, 14, -70), (-92, -4, -34), (-78, -34, -30), (-44, -66, -40 + sag),
         (0, -76, -46 + sag), (46, -66, -30 + sag / 2), (86, -44, 0), (106, -16, 16), (110, 16, 0),
         (106, 30, -40), (102, 26, -130)],
        step=7.0,
    )  # fmt: skip
    turns = np.arange(len(path))
    radii = np.interp(turns / turns[-1], [0, 0.25, 0.6, 0.75, 1], [21, 19, 16, 15, 11])
    radii = radii * (1 + 0.14 * np.sin(turns * 1.35)) * rng.uniform(0.8, 1.0)
    found = canvas.tube(path, [float(r) for r in radii], margin=5.0)
    if not found:
        return
    box, distance = found
    x, y, z = canvas.xyz(box)
    distance = np.maximum(distance + canvas.noise(12.0, box), body.cavity[box] + 2.5)
    canvas.paint(box, np.maximum(distance - 1.5, body.cavity[box]), FAT)
    canvas.paint(box, distance, phase.bowel_wall - 12)
    crumbs = canvas.noise(5.5, box)
    stool = 38 + 14 * crumbs - 420 * np.clip(crumbs - 1.15, 0, 1)
    lumen = distance + 2.6
    canvas.paint(box, lumen, stool)
    filling = canvas.noise(48.0, box)
    sideways = np.clip((np.abs(x) - 78) / 12, 0, 1)
    front = -64 + 72 * sideways + 14 * filling - 0.02 * z
    canvas.paint(box, np.maximum(lumen + 0.8 + 1.5 * np.clip(crumbs, 0, 1), y - front), GAS)
