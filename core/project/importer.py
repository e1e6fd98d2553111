"""Import: whatever lies below some paths becomes series and labels, or a sentence why not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.dicom.headers import Header
from core.dicom.patience import patiently
from core.dicom.scan import find_files
from core.dicom.series import group
from core.errors import Cancelled, FileRefusedError, UserError
from core.formats.names import is_image_file, values_files
from core.project.import_images import judge
from core.project.import_labels import LabelImport
from core.project.import_series import keep_labelled_grids, record_of, with_known_slices
from core.project.known_files import KnownFiles
from core.project.project import Project
from core.project.records import ImportReport, MaskOffer, SeriesRecord, Skipped

#: How often a paused import looks whether it may go on, in seconds.
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """Where an import is. stage: what it does, for the user. done, total: files (of the stage).

    series_found, skipped: so far. While folders are searched, total is 0.
    """

    stage: str
    done: int
    total: int
    series_found: int
    skipped: int


def import_paths(
    project: Project,
    paths: Sequence[Path],
    progress: Callable[[ImportProgress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    paused: Callable[[], bool] | None = None,
) -> ImportReport:
    """Import everything at or below ``paths`` into ``project``.

    paused: asked between two files; while it says so nothing is read, and cancelling still works.

    Pixel data stay where they are. Labels are saved as drafts, never over a label that was there.
    Every file that did not become part of a series or a label is in the report with a sentence.
    Cancelling keeps what was finished and returns a report that says so. Raises FileRefusedError
    when a path does not exist.
    """
    for path in paths:
        if not patiently(path.exists, path):
            raise FileRefusedError(path, "it does not exist", "Check the path.")
    work = _Import(project, progress, cancelled if paused is None else _held(cancelled, paused))
    try:
        work.run([Path(p) for p in paths])
    except Cancelled:
        work.cancelled = True
    finally:
        work.known.close()
    labelled = work.labels.save() if work.labels is not None else []
    offers = work.labels.offers if work.labels is not None else []
    fresh = [project.record(uid) for uid in dict.fromkeys(work.series)]
    return ImportReport(
        tuple(fresh), tuple(work.skipped), tuple(labelled), work.cancelled, tuple(offers)
    )


def accept_masks(
    project: Project,
    offers: Sequence[MaskOffer],
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportReport:
    """Take the masks of ``offers``, resampled onto their images' grids by position, as drafts.

    What cannot be used any more is in the report with a sentence. Raises Cancelled.
    """
    labels = LabelImport(project, any_grid=True)
    for done, offer in enumerate(offers, start=1):
        if cancelled is not None and cancelled():
            raise Cancelled
        labels.add_mask(offer.path)
        if progress is not None:
            progress(done, len(offers))
    labelled = labels.save()
    return ImportReport((), tuple(labels.skipped), tuple(labelled))


def _held(cancelled: Callable[[], bool] | None, paused: Callable[[], bool]) -> Callable[[], bool]:
    """Whether to stop, answered only once nobody holds the import: wherever it may be cancelled
    it can be paused.
    """

    def stop() -> bool:
        while True:
            if cancelled is not None and cancelled():
                return True
            if not paused():
                return False
            time.sleep(_LOOK_S)

    return stop


@dataclass(slots=True)
class _Import:
    """One import under way."""

    project: Project
    progress: Callable[[ImportProgress], None] | None
    stop: Callable[[], bool] | None
    series: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    labels: LabelImport | None = None
    cancelled: bool = False
    known: KnownFiles = field(init=False)
    values: dict[Path, Path] = field(default_factory=dict)  # headers by the file of their values

    def __post_init__(self) -> None:
        self.known = KnownFiles(self.project.cache_dir)

    def run(self, paths: list[Path]) -> None:
        self._say("Searching folders", 0, 0)
        # A folder on a share that went away never ends; cancelling does not wait for it.
        files, refused = patiently(
            lambda: find_files(paths, self.stop), paths[0], self.stop, seconds=None
        )
        self.skipped += [Skipped(path, reason) for path, reason in refused]
        files = self._outside_project(files)
        images, self.values = patiently(
            lambda: _image_files(files), paths[0], self.stop, seconds=None
        )
        others = set(files) - set(images)
        headers = self._headers([path for path in files if path in others])
        self._dicom(headers)
        masks = self._images(images)
        self.labels = LabelImport(self.project, self.skipped)
        dicom_labels = [h for h in headers if h.kind != "ct"]
        total = len(dicom_labels) + len(masks)
        for done, header in enumerate(dicom_labels, start=1):
            self._pause("Reading labels", done, total)
            self.labels.add_dicom(header)
        for done, path in enumerate(masks, start=len(dicom_labels) + 1):
            self._pause("Reading labels", done, total)
            self.labels.add_mask(path)

    def _headers(self, files: list[Path]) -> list[Header]:
        headers: list[Header] = []
        seen: set[str] = set()
        for done, (path, outcome) in enumerate(self.known.headers(files, self.stop), start=1):
            if isinstance(outcome, Header):
                headers.append(outcome)
                if outcome.kind == "ct":
                    seen.add(outcome.series_uid)
            elif path not in self.values:  # those are spoken of with their headers
                self.skipped.append(Skipped(path, outcome))
            self._say("Reading files", done, len(files), len(seen))
        return headers

    def _dicom(self, headers: list[Header]) -> None:
        found = group(with_known_slices(self.project, headers, self.known))
        for series in found:
            self.skipped += [Skipped(path, reason) for path, reason in series.dropped]
        self._keep([record_of(series) for series in found])

    def _images(self, paths: list[Path]) -> list[Path]:
        """Volumes become rows; the masks are returned."""
        masks: list[Path] = []
        seen: dict[str, Path] = {}
        for done, path in enumerate(paths, start=1):
            self._pause("Reading images", done, len(paths))
            parts = [path, *(v for v, header in self.values.items() if header == path)]
            uid = self._unchanged(parts)
            if uid and uid not in seen:
                seen[uid] = path
                self.series.append(uid)
                continue
            try:
                record = judge(path).record
            except FileRefusedError as error:
                self._refuse(path, error.sentence)
                continue
            if record is None:
                masks.append(path)
            elif record.series_uid in seen:
                other = seen[record.series_uid]
                place = f" in {other.parent.name}" if other.name == path.name else ""
                reason = f"it is a copy of {other.name}{place}"
                self._refuse(path, FileRefusedError(path, reason).sentence)
            else:
                seen[record.series_uid] = path
                self._keep([record])
                self.known.note_volume(parts, record.series_uid)
        return masks

    def _unchanged(self, parts: list[Path]) -> str:
        """The series an image file became in an earlier import, if both are still as they were."""
        uid = self.known.volume(parts)
        try:
            return uid if uid and self.project.record(uid).files == (parts[0],) else ""
        except UserError:
            return ""

    def _refuse(self, path: Path, sentence: str) -> None:
        """An image, and the file with its values where that is another."""
        self.skipped.append(Skipped(path, sentence))
        for values in (v for v, header in self.values.items() if header == path):
            reason = f"it holds the values of {path.name}, which cannot be used"
            self.skipped.append(Skipped(values, FileRefusedError(values, reason).sentence))

    def _keep(self, records: Sequence[SeriesRecord]) -> None:
        kept, refused = keep_labelled_grids(self.project, records)
        self.skipped += refused
        self.project.library.upsert_all(kept)
        self.series += [record.series_uid for record in kept]

    def _outside_project(self, files: list[Path]) -> list[Path]:
        """Without the project's own label files, previews and caches; pixel data may lie in it."""
        kept = [path for path in files if not self.project.folder.owns(path)]
        if len(kept) < len(files):
            own = self.project.path
            text = f"{own.name} holds labels, runs and models of this project, which are no series."
            self.skipped.append(Skipped(own, text))
        return kept

    def _pause(self, stage: str, done: int, total: int) -> None:
        """Between two files: report, and stop when asked to. Raises Cancelled."""
        if self.stop is not None and self.stop():
            raise Cancelled
        self._say(stage, done, total)

    def _say(self, stage: str, done: int, total: int, found: int | None = None) -> None:
        if self.progress is not None:
            series = len(self.series) if found is None else found
            self.progress(ImportProgress(stage, done, total, series, len(self.skipped)))


def _image_files(files: Sequence[Path]) -> tuple[list[Path], dict[Path, Path]]:
    """The image files among ``files``, and headers by the file their values lie in."""
    images = [path for path in files if is_image_file(path)]
    return images, values_files(images)
