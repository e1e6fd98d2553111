"""Where the label of one series lives: the label file, its journal, old revisions, a proposal.

    folder/label.seg.nrrd        the label as last saved
    folder/edits.journal         edits since then, each on the disk before the next
    folder/revisions/*.seg.nrrd  earlier label files
    folder/grids/                the label on grids the series had before, see core.labels.moving
    folder/proposal.seg.nrrd     what a model proposed, with proposal.json; never part of the label

Every step leaves a state from which :meth:`LabelStore.load` gives each finished edit, whenever the
process is killed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import FileRefusedError
from core.geometry import Geometry
from core.labels.durable import replace, write_bytes
from core.labels.edits import Edit, Labels
from core.labels.journal import Journal
from core.labels.schema import LabelSchema
from core.labels.segfile import read_segments, write_segments

LABEL_FILE = "label.seg.nrrd"
JOURNAL_FILE = "edits.journal"
PROPOSAL_FILE = "proposal.seg.nrrd"
PROPOSAL_INFO = "proposal.json"
REVISIONS = "revisions"
GRIDS = "grids"

#: Old label files kept: the newest ones each, and before them one per ten minutes of work, since
#: a session saves every few seconds and would push the morning's state out within a minute.
NEWEST_REVISIONS = 5
SPACED_REVISIONS = 5
SPACING_SECONDS = 600.0


class LabelStore:
    """The label of one series in ``folder``. Thread-safe; one process writes at a time."""

    def __init__(self, folder: Path, geometry: Geometry, schema: LabelSchema) -> None:
        self.folder = folder
        self.geometry = geometry
        self.schema = schema
        self._lock = threading.RLock()
        self._journal = Journal(folder / JOURNAL_FILE, geometry.shape)

    @property
    def path(self) -> Path:
        """The label file."""
        return self.folder / LABEL_FILE

    def exists(self) -> bool:
        """Whether there is a label, saved or still in the journal."""
        return self.path.exists() or self._journal.path.exists()

    def load(self) -> Labels:
        """The label uint8 [z, y, x] with all finished edits; zeros when there is none yet.

        Raises FileRefusedError when the file or the journal is not of this series' grid. See
        :attr:`damage` afterwards.
        """
        with self._lock:
            while True:
                stamp = self._stamp()
                if stamp is not None:
                    labels = read_segments(self.path, self.geometry)
                else:
                    labels = np.zeros(self.geometry.shape, dtype=np.uint8)
                self._journal.replay(labels)
                # The window may have saved between the two while a training child reads here:
                # then the journal no longer holds what the older file lacks.
                if self._stamp() == stamp:
                    return labels

    @property
    def damage(self) -> str:
        """A sentence when the journal was found damaged on the last load, else empty."""
        return self._journal.damage

    def commit(self, edit: Edit) -> None:
        """Put an edit that was applied to the map on disk; returns when it is there.

        What ``History.undo`` and ``redo`` return is committed in the same way. Call it off the UI
        thread, in the order of the edits. Raises OSError when the disk refuses.
        """
        with self._lock:
            self._journal.append(edit)

    def mark(self) -> int:
        """How many edits were committed so far; take it with a snapshot, see :meth:`save`."""
        with self._lock:
            return self._journal.mark()

    def save(self, labels: Labels, mark: int | None = None) -> None:
        """Fold the journal into the label file: write ``labels`` [z, y, x], keep the old file.

        mark: :meth:`mark` at or before the moment ``labels`` was copied from the live map; edits
        committed later stay in the journal. None: ``labels`` is the map as it is now. Atomic: a
        kill leaves the old file and the whole journal, or the new file.
        """
        with self._lock:
            mark = self._journal.mark() if mark is None else mark
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = self.folder / f".tmp-{LABEL_FILE}"
            write_segments(temporary, labels, self.geometry, self.schema)
            self._keep_revision()
            replace(temporary, self.path)
            self._journal.drop(mark)

    def content_hash(self) -> str:
        """SHA-256 (hex) of the grid's shape and the label values as :meth:`load` gives them."""
        digest = hashlib.sha256(repr(self.geometry.shape).encode())
        digest.update(self.load().tobytes())
        return digest.hexdigest()

    def revisions(self) -> list[Path]:
        """Earlier label files, oldest first."""
        return sorted((self.folder / REVISIONS).glob("*.seg.nrrd"))

    def delete(self) -> None:
        """Remove the label, its journal and its revisions; the proposal stays."""
        with self._lock:
            self._journal.clear()
            self.path.unlink(missing_ok=True)
            for revision in self.revisions():
                revision.unlink()
            shutil.rmtree(self.folder / GRIDS, ignore_errors=True)

    def save_proposal(self, labels: Labels, info: dict[str, Any]) -> None:
        """Keep what a model proposed beside the label. info: plain JSON (model, confidence…)."""
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            # The description goes first and comes last: a proposal without one is half written.
            (self.folder / PROPOSAL_INFO).unlink(missing_ok=True)
            temporary = self.folder / f".tmp-{PROPOSAL_FILE}"
            write_segments(temporary, labels, self.geometry, self.schema)
            replace(temporary, self.folder / PROPOSAL_FILE)
            write_bytes(self.folder / PROPOSAL_INFO, json.dumps(info).encode())

    def load_proposal(self) -> tuple[Labels, dict[str, Any]] | None:
        """The proposal [z, y, x] and its description, or None. Raises FileRefusedError."""
        with self._lock:
            info_path = self.folder / PROPOSAL_INFO
            if not info_path.exists():
                return None
            try:
                info = json.loads(info_path.read_bytes())
            except ValueError as error:
                raise FileRefusedError(
                    info_path, "it is not JSON", "Delete it and propose again."
                ) from error
            return read_segments(self.folder / PROPOSAL_FILE, self.geometry), info

    def drop_proposal(self) -> None:
        """Forget the proposal."""
        with self._lock:
            (self.folder / PROPOSAL_INFO).unlink(missing_ok=True)
            (self.folder / PROPOSAL_FILE).unlink(missing_ok=True)

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return (status.st_mtime_ns, status.st_size, status.st_ino)

    def _keep_revision(self) -> None:
        if not self.path.exists():
            return
        folder = self.folder / REVISIONS
        folder.mkdir(exist_ok=True)
        stamp = time.time_ns()
        temporary = folder / ".tmp.nrrd"
        shutil.copyfile(self.path, temporary)
        replace(temporary, folder / f"{stamp:020d}.seg.nrrd")
        paths = self.revisions()
        times = [int(path.name.split(".")[0]) / 1e9 for path in paths]
        for index in superseded(times):
            paths[index].unlink(missing_ok=True)


def superseded(times: list[float]) -> list[int]:
    """Indices of the revisions to delete, given the times (seconds, ascending) of all.

    The newest :data:`NEWEST_REVISIONS` stay; of the older ones those at least
    :data:`SPACING_SECONDS` apart, at most :data:`SPACED_REVISIONS` of them.
    """
    older = range(max(0, len(times) - NEWEST_REVISIONS))
    spaced: list[int] = []
    for index in older:
        if not spaced or times[index] - times[spaced[-1]] >= SPACING_SECONDS:
            spaced.append(index)
    kept = set(spaced[-SPACED_REVISIONS:])
    return [index for index in older if index not in kept]
