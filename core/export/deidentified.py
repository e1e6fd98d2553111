"""Images and labels out without the patients' identity, after a look at what will change."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset

from core.dicom.deidentify.audit import Audit
from core.dicom.deidentify.cleaner import Cleaner
from core.dicom.deidentify.identifiers import Identifiers
from core.dicom.deidentify.identity import Identity
from core.dicom.deidentify.objects import clean_file, cleaned
from core.dicom.deidentify.profile import Rules
from core.dicom.parsing import parse, quiet
from core.dicom.writing.ct import slices
from core.dicom.writing.references import References
from core.errors import Cancelled, FileRefusedError, UserError
from core.export.images import load_label
from core.export.labels import MAKE, DicomLabel, LabelOptions, references_for, segments_of
from core.project.identity import identity_of
from core.project.project import Project
from core.project.reading import read_volume
from core.project.records import SeriesRecord

Progress = Callable[[int, int], None]
Stop = Callable[[], bool]

#: Written into the folder beside the patients: what was done, without what was there before.
AUDIT_FILE = "audit.tsv"
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class DeidentifyOptions:
    """labels: formats in which labels go along; series without one go without. label: what the
    labels say of themselves. burned_in: write images that may show identity in their pixels, too.
    """

    keep_device: bool = False
    shift_dates: bool = False
    images: bool = True
    labels: tuple[DicomLabel, ...] = ("seg",)
    label: LabelOptions = field(default_factory=lambda: LabelOptions("manual"))
    burned_in: bool = False


@dataclass(frozen=True, slots=True)
class Deidentified:
    """folder: where everything lies. files: how many were written. audit: what was done."""

    folder: Path
    files: int
    audit: Audit


@dataclass(frozen=True, slots=True)
class _Object:
    """One object to write. where: below the folder. source: a file or a dataset in memory."""

    where: Path
    source: Path | Dataset


def look_through(
    project: Project,
    series_uids: Sequence[str],
    options: DeidentifyOptions,
    progress: Progress | None = None,
    cancelled: Stop | None = None,
) -> Audit:
    """What :func:`write_deidentified` would do to each attribute. Reads headers, writes nothing.

    Raises UserError for an unknown series, FileRefusedError for a file that cannot be read,
    Cancelled.
    """
    return _Export(project, options, None, progress, cancelled).run(series_uids)


def write_deidentified(
    project: Project,
    series_uids: Sequence[str],
    folder: Path,
    options: DeidentifyOptions,
    *,
    progress: Progress | None = None,
    cancelled: Stop | None = None,
) -> Deidentified:
    """Write the series into ``folder``, a new or empty one: a folder a patient, one a series.

    Whole or not at all. Raises as :func:`look_through` does, and UserError when the folder holds
    something, or when pixels may show identity and ``options.burned_in`` does not allow it.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UserError(
            f"{folder} is not empty. Choose a new or empty folder, so that nothing with identity "
            "lies among what has none."
        )
    partial = folder / _PARTIAL
    try:
        partial.mkdir(parents=True)
        export = _Export(project, options, partial, progress, cancelled)
        audit = export.run(series_uids)
        if audit.burned_in and not options.burned_in:
            reasons = "; ".join(f"{n} files: {why}" for why, n in audit.burned_in.items())
            raise UserError(
                f"Pixels may show who the patient is ({reasons}). Nothing was written. Look at "
                "these images, leave their series out, or allow it."
            )
        (partial / AUDIT_FILE).write_text(_audit_text(audit), encoding="utf-8")
        for path in sorted(partial.iterdir()):
            path.rename(folder / path.name)
    except OSError as error:
        raise FileRefusedError(
            folder, "it cannot be written", error.strerror or str(error)
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Deidentified(folder, audit.files, audit)


@dataclass(slots=True)
class _Export:
    """One run over the series; writes where ``folder`` is given."""

    project: Project
    options: DeidentifyOptions
    folder: Path | None
    progress: Progress | None
    cancelled: Stop | None
    audit: Audit = field(default_factory=Audit)
    _words: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    def run(self, series_uids: Sequence[str]) -> Audit:
        identity = identity_of(self.project)
        records = [self.project.record(uid) for uid in dict.fromkeys(series_uids)]
        total = sum(record.geometry.shape[0] for record in records)
        done = 0
        numbers: dict[str, int] = {}
        for record in records:
            pseudonym = identity.pseudonym(patient_of(record))
            numbers[pseudonym] = numbers.get(pseudonym, 0) + 1
            where = Path(pseudonym) / f"series-{numbers[pseudonym]}"
            before = self.audit.files
            for item in self._objects(record, where):
                if self.cancelled is not None and self.cancelled():
                    raise Cancelled
                self._write(item, record, identity)
                if self.progress is not None:
                    here = min(self.audit.files - before, record.geometry.shape[0])
                    self.progress(done + here, total)
            done += record.geometry.shape[0]
        return self.audit

    def _objects(self, record: SeriesRecord, where: Path) -> Iterator[_Object]:
        references, own = references_for(record)
        images = where / "images"
        if self.options.images and own:
            for number, path in enumerate(record.files, start=1):
                yield _Object(images / f"{number:04d}.dcm", path)
        elif self.options.images:
            for number, image in enumerate(self._made(record, references), start=1):
                yield _Object(images / f"{number:04d}.dcm", image)
        if not self.options.labels or not self.project.label_store(record.series_uid).exists():
            return
        labels = load_label(self.project, record)
        if not labels.any():
            return
        segments = segments_of(self.project.schema, self.options.label)
        for kind in self.options.labels:
            made = MAKE[kind](labels, references, segments, where / f"{kind}.dcm")
            yield _Object(where / f"{kind}.dcm", made)

    def _made(self, record: SeriesRecord, references: References) -> Iterator[Dataset]:
        """CT slices of a series that has none; only their headers where nothing is written."""
        if self.folder is None:
            yield from references.images
        else:
            yield from slices(references, read_volume(record, cancelled=self.cancelled))

    @quiet()
    def _write(self, item: _Object, record: SeriesRecord, identity: Identity) -> None:
        source = item.source
        header = parse(source).dataset if isinstance(source, Path) else source
        names = frozenset(
            [
                *(label.name for label in self.project.schema.classes),
                *(code.meaning for code in self.options.label.meanings.values()),
                *_OURS,
                self.options.label.algorithm,
            ]
        )
        cleaner = Cleaner(
            identity,
            patient_of(record),
            Rules(self.options.keep_device, self.options.shift_dates, names),
            Identifiers([header], self._known(record, header)),
            self.audit,
        )
        target = None if self.folder is None else self.folder / item.where
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, Path):
            clean_file(source, target, cleaner)
            return
        syntax = str(source.file_meta.TransferSyntaxUID)
        made = cleaned(source, syntax, cleaner)
        if "PixelData" in source:
            made["PixelData"] = source["PixelData"]
        if target is not None:
            made.save_as(target, enforce_file_format=True)

    def _known(self, record: SeriesRecord, header: Dataset) -> frozenset[str]:
        """What the first file of a series says of the patient: a later one may say it only in a
        place where nobody would look for it.
        """
        if record.series_uid not in self._words:
            self._words[record.series_uid] = Identifiers([header], [record.patient_id]).words
        return self._words[record.series_uid]


#: Texts that this program writes into its labels.
_OURS = ("LesionForge", "LesionForge labels", "LesionForge contours", "SEGMENTATION")


def patient_of(record: SeriesRecord) -> str:
    """What a patient's pseudonym is made of: the ID, or the series where there is none."""
    return record.patient_id.strip() or record.series_uid


def _audit_text(audit: Audit) -> str:
    lines = ["tag\tattribute\taction\tfiles"]
    lines += [f"{r.tag}\t{r.name}\t{r.action.value}\t{r.files}" for r in audit.rows()]
    lines += [f"\t{reason}\tpixels flagged\t{count}" for reason, count in audit.burned_in.items()]
    return "\n".join(lines) + "\n"
