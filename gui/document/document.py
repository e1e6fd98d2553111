"""The series that is open in Label: image, labels, history, and how it is looked at.

Everything that changes a label goes through :meth:`LabelDocument.apply` and
:meth:`LabelDocument.finish`; everything that shows one listens to the document's signals.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from core.geometry import Geometry
from core.labels.edits import Box, Edit, Labels, make_edit, merge
from core.labels.history import Entry, History
from core.labels.schema import LabelSchema
from core.labels.store import LabelStore
from core.planes import Plane
from core.project.project import Project
from core.project.records import SeriesRecord
from core.volume import Volume
from gui.document.findings import Findings
from gui.document.marks import Measurement, Point, Tag
from gui.document.writer import LabelWriter
from gui.session import Session
from gui.tasks import Task

#: Labels save by themselves so long after the last stroke.
SAVE_AFTER_MS = 2000
#: While a series is read, the views are brought up to date at most this often.
_PROGRESS_S = 0.1


class LabelDocument(QObject):
    """See the module. A view may keep it for good: it outlives the series.

    labels_changed: the half-open box (z, y, x) that changed, or None for all. active_changed:
    another class is painted with. history_changed: undo steps. opened: image and labels are there.
    """

    volume_changed = Signal()
    labels_changed = Signal(object)
    proposal_changed = Signal()
    cursor_changed = Signal()
    window_changed = Signal()
    style_changed = Signal()
    lesions_changed = Signal()
    state_changed = Signal()
    schema_changed = Signal()
    active_changed = Signal()
    history_changed = Signal()
    opened = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.record: SeriesRecord | None = None
        self.project: Project | None = None
        self.store: LabelStore | None = None
        self.volume: Volume | None = None
        self.labels: Labels | None = None
        self.proposal: Labels | None = None
        self.geometry: Geometry | None = None
        self.schema: LabelSchema = LabelSchema.default()
        self.hidden: set[int] = set()
        self.locked: set[int] = set()
        self.active = 1
        self.cursor: Point = (0.0, 0.0, 0.0)
        self.window: tuple[float, float] = (400.0, 40.0)
        self.opacity = 0.4
        self.contour_only = self.overlay_hidden = False
        self.crosshair_shown = self.measures_shown = True
        self.loading: tuple[int, int] | None = None
        self.problem = ""
        self.history = History()
        self.counts = np.zeros(256, np.int64)
        self.findings = Findings(self)
        self._stroke: list[Edit] = []
        self._opening: Task | None = None
        self._shown = 0.0
        self._unsaved = False
        self.writer = LabelWriter(self)
        self.writer.saved.connect(self._saved)
        self.writer.failed.connect(self._save_failed)
        self._timer = QTimer(self, singleShot=True, interval=SAVE_AFTER_MS)
        self._timer.timeout.connect(self.save)
        session.flush_requested.connect(self.close_series)

    # ---- opening -----------------------------------------------------------------------------

    def open(self, record: SeriesRecord) -> None:
        """Open a series: the middle slice first, the rest behind it."""
        self.close_series()
        project = self.session.require_project()
        self.project, self.record = project, record
        self.store = project.label_store(record.series_uid)
        self.schema, self.geometry = project.schema, record.geometry
        self.problem, self.loading = "", (0, record.geometry.shape[0])
        centre = [n // 2 for n in record.geometry.shape]
        self.cursor = (float(centre[0]), float(centre[1]), float(centre[2]))
        self.volume_changed.emit()
        self.schema_changed.emit()
        self.state_changed.emit()
        self._opening = self.session.tasks.run(
            _read, record, self.store,
            on_done=self._opened, on_error=self._refused, on_progress=self._progressed,
            key="label.open", priority=10,
        )  # fmt: skip

    def _progressed(self, done: int, total: int, early: Volume | None) -> None:
        now = time.monotonic()
        self.loading = (done, total)
        if early is not None and self.volume is None:
            self.volume = early
            self.volume_changed.emit()
        elif now - self._shown < _PROGRESS_S:
            return
        self._shown = now
        self.state_changed.emit()

    def _opened(self, result: tuple[Volume, Labels, Any]) -> None:
        volume, labels, proposal = result
        self._opening = None
        self.volume, self.labels, self.loading = volume, labels, None
        self.counts = np.bincount(labels.ravel(), minlength=256)
        self.history.clear()
        if self.store is not None and self.store.damage:
            self.session.message.emit(self.store.damage, None)
        self._take_proposal(proposal)
        place = self.findings.first_place()
        if place is not None:
            self.cursor = place
        self.volume_changed.emit()
        self.labels_changed.emit(None)
        self.cursor_changed.emit()
        self.history_changed.emit()
        self.state_changed.emit()
        self.opened.emit()
        self.findings.measure()

    def _refused(self, sentence: str) -> None:
        self._opening, self.loading = None, None
        self.problem = sentence
        self.state_changed.emit()

    def close_series(self) -> None:
        """Save what is unsaved, wait for it, and show nothing."""
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        self.cancel_stroke()
        self.save()
        self.writer.flush()
        self.findings.forget()
        self.record = self.project = self.store = None
        self.volume = self.labels = self.proposal = self.geometry = None
        self.loading, self.problem = None, ""
        self.history.clear()
        self.volume_changed.emit()
        self.history_changed.emit()

    def shutdown(self) -> None:
        """Close the series and end the writer's thread."""
        self.close_series()
        self.writer.close()

    # ---- editing -----------------------------------------------------------------------------

    @property
    def editable(self) -> bool:
        """Whether image and labels are there to be worked on."""
        return self.labels is not None and self.volume is not None and self.loading is None

    def apply(self, box: Box, after: NDArray[np.uint8], name: str) -> None:
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

    def cancel_stroke(self) -> None:
        """Take back what was applied since the last step, as if the gesture had not been."""
        for edit in reversed(self._stroke):
            self._write(edit.inverse())
        self._stroke = []

    def undo(self) -> None:
        """Take back the newest step."""
        self._stepped(self.history.undo)

    def redo(self) -> None:
        """Apply the step that was taken back last."""
        self._stepped(self.history.redo)

    @property
    def steps(self) -> list[Entry]:
        """The undo steps, newest first."""
        return self.history.entries[::-1]

    def _stepped(self, move: Any) -> None:
        if self.labels is None:
            return
        self.cancel_stroke()
        edit: Edit | None = move(self.labels)
        if edit is not None:
            self._count(edit)
            self.labels_changed.emit(edit.box)
            self._commit(edit)

    def _write(self, edit: Edit) -> None:
        assert self.labels is not None  # noqa: S101 - an edit was made from it
        edit.apply(self.labels)
        self._count(edit)
        self.labels_changed.emit(edit.box)

    def _count(self, edit: Edit) -> None:
        self.counts += np.bincount(edit.after.ravel(), minlength=256)
        self.counts -= np.bincount(edit.before.ravel(), minlength=256)

    def _commit(self, edit: Edit) -> None:
        if self.record is None or self.store is None:
            return
        self.writer.commit(self.record.series_uid, self.store, edit)
        self._unsaved = True
        self._timer.start()
        self.session.labels_saved_changed.emit("saving", "")
        self.history_changed.emit()
        self.findings.measure()

    # ---- saving ------------------------------------------------------------------------------

    def save(self) -> None:
        """Hand the label to the writer, if anything changed since it was saved."""
        self._timer.stop()
        if not self._unsaved or self.labels is None or self.store is None:
            return
        if self.record is not None and self.project is not None:
            self._unsaved = False
            uid = self.record.series_uid
            self.writer.save(uid, self.project, self.store, self.labels.copy())

    def _saved(self, uid: str, at: str) -> None:
        if not self._unsaved:
            self.session.labels_saved_changed.emit("saved", at)
        self.session.label_changed.emit(uid)

    def _save_failed(self, uid: str, why: str) -> None:
        if self.record is not None and self.record.series_uid == uid:
            self._unsaved = True
        self.session.labels_saved_changed.emit("unsaved", why)

    # ---- proposal ----------------------------------------------------------------------------

    def reload_proposal(self) -> None:
        """A model has left a proposal for this series."""
        if self.store is not None and self.labels is not None:
            self.session.tasks.run(
                self.store.load_proposal, on_done=self._take_proposal, key="label.proposal",
                on_error=lambda s: self.session.error.emit(self.tr("The proposal"), s),
            )  # fmt: skip

    def _take_proposal(self, found: tuple[Labels, dict[str, Any]] | None) -> None:
        self.proposal = found[0] if found else None
        self.findings.take_proposal(found)
        self.proposal_changed.emit()
        self.lesions_changed.emit()

    def accept(self, number: int) -> None:
        """Make part ``number`` of the proposal a label; one step that can be undone."""
        if self.labels is None:
            return
        part = self.findings.part(number)
        if part is None:
            return
        box, mask, value = part
        after = self.labels[tuple(slice(a, b) for a, b in box)].copy()
        after[mask & ~np.isin(after, list(self.locked))] = value
        self.apply(box, after, "proposal")
        self.finish(self.tr("Accept proposal"), value)
        self.reject(number)

    def reject(self, number: int) -> None:
        """Drop part ``number`` of the proposal."""
        part = self.findings.part(number)
        if part is None or self.proposal is None or self.store is None or self.record is None:
            return
        box, mask, _ = part
        self.proposal[tuple(slice(a, b) for a, b in box)][mask] = 0
        self.findings.drop(number)
        left = self.proposal.copy() if self.findings.proposed else None
        if left is None:
            self.proposal = None
        uid = self.record.series_uid
        self.writer.keep_proposal(uid, self.store, left, self.findings.info)
        self.proposal_changed.emit()
        self.lesions_changed.emit()

    # ---- looking -----------------------------------------------------------------------------

    def set_cursor(self, zyx: Point) -> None:
        """Move the crosshair; the other planes follow."""
        if self.geometry is not None and zyx != self.cursor:
            clipped = [min(max(v, 0.0), n - 1.0) for v, n in zip(zyx, self.geometry.shape)]  # noqa: B905
            self.cursor = (clipped[0], clipped[1], clipped[2])
            self.cursor_changed.emit()

    def set_window(self, width: float, level: float) -> None:
        """Set the window, HU."""
        self.window = (min(max(width, 1.0), 20000.0), min(max(level, -20000.0), 20000.0))
        self.window_changed.emit()

    def set_style(self, **style: Any) -> None:
        """Set opacity, contour_only, overlay_hidden, crosshair_shown or measures_shown."""
        for name, value in style.items():
            setattr(self, name, value)
        self.style_changed.emit()

    def set_active(self, value: int) -> None:
        """Paint with another class."""
        if value != self.active:
            self.active = value
            self.active_changed.emit()

    def set_schema(self, schema: LabelSchema) -> None:
        """Change the project's classes."""
        if self.project is not None:
            self.project.set_schema(schema)
        self.schema = schema
        self.schema_changed.emit()
        self.style_changed.emit()

    def toggle(self, which: set[int], value: int) -> None:
        """Hide or show, lock or unlock a class. which: ``hidden`` or ``locked``."""
        which ^= {value}
        self.schema_changed.emit()
        self.style_changed.emit()

    def lesion_slices(self, plane: Plane) -> list[int]:
        """Slices of a plane that hold a lesion."""
        return self.findings.slices(plane)

    def tags(self, plane: Plane, index: int) -> list[Tag]:
        """Plates on a slice."""
        return self.findings.tags(plane, index)

    def measurements(self, plane: Plane, index: int) -> list[Measurement]:
        """Measured lines on a slice."""
        return self.findings.measurements(plane, index) if self.measures_shown else []


def _read(
    record: SeriesRecord, store: LabelStore, progress: Any, cancelled: Any
) -> tuple[Volume, Labels, Any]:
    """Background: the image (its middle slice as soon as it is there), labels, proposal."""
    from core.project.reading import read_volume  # noqa: PLC0415 - pydicom must not hold up a start

    early = Volume(np.full(record.geometry.shape, -1024, np.int16), record.geometry)

    def first(index: int, hu: NDArray[np.int16]) -> None:
        early.hu[index] = hu
        progress(1, record.geometry.shape[0], early)

    def tell(done: int, total: int) -> None:
        progress(done, total, None)

    volume = read_volume(record, tell, cancelled, first)
    return volume, store.load(), store.load_proposal()
