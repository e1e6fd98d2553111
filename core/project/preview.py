"""Looking through a series without opening it: single slices as grey pictures, memory bounded.

A series of one DICOM file a slice is read slice by slice, so that the first picture costs one file
and a thousand slices no more memory than the reader's cache has. What can only be read whole (one
file for all, or a grid that a remedy made) is read once and kept as 8 bits, coarser where it is
large.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled
from core.planes import PlaneAxes
from core.project.project import Project
from core.project.reading import read_volume
from core.project.records import SeriesRecord
from core.project.thumbnails import LEVEL, WIDTH, file_a_slice, one_slice
from core.volume import apply_window, count_values, label_box, window_lut

#: Bytes that a series read whole may take; beyond, every second pixel (third…) is kept.
WHOLE_BYTES = 96 << 20
#: Slices that are read to find the body.
_LOOKED_AT = 5
#: HU between air and the body, as a window shows it.
_AIR = -300

Grey = NDArray[np.uint8]
#: (top, bottom, left, right), half-open, in pixels of an axial picture.
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class PreviewLabels:
    """What is labelled, kept only inside the box that holds it.

    values: uint8 [z, y, x] from voxel ``corner`` (z, y, x) on. ml: class value -> millilitres.
    lesion_slices: axial slices that hold a lesion. most: the one that holds most, None without.
    """

    values: NDArray[np.uint8]
    corner: tuple[int, int, int]
    ml: dict[int, float]
    lesion_slices: tuple[int, ...]
    most: int | None

    def cut(self, axes: PlaneAxes, index: int) -> Grey | None:
        """Labels [row, column] of axial slice ``index``, as large as the picture; None without."""
        at = index - self.corner[axes.normal]
        if not 0 <= at < self.values.shape[axes.normal]:
            return None
        thin, where, part = [*axes.shape], [slice(0)] * 3, [slice(None)] * 3
        for axis, (start, size) in enumerate(zip(self.corner, self.values.shape, strict=True)):
            where[axis] = slice(start, start + size)
        thin[axes.normal], where[axes.normal] = 1, slice(0, 1)
        part[axes.normal] = slice(at, at + 1)
        plane = np.zeros(thin, np.uint8)
        plane[tuple(where)] = self.values[tuple(part)]
        return axes.cut(plane, 0)


@dataclass(frozen=True, slots=True)
class Preview:
    """A series ready to be looked through; :meth:`slice` may be called from any thread.

    box: of the axial picture what holds the body, in pixels of the grid. start: the slice to show
    first. made: slices that a remedy interpolated. whole: all pictures, where slices are not files
    of their own. step: of every picture each ``step``-th pixel is kept.
    """

    record: SeriesRecord
    axes: PlaneAxes
    box: Box
    start: int
    labels: PreviewLabels | None
    made: frozenset[int]
    whole: NDArray[np.uint8] | None = None
    step: int = 1

    def slice(self, index: int) -> Grey:
        """Grey picture [row, column] of axial slice ``index``, soft-tissue window.

        Raises FileRefusedError when its file was moved, changed or damaged.
        """
        if self.whole is not None:
            return self.whole[index]
        cut = self.axes.cut(one_slice(self.record, index).hu, 0)
        return apply_window(np.ascontiguousarray(cut), window_lut(WIDTH, LEVEL))


def open_preview(
    project: Project,
    record: SeriesRecord,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Preview:
    """Find body, labels and first slice of a series.

    progress: only where a series has to be read whole. Raises FileRefusedError and Cancelled.
    """
    axes = PlaneAxes.of(record.geometry, "axial")
    labels = _labels(project, record, axes)
    middle = axes.slices // 2
    start = middle if labels is None or labels.most is None else labels.most
    made = frozenset(record.interpolated)
    if axes.normal == 0 and file_a_slice(record):
        looked = [_cut_of(record, axes, index, cancelled) for index in _spread(axes.slices)]
        return Preview(record, axes, body_box(looked), start, labels, made)
    volume = read_volume(record, progress, cancelled)
    every = [axes.cut(volume.hu, index) for index in _spread(axes.slices, 12)]
    step = max(1, math.ceil(math.sqrt(volume.hu.size / WHOLE_BYTES)))
    lut = window_lut(WIDTH, LEVEL)
    whole = np.stack(
        [apply_window(axes.cut(volume.hu, i)[::step, ::step], lut) for i in range(axes.slices)]
    )
    return Preview(record, axes, body_box(every), start, labels, made, whole, step)


def body_box(cuts: Sequence[NDArray[np.int16]]) -> Box:
    """Box round the body in axial slices HU [row, column], all of one size; at least one.

    A row counts with 3 % of its pixels above −300 HU, so that a thin table alone does not.
    """
    height, width = cuts[0].shape
    rows, columns = np.zeros(height, bool), np.zeros(width, bool)
    for cut in cuts:
        dense = cut > _AIR
        rows |= dense.mean(axis=1) > 0.03
        columns |= dense.mean(axis=0) > 0.03
    if not rows.any() or not columns.any():
        return (0, height, 0, width)
    high, wide = np.flatnonzero(rows), np.flatnonzero(columns)
    rim = round(0.02 * max(height, width))
    return (
        max(0, int(high[0]) - rim), min(height, int(high[-1]) + 1 + rim),
        max(0, int(wide[0]) - rim), min(width, int(wide[-1]) + 1 + rim),
    )  # fmt: skip


def _spread(slices: int, count: int = _LOOKED_AT) -> list[int]:
    """Slices all over a series, without the outermost."""
    return sorted({min(slices - 1, slices * (2 * i + 1) // (2 * count)) for i in range(count)})


def _cut_of(
    record: SeriesRecord, axes: PlaneAxes, index: int, cancelled: Callable[[], bool] | None
) -> NDArray[np.int16]:
    if cancelled is not None and cancelled():
        raise Cancelled
    return axes.cut(one_slice(record, index).hu, 0)


def _labels(project: Project, record: SeriesRecord, axes: PlaneAxes) -> PreviewLabels | None:
    if record.label_status in ("none", "proposed"):
        return None
    labels = project.label_store(record.series_uid).load()
    box = label_box(labels)
    if box is None:
        return None
    counts = count_values(labels)
    ml = {v: float(counts[v]) * record.geometry.voxel_ml for v in range(1, 256) if counts[v]}
    (z0, z1), (y0, y1), (x0, x1) = box
    values = labels[z0:z1, y0:y1, x0:x1].copy()  # the rest is let go
    others = tuple(axis for axis in range(3) if axis != axes.normal)
    area = np.isin(values, project.schema.lesion_values).sum(axis=others)
    first = box[axes.normal][0]
    slices = tuple(int(i) + first for i in np.flatnonzero(area))
    most = int(area.argmax()) + first if slices else None
    return PreviewLabels(values, (z0, y0, x0), ml, slices, most)
