"""The series that is open in Label: image, labels, history, and their way from and to disk.

Everything that changes a label goes through :meth:`LabelDocument.apply` and
:meth:`LabelDocument.finish`; everything that shows one listens to the document's signals.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from shiboken6 import isValid

from core.labels.edits import Box, Edit, Labels, is_empty, make_edit, merge, union
from core.labels.history import Entry, History
from core.labels.schema import LabelSchema
from core.labels.store import LabelStore
from core.planes import Plane
from core.project.ahead import Ahead
from core.project.project import Project
from core.project.records import SeriesRecord
from core.volume import Volume
from gui.document.findings import Findings
from gui.document.look import Look
from gui.document.marks import Measurement, Tag
from gui.document.opening import Opened, read_all
from gui.document.proposals import Proposals
from gui.document.writer import LabelWriter
from gui.session import Session
from gui.tasks import Task

#: Labels save by themselves so long after the last stroke; after a refusal, again so much later.
SAVE_AFTER_MS, RETRY_AFTER_MS = 2000, 15_000


class LabelDocument(Look):
    """See the module. A view may keep it for good: it outlives the series.

    volume: None while it is read; then ``first`` holds the index along array axis 0 and the HU
    [y, x] of the slice that came first. loading: slices read and to be read. problem: why there
    is nothing to see. counts: voxels of each class value. bounds: box of all that is labelled.
    content: box of the patient.
    """

    _first_read = Signal(int, int, object)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.record: SeriesRecord | None = None
        self.project: Project | None = None
        self.store: LabelStore | None = None
        self.volume: Volume | None = None
        self.first: tuple[int, NDArray[np.int16]] | None = None
        self.labels: Labels | None = None
        self.loading: tuple[int, int] | None = None
        self.problem = ""
        self.history = History()
        self.counts = np.zeros(256, np.int64)
        self.histogram = np.zeros(0, np.int64)
        self.bounds: Box | None = None
        self.content: Box | None = None
        self.findings = Findings(self)
        self.proposals = Proposals(self)
        self._stroke: list[Edit] = []
        self._opening: Task | None = None
        self._ahead = Ahead()
        self._token = 0
        # Grows with each change of the open map; a list, because the writer's thread reads it.
        self._changes = [0]
        self._unsaved = False
        self.writer = LabelWriter(self)
        self.writer.saved.connect(self._saved)
        self.writer.failed.connect(self._save_failed)
        self.writer.changed_meanwhile.connect(self._save_later)
        self._first_read.connect(self._show_first, Qt.ConnectionType.QueuedConnection)
        self._timer = QTimer(self, singleShot=True, interval=SAVE_AFTER_MS)
        self._timer.timeout.connect(self.save)
        session.flush_requested.connect(self.flush)

    @property
    def uid(self) -> str:
        """The open series, empty without one."""
        return self.record.series_uid if self.record else ""

    @property
    def proposal(self) -> Labels | None:
        """What a model proposed and nobody decided on yet."""
        return self.proposals.labels

    # ---- opening -----------------------------------------------------------------------------

    def open(self, record: SeriesRecord) -> None:
        """Open a series: the middle slice first, the rest behind it."""
        self._let_go()
        # What is wanted now is read alone; a neighbour that was read ahead is kept for it.
        self._ahead.want([record], 0 if record.series_uid not in self._ahead.held else None)
        project = self.session.require_project()
        self.project, self.record = project, record
        self.store = project.label_store(record.series_uid)
        self.schema, self.geometry = project.schema, record.geometry
        self._choose_class()
        self.loading = (0, record.geometry.shape[0])
        z, y, x = (float(n // 2) for n in record.geometry.shape)
        self.cursor = (z, y, x)
        self._token += 1
        token = self._token
        self.volume_changed.emit()
        self.schema_changed.emit()
        self.state_changed.emit()
        self._opening = self.session.tasks.run(
            partial(read_all, ahead=self._ahead), record, self.store,
            self.schema.lesion_values, self.writer.flush,
            lambda index, hu: self._tell_first(token, index, hu),
            on_done=self._opened, on_error=self._refused, on_progress=self._progressed,
            key="label.open", owner=self, priority=10,
        )  # fmt: skip

    def _choose_class(self) -> None:
        values = [c.value for c in self.schema.classes]
        if self.active not in values and values:
            lesions = self.schema.lesion_values
            self.active = lesions[0] if lesions else values[0]

    def _tell_first(self, token: int, index: int, hu: NDArray[np.int16]) -> None:
        """Called on the reader's thread; the page may have been closed meanwhile."""
        if isValid(self):
            self._first_read.emit(token, index, hu)

    def _show_first(self, token: int, index: int, hu: NDArray[np.int16]) -> None:
        if token == self._token and self.volume is None:
            self.first = (index, hu)
            self.cursor = (float(index), *self.cursor[1:])
            self.volume_changed.emit()

    def _progressed(self, done: int, total: int) -> None:
        if self.loading is not None:
            self.loading = (done, total)
            self.state_changed.emit()

    def _opened(self, found: Opened) -> None:
        self._opening = self.first = self.loading = None
        self.volume, self.labels = found.volume, found.labels
        self._changes = [0]
        self.counts, self.bounds, self.histogram = found.counts, found.bounds, found.histogram
        self.content = found.content
        if self.store is not None and self.store.damage:
            self.session.error.emit(self.tr("The journal of this label"), self.store.damage)
        self.proposals.labels = found.proposal.labels if found.proposal else None
        self.findings.take(found.lesions, found.proposal)
        if self.findings.all:
            z, y, x = self._place_of_first()
            self.cursor = (z, y, x)
        self.volume_changed.emit()
        self.labels_changed.emit(None, None)
        self.cursor_changed.emit()
        self.history_changed.emit()
        self.state_changed.emit()
        self.opened.emit()
        self._ahead.want(self._neighbours())

    def _neighbours(self) -> list[SeriesRecord]:
        """The series that are likely to be opened next: the one after this, the one before."""
        listed = self.session.series()
        here = next((i for i, r in enumerate(listed) if r.series_uid == self.uid), None)
        if here is None:
            return []
        return [listed[i] for i in (here + 1, here - 1) if 0 <= i < len(listed)]

    def _place_of_first(self) -> tuple[float, float, float]:
        """Where to look first: the middle of the largest finding's longest diameter."""
        finding = self.findings.all[0]
        self.findings.choose(finding)
        return tuple((a + b) / 2 for a, b in zip(*finding.lesion.long_axis, strict=True))  # type: ignore[return-value]

    def _refused(self, sentence: str) -> None:
        self._opening = self.loading = None
        self.problem = sentence
        self.state_changed.emit()

    def close_series(self) -> None:
        """Hand what is unsaved to the writer, which holds it until it is on disk; show nothing."""
        self._ahead.want(())
        self._let_go()

    def _let_go(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        self.cancel_stroke()
        self.save()
        self.findings.forget()
        self.record = self.project = self.store = None
        self.volume = self.labels = self.geometry = self.first = None
        self.bounds = self.content = None
        self.proposals.forget()
        self.loading, self.problem = None, ""
        self.counts = np.zeros(256, np.int64)
        self.histogram = np.zeros(0, np.int64)
        self.history.clear()
        self.volume_changed.emit()
        self.lesions_changed.emit()
        self.history_changed.emit()

    def flush(self) -> None:
        """Save what is unsaved and wait until it is on disk."""
        self.cancel_stroke()
        self.save()
        self.writer.close()

    # ---- editing -----------------------------------------------------------------------------

    @property
    def editable(self) -> bool:
        """Whether image and labels are there to be worked on."""
        return self.labels is not None and self.volume is not None

    @property
    def painting(self) -> bool:
        """Whether a gesture has changed something that is no step yet."""
        return bool(self._stroke)

    def apply(self, box: Box, after: NDArray[np.uint8], name: str = "stroke") -> None:
        """Change the content of ``box`` now; part of a step until :meth:`finish`."""
        if self.labels is None:
            return
        edit = make_edit(self.labels, box, after, name, self.active)
        if edit is not None:
            self._write(edit)
            self._stroke.append(edit)

    def finish(self, name: str, value: int | None = None) -> Edit | None:
        """Make one undo step of everything applied since the last; None when nothing changed."""
        if self.labels is None or not self._stroke:
            return None
        step = merge(self.labels, self._stroke, name, self.active if value is None else value)
        self._stroke = []
        if step is not None:
            self.history.push(step)
            self._commit(step)
        return step

    def change(self, box: Box, after: NDArray[np.uint8], name: str) -> Edit | None:
        """:meth:`apply` and :meth:`finish` in one."""
        self.apply(box, after, name)
        return self.finish(name)

    def cancel_stroke(self) -> bool:
        """Take back what was applied since the last step; whether there was anything."""
        had = bool(self._stroke)
        for edit in reversed(self._stroke):
            self._write(edit.inverse())
        self._stroke = []
        return had

    def undo(self) -> None:
        """Take back the newest step; an accepted part of a proposal waits again."""
        entry = next((e for e in reversed(self.history.entries) if not e.undone), None)
        self._stepped(self.history.undo)
        if entry is not None:
            self.proposals.undone(entry)

    def redo(self) -> None:
        """Apply the step that was taken back last."""
        entry = next((e for e in self.history.entries if e.undone), None)
        self._stepped(self.history.redo)
        if entry is not None:
            self.proposals.redone(entry)

    @property
    def steps(self) -> list[Entry]:
        """The undo steps, newest first."""
        return self.history.entries[::-1]

    def _stepped(self, move: Callable[[Labels], Edit | None]) -> None:
        if self.labels is None:
            return
        self.cancel_stroke()
        edit = move(self.labels)
        if edit is not None:
            self._announce(edit)
            self._commit(edit)

    def _write(self, edit: Edit) -> None:
        if self.labels is not None:
            edit.apply(self.labels)
            self._announce(edit)

    def _announce(self, edit: Edit) -> None:
        self._changes[0] += 1
        before = np.bincount(edit.before.ravel(), minlength=256)
        after = np.bincount(edit.after.ravel(), minlength=256)
        self.counts += after - before
        values = frozenset(int(v) for v in np.flatnonzero(before + after) if v)
        self.bounds = edit.box if self.bounds is None else union(self.bounds, edit.box)
        self.labels_changed.emit(edit.box, values)

    def _commit(self, edit: Edit) -> None:
        if self.record is None or self.store is None or is_empty(edit.box):
            return
        self.writer.commit(self.record.series_uid, self.store, edit)
        self._unsaved = True
        self._timer.start(SAVE_AFTER_MS)
        self.session.labels_saved_changed.emit("saving", "")
        self.history_changed.emit()
        self.findings.measure()

    # ---- saving ------------------------------------------------------------------------------

    def save(self) -> None:
        """Hand the label to the writer, if anything changed since it was saved."""
        self._timer.stop()
        if not self._unsaved or self.labels is None or self.store is None:
            return
        if self._stroke:
            self._timer.start(SAVE_AFTER_MS)
        elif self.record is not None and self.project is not None:
            self._unsaved = False
            self.session.labels_saved_changed.emit("saving", "")
            self.writer.save(
                self.record.series_uid, self.project, self.store, self.labels,
                lambda changes=self._changes: changes[0],
            )  # fmt: skip

    def _saved(self, uid: str, at: str) -> None:
        if not self._unsaved:
            words = self.tr("Saved {0}").format(at)
            self.session.labels_saved_changed.emit("saved", words)
        self.session.label_changed.emit(uid)

    def _save_later(self, uid: str) -> None:
        if uid == self.uid:
            self._unsaved = True
            self._timer.start(SAVE_AFTER_MS)

    def _save_failed(self, uid: str, why: str) -> None:
        if uid == self.uid:
            self._unsaved = True
            self._timer.start(RETRY_AFTER_MS)
        self.session.labels_saved_changed.emit("unsaved", why)

    # ---- what the views show -----------------------------------------------------------------

    def colour(self, value: int) -> str:
        """A class's colour as ``#RRGGBB``; grey for a value the schema does not know."""
        try:
            return self.schema.by_value(value).colour
        except KeyError:
            return "#8C959F"

    def set_schema(self, schema: LabelSchema) -> None:
        """Change the project's classes."""
        if self.project is not None:
            self.project.set_schema(schema)
        self.schema = schema
        self._choose_class()
        self.schema_changed.emit()
        self.style_changed.emit()
        self.findings.measure()

    def lesion_slices(self, plane: Plane) -> list[tuple[int, int, str]]:
        """Half-open runs of slices that hold a finding, with its colour."""
        return self.findings.slices(plane)

    def tags(self, plane: Plane, index: int) -> list[Tag]:
        """Plates on a slice."""
        return self.findings.tags(plane, index)

    def measurements(self, plane: Plane, index: int) -> list[Measurement]:
        """Measured lines on a slice."""
        return self.findings.measurements(plane, index)

    def ml(self, value: int) -> float:
        """Volume of a class, mL."""
        return float(self.counts[value]) * self.geometry.voxel_ml if self.geometry else 0.0
