"""Which remedies are safe for a doubtful volume, and what each does, in words."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from core.dicom.outcomes import CURED, places
from core.dicom.remedies import KEEP, REGRIDDING, Kind, Offer, Remedy
from core.dicom.scanned import Scanned
from core.dicom.tolerances import FILL_MM, GAP, copied_mm, faithful_diameter_mm, lattice_mm
from core.errors import UserError

#: A stack that would fall into more parts than this is not offered to be split.
MOST_PARTS = 4

#: ``resample`` accepts a slice distance within this factor of the usual one, either way: finer
#: invents slices, coarser throws what was scanned away.
SPACING_FACTOR = 4.0

#: Checks that leave no length or volume to rely on.
_UNMEASURABLE = ("no-spacing", "no-position")


def parts(scanned: Scanned) -> tuple[int, ...]:
    """First slices of the parts, but for the first, into which a stack can be split so that each
    has one slice distance. Empty when it is even, or when that would take more than
    :data:`MOST_PARTS`.
    """
    gaps = scanned.gaps
    usual = scanned.geometry.spacing[0]
    cuts: list[int] = []
    start = 0
    for index, gap in enumerate(gaps.tolist()):
        if index > start:
            apart = abs(gap - gaps[start]) > lattice_mm(gaps[start])
        else:
            # The first gap of a part: its own distance, unless it is wide and stays alone.
            alone = index + 1 < len(gaps) and abs(gaps[index + 1] - gap) > lattice_mm(gap)
            apart = alone and gap > GAP * usual
        if apart:
            cuts.append(index + 1)
            start = index + 1
    return tuple(cuts) if len(cuts) < MOST_PARTS else ()


def offers(scanned: Scanned, current: Remedy = KEEP) -> tuple[Offer, ...]:
    """The remedies that are safe for a volume, ``keep`` first; at most one is recommended.

    Only ``keep`` for a volume without a doubt. ``current``: what is chosen now, to mark it.
    """
    best, made = _recommended(scanned), _safe(scanned)
    return tuple(
        Offer(
            remedy,
            _TITLES[remedy.kind],
            _text(scanned, remedy),
            recommended=remedy.kind == best,
            current=remedy.kind == current.kind,
        )
        for remedy in made
    )


_TITLES: dict[Kind, str] = {
    "keep": "Keep as it is",
    "interpolate": "Interpolate",
    "resample": "Resample to a regular grid",
    "shear": "Correct the tilt",
    "split": "Split",
    "refuse": "Do not use",
}


def _safe(scanned: Scanned) -> list[Remedy]:
    """The remedies that apply to a stack and are safe for it."""
    safe = [KEEP]
    uneven, sheared = scanned.uneven, scanned.sheared
    known = not any(check.code == "no-position" for check in scanned.checks)
    narrow = len(scanned.offsets) > 1 and float(scanned.gaps.max()) <= FILL_MM
    if known and narrow:
        if uneven and not sheared and _fills(scanned):
            safe.append(Remedy(kind="interpolate"))
        if uneven:
            safe.append(Remedy(kind="resample"))
    if known and sheared and not uneven:
        safe.append(Remedy(kind="shear"))
    cuts = parts(scanned) if known and uneven else ()
    if cuts:
        safe.append(Remedy(kind="split", cuts=cuts))
    if scanned.checks:
        safe.append(Remedy(kind="refuse"))
    return safe


def _fills(scanned: Scanned) -> bool:
    """Whether every slice lies on the lattice of the usual distance, so that only slices in gaps
    have to be made.
    """
    step = scanned.geometry.spacing[0]
    offsets = np.asarray(scanned.offsets)
    off = np.abs(offsets - np.rint(offsets / step) * step)
    return bool(off.max() <= copied_mm(step))


def _recommended(scanned: Scanned) -> Kind | None:
    kinds = [remedy.kind for remedy in _safe(scanned)]
    if any(check.code in _UNMEASURABLE for check in scanned.checks):
        return "refuse"
    order: tuple[Kind, ...] = ("shear", "interpolate", "resample", "split")
    return next((kind for kind in order if kind in kinds), None)


def _text(scanned: Scanned, remedy: Remedy) -> str:
    """What a remedy does to this very volume."""
    if remedy.kind in REGRIDDING:
        return _regridded(scanned, remedy)
    if remedy.kind == "split":
        ends = [0, *remedy.cuts, len(scanned.offsets)]
        sizes = ", ".join(str(b - a) for a, b in pairwise(ends))
        return (
            f"Makes {len(remedy.cuts) + 1} volumes of {sizes} slices, each with one slice distance "
            "and its share of the label. Nothing is interpolated."
        )
    if remedy.kind == "refuse":
        return "The volume stays in the list but is not opened, trained on or exported."
    if any(check.code in CURED for check in scanned.checks):
        return "The slices stay as they were scanned; lengths and volumes are not reliable."
    return "The slices stay as they were scanned."


def _regridded(scanned: Scanned, remedy: Remedy) -> str:
    step = remedy.spacing or scanned.geometry.spacing[0]
    below, weight = places(scanned, step)
    made = sum(w > 0 for w in weight)
    said: list[str] = []
    if scanned.uneven:
        widest = float(scanned.gaps.max())
        said.append(
            f"Gives {len(below)} slices every {step:.4g} mm, {made} of them interpolated linearly "
            f"between their neighbours. A round lesion across the widest gap ({widest:.4g} mm) "
            f"keeps its volume within 0.5 % from {faithful_diameter_mm(widest):.0f} mm diameter on."
        )
    if scanned.sheared:
        said.append(
            "Moves each slice in its own plane to where it was scanned, so that sagittal and "
            "coronal views, lengths and volumes become right."
        )
    return " ".join(said)


def check_offered(scanned: Scanned, remedy: Remedy) -> None:
    """Raise UserError for a remedy that is not safe for the stack."""
    offered = {one.kind: one for one in _safe(scanned)}
    if remedy.kind not in offered:
        raise UserError(
            f"The remedy {remedy.kind!r} is not safe for this volume. "
            f"Choose one of {', '.join(offered)}."
        )
    if remedy.kind == "split" and remedy.cuts != offered["split"].cuts:
        raise UserError("This volume changed since the split was offered. List its remedies again.")
    usual = scanned.geometry.spacing[0]
    if remedy.spacing and remedy.kind != "resample":
        raise UserError(f"Only 'resample' takes a slice distance, not {remedy.kind!r}.")
    if remedy.spacing and not usual / SPACING_FACTOR <= remedy.spacing <= usual * SPACING_FACTOR:
        raise UserError(
            f"A slice distance of {remedy.spacing:g} mm does not suit slices every {usual:.4g} mm. "
            f"Choose from {usual / SPACING_FACTOR:.4g} to {usual * SPACING_FACTOR:.4g} mm."
        )
