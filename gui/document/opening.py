"""What is read, and computed once, when a series is opened; all of it off the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.geometry import Geometry
from core.labels.edits import Box, Labels
from core.labels.lesions import Lesion, measure
from core.labels.parts import connected
from core.labels.store import LabelStore
from core.planes import PlaneAxes
from core.project.ahead import Ahead
from core.project.records import SeriesRecord
from core.volume import Volume, count_values, label_box

#: The histogram behind the HU range: HU of its first bin, and how many bins of one HU.
HISTOGRAM_FROM, HISTOGRAM_BINS = -1100, 4200
#: Voxels looked at for it; every nth is enough for a picture of 64 bars.
_SAMPLED = 2_000_000
#: HU between air and everything else.
_AIR = -400


@dataclass(frozen=True, slots=True)
class ReadProposal:
    """A proposal with its parts, largest first, and what its model says of it."""

    labels: Labels
    info: dict[str, Any]
    parts: list[Lesion]


@dataclass(frozen=True, slots=True)
class Opened:
    """A series ready to be labelled. counts: voxels of each value. bounds: box of all labels.

    content: box of the patient, which views show first.
    """

    volume: Volume
    labels: Labels
    counts: NDArray[np.int64]
    bounds: Box | None
    content: Box
    histogram: NDArray[np.int64]
    lesions: list[Lesion]
    proposal: ReadProposal | None


def read_all(
    record: SeriesRecord,
    store: LabelStore,
    lesion_values: tuple[int, ...],
    settled: Callable[[], bool],
    first: Callable[[int, NDArray[np.int16]], None],
    *,
    ahead: Ahead,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Opened:
    """Read a series. settled: waits until earlier labels are on disk. first: the first slice.
    ahead: may have read the volume already.

    Raises FileRefusedError when image or label cannot be read, and Cancelled.
    """
    from core.project.reading import read_volume  # noqa: PLC0415 - pydicom must not hold up a start

    volume = ahead.take(record) or read_volume(record, progress, cancelled, first)
    settled()
    labels = store.load()
    bounds = label_box(labels)
    return Opened(
        volume, labels, count_values(labels), bounds, body_box(volume.hu), histogram(volume.hu),
        measure_in(labels, record.geometry, lesion_values, bounds),
        read_proposal(store, record.geometry),
    )  # fmt: skip


def body_box(hu: NDArray[np.int16]) -> Box:
    """The box of the largest thing that is no air; the whole volume where there is none."""
    steps = [max(1, n // 64) for n in hu.shape]
    parts, count = connected(hu[:: steps[0], :: steps[1], :: steps[2]] > _AIR, "faces")
    whole: Box = ((0, hu.shape[0]), (0, hu.shape[1]), (0, hu.shape[2]))
    if not count:
        return whole
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    found = ndimage.find_objects(parts)[int(sizes.argmax()) - 1]
    spans = [
        (max(0, (part.start - 1) * step), min(n, (part.stop + 1) * step))
        for part, step, n in zip(found, steps, hu.shape, strict=True)
    ]
    return (spans[0], spans[1], spans[2])


def read_proposal(store: LabelStore, geometry: Geometry) -> ReadProposal | None:
    """The proposal beside a label, None where there is none. Raises FileRefusedError."""
    found = store.load_proposal()
    if found is None:
        return None
    labels, info = found
    counts = count_values(labels)
    values = [int(v) for v in np.flatnonzero(counts) if v]
    parts = measure_in(labels, geometry, values, label_box(labels))
    return ReadProposal(labels, info, parts) if parts else None


def histogram(hu: NDArray[np.int16]) -> NDArray[np.int64]:
    """How many sampled voxels have each HU from :data:`HISTOGRAM_FROM` on."""
    step = max(1, round((hu.size / _SAMPLED) ** (1 / 3)))
    some = hu[::step, ::step, ::step].ravel().astype(np.int64) - HISTOGRAM_FROM
    some = some[(some >= 0) & (some < HISTOGRAM_BINS)]
    return np.bincount(some, minlength=HISTOGRAM_BINS)


def measure_in(labels: Labels, geometry: Geometry, values: Any, bounds: Box | None) -> list[Lesion]:
    """The lesions of ``labels``, all of which lie within ``bounds``; costs only that box."""
    if bounds is None or not len(values):
        return []
    cut = labels[tuple(slice(a, b) for a, b in bounds)]
    return measure_cut(cut, geometry, values, bounds)


def measure_cut(cut: Labels, geometry: Geometry, values: Any, bounds: Box) -> list[Lesion]:
    """The lesions of a block of labels that lies at ``bounds`` in the grid ``geometry``."""
    small = Geometry(cut.shape, geometry.spacing, geometry.origin, geometry.direction)
    corner = tuple(span[0] for span in bounds)
    return [_moved(lesion, corner, geometry) for lesion in measure(cut, small, values)]


def _moved(lesion: Lesion, corner: tuple[int, ...], geometry: Geometry) -> Lesion:
    normal = PlaneAxes.of(geometry, "axial").normal

    def place(point: Any) -> Any:
        return tuple(p + c for p, c in zip(point, corner, strict=True))

    return replace(
        lesion,
        long_axis=tuple(place(p) for p in lesion.long_axis),
        short_axis=tuple(place(p) for p in lesion.short_axis),
        axial_slice=lesion.axial_slice + corner[normal],
        centre=place(lesion.centre),
        box=tuple((a + c, b + c) for (a, b), c in zip(lesion.box, corner, strict=True)),
    )
