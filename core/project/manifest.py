"""What a run was made from: each series with its split, the hash of its label, its files.

Written into the run's folder, so that it can be told later whether a label or a file changed
since, and so that splits can be edited while a run goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from core.errors import FileRefusedError
from core.labels.durable import write_bytes
from core.project.project import Project
from core.project.records import SeriesRecord, Split
from core.project.splits import is_labelled

FORMAT = 1

#: What was done to a series, by the kind of its remedy.
_DONE = {"interpolate": "gaps filled in", "resample": "resampled", "shear": "tilt corrected in"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestCase:
    """One series of a run. label_sha256: of the label's values. files_id: see :func:`files_id`.

    unannotated: values of the classes that are not completely outlined in it. remedy: identity of
    the remedy in force for it, see :class:`core.dicom.remedies.Remedy`; "" for none.
    """

    series_uid: str
    patient_id: str
    split: Split
    label_sha256: str
    files_id: str
    lesion_ml: float
    unannotated: tuple[int, ...] = ()
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The labelled series of a project that are in a split, ordered by UID."""

    cases: tuple[ManifestCase, ...]

    def of(self, split: Split) -> tuple[ManifestCase, ...]:
        """The cases of one split."""
        return tuple(case for case in self.cases if case.split == split)

    def mended(self) -> str:
        """How many series are used with a remedy, in words for a model's card; "" for none."""
        kinds = Counter(case.remedy.rpartition("-")[0] for case in self.cases if case.remedy)
        if not kinds:
            return ""
        named = ", ".join(f"{_DONE[kind]} {count}" for kind, count in sorted(kinds.items()))
        return f"{kinds.total()} of {len(self.cases)} series mended: {named}"

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "format": FORMAT,
            "cases": [{f.name: getattr(c, f.name) for f in fields(c)} for c in self.cases],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Manifest:
        """Inverse of :meth:`as_json`; unknown fields are skipped. Raises KeyError or TypeError."""
        return cls(tuple(_case(case) for case in data["cases"]))

    def save(self, path: Path) -> None:
        """Write to ``path``, whole or not at all."""
        write_bytes(path, json.dumps(self.as_json(), indent=1, ensure_ascii=False).encode())

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read from ``path``. Raises FileRefusedError when it is absent or damaged."""
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (
            *(OSError, KeyError, TypeError, ValueError),
            *(AttributeError, RecursionError),
        ) as error:
            raise FileRefusedError(
                path, "the list of the run's series cannot be read", "Start a new run."
            ) from error


def _case(data: dict[str, Any]) -> ManifestCase:
    known = {f.name for f in fields(ManifestCase)}
    values = {key: value for key, value in data.items() if key in known}
    values["unannotated"] = tuple(int(v) for v in values.get("unannotated", ()))
    return ManifestCase(**values)


def build(project: Project) -> Manifest:
    """The manifest of the project as it is now. Raises FileRefusedError for a damaged label.

    A series in which no trained class is outlined has nothing to teach and is left out, and so is
    one that somebody refused.
    """
    hashes = _LabelHashes(project)
    trained = {c.value for c in project.schema.trained}
    cases = [
        ManifestCase(
            series_uid=record.series_uid,
            patient_id=record.patient_id,
            split=record.split,
            label_sha256=hashes.of(record.series_uid),
            files_id=files_id(record),
            lesion_ml=record.lesion_ml,
            unannotated=record.unannotated,
            remedy=record.remedy.identity,
        )
        for record in project.series()
        if record.split != "none"
        and record.usable
        and is_labelled(record)
        and trained - set(record.unannotated)
    ]
    hashes.save()
    return Manifest(tuple(sorted(cases, key=lambda case: case.series_uid)))


def files_id(record: SeriesRecord) -> str:
    """SHA-256 over name, size and time of each file of a series, which of their frames it takes and
    the remedy in force; "" where a file is missing.

    Not over the content: reading every pixel to start a run would take minutes. A file that
    changed without its time or size is not noticed.
    """
    digest = hashlib.sha256()
    try:
        for path in record.files:
            status = path.stat()
            digest.update(f"{path.name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    except OSError:
        return ""
    if record.scanned is not None and record.scanned.frames:
        digest.update(f"frames {record.scanned.frames}\n".encode())
    if record.remedy.identity:
        digest.update(f"remedy {record.remedy.identity}\n".encode())
    return digest.hexdigest()


class _LabelHashes:
    """Label hashes, remembered as long as the label's files stay the same."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._file = project.cache_dir / "label_hashes.json"
        try:
            self._known: dict[str, list[Any]] = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            self._known = {}  # A cache: absent or damaged means computing again.

    def of(self, series_uid: str) -> str:
        folder = self._project.labels_dir(series_uid)
        stamp = [
            [p.name, p.stat().st_size, p.stat().st_mtime_ns]
            for p in sorted(folder.iterdir() if folder.is_dir() else ())
            if p.is_file()
        ]
        known = self._known.get(folder.name)
        if known is None or known[0] != stamp:
            known = [stamp, self._project.label_store(series_uid).content_hash()]
            self._known[folder.name] = known
        return str(known[1])

    def save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(self._file, json.dumps(self._known).encode())
