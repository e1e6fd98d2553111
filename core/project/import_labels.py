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
from core.images import read_geometry, read_raw
from core.labels.schema import LabelSchema
from core.project.import_series import in_series, stack_of
from core.project.mask_matching import (
    box_share,
    same_box,
    same_lattice,
    series_of_mask,
    size_text,
)
from core.project.naming import class_name, value_names
from core.project.project import Project
from core.project.records import MaskOffer, SeriesRecord, Skipped
from core.volume import count_values

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
    is kept. A series that had a label before the import is left alone. A mask on another grid than
    its series is offered with its overlap, and taken only where ``any_grid`` says that the user
    accepted it.
    """

    project: Project
    skipped: list[Skipped] = field(default_factory=list)
    any_grid: bool = False
    offers: list[MaskOffer] = field(default_factory=list)
    _schema: LabelSchema = field(init=False)
    _colours: dict[int, str] = field(default_factory=dict)
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
        record = series_of_mask(path, geometry, self.project.series())
        raw = read_raw(path)
        labels, geometry, names = raw.mask()
        if not labels.any():
            raise FileRefusedError(path, "it is an empty mask")
        # A mask on the very grid of the series keeps its slices, even where those are uneven.
        same = same_box(geometry, record.geometry)
        target = Stack.even(record.geometry) if same else stack_of(record)
        raster = on_series(path, labels, Stack.even(geometry), target, names)
        cropped = path.name.lower().endswith(".seg.nrrd") and same_lattice(
            geometry, record.geometry
        )
        if not (same or cropped or self.any_grid):
            self._offer(_offer(path, record, labels, geometry, raster))
            return
        self._colours = raw.colours()
        self._take(path, record, self._named(path, raster))
        self._colours = {}

    def _offer(self, offer: MaskOffer) -> None:
        self.offers.append(offer)
        self.skipped.append(Skipped(offer.path, offer.sentence))

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
                label = self.project.ensure_class(
                    wanted, lesion=wanted == "Tumour", colour=self._colours.get(value)
                )
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
    named = [r for r in records if in_series(r.series_uid, header.referenced)]
    if named:
        return named
    if header.frame_uid:
        return [r for r in records if r.frame_uid == header.frame_uid]
    # Without a frame of reference: the images of its study, of which its place tells the right one.
    return [r for r in records if header.study_uid and r.study_uid == header.study_uid]


def _offer(
    path: Path,
    record: SeriesRecord,
    labels: NDArray[np.uint8],
    geometry: Geometry,
    raster: Raster,
) -> MaskOffer:
    """How a mask on another grid lies on its series."""
    return MaskOffer(
        path=path,
        series_uid=record.series_uid,
        image=record.files[0].name,
        mask_grid=geometry,
        image_grid=record.geometry,
        covered=box_share(geometry, record.geometry),
        label_ml=float(np.count_nonzero(labels) * geometry.voxel_ml),
        resampled_ml=float(np.count_nonzero(raster.labels) * record.geometry.voxel_ml),
        sizes=(size_text(geometry), size_text(record.geometry)),
    )
