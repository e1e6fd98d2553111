"""What a model proposed for the open series: shown beside the label, never in it until accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.labels.edits import Box, Labels
from core.labels.history import Entry
from core.project.records import LabelStatus
from gui.document.findings import Finding
from gui.document.opening import ReadProposal, read_proposal

if TYPE_CHECKING:
    from gui.document.document import LabelDocument


@dataclass(frozen=True, slots=True)
class _Taken:
    """A part that was accepted, so that undo can bring it back."""

    finding: Finding
    box: Box
    mask: NDArray[np.bool_]


class Proposals:
    """The proposal of one document. labels: uint8 [z, y, x], None where nothing waits."""

    def __init__(self, document: LabelDocument) -> None:
        self._doc = document
        self.labels: Labels | None = None
        self._taken: dict[float, _Taken] = {}

    def forget(self) -> None:
        """Another series."""
        self.labels = None
        self._taken.clear()

    def reload(self) -> None:
        """A model has left a proposal for this series; read it in the background."""
        doc = self._doc
        if doc.store is None or doc.geometry is None or doc.labels is None:
            return
        uid = doc.uid

        def take(found: ReadProposal | None) -> None:
            if doc.uid == uid:
                self.take(found)

        doc.session.tasks.run(
            read_proposal, doc.store, doc.geometry, on_done=take, key="label.proposal",
            owner=doc,
            on_error=lambda s: doc.session.error.emit(doc.tr("The proposal was not read"), s),
        )  # fmt: skip

    def take(self, found: ReadProposal | None) -> None:
        """Show a proposal that was read."""
        self.labels = found.labels if found else None
        self._doc.findings.take_proposal(found)
        self._doc.proposal_changed.emit()

    def accept(self, finding: Finding) -> bool:
        """Make a part a label, in one step that can be undone; False when its class is locked."""
        doc = self._doc
        if doc.labels is None or self.labels is None or not finding.proposed:
            return False
        value = finding.lesion.value
        if value in doc.locked:
            name = doc.class_name(value)
            doc.say(doc.tr("{0} is locked. Unlock it to accept.").format(name))
            return False
        box, mask = doc.findings.mask_of(finding, self.labels)
        after = doc.labels[tuple(slice(a, b) for a, b in box)].copy()
        after[mask & ~np.isin(after, list(doc.locked))] = value
        doc.apply(box, after)
        step = doc.finish(doc.tr("Accept proposal, {0}").format(finding.name), value)
        if step is not None:
            self._taken[doc.history.entries[-1].time] = _Taken(finding, box, mask)
        self._remove(finding, box, mask)
        return True

    def reject(self, finding: Finding) -> None:
        """Drop a part."""
        if self.labels is not None and finding.proposed:
            box, mask = self._doc.findings.mask_of(finding, self.labels)
            self._remove(finding, box, mask)

    def undone(self, entry: Entry) -> None:
        """A step was taken back; if it accepted a part, the part waits again."""
        doc, taken = self._doc, self._taken.get(entry.time)
        if taken is None or doc.geometry is None:
            return
        if self.labels is None:
            self.labels = np.zeros(doc.geometry.shape, np.uint8)
        cut = self.labels[tuple(slice(a, b) for a, b in taken.box)]
        cut[taken.mask] = taken.finding.lesion.value
        doc.findings.put_back(taken.finding)
        self._keep()

    def redone(self, entry: Entry) -> None:
        """A step was applied again; if it accepted a part, that no longer waits."""
        taken = self._taken.get(entry.time)
        if taken is not None and self.labels is not None:
            self._remove(taken.finding, taken.box, taken.mask)

    def _remove(self, finding: Finding, box: Box, mask: NDArray[np.bool_]) -> None:
        if self.labels is None:
            return
        self.labels[tuple(slice(a, b) for a, b in box)][mask] = 0
        self._doc.findings.drop(finding)
        self._keep()

    def _keep(self) -> None:
        doc = self._doc
        left = self.labels if doc.findings.proposed else None
        self.labels = left
        if doc.store is not None:
            # Copied: the next decision may come before this one is on disk.
            copy = left.copy() if left is not None else None
            doc.writer.keep_proposal(doc.uid, doc.store, copy, doc.findings.info)
            self._follow_status(left is not None)
        doc.proposal_changed.emit()

    def _follow_status(self, waits: bool) -> None:
        """A series without a label is "proposed" just as long as something waits."""
        doc = self._doc
        if doc.project is None or doc.counts[1:].any():
            return
        status = doc.project.record(doc.uid).label_status
        wanted: LabelStatus = "proposed" if waits else "none"
        if status in ("none", "proposed") and status != wanted:
            doc.session.set_status(doc.uid, wanted)
