"""Lesions of the open series and parts of its proposal: measured, listed, shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.geometry import Geometry
from core.labels.edits import Box, Labels
from core.labels.lesions import Lesion, measure
from core.planes import Plane, PlaneAxes
from gui.document.marks import Measurement, Point, Tag

if TYPE_CHECKING:
    from gui.document.document import LabelDocument


@dataclass(frozen=True, slots=True)
class Proposed:
    """A part of the proposal. confidence: mean probability, 0-1, as its model said."""

    lesion: Lesion
    confidence: float


class Findings:
    """What there is to find in a document; recomputed after each step."""

    def __init__(self, document: LabelDocument) -> None:
        self._doc = document
        self.lesions: list[Lesion] = []
        self.proposed: list[Proposed] = []
        self.selected = 0
        self.info: dict[str, Any] = {}
        self._again = False
        self._busy = False

    def forget(self) -> None:
        """Another series."""
        self.lesions, self.proposed, self.info, self.selected = [], [], {}, 0
        self._doc.session.tasks.run(_nothing, key="label.lesions")
        self._busy = self._again = False

    def measure(self) -> None:
        """Measure the lesions anew; while one measuring runs, one more is enough."""
        doc = self._doc
        if doc.labels is None or doc.geometry is None:
            return
        if self._busy:
            self._again = True
            return
        self._busy, self._again = True, False
        values = doc.schema.lesion_values
        # The live map: a stroke during the reading only means that it is measured once more.
        doc.session.tasks.run(
            measure, doc.labels, doc.geometry, values,
            on_done=self._measured, on_cancelled=self._idle, key="label.lesions",
        )  # fmt: skip

    def _measured(self, lesions: list[Lesion]) -> None:
        self._busy = False
        self.lesions = lesions
        self._doc.lesions_changed.emit()
        if self._again:
            self.measure()

    def _idle(self) -> None:
        self._busy = False

    # ---- proposal ----------------------------------------------------------------------------

    def take_proposal(self, found: tuple[Labels, dict[str, Any]] | None) -> None:
        """List the parts of a proposal."""
        self.proposed, self.info = [], {}
        geometry = self._doc.geometry
        if found is None or geometry is None:
            return
        labels, self.info = found
        values = [int(v) for v in np.flatnonzero(np.bincount(labels.ravel(), minlength=256)) if v]
        components = self.info.get("components", [])
        self.proposed = [
            Proposed(lesion, _confidence(lesion, components))
            for lesion in measure(labels, geometry, values)
        ]

    def part(self, number: int) -> tuple[Box, NDArray[np.bool_], int] | None:
        """Box, mask in it and class of part ``number`` (from 0) of the proposal."""
        if self._doc.proposal is None or not 0 <= number < len(self.proposed):
            return None
        lesion = self.proposed[number].lesion
        cut = self._doc.proposal[tuple(slice(a, b) for a, b in lesion.box)]
        return lesion.box, _component(cut == lesion.value, lesion), lesion.value

    def drop(self, number: int) -> None:
        """Part ``number`` of the proposal is gone."""
        del self.proposed[number]

    # ---- what the views show -----------------------------------------------------------------

    def first_place(self) -> Point | None:
        """Where to look first: the largest label or proposal, None without any."""
        doc = self._doc
        for array in (doc.labels, doc.proposal):
            if array is not None and array.any():
                areas = array.any(axis=(1, 2))
                z = int(np.count_nonzero(array, axis=(1, 2)).argmax()) if areas.any() else 0
                rows, columns = np.nonzero(array[z])
                return (float(z), float(np.median(rows)), float(np.median(columns)))
        return None

    def slices(self, plane: Plane) -> list[int]:
        """Slices of a plane that hold a lesion or a proposal."""
        axes = self._axes(plane)
        if axes is None:
            return []
        found: set[int] = set()
        for lesion in (*self.lesions, *(p.lesion for p in self.proposed)):
            found.update(range(*lesion.box[axes.normal]))
        return sorted(found)

    def tags(self, plane: Plane, index: int) -> list[Tag]:
        """One plate for each part of the proposal on a slice."""
        axes = self._axes(plane)
        if axes is None:
            return []
        model = str(self.info.get("model_id", ""))
        tags: list[Tag] = []
        for number, proposed in enumerate(self.proposed, start=len(self.lesions) + 1):
            first, last = proposed.lesion.box[axes.normal]
            if first <= index < last:
                z, y, x = (float(c) for c in proposed.lesion.centre)
                tags.append(Tag((z, y, x), f"L{number}  {model} · {proposed.confidence:.2f}", True))
        return tags

    def measurements(self, plane: Plane, index: int) -> list[Measurement]:
        """The RECIST axes of the lesions measured on an axial slice."""
        if plane != "axial":
            return []
        lines: list[Measurement] = []
        for lesion in self.lesions:
            if lesion.axial_slice == index:
                words = f"L{lesion.id}  {lesion.long_axis_mm:.1f} × {lesion.short_axis_mm:.1f} mm"
                lines.append(Measurement(*lesion.short_axis, dashed=True))
                lines.append(Measurement(*lesion.long_axis, text=words))
        return lines

    def _axes(self, plane: Plane) -> PlaneAxes | None:
        geometry: Geometry | None = self._doc.geometry
        return PlaneAxes.of(geometry, plane) if geometry is not None else None


def _component(mask: NDArray[np.bool_], lesion: Lesion) -> NDArray[np.bool_]:
    """The connected part of ``mask`` (of the lesion's box) that is the lesion."""
    from core.labels.parts import connected  # noqa: PLC0415 - scipy is loaded when first needed

    parts, _ = connected(mask, "all")
    place = tuple(c - a for c, (a, _) in zip(lesion.centre, lesion.box, strict=True))
    return parts == parts[place]


def _confidence(lesion: Lesion, components: list[dict[str, Any]]) -> float:
    """What the model said of the part with this class and nearly this many voxels."""
    same = [c for c in components if c.get("value") == lesion.value]
    if not same:
        return float("nan")
    return float(min(same, key=lambda c: abs(c["voxels"] - lesion.voxels))["confidence"])


def _nothing() -> None:
    """Takes the place of a measuring that nobody waits for any more."""
