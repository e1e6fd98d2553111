"""What is doubtful about a series, each with the numbers, in words for the reader."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.dicom.frames import Frame
from core.geometry import Geometry
from core.volume import Check

#: Axial, patient on the back: used, with a check, where a file gives no orientation.
DEFAULT_ORIENTATION = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

#: A grid turned by more than this from the patient's axes is called oblique.
_OBLIQUE_DEGREES = 1.0
#: Slices that slide sideways by more than this angle as the stack grows were scanned with a tilted
#: gantry; half a degree over 300 mm is 2.6 mm.
_TILT_DEGREES = 0.5
_LISTED = 3


def geometry_checks(
    frames: Sequence[Frame],
    positions: NDArray[np.float64],
    geometry: Geometry,
    tilt_tag: float | None,
) -> list[Check]:
    """Checks of slice order and place. positions: LPS mm [n, 3] in the order of ``frames``."""
    checks: list[Check] = []
    if len(frames) == 1:
        text = "This series has one slice only. It can be labelled but gives no volume."
        checks.append(Check("single-slice", text))
    if frames[0].position is None:
        text = "The files give no slice position; the order follows the image numbers."
        checks.append(Check("no-position", text))
    if frames[0].spacing is None:
        text = "The files give no pixel spacing; 1 mm was assumed and no length is reliable."
        checks.append(Check("no-spacing", text))
    if frames[0].orientation is None:
        text = "The files give no orientation; axial, lying on the back, was assumed."
        checks.append(Check("no-orientation", text))
    if len(frames) > 1 and frames[0].position is not None:
        checks += _gap_checks((positions - positions[0]) @ geometry.axes[:, 2], geometry.spacing[0])
    checks += _tilt_check(frames, positions, geometry, tilt_tag)
    checks += _oblique_check(geometry)
    return checks


def value_checks(frames: Sequence[Frame]) -> list[Check]:
    """Checks of how stored values become HU."""
    without = sum(f.slope is None for f in frames)
    if without:
        text = f"{_slices(without)} without rescale: stored values are taken as HU."
        return [Check("no-rescale", text)]
    slopes = {(f.slope, f.intercept) for f in frames}
    if len(slopes) > 1:
        text = f"The slices use {len(slopes)} different rescales; each is read with its own."
        return [Check("several-rescales", text)]
    if any(f.slope is not None and f.slope < 0 for f in frames):
        return [Check("negative-slope", "The rescale slope is negative, which is unusual for CT.")]
    return []


def _gap_checks(offsets: NDArray[np.float64], usual: float) -> list[Check]:
    gaps = np.diff(offsets)
    wrong = np.abs(gaps - usual) > 0.02 + 0.01 * usual
    large = wrong & (gaps > 1.5 * usual)
    checks: list[Check] = []
    if large.any():
        listed = [
            f"{gaps[i]:.4g} mm between slices {i + 1} and {i + 2}"
            for i in np.flatnonzero(large)[:_LISTED]
        ]
        more = int(large.sum()) - len(listed)
        tail = f" and {more} more" if more else ""
        text = (
            f"Missing slices: {', '.join(listed)}{tail} where {usual:.4g} mm is usual. "
            "Lengths across the gap are not reliable."
        )
        checks.append(Check("missing-slice", text))
    if (wrong & ~large).any():
        text = (
            f"Slice distances vary from {gaps.min():.4g} to {gaps.max():.4g} mm "
            f"({usual:.4g} mm is used)."
        )
        checks.append(Check("mixed-spacing", text))
    return checks


def _tilt_check(
    frames: Sequence[Frame],
    positions: NDArray[np.float64],
    geometry: Geometry,
    tilt_tag: float | None,
) -> list[Check]:
    if frames[0].position is None:
        return []
    degrees = 0.0
    if len(frames) == 1:
        degrees = abs(tilt_tag or 0.0)
    else:
        axes = geometry.axes
        move = positions[-1] - positions[0]
        sideways = math.hypot(float(move @ axes[:, 0]), float(move @ axes[:, 1]))
        # Below half a pixel over the whole stack nothing is displaced.
        if sideways > 0.5 * min(geometry.spacing[1:]):
            degrees = math.degrees(math.atan2(sideways, abs(float(move @ axes[:, 2]))))
    if degrees < _TILT_DEGREES:
        return []
    text = (
        f"The gantry was tilted by {degrees:.1f}°. Slices are shown as they were scanned; "
        "sagittal and coronal views, volumes and 3D lengths are not reliable."
    )
    return [Check("gantry-tilt", text)]


def _oblique_check(geometry: Geometry) -> list[Check]:
    cosines = np.abs(geometry.axes).max(axis=0)
    degrees = math.degrees(math.acos(min(1.0, float(cosines.min()))))
    if degrees <= _OBLIQUE_DEGREES:
        return []
    return [Check("oblique", f"The slices are turned by {degrees:.1f}° from the patient's axes.")]


def _slices(count: int) -> str:
    return "1 slice is" if count == 1 else f"{count} slices are"
