"""What is doubtful about a series, each with the numbers, in words for the reader.

The tolerances are those of :mod:`core.dicom.tolerances`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.dicom.frames import Frame
from core.dicom.scanned import Scanned
from core.dicom.tolerances import GAP, OBLIQUE_DEGREES, PIXEL_MM, lattice_mm
from core.geometry import Geometry
from core.volume import Check

#: Axial, patient on the back: used, with a check, where a file gives no orientation.
DEFAULT_ORIENTATION = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

#: A gantry tilt by the tag below this many degrees is none: scanners write 0.0 as -0.0 or 1e-5.
_TILT_DEGREES = 0.05

#: So many wide distances in a row are slices taken further apart, not slices that are missing.
_RUN = 3
_LISTED = 3


def geometry_checks(scanned: Scanned, tilt_tag: float | None = None) -> list[Check]:
    """Checks of a stack that says where it lies. tilt_tag: the gantry's tilt in degrees as the
    header has it.
    """
    checks: list[Check] = []
    if len(scanned.offsets) == 1:
        text = "This series has one slice only. It can be labelled but gives no volume."
        checks.append(Check("single-slice", text))
    return [*checks, *stack_checks(scanned, tilt_tag), *grid_checks(scanned.geometry)]


def tag_checks(first: Frame) -> list[Check]:
    """Checks of what the frame of the first slice does not say."""
    checks: list[Check] = []
    if first.position is None:
        text = "The files give no slice position; the order follows the image numbers."
        checks.append(Check("no-position", text))
    if first.spacing is None:
        text = "The files give no pixel spacing; 1 mm was assumed and no length is reliable."
        checks.append(Check("no-spacing", text))
    if first.orientation is None:
        text = "The files give no orientation; axial, lying on the back, was assumed."
        checks.append(Check("no-orientation", text))
    return checks


def stack_checks(scanned: Scanned, tilt_tag: float | None = None) -> list[Check]:
    """Checks of how the slices of a stack lie to one another."""
    return [*_gap_checks(scanned), *_shift_checks(scanned, tilt_tag)]


def grid_checks(geometry: Geometry) -> list[Check]:
    """Checks of the shape of the pixels and the direction of the slices."""
    checks: list[Check] = []
    _, down, across = geometry.spacing
    if abs(down - across) > PIXEL_MM:
        text = f"Pixels are not square: {down:.4g} mm down and {across:.4g} mm across."
        checks.append(Check("non-square-pixels", text))
    cosines = np.abs(geometry.axes).max(axis=0)
    degrees = math.degrees(math.acos(min(1.0, float(cosines.min()))))
    if degrees > OBLIQUE_DEGREES:
        text = f"The slices are turned by {degrees:.1f}° from the patient's axes."
        checks.append(Check("oblique", text))
    return checks


def value_checks(frames: Sequence[Frame]) -> list[Check]:
    """Checks of how stored values become HU."""
    checks: list[Check] = []
    without = sum(f.slope is None and not f.table for f in frames)
    if without:
        text = f"{_slices(without)} without rescale: stored values are taken as HU."
        checks.append(Check("no-rescale", text))
    slopes = [f.slope for f in frames if f.slope is not None]
    rescales = {(f.slope, f.intercept) for f in frames if f.slope is not None}
    if len(rescales) > 1:
        text = (
            f"The slices use {len(rescales)} different rescales (slopes {min(slopes):.4g} to "
            f"{max(slopes):.4g}); each is read with its own."
        )
        checks.append(Check("several-rescales", text))
    if any(slope < 0 for slope in slopes):
        text = f"The rescale slope is negative ({min(slopes):.4g}), which is unusual for CT."
        checks.append(Check("negative-slope", text))
    return checks


def missing_gaps(scanned: Scanned) -> NDArray[np.bool_]:
    """For each distance between neighbours whether slices are missing there: it is wide, and not
    one of several alike in a row, which are slices taken further apart.
    """
    usual = scanned.geometry.spacing[0]
    gaps = scanned.gaps
    missing = np.zeros(len(gaps), dtype=bool)
    start = 0
    for stop in range(1, len(gaps) + 1):
        if stop < len(gaps) and abs(gaps[stop] - gaps[start]) <= lattice_mm(usual):
            continue
        missing[start:stop] = gaps[start] > GAP * usual and stop - start < _RUN
        start = stop
    return missing


def _gap_checks(scanned: Scanned) -> list[Check]:
    if not scanned.uneven:
        return []
    gaps, usual = scanned.gaps, scanned.geometry.spacing[0]
    missing = missing_gaps(scanned)
    checks: list[Check] = []
    if missing.any():
        listed = [
            _gap(i, float(gaps[i]), usual) for i in np.flatnonzero(missing)[:_LISTED].tolist()
        ]
        more = int(missing.sum()) - len(listed)
        tail = f" and {more} more" if more else ""
        text = (
            f"Missing slices: {', '.join(listed)}{tail} where {usual:.4g} mm is usual. "
            "Lengths across the gap are not reliable."
        )
        checks.append(Check("missing-slice", text))
    rest = gaps[~missing]
    wrong = np.abs(rest - usual) > lattice_mm(usual)
    if wrong.any():
        text = (
            f"Slice distances vary from {rest.min():.4g} to {rest.max():.4g} mm "
            f"({usual:.4g} mm is used)."
        )
        checks.append(Check("mixed-spacing", text))
    elif not missing.any():
        off = np.abs(np.asarray(scanned.offsets) - np.arange(len(scanned.offsets)) * usual).max()
        text = (
            f"Slice distances vary from {rest.min():.4g} to {rest.max():.4g} mm, which adds up to "
            f"{off:.2g} mm along the series."
        )
        checks.append(Check("mixed-spacing", text))
    return checks


def _gap(index: int, gap: float, usual: float) -> str:
    """``6 mm between slices 5 and 6 (1 missing)``, slices counted from 1."""
    absent = max(1, round(gap / usual) - 1)
    return f"{gap:.4g} mm between slices {index + 1} and {index + 2} ({absent} missing)"


def _shift_checks(scanned: Scanned, tilt_tag: float | None) -> list[Check]:
    if len(scanned.offsets) == 1:
        return [_tilt_check(abs(tilt_tag))] if tilt_tag and abs(tilt_tag) > _TILT_DEGREES else []
    if not scanned.sheared:
        return []
    shifts = np.asarray(scanned.shifts)
    along = np.asarray(scanned.offsets)
    slope = shifts.T @ along / (along @ along)  # least squares through the first slice
    if np.abs(shifts - np.outer(along, slope)).max() <= lattice_mm(min(scanned.geometry.spacing)):
        return [_tilt_check(math.degrees(math.atan(float(np.hypot(*slope)))))]
    most = float(np.linalg.norm(shifts, axis=1).max())
    text = (
        f"The slices do not lie straight above one another: up to {most:.3g} mm aside. Sagittal "
        "and coronal views, volumes and 3D lengths are not reliable."
    )
    return [Check("shifted-slices", text)]


def _tilt_check(degrees: float) -> Check:
    text = (
        f"The gantry was tilted by {degrees:.1f}°. Slices are shown as they were scanned; "
        "sagittal and coronal views, volumes and 3D lengths are not reliable."
    )
    return Check("gantry-tilt", text)


def _slices(count: int) -> str:
    return "1 slice is" if count == 1 else f"{count} slices are"
