"""Aorta, vena cava, their branches, and the trees of veins in the liver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.demo.body import Body
from core.demo.canvas import Canvas
from core.demo.shapes import Field, Point, curve
from core.demo.tissue import Phase


def _line(canvas: Canvas, points: Sequence[Point], radii: float | tuple[float, float], hu: float,
          clip: Field | None = None) -> None:  # fmt: skip
    path = curve(points, 9.0)
    sizes = list(np.linspace(radii[0], radii[1], len(path))) if isinstance(radii, tuple) else radii
    found = canvas.tube(path, sizes)
    if found:
        box, distance = found
        if clip is not None:
            distance = np.maximum(distance, clip[box])
        canvas.paint(box, distance, hu)


def paint_great_vessels(canvas: Canvas, body: Body, phase: Phase, plaque: bool) -> None:
    """Aorta in front of the spine on the left, vena cava on the right, and what leaves them."""
    art, ven = phase.aorta, phase.veins
    rng = canvas.rng
    tilt = float(rng.normal(0, 2))
    aorta: list[Point] = [
        (15.0, 22.0, 180.0), (12.0 + tilt, 17.0, 90.0), (8.0 + tilt, 9.0, 30.0),
        (7.0, 10.0, -30.0), (5.0, 14.0, -110.0),
    ]  # fmt: skip
    _line(canvas, aorta, (13.8, 10.2), 62.0)
    _line(canvas, aorta, (12.4, 9.0), art)
    cava: list[Point] = [
        (-18.0, 0.0, 140.0), (-21.0, 2.0, 78.0), (-22.0, 6.0, 40.0), (-20.0, 13.0, 0.0),
        (-18.0, 17.0, -110.0),
    ]  # fmt: skip
    _line(canvas, cava, (12.5, 11.0), ven * 0.97)
    _line(canvas, [(8, 0, 24), (9, -12, 20), (3, -22, 24), (-12, -24, 24)], (3.6, 2.4), art)
    _line(canvas, [(7, 0, 8), (6, -12, 0), (4, -18, -30), (0, -30, -90)], (4.0, 2.6), art)
    _line(canvas, [(-6, -18, 8), (-7, -20, -30), (-8, -32, -90)], (5.6, 3.6), ven)
    for sign in (-1, 1):
        _line(canvas, [(sign * 9.0, 10, -6), (sign * 30.0, 22, -9), (sign * 48.0, 31, -10)],
              (3.0, 2.2), art)  # fmt: skip
    _line(canvas, [(-20, 10, -8), (-34, 20, -11), (-48, 29, -12)], (5.0, 4.0), ven)
    _line(canvas, [(-14, 4, -4), (4, -7, -5), (26, 14, -9), (48, 29, -10)], (4.6, 4.0), ven)
    # Portal confluence behind the neck of the pancreas; splenic vein to the hilum of the spleen.
    _line(canvas, [(-6, -18, 8), (20, -8, 16), (52, 12, 26), (80, 30, 32)], (5.2, 3.0), ven)
    _line(canvas, [(-6, -18, 8), (-20, -14, 24), (-38, -10, 34)], (6.4, 6.0), phase.portal)
    # Oesophagus beside the aorta, down to the stomach.
    _line(canvas, [(4, -1, 170), (8, -6, 100), (26, -14, 72)], (8.0, 7.5), 52.0)
    _line(canvas, [(4, -2, 170), (8, -8, 112)], 2.2, -350.0)
    if plaque:
        _paint_plaques(canvas, aorta)


def _paint_plaques(canvas: Canvas, aorta: Sequence[Point]) -> None:
    rng = canvas.rng
    path = curve(aorta, 9.0)
    for _ in range(9):
        x, y, z = path[int(rng.integers(2, len(path) - 1))]
        angle = rng.uniform(0, 2 * np.pi)
        radius = 10.3
        spot: list[Point] = [
            (x + radius * float(np.cos(a)), y + radius * float(np.sin(a)), z + float(h))
            for a, h in ((angle, -3), (angle + 0.45, 3))
        ]
        found = canvas.tube(spot, 1.3)
        if found:
            canvas.paint(*found, 650.0)


def paint_mesentery(canvas: Canvas, body: Body, phase: Phase) -> None:
    """Small vessels in the fat between the bowel loops."""
    rng = canvas.rng
    for _ in range(60):
        root = np.asarray([rng.uniform(-10, 12), rng.uniform(-34, -18), rng.uniform(-70, 5)])
        tip = root + np.asarray([rng.uniform(-62, 62), rng.uniform(-38, 22), rng.uniform(-45, 10)])
        bend = (root + tip) / 2 + rng.normal(0, 9, 3)
        points: list[Point] = [(float(p[0]), float(p[1]), float(p[2])) for p in (root, bend, tip)]
        _line(canvas, points, (2.3, 0.9), phase.veins * 0.9, body.cavity + 3)


def paint_liver_veins(canvas: Canvas, liver: Field, phase: Phase) -> None:
    """Portal branches from the hilum and three hepatic veins to the cava, clipped to the liver.

    liver: distance to the liver over the whole canvas.
    """
    clip = liver + 3
    tree, veins = _Tree(phase.portal, clip), _Tree(phase.hepatic, clip)
    portal: Point = (-38.0, -10.0, 34.0)
    left: Point = (-12.0, -30.0, 44.0)
    _line(canvas, [portal, (-24, -18, 40), left], (5.4, 4.2), phase.portal, clip)
    for target in (
        (-88.0, 20.0, 44.0),
        (-84.0, -30.0, 38.0),
        (-92.0, 16.0, 0.0),
        (-74.0, -34.0, 6.0),
    ):
        _grow(canvas, tree, portal, target, radius=4.6, generations=3)
    for target in ((24.0, -50.0, 48.0), (-22.0, -62.0, 34.0), (-18.0, -56.0, 64.0)):
        _grow(canvas, tree, left, target, radius=3.6, generations=2)
    root: Point = (-22.0, 0.0, 80.0)
    for target in (
        (-100.0, 24.0, 62.0),
        (-62.0, -50.0, 58.0),
        (6.0, -48.0, 64.0),
        (-70.0, 40.0, 34.0),
    ):
        _grow(canvas, veins, root, target, radius=5.2, generations=3)


@dataclass(frozen=True, slots=True)
class _Tree:
    """What all branches of one tree of veins share. clip: distance they must stay inside of."""

    hu: float
    clip: Field


def _grow(
    canvas: Canvas, tree: _Tree, start: Point, end: Point, *, radius: float, generations: int
) -> None:
    """A branch from ``start`` to about ``end``, and three smaller ones from it."""
    rng = canvas.rng
    a, b = np.asarray(start), np.asarray(end)
    length = float(np.linalg.norm(b - a))
    tip = b + rng.normal(0, 0.07 * length, 3)
    bend = (a + tip) / 2 + rng.normal(0, 0.07 * length, 3)
    points: list[Point] = [(float(p[0]), float(p[1]), float(p[2])) for p in (a, bend, tip)]
    _line(canvas, points, (radius, max(radius * 0.45, 0.7)), tree.hu, tree.clip)
    if generations == 0:
        return
    direction = (tip - a) / max(length, 1e-3)
    for at in (0.42, 0.68, 0.95):
        root = a + (tip - a) * at + (bend - (a + tip) / 2) * (1 - abs(2 * at - 1))
        side = np.cross(direction, rng.normal(0, 1, 3))
        side /= max(float(np.linalg.norm(side)), 1e-3)
        goal = root + (direction * 0.75 + side * rng.choice((-0.8, 0.8))) * length * 0.52
        child: Point = (float(root[0]), float(root[1]), float(root[2]))
        aim: Point = (float(goal[0]), float(goal[1]), float(goal[2]))
        size = max(radius * (1 - 0.5 * at) * 0.66, 0.7)
        _grow(canvas, tree, child, aim, radius=size, generations=generations - 1)
