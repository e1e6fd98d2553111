"""What a doubtful volume becomes by a remedy: its grid, and where each slice comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.dicom.remedies import REGRIDDING, Remedy
from core.dicom.scanned import Scanned
from core.dicom.tolerances import copied_mm
from core.geometry import Geometry
from core.volume import Check

#: Checks that a remedy of the geometry answers.
CURED = ("missing-slice", "mixed-spacing", "gantry-tilt", "shifted-slices")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a volume becomes. geometry: its grid. below, weight: for each of its slices the scanned
    slice at or below it, and the share (0 to 1) of the next one. made: indices of the slices that
    were interpolated rather than scanned. offset: mm (down, right) of the grid's first pixel from
    that of the first scanned slice, in the plane. checks: what is still doubtful, and what was
    done.
    """

    geometry: Geometry
    below: tuple[int, ...]
    weight: tuple[float, ...]
    made: tuple[int, ...]
    offset: tuple[float, float]
    checks: tuple[Check, ...]


def outcome(scanned: Scanned, remedy: Remedy) -> Outcome:
    """What the stack ``scanned`` becomes by ``remedy``.

    ``keep``, ``refuse`` and ``split`` leave its grid.
    """
    if remedy.kind not in REGRIDDING:
        count = scanned.geometry.shape[0]
        checks = (*scanned.checks, *_notes(scanned, remedy, 0))
        return Outcome(
            scanned.geometry, tuple(range(count)), (0.0,) * count, (), (0.0, 0.0), checks
        )
    step = remedy.spacing or scanned.geometry.spacing[0]
    below, weight = places(scanned, step)
    made = tuple(i for i, w in enumerate(weight) if w > 0)
    geometry, offset = _upright(scanned, len(below), step)
    left = tuple(check for check in scanned.checks if check.code not in CURED)
    checks = (*left, *_notes(scanned, remedy, len(made)))
    return Outcome(geometry, below, weight, made, offset, checks)


def places(scanned: Scanned, step: float) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """For each plane of a regular grid from the first slice on: the scanned slice at or below it
    and the share of the next. A slice within the tolerance is taken as it is.
    """
    offsets = np.asarray(scanned.offsets)
    tolerance = copied_mm(min(step, scanned.geometry.spacing[0]))
    count = int((offsets[-1] + tolerance) / step) + 1
    below: list[int] = []
    weight: list[float] = []
    for place in (np.arange(count) * step).tolist():
        nearest = int(np.abs(offsets - place).argmin())
        if abs(offsets[nearest] - place) <= tolerance:
            below.append(nearest)
            weight.append(0.0)
            continue
        index = int(np.searchsorted(offsets, place)) - 1
        below.append(index)
        weight.append(float((place - offsets[index]) / (offsets[index + 1] - offsets[index])))
    return tuple(below), tuple(weight)


def _upright(scanned: Scanned, count: int, step: float) -> tuple[Geometry, tuple[float, float]]:
    """A grid whose slices lie straight above one another and hold all that was scanned; its pixels
    fall on those of the first scanned slice. Also its first pixel in mm (down, right) from there.
    """
    old = scanned.geometry
    pixel = np.asarray(old.spacing[1:])
    shifts = np.asarray(scanned.shifts) / pixel
    if not scanned.sheared:
        shifts = np.zeros_like(shifts)
    # A hair less: a shift of exactly n pixels needs n more, not n + 1.
    low = np.floor(shifts.min(axis=0) + 1e-6)
    high = np.ceil(shifts.max(axis=0) - 1e-6)
    rows, columns = (int(n) for n in np.asarray(old.shape[1:]) + (high - low))
    down, right = (low * pixel).tolist()
    x, y, z = (np.asarray(old.origin) + down * old.axes[:, 1] + right * old.axes[:, 0]).tolist()
    grid = Geometry((count, rows, columns), (step, *old.spacing[1:]), (x, y, z), old.direction)
    return grid, (down, right)


def _notes(scanned: Scanned, remedy: Remedy, made: int) -> list[Check]:
    """What was done, as a check: whoever uses the volume sees it."""
    slices = "1 slice was" if made == 1 else f"{made} slices were"
    neighbours = "its neighbours" if made == 1 else "their neighbours"
    spacing = remedy.spacing or scanned.geometry.spacing[0]
    texts = {
        "interpolate": f"Missing slices were filled: {slices} interpolated from {neighbours}.",
        "resample": f"Resampled to slices every {spacing:.4g} mm; {slices} interpolated.",
        "shear": "The tilt of the gantry was corrected: each slice was moved in its plane.",
        "refuse": "This volume was refused: it is not opened, trained on or exported.",
        "split": f"This volume was split into {len(remedy.cuts) + 1}.",
    }
    if remedy.kind == "keep":
        return []
    text = texts[remedy.kind]
    if remedy.kind == "resample" and scanned.sheared:
        text += " The tilt of the gantry was corrected."
    return [Check(f"remedy-{remedy.kind}", text)]
