"""What the library remembers of a label map: which classes, how much, how many lesions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.geometry import Geometry
from core.labels.parts import connected
from core.labels.schema import LabelSchema
from core.volume import count_values, label_box


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """names: classes present, in schema order. any_voxels: labelled voxels of every class.

    voxels, lesions, ml: of the lesion classes together. Parts that touch by a corner are one.
    """

    names: tuple[str, ...]
    any_voxels: int
    voxels: int
    lesions: int
    ml: float


def summarise(labels: NDArray[np.uint8], geometry: Geometry, schema: LabelSchema) -> LabelSummary:
    """Summary of the label map ``labels`` [z, y, x] on the grid ``geometry``.

    A value the schema does not know is named "Label N" and counts as no lesion.
    """
    counts = count_values(labels)
    present = [int(v) for v in np.flatnonzero(counts) if v != 0]
    known = [c for c in schema.classes if c.value in present]
    values = {c.value for c in known}
    names = [c.name for c in known] + [f"Label {v}" for v in present if v not in values]
    lesion_values = [v for v in schema.lesion_values if v in present]
    voxels = int(counts[lesion_values].sum())
    return LabelSummary(
        names=tuple(names),
        any_voxels=int(counts[1:].sum()),
        voxels=voxels,
        lesions=sum(_components(labels, value) for value in lesion_values),
        ml=voxels * geometry.voxel_ml,
    )


def _components(labels: NDArray[np.uint8], value: int) -> int:
    box = label_box(labels, [value])
    if box is None:
        return 0
    inside = labels[tuple(slice(start, end) for start, end in box)] == value
    return connected(inside, "all")[1]
