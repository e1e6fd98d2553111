"""Image files of an import: which are CT volumes, which are masks, and the row of each volume."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.dicom.checks import geometry_checks
from core.dicom.scanned import Scanned
from core.errors import FileRefusedError
from core.images import Raw, read_raw
from core.project.naming import case_name, says_image, says_mask
from core.project.records import SeriesRecord
from core.volume import Check

#: A nameless file with no more different values than this is taken for a label map.
_FEW_VALUES = 32

#: CT of a patient has air in it, and metal stays below 10,000 even on extended scales... beyond
#: that, or without anything below water, the values are doubtful as HU.
_HIGHEST_HU = 10000


@dataclass(frozen=True, slots=True)
class Judged:
    """An image file. record: its row when it is a volume; None when it is a mask."""

    path: Path
    record: SeriesRecord | None


def judge(path: Path) -> Judged:
    """Read a file and say whether it is a volume or a mask. Raises FileRefusedError."""
    raw = read_raw(path)
    return Judged(path, None if is_mask(raw) else _record(raw))


def is_mask(raw: Raw) -> bool:
    """Whether a file is a label map: by its segments, then content, then names.

    What cannot be labels by its values is an image, whatever its name.
    """
    if raw.segments:
        return True
    if raw.array.ndim != 3 or not raw.holds_labels():
        return False
    if says_mask(raw.path):
        return True
    if says_image(raw.path) or raw.fractional:
        return False
    seen = np.zeros(256, dtype=bool)
    for slab in raw.slabs():
        seen[np.unique(slab).astype(np.uint8)] = True
    return int(np.count_nonzero(seen)) <= _FEW_VALUES


def content_uid(*paths: Path) -> str:
    """A UID of the form 2.25.N from the SHA-256 of the files' bytes (PS3.5 B.2: 128 bits)."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    return f"2.25.{int.from_bytes(digest.digest()[:16], 'big')}"


def _record(raw: Raw) -> SeriesRecord:
    volume = raw.volume()
    low, high = int(volume.hu.min()), int(volume.hu.max())
    checks = list(volume.checks)
    if low >= 0 or high > _HIGHEST_HU:
        text = f"Values go from {low} to {high}; they may not be HU, or the file may not be CT."
        checks.append(Check("not-hu", text))
    case = case_name(raw.path)
    try:
        uid = content_uid(*raw.layout.files)
    except OSError as error:
        raise FileRefusedError(raw.path, f"it could not be read ({error.strerror})") from error
    return SeriesRecord(
        series_uid=uid,
        patient_id=case,
        modality="CT",
        description=raw.path.name,
        geometry=raw.geometry,
        files=raw.layout.files,
        source="image",
        checks=(*geometry_checks(Scanned.even(raw.geometry)), *checks),
    )
