"""A label that moves to another grid of the same series, and back, without ever being lost.

    folder/label.next.seg.nrrd   the label on the new grid, until the library knows that grid; for
                                 a grid that a remedy makes, its identity is part of the name
    folder/grids/N.seg.nrrd      the label as it was on an earlier grid, N.json: which, and what it
                                 became; kept until the label is deleted

The library's row says which grid is in force, by its geometry and the identity of the remedy that
made it (``SeriesRecord.regridded``): slices that lie unevenly may fill the same box. The new file
is written first, then the row, then the file takes the label's name; :func:`finish_move` does the
last step, or takes the first back, after a kill in between.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path

import numpy as np

from core.formats.nrrd import read_nrrd
from core.geometry import Geometry
from core.labels.durable import replace, write_bytes
from core.labels.edits import Labels
from core.labels.schema import LabelSchema
from core.labels.segfile import on_grid, read_segments, write_segments
from core.labels.store import GRIDS, LABEL_FILE, LabelStore

NEXT_FILE = "label.next.seg.nrrd"
_NEXT_FILES = "label.next*.seg.nrrd"


def values_hash(labels: Labels) -> str:
    """SHA-256 (hex) of a label map's shape and values, as ``LabelStore.content_hash``."""
    digest = hashlib.sha256(repr(labels.shape).encode())
    digest.update(np.ascontiguousarray(labels).tobytes())
    return digest.hexdigest()


def begin_move(
    store: LabelStore, labels: Labels, geometry: Geometry, *, was: str = "", remedy: str = ""
) -> None:
    """Write ``labels`` [z, y, x], the label of ``store`` carried to ``geometry``, beside the label,
    and keep the label as it is. :func:`finish_move` when the library's row has the new grid.

    was, remedy: the identities of the remedies that made the old grid and the new one.
    """
    folder = store.folder
    before = store.load()
    store.save(before)  # the journal is of the old grid: nothing of it may be left
    _keep(folder, store.geometry, was, values_hash(labels))
    _write(folder, labels, geometry, store.schema, remedy)


def arrive(folder: Path, labels: Labels, geometry: Geometry, schema: LabelSchema) -> None:
    """As :func:`begin_move` for a series as scanned that had no label."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, labels, geometry, schema, "")


def finish_move(folder: Path, geometry: Geometry, remedy: str = "") -> None:
    """Give the label that waits in ``folder`` its name if it is on the grid ``geometry`` that
    ``remedy`` made, which is the library's; forget it if not. Nothing waits most of the time.

    Raises FileRefusedError, and leaves the file, when its header cannot be read: it may be all
    there is of the label on this grid.
    """
    for waiting in folder.glob(_NEXT_FILES):
        here = waiting.name == _next_file(remedy)
        if here and on_grid(read_nrrd(waiting).geometry, geometry):
            replace(waiting, folder / LABEL_FILE)
        else:
            waiting.unlink()


def earlier(store: LabelStore, geometry: Geometry, remedy: str = "") -> Labels | None:
    """The label as it was on the grid ``geometry`` that ``remedy`` made, if what it became since
    has not been touched.
    """
    now = ""
    for note in sorted((store.folder / GRIDS).glob("*.json"), reverse=True):
        try:
            found = json.loads(note.read_bytes())
            grid, became = Geometry.from_json(found["geometry"]), str(found["became"])
        except (OSError, ValueError, KeyError):
            continue  # Half written by a kill: the label is carried over instead.
        # Notes from before two grids could be equal name no remedy.
        if grid != geometry or found.get("remedy", remedy) != remedy:
            continue
        now = now or store.content_hash()
        if became == now:
            return read_segments(note.with_suffix(".seg.nrrd"), geometry)
    return None


def _next_file(remedy: str) -> str:
    return NEXT_FILE.replace(".next", f".next-{remedy}") if remedy else NEXT_FILE


def _keep(folder: Path, geometry: Geometry, remedy: str, became: str) -> None:
    kept = folder / GRIDS
    kept.mkdir(parents=True, exist_ok=True)
    stamp = f"{time.time_ns():020d}"
    temporary = kept / ".tmp.nrrd"
    shutil.copyfile(folder / LABEL_FILE, temporary)
    replace(temporary, kept / f"{stamp}.seg.nrrd")
    note = {"geometry": geometry.as_json(), "remedy": remedy, "became": became}
    write_bytes(kept / f"{stamp}.json", json.dumps(note).encode())


def _write(
    folder: Path, labels: Labels, geometry: Geometry, schema: LabelSchema, remedy: str
) -> None:
    temporary = folder / ".tmp-next.nrrd"
    write_segments(temporary, labels, geometry, schema)
    replace(temporary, folder / _next_file(remedy))
