"""Lesions of the open series and parts of its proposal: measured, listed, shown.

A finding is a lesion of the label or a part of the proposal; together they are numbered L1, L2 …
by size, so that a plate on a slice and a row of the table name the same thing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.labels.edits import Box, Labels
from core.labels.lesions import Lesion
from core.labels.parts import connected
from core.planes import Plane, PlaneAxes
from gui.document.marks import Measurement, Point, Tag
from gui.document.opening import ReadProposal, measure_cut

if TYPE_CHECKING:
    from gui.document.document import LabelDocument


@dataclass(frozen=True, slots=True)
class Finding:
    """One row. confidence: of a part of a proposal, 0-1 or NaN; None for a lesion."""

    name: str
    lesion: Lesion
    confidence: float | None = None

    @property
    def proposed(self) -> bool:
        """Whether it waits to be accepted."""
        return self.confidence is not None


class Findings:
    """What there is to find in a document; measured anew after each step."""

    def __init__(self, document: LabelDocument) -> None:
        self._doc = document
        self.info: dict[str, Any] = {}
        self.chosen: Point | None = None
        self._lesions: list[Lesion] = []
        self._parts: list[tuple[Lesion, float]] = []
        self._all: list[Finding] = []
        self._busy = self._again = False
        self._turn = 0

    def forget(self) -> None:
        """Another series."""
        self._lesions, self._parts, self._all, self.info = [], [], [], {}
        self.chosen = None
        self._busy = self._again = False
        self._turn += 1

    @property
    def all(self) -> list[Finding]:
        """All findings, largest first."""
        return self._all

    @property
    def proposed(self) -> list[Finding]:
        """Those that wait to be accepted."""
        return [f for f in self._all if f.proposed]

    @property
    def model(self) -> str:
        """Short name of the model that proposed."""
        return str(self.info.get("model_id") or self.info.get("model") or "")

    # ---- measuring ---------------------------------------------------------------------------

    def take(self, lesions: list[Lesion], proposal: ReadProposal | None) -> None:
        """What was measured when the series was opened."""
        self._lesions = lesions
        self.take_proposal(proposal)

    def take_proposal(self, proposal: ReadProposal | None) -> None:
        """List the parts of a proposal."""
        self.info = proposal.info if proposal else {}
        components = self.info.get("components", [])
        parts = proposal.parts if proposal else []
        self._parts = [(part, _confidence(part, components)) for part in parts]
        self._number()

    def measure(self) -> None:
        """Measure the lesions anew, in the background; one more is enough while one runs."""
        doc = self._doc
        if doc.labels is None or doc.geometry is None:
            return
        if self._busy:
            self._again = True
            return
        self._busy, self._again = True, False
        self._turn += 1
        turn, bounds = self._turn, doc.bounds
        values = doc.schema.lesion_values
        if bounds is None or not values:
            self._measured(turn, [])
            return
        cut = doc.labels[tuple(slice(a, b) for a, b in bounds)].copy()
        doc.session.tasks.run(
            measure_cut, cut, doc.geometry, values, bounds,
            on_done=lambda found: self._measured(turn, found), owner=doc,
        )  # fmt: skip

    def _measured(self, turn: int, lesions: list[Lesion]) -> None:
        if turn != self._turn:
            return  # Of a series that is no longer open.
        self._busy = False
        self._lesions = lesions
        self._number()
        if self._again:
            self.measure()

    def _number(self) -> None:
        rows: list[tuple[Lesion, float | None]] = [(lesion, None) for lesion in self._lesions]
        rows += list(self._parts)
        rows.sort(key=lambda row: -row[0].voxels)
        self._all = [
            Finding(f"L{number}", replace(lesion, id=number), confidence)
            for number, (lesion, confidence) in enumerate(rows, start=1)
        ]
        self._doc.lesions_changed.emit()

    # ---- choosing ----------------------------------------------------------------------------

    def current(self) -> Finding | None:
        """The finding that was chosen, or the one the crosshair lies in the box of."""
        if self.chosen is not None:
            for finding in self._all:
                if _holds(finding.lesion.box, self.chosen):
                    return finding
        return None

    def choose(self, finding: Finding | None) -> None:
        """Remember a finding by its place, since numbers change with each stroke."""
        z, y, x = finding.lesion.centre if finding else (0, 0, 0)
        self.chosen = (float(z), float(y), float(x)) if finding else None
        self._doc.lesions_changed.emit()

    def beside(self, step: int) -> Finding | None:
        """The next (1) or previous (-1) finding after the chosen one."""
        if not self._all:
            return None
        now = self.current()
        if now is None:
            return self._all[0 if step > 0 else -1]
        names = [f.name for f in self._all]
        return self._all[(names.index(now.name) + step) % len(self._all)]

    def at(self, zyx: Point) -> Finding | None:
        """The smallest finding whose box holds a place."""
        inside = [f for f in self._all if _holds(f.lesion.box, zyx)]
        return min(inside, key=lambda f: f.lesion.voxels, default=None)

    # ---- proposal ----------------------------------------------------------------------------

    def mask_of(self, finding: Finding, proposal: Labels) -> tuple[Box, NDArray[np.bool_]]:
        """The box of a part of the proposal, and which of its voxels belong to it."""
        box = finding.lesion.box
        cut = proposal[tuple(slice(a, b) for a, b in box)] == finding.lesion.value
        parts, _ = connected(cut, "all")
        centre = finding.lesion.centre
        place = tuple(c - a for c, (a, _) in zip(centre, box, strict=True))
        return box, parts == parts[place]

    def drop(self, finding: Finding) -> None:
        """A part of the proposal is gone."""
        self._parts = [p for p in self._parts if p[0].box != finding.lesion.box
                       or p[0].voxels != finding.lesion.voxels]  # fmt: skip
        self._number()

    def put_back(self, finding: Finding) -> None:
        """A part of the proposal waits again."""
        confidence = math.nan if finding.confidence is None else finding.confidence
        self._parts.append((finding.lesion, confidence))
        self._number()

    # ---- what the views show -----------------------------------------------------------------

    def slices(self, plane: Plane) -> list[tuple[int, int, str]]:
        """Half-open runs of slices of a plane that hold a finding, with its colour."""
        axes = self._axes(plane)
        if axes is None:
            return []
        return [(*f.lesion.box[axes.normal], self._doc.colour(f.lesion.value)) for f in self._all]

    def tags(self, plane: Plane, index: int) -> list[Tag]:
        """Plates on a slice: parts of the proposal, and the size of what is measured here."""
        axes = self._axes(plane)
        tags: list[Tag] = []
        for finding in self._all if axes is not None else []:
            lesion = finding.lesion
            colour = self._doc.colour(lesion.value)
            if finding.proposed:
                first, last = lesion.box[axes.normal]  # type: ignore[union-attr]
                if first <= index < last:
                    place = _top(lesion, axes, index)  # type: ignore[arg-type]
                    tags.append(Tag(place, self._said(finding), True, colour))
            elif plane == "axial" and lesion.axial_slice == index and self._measured_now(finding):
                words = (
                    f"{finding.name}   {lesion.long_axis_mm:.1f} × {lesion.short_axis_mm:.1f} mm"
                )
                left = min(lesion.long_axis, key=lambda p: axes.from_zyx(p)[2])  # type: ignore[union-attr]
                tags.append(Tag(left, words, False, colour))
        return tags

    def measurements(self, plane: Plane, index: int) -> list[Measurement]:
        """RECIST axes on an axial slice: of the chosen lesion, or of all."""
        lines: list[Measurement] = []
        for finding in self._all if plane == "axial" else []:
            lesion = finding.lesion
            if lesion.axial_slice == index and self._measured_now(finding):
                lines.append(Measurement(*lesion.short_axis, dashed=True))
                lines.append(Measurement(*lesion.long_axis))
        return lines

    def _measured_now(self, finding: Finding) -> bool:
        if finding.proposed:
            return False
        current = self.current()
        return self._doc.all_measured or (current is not None and current.name == finding.name)

    def _said(self, finding: Finding) -> str:
        sure = finding.confidence or math.nan
        words = f"{finding.name}   {self.model}"
        return f"{words} · {sure:.2f}" if math.isfinite(sure) else words

    def _axes(self, plane: Plane) -> PlaneAxes | None:
        geometry = self._doc.geometry
        return PlaneAxes.of(geometry, plane) if geometry is not None else None


def _top(lesion: Lesion, axes: PlaneAxes, index: int) -> Point:
    """The middle of the upper edge of a lesion's box as it lies on the screen."""
    low = axes.from_zyx(tuple(float(a) for a, _ in lesion.box))  # type: ignore[arg-type]
    high = axes.from_zyx(tuple(float(b - 1) for _, b in lesion.box))  # type: ignore[arg-type]
    return axes.to_zyx(index, min(low[1], high[1]), (low[2] + high[2]) / 2)


def _holds(box: Box, place: Point) -> bool:
    return all(a - 0.5 <= p < b - 0.5 for (a, b), p in zip(box, place, strict=True))


def _confidence(lesion: Lesion, components: list[dict[str, Any]]) -> float:
    """What the model said of the part with this class and nearly this many voxels."""
    same = [c for c in components if c.get("value") == lesion.value]
    if not same:
        return math.nan
    return float(min(same, key=lambda c: abs(c["voxels"] - lesion.voxels))["confidence"])
