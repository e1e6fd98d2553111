"""How well a prediction agrees with the reference: per case and over cases.

What cannot be computed is NaN, never a convenient number:

* Dice is NaN when both masks are empty, 0 when one is;
* HD95 is NaN when either mask is empty: there is no surface to be far from. Means leave such
  cases out, so :class:`Summary` says how many they were, for a model that misses whole cases
  would otherwise look the better for it;
* the volume error is NaN when the reference is empty;
* sensitivity is NaN when the reference holds no lesion.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree

from core.geometry import Geometry
from core.labels.edits import Box, intersection, slices, union
from core.labels.parts import connected
from core.volume import label_box

#: A reference lesion is found when at least this share of its voxels is predicted; a predicted
#: lesion is false when less than this share of it lies in the reference. The form of the rule is
#: that of the MSSEG challenge (Commowick et al., Sci Rep 8:13650, 2018), whose first condition is
#: an overlap of the reference lesion; the low share counts what would make a reader look there.
FOUND_SHARE = 0.10

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMetrics:
    """One case. Volumes in mL; lesions: in the reference, 26-connected; see the module for NaN."""

    dice: float
    hd95_mm: float
    reference_ml: float
    predicted_ml: float
    lesions: int
    lesions_found: int
    false_lesions: int

    @property
    def volume_error(self) -> float:
        """(predicted - reference) / reference; NaN without a reference."""
        if not self.reference_ml > 0:
            return math.nan
        return (self.predicted_ml - self.reference_ml) / self.reference_ml

    @property
    def sensitivity(self) -> float:
        """Share of the reference's lesions that were found; NaN without one."""
        return self.lesions_found / self.lesions if self.lesions else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Over cases. Means and medians leave NaN out; ``*_cases`` say how many were left in.

    sensitivity: lesions found of all lesions of all cases together.
    """

    cases: int
    dice_mean: float
    dice_median: float
    dice_cases: int
    hd95_mean: float
    hd95_median: float
    hd95_cases: int
    volume_ml_median: float
    volume_error_median: float
    lesions: int
    lesions_found: int
    false_lesions: int

    @property
    def sensitivity(self) -> float:
        """See the class; NaN when no case has a lesion."""
        return self.lesions_found / self.lesions if self.lesions else math.nan

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; NaN becomes None."""
        names = [name for name in self.__dataclass_fields__] + ["sensitivity"]
        values = {name: getattr(self, name) for name in names}
        return {k: None if math.isnan(v) else v for k, v in values.items()}


def dice(a: NDArray[Any], b: NDArray[Any]) -> float:
    """2 |A ∩ B| / (|A| + |B|) of two masks of one shape (non-zero counts); NaN if both are empty.

    Raises ValueError when the shapes differ.
    """
    _same_shape(a, b)
    a, b = a != 0, b != 0
    total = int(np.count_nonzero(a)) + int(np.count_nonzero(b))
    return 2.0 * int(np.count_nonzero(a & b)) / total if total else math.nan


def surface(mask: Mask) -> Mask:
    """Voxels of ``mask`` with a face towards the outside; the edge of the array is outside."""
    inner = ndimage.binary_erosion(mask, ndimage.generate_binary_structure(mask.ndim, 1))
    return mask & ~np.asarray(inner, dtype=np.bool_)


def hausdorff95_mm(a: NDArray[Any], b: NDArray[Any], spacing: Sequence[float]) -> float:
    """95th percentile Hausdorff distance in mm between two masks [z, y, x] (non-zero counts).

    From each surface voxel's centre to the nearest one of the other surface; the 95th percentile
    of these, in the worse of the two directions (as MONAI's HausdorffDistanceMetric). The nearest
    points come from a k-d tree over the surfaces: exact like a distance transform, but its memory
    grows with the surfaces and not with the box round a stray voxel. NaN when either is empty.
    Raises ValueError when the shapes differ.
    """
    _same_shape(a, b)
    first, second = _surface_points(a != 0, spacing), _surface_points(b != 0, spacing)
    if not len(first) or not len(second):
        return math.nan
    return max(_percentile_to(first, second), _percentile_to(second, first))


def case_metrics(
    reference: NDArray[np.uint8],
    prediction: NDArray[np.uint8],
    geometry: Geometry,
    values: Sequence[int] | None = None,
    ignore: int | None = None,
) -> CaseMetrics:
    """All metrics of one case. reference, prediction: uint8 [z, y, x] on the grid ``geometry``.

    values: label values that count together as lesion (a lesion is 26-connected over all of
    them); None: every value above 0. ignore: value in the reference of voxels that nobody is sure
    of; what is predicted there counts as nothing. Costs the box of the labels. Raises ValueError
    when a shape is not that of the grid.
    """
    for labels in (reference, prediction):
        if labels.shape != geometry.shape:
            raise ValueError(f"labels of shape {labels.shape} are not on the grid {geometry.shape}")
    if ignore is not None:
        unsure = reference == ignore
        reference, prediction = (np.where(unsure, 0, m) for m in (reference, prediction))
    boxes = [label_box(labels, values) for labels in (reference, prediction)]
    box: Box = ((0, 1), (0, 1), (0, 1))
    found = [b for b in boxes if b is not None]
    if found:
        box = found[0] if len(found) == 1 else union(found[0], found[1])
    # One voxel more on each side, so that only the volume's own faces are edges.
    box = intersection([(a - 1, b + 1) for a, b in box], [(0, n) for n in geometry.shape])
    ours, theirs = (_mask(labels[slices(box)], values) for labels in (reference, prediction))
    lesions, lesions_found = _overlapped(ours, theirs)
    predicted, predicted_true = _overlapped(theirs, ours)
    return CaseMetrics(
        dice=dice(ours, theirs),
        hd95_mm=hausdorff95_mm(ours, theirs, geometry.spacing),
        reference_ml=int(np.count_nonzero(ours)) * geometry.voxel_ml,
        predicted_ml=int(np.count_nonzero(theirs)) * geometry.voxel_ml,
        lesions=lesions,
        lesions_found=lesions_found,
        false_lesions=predicted - predicted_true,
    )


def summary(cases: Sequence[CaseMetrics]) -> Summary:
    """Figures over ``cases``; all NaN where there is nothing to average."""
    scores = _finite([c.dice for c in cases])
    distances = _finite([c.hd95_mm for c in cases])
    return Summary(
        cases=len(cases),
        dice_mean=_mean(scores),
        dice_median=_median(scores),
        dice_cases=len(scores),
        hd95_mean=_mean(distances),
        hd95_median=_median(distances),
        hd95_cases=len(distances),
        volume_ml_median=_median([c.reference_ml for c in cases]),
        volume_error_median=_median(_finite([c.volume_error for c in cases])),
        lesions=sum(c.lesions for c in cases),
        lesions_found=sum(c.lesions_found for c in cases),
        false_lesions=sum(c.false_lesions for c in cases),
    )


def _same_shape(a: NDArray[Any], b: NDArray[Any]) -> None:
    if a.shape != b.shape:
        raise ValueError(f"masks of shape {a.shape} and {b.shape} cannot be compared")


def _mask(labels: NDArray[np.uint8], values: Sequence[int] | None) -> Mask:
    return labels > 0 if values is None else np.isin(labels, list(values))


def _overlapped(mask: Mask, other: Mask) -> tuple[int, int]:
    """How many connected parts ``mask`` has, and how many ``other`` covers enough of."""
    parts, count = connected(mask, "all")
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    shared = np.bincount(parts[other], minlength=count + 1)[1:]
    # 0.1 * 30 is a hair above 3 in binary; three of thirty are a tenth.
    return count, int(np.count_nonzero(shared >= FOUND_SHARE * sizes - 1e-6))


def _surface_points(mask: Mask, spacing: Sequence[float]) -> NDArray[np.float64]:
    return np.argwhere(surface(mask)) * np.asarray(spacing, dtype=np.float64)


def _percentile_to(points: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    distance, _ = KDTree(others).query(points)
    return float(np.percentile(np.asarray(distance), 95))


def _finite(values: Sequence[float]) -> list[float]:
    return [v for v in values if math.isfinite(v)]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else math.nan
