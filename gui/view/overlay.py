"""Labels and proposal of a plane's slices as paths, kept until what is on them changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTransform

from core.labels.schema import LabelSchema
from core.planes import PlaneAxes
from gui.document.document import LabelDocument
from gui.theme import LINE2
from gui.view.contours import outline

Box = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
Shapes = dict[int, QPainterPath]

#: Width of outlines on the screen, device-independent pixels.
CONTOUR = 1.6
#: Dashes of a proposal, in widths of its pen.
DASHES = (4.0, 3.0)
#: Opacity of a proposal's fill, so that it reads as not yet a label.
_PROPOSED = 0.10
#: Of the opacity the user sets: outlines stay opaque, so a fill of as much hides the image.
_FILL = 0.7
#: The same for classes that are no lesions, which would bury the lesions in them.
_QUIET = 0.25
#: Slices kept per plane: a scroll back and forth over a lesion.
_KEPT = 48


class Overlay:
    """The paths of one plane. An edit only redraws the classes it touched, on its slices."""

    def __init__(self) -> None:
        self._labels: OrderedDict[int, Shapes] = OrderedDict()
        self._stale: dict[int, set[int]] = {}
        self._proposal: OrderedDict[int, Shapes] = OrderedDict()
        self._exact = False
        #: The slice drawn last as its own array; an edit refreshes only its box of it.
        self._cut: tuple[int, NDArray[np.uint8]] | None = None

    def forget(self) -> None:
        """Everything may have changed."""
        self._cut = None
        self._labels.clear()
        self._stale.clear()
        self._proposal.clear()

    def touched(
        self,
        axes: PlaneAxes,
        labels: NDArray[np.uint8] | None,
        box: Box | None,
        values: Iterable[int] | None,
    ) -> None:
        """Note that ``labels`` changed inside ``box``, to or from ``values``."""
        if box is None or values is None or labels is None:
            self._labels.clear()
            self._stale.clear()
            self._cut = None
            return
        self._refresh(axes, labels, box)
        first, last = box[axes.normal]
        concerned = set(values)
        for index in self._labels:
            if first <= index < last:
                self._stale.setdefault(index, set()).update(concerned)

    def _refresh(self, axes: PlaneAxes, labels: NDArray[np.uint8], box: Box) -> None:
        if self._cut is None or not box[axes.normal][0] <= self._cut[0] < box[axes.normal][1]:
            return
        index, kept = self._cut
        ends = [axes.from_zyx((z, y, x)) for z, y, x in zip(*_ends(box), strict=True)]
        rows = sorted(round(end[1]) for end in ends)
        columns = sorted(round(end[2]) for end in ends)
        part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        kept[part] = axes.cut(labels, index)[part]

    def _slice(self, labels: NDArray[np.uint8], axes: PlaneAxes, index: int) -> NDArray[np.uint8]:
        if self._cut is None or self._cut[0] != index:
            # Copied once: sagittal cuts stride through the whole array, and each class reads it.
            self._cut = (index, np.array(axes.cut(labels, index), order="C"))
        return self._cut[1]

    def forget_proposal(self) -> None:
        """The proposal changed."""
        self._proposal.clear()

    def set_exact(self, exact: bool) -> None:
        """Whether single pixels can be seen, so that outlines keep their corners."""
        if exact != self._exact:
            self._exact = exact
            self.forget()

    def shapes(self, doc: LabelDocument, axes: PlaneAxes, index: int) -> Shapes:
        """Paths of the classes on slice ``index``, in (column, row)."""
        known = self._labels.get(index)
        stale = self._stale.pop(index, None)
        if known is None or stale:
            found: Shapes = {}
            if doc.labels is not None and 0 <= index < axes.slices:
                cut = self._slice(doc.labels, axes, index)
                found = _shapes(cut, self._exact, None if known is None else stale)
            known = found if known is None else {**known, **found}
            known = {v: path for v, path in sorted(known.items()) if not path.isEmpty()}
            _keep(self._labels, index, known)
        return known

    def proposed(self, doc: LabelDocument, axes: PlaneAxes, index: int) -> Shapes:
        """Paths of the proposal on slice ``index``."""
        if index not in self._proposal:
            shapes: Shapes = {}
            if doc.proposal is not None and 0 <= index < axes.slices:
                cut = np.ascontiguousarray(axes.cut(doc.proposal, index))
                shapes = _shapes(cut, self._exact, None)
            _keep(self._proposal, index, shapes)
        return self._proposal[index]

    def paint(
        self, p: QPainter, doc: LabelDocument, axes: PlaneAxes, index: int, to_screen: QTransform
    ) -> None:
        """Draw the slice's shapes; ``to_screen`` maps (column, row) to the widget."""
        if doc.overlay_hidden:
            return
        p.save()
        p.setTransform(to_screen, True)
        lesions = doc.schema.lesion_values
        shapes = self.shapes(doc, axes, index)
        # Lesions last: where they share an edge with an organ, theirs is the one to see.
        for value, path in sorted(shapes.items(), key=lambda item: item[0] in lesions):
            if value not in doc.hidden:
                share = _FILL if value in lesions else _QUIET
                fill = 0.0 if doc.contour_only else doc.opacity * share
                _draw(p, path, colour_of(doc.schema, value), fill, dashed=False)
        for value, path in self.proposed(doc, axes, index).items():
            fill = 0.0 if doc.contour_only else _PROPOSED
            _draw(p, path, colour_of(doc.schema, value), fill, dashed=True)
        p.restore()


def colour_of(schema: LabelSchema, value: int) -> QColor:
    """A class's colour; grey for a value the schema does not know."""
    try:
        return QColor(schema.by_value(value).colour)
    except KeyError:
        return QColor(LINE2)


def _draw(p: QPainter, path: QPainterPath, colour: QColor, fill: float, dashed: bool) -> None:
    if fill > 0:
        tint = QColor(colour)
        tint.setAlphaF(fill)
        p.fillPath(path, tint)
    pen = QPen(colour, CONTOUR)
    if dashed:
        pen = QPen(colour, CONTOUR + 0.2, Qt.PenStyle.CustomDashLine)
        pen.setDashPattern(DASHES)
        # Square caps would close the gaps between the dashes.
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    pen.setCosmetic(True)
    p.setBrush(Qt.BrushStyle.NoBrush)
    p.setPen(pen)
    p.drawPath(path)


def _keep(cache: OrderedDict[int, Shapes], index: int, shapes: Shapes) -> None:
    cache[index] = shapes
    cache.move_to_end(index)
    while len(cache) > _KEPT:
        cache.popitem(last=False)


def _ends(box: Box) -> tuple[tuple[float, float], ...]:
    """First and last voxel of a box along each axis."""
    return tuple((float(a), float(b - 1)) for a, b in box)


def _shapes(cut: NDArray[np.uint8], exact: bool, wanted: Iterable[int] | None) -> Shapes:
    values = np.flatnonzero(np.bincount(cut.ravel(), minlength=256)) if wanted is None else wanted
    return {int(v): outline(cut == v, exact) for v in values if v}
