"""Labels of an import: which series each belongs to, under which class, saved as drafts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.dicom.headers import Header
from core.dicom.rtstruct import read_rtstruct
from core.dicom.seg import read_seg
from core.dicom.stack import Raster, Stack, on_series
from core.errors import FileRefusedError
from core.geometry import Geometry
from core.images import read_geometry, read_mask
from core.labels.schema import LabelSchema
from core.project.import_series import stack_of
from core.project.naming import case_name, class_name, value_names, words
from core.project.project import Project
from core.project.records import SeriesRecord, Skipped
from core.volume import count_values

#: A mask on another grid than its image must cover this share of the image's box.
_COVERED = 0.9

#: Labels held in memory before they are written: a few series, whatever the size of the import.
HELD_BYTES = 1 << 28


@dataclass(slots=True)
class _Draft:
    """The label of one series while it is put together. sizes: voxels by value."""

    labels: NDArray[np.uint8]
    sizes: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class LabelImport:
    """Collects the labels of one import; :meth:`save` writes them.

    Several files may label one series (an organ each); of two that name the same class the first
    is kept. A series that had a label before the import is left alone.
    """

    project: Project
    skipped: list[Skipped] = field(default_factory=list)
    _schema: LabelSchema = field(init=False)
    _drafts: dict[str, _Draft] = field(default_factory=dict)
    _saved: dict[str, dict[int, int]] = field(default_factory=dict)
    _labelled_before: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # As it was before this import adds classes: those say nothing about other files' values.
        self._schema = self.project.schema

    def add_dicom(self, header: Header) -> None:
        """An RTSTRUCT or SEG. What cannot be used is noted in :attr:`skipped`."""
        self._note(header.path, lambda: self._add_dicom(header))

    def add_mask(self, path: Path) -> None:
        """A mask in an image file. What cannot be used is noted in :attr:`skipped`."""
        self._note(path, lambda: self._add_mask(path))

    def save(self) -> list[str]:
        """Write the labels as drafts; returns the UIDs of the series that got one."""
        for uid, draft in self._drafts.items():
            if draft.sizes:
                self.project.label_store(uid).save(draft.labels)
                self.project.save_label_summary(uid, draft.labels)
                self._saved[uid] = draft.sizes
        self._drafts.clear()
        return list(self._saved)

    def _note(self, path: Path, work: Callable[[], None]) -> None:
        try:
            work()
        except FileRefusedError as error:
            self.skipped.append(Skipped(path, error.sentence))

    def _add_dicom(self, header: Header) -> None:
        candidates = _by_reference(header, self.project.series())
        if not candidates:
            raise FileRefusedError(
                header.path,
                "the series it belongs to is not in the project",
                "Import the images together with it.",
            )
        labels = (read_rtstruct if header.kind == "rtstruct" else read_seg)(header.path)
        best: tuple[SeriesRecord, Raster] | None = None
        refused: FileRefusedError | None = None
        for record in candidates:
            try:
                raster = labels.rasterise(stack_of(record))
            except FileRefusedError as error:
                refused = error
                continue
            if best is None or np.count_nonzero(raster.labels) > np.count_nonzero(best[1].labels):
                best = (record, raster)
        if best is None:
            raise refused or FileRefusedError(header.path, "it lies on no series")
        self._take(header.path, best[0], best[1])

    def _add_mask(self, path: Path) -> None:
        geometry = read_geometry(path)
        record = _series_of_mask(path, geometry, self.project.series())
        labels, geometry, names = read_mask(path)
        if not labels.any():
            raise FileRefusedError(path, "it is an empty mask")
        # A mask on the very grid of the series keeps its slices, even where those are uneven.
        same = _same_box(geometry, record.geometry)
        target = Stack.even(record.geometry) if same else stack_of(record)
        raster = on_series(path, labels, Stack.even(geometry), target, names)
        self._take(path, record, self._named(path, raster))

    def _named(self, path: Path, raster: Raster) -> Raster:
        """The raster with a name for every value the file does not name itself."""
        values = [v for v in np.unique(raster.labels).tolist() if v]
        names = {**value_names(path, values, self._schema), **raster.names}
        return Raster(raster.labels, {v: names[v] for v in values}, raster.note)

    def _take(self, path: Path, record: SeriesRecord, raster: Raster) -> None:
        uid = record.series_uid
        if uid not in self._labelled_before:
            store = self.project.label_store(uid)
            self._labelled_before[uid] = store.exists() or record.label_status in (
                "draft",
                "reviewed",
            )
        if self._labelled_before[uid]:
            raise FileRefusedError(
                path, "its series already has a label", "Delete that label to import this one."
            )
        draft = self._draft(record)
        values = self._classes(path, raster.names)
        fresh = {old: new for old, new in values.items() if new not in draft.sizes}
        if not fresh:
            raise FileRefusedError(path, "another file gave its series the same label")
        self._lay(draft, raster.labels, fresh)
        if len(fresh) < len(values):
            text = f"A part of {path.name} was left out: another file gave the same label."
            self.skipped.append(Skipped(path, text))
        if raster.note:
            self.skipped.append(Skipped(path, raster.note))

    def _draft(self, record: SeriesRecord) -> _Draft:
        """The label of a series as this import has it so far."""
        uid = record.series_uid
        if uid not in self._drafts:
            if sum(d.labels.nbytes for d in self._drafts.values()) > HELD_BYTES:
                self.save()
            if uid in self._saved:
                labels = self.project.label_store(uid).load()
            else:
                labels = np.zeros(record.geometry.shape, dtype=np.uint8)
            self._drafts[uid] = _Draft(labels, dict(self._saved.get(uid, {})))
        return self._drafts[uid]

    def _classes(self, path: Path, names: dict[int, str]) -> dict[int, int]:
        """The project's class value for each value of the file; missing classes are added."""
        values: dict[int, int] = {}
        for value, name in names.items():
            wanted = class_name(name, self.project.schema)
            try:
                label = self.project.ensure_class(wanted, lesion=wanted == "Tumour")
            except ValueError as error:
                raise FileRefusedError(
                    path, f"{error}", "Remove classes you do not need."
                ) from error
            values[value] = label.value
        return values

    def _lay(self, draft: _Draft, labels: NDArray[np.uint8], values: dict[int, int]) -> None:
        """Put structures into the draft; where two overlap the smaller is kept."""
        table = np.zeros(256, dtype=np.uint8)
        for old, new in values.items():
            table[old] = new
        added = table[labels]
        counts = count_values(added)
        sizes = {v: int(counts[v]) for v in set(values.values())}
        keep = np.zeros((256, 256), dtype=bool)  # [there, added]: what is there is smaller
        for there, size in draft.sizes.items():
            for value, new_size in sizes.items():
                keep[there, value] = size <= new_size
        place = (added > 0) & ~keep[draft.labels, added]
        draft.labels[place] = added[place]
        draft.sizes.update(sizes)


def _by_reference(header: Header, records: Sequence[SeriesRecord]) -> list[SeriesRecord]:
    """Series a DICOM label can belong to: those it names, else those of its frame of reference,
    else those of its study.
    """
    named = [
        r
        for r in records
        if r.series_uid in header.referenced or r.series_uid.rpartition(".")[0] in header.referenced
    ]
    if named:
        return named
    if header.frame_uid:
        return [r for r in records if r.frame_uid == header.frame_uid]
    # Without a frame of reference: the images of its study, of which its place tells the right one.
    return [r for r in records if header.study_uid and r.study_uid == header.study_uid]


def _series_of_mask(
    path: Path, geometry: Geometry, records: Sequence[SeriesRecord]
) -> SeriesRecord:
    """The series a mask file belongs to, by position first and by name where several fit."""
    fitting = [r for r in records if _same_box(geometry, r.geometry)]
    case = case_name(path)
    if not fitting:
        fitting = [r for r in records if r.source == "image" and _case(r) == case]
        for record in fitting:
            share = _overlap(geometry, record.geometry)
            if share == 0:
                raise FileRefusedError(
                    path, f"it does not overlap its image {record.files[0].name}"
                )
            if share < _COVERED and not path.name.lower().endswith(".seg.nrrd"):
                raise FileRefusedError(
                    path,
                    f"it has {_size(geometry)} voxels and its image {record.files[0].name} "
                    f"{_size(record.geometry)}, of which it covers {100 * share:.0f} %",
                    "Export the mask on the image's grid.",
                )
    if not fitting:
        raise FileRefusedError(
            path,
            f"no image of the project lies on its grid ({_size(geometry)} voxels)",
            "Import the image together with its mask.",
        )
    return _best_named(path, case, fitting)


def _best_named(path: Path, case: str, fitting: list[SeriesRecord]) -> SeriesRecord:
    def rank(record: SeriesRecord) -> tuple[bool, bool, int]:
        own = record.files[0].parent
        shared = len(Path(*_common(own.parts, path.parent.parts)).parts)
        return (_case(record) == case, _speaks_of(path, record.patient_id), shared)

    ranked = sorted(fitting, key=rank, reverse=True)
    if len(ranked) > 1 and rank(ranked[0]) == rank(ranked[1]):
        raise FileRefusedError(
            path,
            f"{sum(rank(r) == rank(ranked[0]) for r in ranked)} series lie on its grid",
            "Give the mask the name of its image.",
        )
    return ranked[0]


def _speaks_of(path: Path, patient_id: str) -> bool:
    """Whether the file name holds the patient's ID as words of their own."""
    wanted, there = words(patient_id), words(path.name)
    ends = range(len(there) - len(wanted) + 1)
    return bool(wanted) and any(there[i : i + len(wanted)] == wanted for i in ends)


def _common(a: Sequence[str], b: Sequence[str]) -> list[str]:
    same: list[str] = []
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        same.append(x)
    return same


def _case(record: SeriesRecord) -> str:
    return case_name(record.files[0]) if record.source == "image" else record.patient_id


def _same_box(a: Geometry, b: Geometry) -> bool:
    """Whether two grids hold the same voxels, in whatever order (flipped, axes exchanged)."""
    if sorted(a.shape) != sorted(b.shape):
        return False
    tolerance = 0.25 * min(*a.spacing, *b.spacing)
    distances = np.linalg.norm(_corners(a)[:, None] - _corners(b)[None, :], axis=-1)
    return bool((distances.min(axis=1) <= tolerance).all())


def _overlap(a: Geometry, b: Geometry) -> float:
    """Share of the box of ``b`` that lies in the box of ``a``, on a lattice of 9 x 9 x 9 points."""
    steps = [np.linspace(0, n - 1, 9) for n in b.shape]
    lattice = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    index = a.mm_to_index(b.index_to_mm(lattice))
    inside = ((index >= -0.5) & (index <= np.asarray(a.shape) - 0.5)).all(axis=1)
    return float(inside.mean())


def _corners(grid: Geometry) -> NDArray[np.float64]:
    ends = [[0, n - 1] for n in grid.shape]
    return grid.index_to_mm(np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(8, 3))


def _size(grid: Geometry) -> str:
    return " × ".join(str(n) for n in reversed(grid.shape))
