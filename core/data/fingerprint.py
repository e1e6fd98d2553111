"""Measures the labelled cases of a project: spacings, sizes, lesion volumes, HU inside lesions.

Each case is read once; its figures are remembered in the project's cache under the identity of its
files and its label, so planning again takes no time.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.data.figures import Figures
from core.data.grid import GridInfo
from core.data.places import place, place_dice
from core.errors import Cancelled
from core.geometry import Geometry, Triple
from core.labels.durable import write_bytes
from core.project.manifest import Manifest, ManifestCase
from core.project.project import Project
from core.project.reading import read_volume

#: Grows when the figures of a case change their meaning; older cache entries are made anew.
FORMAT = 2
#: HU histogram bins, one a unit: CT numbers of tissue and metal lie well inside.
HU_LOW, HU_HIGH = -1024, 3072

#: A part smaller than this share of the case's largest lesion is not counted.
SPECK = 0.005

FULL = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, slots=True)
class _Case:
    """spacing, size_mm: patient order z, y, x. hu: histogram (bin, count) of lesion voxels.

    place: of ``core.data.places``, flat, in thousandths.
    """

    spacing: Triple
    size_mm: Triple
    lesions_ml: tuple[float, ...]
    hu: tuple[tuple[int, int], ...]
    place: tuple[int, ...]


def fingerprint(
    project: Project,
    manifest: Manifest,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Figures:
    """The figures of the train and validation cases of ``manifest``.

    progress: called with (cases done, cases). Raises FileRefusedError when a case's files cannot
    be read, Cancelled when ``cancelled`` says so. Without cases all figures are zero.
    """
    train, val = manifest.of("train"), manifest.of("val")
    cases: list[_Case] = []
    for done, entry in enumerate((*train, *val)):
        if cancelled is not None and cancelled():
            raise Cancelled
        if progress is not None:
            progress(done, len(train) + len(val))
        cases.append(_remembered(project, entry))
    return _summary(cases[: len(train)], cases[len(train) :])


def _remembered(project: Project, entry: ManifestCase) -> _Case:
    # What is outlined in part says nothing of how large or how many the lesions are.
    hidden = entry.unannotated
    values = tuple(c.value for c in project.schema.trained if c.value not in hidden)
    identity = json.dumps([FORMAT, entry.files_id, entry.label_sha256, values])
    name = hashlib.sha256(identity.encode()).hexdigest()[:32]
    path = project.cache_dir / "fingerprint" / f"{name}.json"
    known = _load(path)
    if known is not None and entry.files_id:
        return known
    record = project.record(entry.series_uid)
    volume = read_volume(record)
    labels = project.label_store(entry.series_uid).load()
    case = _measure(volume.hu, labels, values, record.geometry)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, json.dumps(asdict(case)).encode())
    return case


def _load(path: Path) -> _Case | None:
    """The case of a cache file; None when absent or damaged, as any cache may be."""
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return _Case(
            spacing=_triple(data["spacing"]),
            size_mm=_triple(data["size_mm"]),
            lesions_ml=tuple(float(v) for v in data["lesions_ml"]),
            hu=tuple((int(b), int(n)) for b, n in data["hu"]),
            place=tuple(int(n) for n in data["place"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _triple(value: Any) -> Triple:
    z, y, x = (float(v) for v in value)
    return (z, y, x)


def _measure(
    hu: NDArray[np.int16],
    labels: NDArray[np.uint8],
    values: tuple[int, ...],
    geometry: Geometry,
) -> _Case:
    info = GridInfo.of(geometry, geometry.spacing)
    size = tuple(geometry.size_mm[axis] for axis in info.order)
    volumes: list[float] = []
    for value in values:
        found = cast("tuple[NDArray[np.int32], int]", ndimage.label(labels == value, FULL))
        sizes = np.bincount(found[0].ravel())[1:]
        # Specks left by a raster or a slip of the brush are no lesions to plan for.
        sizes = sizes[sizes >= max(3, sizes.max(initial=0) * SPECK)]
        volumes += [float(n) * geometry.voxel_ml for n in sizes]
    lesion = np.isin(labels, values)
    inside = np.clip(hu[lesion], HU_LOW, HU_HIGH).astype(np.int32) - HU_LOW
    histogram = np.bincount(inside) if inside.size else np.zeros(0, int)
    bins = tuple((int(b) + HU_LOW, int(histogram[b])) for b in np.flatnonzero(histogram))
    where = np.rint(place(info.canonical(lesion)) * 1000).astype(int).ravel().tolist()
    return _Case(info.canonical_spacing, _triple(size), tuple(volumes), bins, tuple(where))


def _summary(train: list[_Case], val: list[_Case]) -> Figures:
    if not train:
        return Figures(cases_val=len(val))
    spacings = np.array([case.spacing for case in train])
    sizes = np.array([case.size_mm for case in train])
    lesions = np.array([ml for case in train for ml in case.lesions_ml])
    if lesions.size == 0:
        lesions = np.zeros(1)
    # Diameter in mm of the ball of a volume in mL.
    across = 2 * np.cbrt(np.percentile(lesions, (10, 50, 90)) * 1000 * 3 / (4 * math.pi))
    hu, mean, std = _hu(train)
    return Figures(
        cases_train=len(train),
        cases_val=len(val),
        lesions=sum(len(case.lesions_ml) for case in train),
        median_spacing=_triple(np.median(spacings, axis=0)),
        median_size_mm=_triple(np.median(sizes, axis=0)),
        largest_size_mm=_triple(sizes.max(axis=0)),
        lesion_ml=(float(lesions.min()), float(np.median(lesions)), float(lesions.max())),
        lesion_mm=_triple(across),
        hu=hu,
        hu_mean=mean,
        hu_std=std,
        voxels=sum(map(_voxels, (*train, *val))),
        largest_voxels=max(map(_voxels, (*train, *val))),
        litres=float(sum(math.prod(case.size_mm) for case in (*train, *val)) / 1e6),
        single_lesion_share=float(np.mean([len(case.lesions_ml) == 1 for case in train])),
        place_dice=place_dice([np.array(case.place, np.float32) / 1000 for case in train]),
    )


def _voxels(case: _Case) -> int:
    return round(math.prod(n / s for n, s in zip(case.size_mm, case.spacing, strict=True)))


def _hu(cases: list[_Case]) -> tuple[Triple, float, float]:
    """0.5th, 50th and 99.5th percentile, mean and standard deviation over all lesion voxels."""
    total = np.zeros(HU_HIGH - HU_LOW + 1)
    for case in cases:
        for value, count in case.hu:
            total[value - HU_LOW] += count
    if total.sum() == 0:
        return (0.0, 0.0, 0.0), 0.0, 0.0
    values = np.arange(HU_LOW, HU_HIGH + 1)
    share = np.cumsum(total) / total.sum()
    percentiles = values[np.searchsorted(share, (0.005, 0.5, 0.995))]
    mean = float((values * total).sum() / total.sum())
    std = math.sqrt(float(((values - mean) ** 2 * total).sum() / total.sum()))
    return _triple(percentiles), mean, std
