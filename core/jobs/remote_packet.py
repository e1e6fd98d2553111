"""What another machine gets of a run: its plan and its preprocessed cases under made-up names.

De-identified by construction: the packet is built from nothing but a list of allowed values. Cases
are numbered in the order of the run's manifest, patients in the order in which they first appear,
so the names say nothing, and the list that leads back is the manifest itself, which stays here. Of
a series there go the grid (its origin set to zero), the volumes on the plan's grid, and one slice
for the picture; no DICOM, no header, no date, no path. Voxels themselves can show a face: they go
as they are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.data.cache import key, prepare
from core.data.plan import Plan
from core.errors import Cancelled
from core.geometry import Geometry
from core.project import orders
from core.project.manifest import Manifest, ManifestCase
from core.project.project import Project

#: What the plan is called there.
PLAN_NAME = "Model"
#: Made-up names, and where they stand in a text.
_TOKEN = re.compile(r"\b(case|patient)-(\d{5})\b")


@dataclass(frozen=True, slots=True)
class Piece:
    """A file to send. path: here. sha256, size: of its content, by which it is known there."""

    path: Path
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Packet:
    """A run to send. make: what remote_host builds its project from. pieces: the files it names."""

    make: dict[str, Any]
    pieces: tuple[Piece, ...]


class Names:
    """Made-up names for the series and patients of a run, and the way back."""

    def __init__(self, manifest: Manifest) -> None:
        self._series = [case.series_uid for case in manifest.cases]
        self._patients = list(dict.fromkeys(case.patient_id for case in manifest.cases))
        self._patient_of = {p: f"patient-{n:05d}" for n, p in enumerate(self._patients, start=1)}
        self._back = {self.series(n): uid for n, uid in enumerate(self._series)}
        self._back |= {name: patient for patient, name in self._patient_of.items()}

    def series(self, number: int) -> str:
        """The made-up name of the manifest's case ``number``, from 0."""
        return f"case-{number + 1:05d}"

    def patient(self, patient_id: str) -> str:
        """The made-up name of a patient."""
        return self._patient_of[patient_id]

    def restore(self, value: Any) -> Any:
        """JSON from there with the real names in it again, also within texts."""
        if isinstance(value, str):
            return _TOKEN.sub(lambda found: self._back.get(found[0], found[0]), value)
        if isinstance(value, dict):
            return {str(k): self.restore(v) for k, v in value.items()}
        return [self.restore(v) for v in value] if isinstance(value, list) else value


def pack(
    run_dir: Path,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> Packet:
    """The packet of the run in ``run_dir``; preprocesses its cases here first.

    Raises as core.data.cache.prepare does.
    """
    plan, manifest = Plan.load(run_dir / "plan.json"), Manifest.load(run_dir / "manifest.json")
    wanted = [case for case in manifest.cases if case.split in ("train", "val")]
    names = Names(manifest)
    there = _anonymous(plan)
    entries: list[ManifestCase] = []
    records: list[dict[str, Any]] = []
    folders: dict[str, dict[str, str]] = {}
    pieces: dict[str, Piece] = {}
    with Project.open(run_dir.parent.parent) as project:
        prepare(project, tuple(wanted), plan, progress, cancelled)
        for number, case in enumerate(manifest.cases):
            if case.split not in ("train", "val"):
                continue
            if cancelled():
                raise Cancelled
            found = _pieces(project.cache_dir / "cases" / key(case, plan))
            entry = _renamed(case, names.series(number), names.patient(case.patient_id), found)
            entries.append(entry)
            records.append(_record(entry, project.record(case.series_uid).geometry))
            folders[key(entry, there)] = {name: piece.sha256 for name, piece in found.items()}
            pieces |= {piece.sha256: piece for piece in found.values()}
    make = {
        "plan": there.as_json(),
        "manifest": Manifest(tuple(entries)).as_json(),
        "records": records,
        "folders": folders,
        "orders": [str(order) for order in orders.kept(run_dir)],
    }
    return Packet(make, tuple(pieces.values()))


def _anonymous(plan: Plan) -> Plan:
    """``plan`` without the words that somebody typed."""
    classes = [replace(c, name=f"Class {n}") for n, c in enumerate(plan.classes, start=1)]
    return replace(plan, name=PLAN_NAME, classes=tuple(classes))


def _pieces(folder: Path) -> dict[str, Piece]:
    """The arrays of a preprocessed case by file name."""
    found: dict[str, Piece] = {}
    for path in sorted(folder.glob("*.npy")):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        found[path.name] = Piece(path, digest, path.stat().st_size)
    return found


def _renamed(
    case: ManifestCase, series: str, patient: str, pieces: dict[str, Piece]
) -> ManifestCase:
    """An entry that says what the training needs. What it was made from is its content's hash."""
    content = hashlib.sha256("".join(p.sha256 for p in pieces.values()).encode()).hexdigest()
    return ManifestCase(
        series_uid=series,
        patient_id=patient,
        split=case.split,
        label_sha256=content,
        files_id=content,
        lesion_ml=case.lesion_ml,
    )


def _record(entry: ManifestCase, geometry: Geometry) -> dict[str, Any]:
    """What the library there needs to know of a series: its grid."""
    return {
        "series_uid": entry.series_uid,
        "patient_id": entry.patient_id,
        "split": entry.split,
        "shape": list(geometry.shape),
        "spacing": list(geometry.spacing),
        "direction": list(geometry.direction),
    }
