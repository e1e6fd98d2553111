"""The Label page: look at a series, outline its lesions, decide on what a model proposed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from core.errors import UserError
from core.project.records import LabelStatus, SeriesRecord
from gui.document.document import LabelDocument
from gui.document.findings import Finding
from gui.pages import label_keys as keys
from gui.pages.label_head import LabelHead, ViewBar
from gui.pages.label_propose import Proposer
from gui.pages.label_side import SidePanel
from gui.pages.label_strip import ToolStrip
from gui.pages.label_views import LabelViews
from gui.session import Session
from gui.tools.toolbox import Toolbox
from gui.widgets import Banner, EmptyState, Toast

if TYPE_CHECKING:
    from gui.run.supervisor import RunSupervisor


#: Width of the page in a window of 1400, whose rail takes 72.
_DRAWER_BELOW = 1328
#: Keys of the view under the pointer, for when the focus is elsewhere on the page.
_VIEW_KEYS = (
    Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End,
    Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight, Qt.Key.Key_0,
)  # fmt: skip


class LabelPage(QWidget):
    """See the module. One document for the page's life; series come and go in it."""

    def __init__(
        self, session: Session, supervisor: RunSupervisor, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.title = self.tr("Label")
        self.session = session
        self.document = LabelDocument(session, self)
        self.toolbox = Toolbox(self.document, self)
        self.proposer = Proposer(self.document, supervisor, self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.head = LabelHead()
        self.bar = ViewBar(self.document)
        self.strip = ToolStrip(self.toolbox)
        self.views = LabelViews(self.document, lambda: self.toolbox.current, self._volume_view)
        self.side = SidePanel(self.document, self.toolbox.settings)
        self.empty = EmptyState(
            "ph.paint-brush", self.tr("No series open"),
            self.tr("Choose a series in the Library to look at it and outline its lesions."),
            [(self.tr("Open the Library"), lambda: session.page_requested.emit("library"))],
            big=True,
        )  # fmt: skip
        self._lay_out()
        self._hint = Toast(self.views, bottom=24)
        self._connect()
        self._open_series()

    def sizeHint(self) -> QSize:
        """The content of the smallest window."""
        return QSize(1208, 764)

    def _lay_out(self) -> None:
        work = QWidget()
        across = QHBoxLayout(work)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        left = QVBoxLayout()
        left.setSpacing(0)
        left.addWidget(self.bar)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self.strip)
        row.addWidget(self.views, 1)
        left.addLayout(row, 1)
        across.addLayout(left, 1)
        across.addWidget(self.side)
        self._work = work
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(work)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        self.unsaved = Banner("warn", "")
        self.unsaved.hide()
        column.addWidget(self.unsaved)
        column.addWidget(self._stack, 1)

    def _connect(self) -> None:
        session, doc = self.session, self.document
        session.open_series_changed.connect(self._open_series)
        session.series_changed.connect(self._series_changed)
        session.models_changed.connect(self._models_changed)
        session.labels_saved_changed.connect(self._saved_changed)
        session.proposal_changed.connect(self._proposed)
        doc.said.connect(self._say)
        self.head.back.connect(self._back)
        self.head.beside.connect(self.open_beside)
        self.head.status.connect(self._set_status)
        self.head.reviewed.connect(self.mark_reviewed)
        for ask in (self.head.propose, self.strip.propose, self.side.lesions.propose):
            ask.connect(self.propose)
        self.side.lesions.asked.connect(self._decide)
        self.side.lesions.all_asked.connect(self._decide_all)
        self.side.lesions.cancelled.connect(self.proposer.cancel)
        self.proposer.changed.connect(self._proposing)
        self.bar.layout_asked.connect(self.views.set_mode)
        self.bar.panel_asked.connect(self.side.setVisible)
        self.views.layout_changed.connect(self.bar.layouts.set_key)
        self.toolbox.settings.changed.connect(self._repaint_ring)
        self.toolbox.changed.connect(self._repaint_ring)
        for view in self.views.planes.values():
            view.size_asked.connect(self.toolbox.settings.step_size)

    def _volume_view(self) -> QWidget:
        # VTK takes a second to load; the planes are there before it.
        from gui.view.volume3d import VolumeView  # noqa: PLC0415

        view = VolumeView(self.document)
        view.large_asked.connect(lambda: self.views.toggle_large(view))
        view.finding_clicked.connect(lambda finding: self._decide("jump", finding))
        return view

    # ---- series ------------------------------------------------------------------------------

    def _record(self) -> SeriesRecord | None:
        uid = self.session.open_uid
        if not uid or self.session.project is None:
            return None
        try:
            return self.session.record(uid)
        except UserError:
            return None  # Removed meanwhile; the library says so.

    def _open_series(self) -> None:
        record = self._record()
        for view in self.views.planes.values():
            view.cancel()  # A stroke must not go on in another series.
        if record is None:
            self.document.close_series()
        elif record.series_uid != self.document.uid:
            self.document.open(record)
        self._stack.setCurrentWidget(self._work if record else self.empty)
        self._series_changed()
        self._models_changed()
        self.proposer.announce()

    def _series_changed(self) -> None:
        record = self._record()
        order = [r.series_uid for r in self.session.series()]
        number = order.index(record.series_uid) + 1 if record else 0
        self.head.show_record(record, number, len(order))

    def open_beside(self, step: int) -> None:
        """Open the next (1) or previous (-1) series; labels of this one are saved behind."""
        order = [r.series_uid for r in self.session.series()]
        if self.session.open_uid in order:
            place = order.index(self.session.open_uid) + step
            if 0 <= place < len(order):
                self.session.open_series(order[place])

    def _back(self) -> None:
        self.session.page_requested.emit("library")

    def _set_status(self, status: LabelStatus) -> None:
        if self.session.open_uid:
            self.session.set_status(self.session.open_uid, status)

    def mark_reviewed(self) -> None:
        """A reader has checked every outline of this series."""
        record = self._record()
        if record is None or not self.document.editable:
            return
        if self.document.findings.proposed:
            self._say(self.tr("Accept or reject the proposal first"))
            return
        self.document.save()
        before, uid, project = record.label_status, record.series_uid, self.session.project
        self.session.set_status(uid, "reviewed")

        def undo() -> None:
            if self.session.project is project:
                self.session.set_status(uid, before)

        self.session.message.emit(
            self.tr("{0} marked as reviewed").format(record.patient_id or self.tr("Series")), undo
        )

    def _saved_changed(self, state: str, words: str) -> None:
        """A label the disk refuses is kept in memory, and the user knows."""
        if state == "unsaved":
            text = self.tr("{0} Your strokes are kept, and saving is tried again by itself.")
            actions = [(self.tr("Retry"), self.document.save)]
            why = words if words.endswith(".") else f"{words}."
            self.unsaved.set("warn", self.tr("Labels are not saved"), text.format(why), actions)
        if state in ("saved", "unsaved"):
            self.unsaved.setVisible(state == "unsaved")

    # ---- proposal and findings ---------------------------------------------------------------

    def _models_changed(self) -> None:
        model = self.proposer.model()
        why = "" if model else self.tr("Train a model first, then it can propose")
        if self._record() is None:
            why = self.tr("Open a series first")
        name = model.id if model else ""
        self.head.show_model(name, why)
        self.strip.propose_button.setEnabled(not why)
        words = self.tr("Propose with {0}").format(name)
        self.side.lesions.show_model(words, not why)

    def propose(self) -> None:
        """Let the chosen model outline the open series."""
        if self.document.editable:
            self.proposer.start()

    def _proposing(self, words: str, fraction: float) -> None:
        self.side.lesions.show_job(words, fraction)
        able = not words and self.proposer.model() is not None and self._record() is not None
        self.head.propose_button.setEnabled(able)
        self.strip.propose_button.setEnabled(able)

    def _proposed(self, uid: str) -> None:
        if uid == self.document.uid:
            self.document.proposals.reload()
            self._say(self.tr("The proposal is there: accept or reject each part"))

    def _decide(self, what: str, finding: Finding) -> None:
        if what == "accept":
            self.document.proposals.accept(finding)
        elif what == "reject":
            self.document.proposals.reject(finding)
        else:
            self.document.findings.choose(finding)
            self.document.set_cursor(_middle(finding))

    def _decide_all(self, what: str) -> None:
        for finding in list(self.document.findings.proposed):
            self._decide(what, finding)

    def _decide_current(self, what: str) -> bool:
        """Accept or reject the chosen part, or the one at the crosshair; then show the next."""
        findings = self.document.findings
        waiting = findings.proposed
        current = findings.current()
        if current is None or not current.proposed:
            current = next((f for f in waiting if f is findings.at(self.document.cursor)), None)
        if current is None and waiting:
            self._decide("jump", waiting[0])
            return True
        if current is None:
            return False
        self._decide(what, current)
        if findings.proposed:
            self._decide("jump", findings.proposed[0])
        return True

    def jump(self, step: int) -> None:
        """Go to the next or previous finding."""
        finding = self.document.findings.beside(step)
        if finding is not None:
            self._decide("jump", finding)

    # ---- keys --------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The keys of the page; the view under the pointer has had its own before."""
        if not (self._plain_key(event) or self._control_key(event)):
            super().keyPressEvent(event)

    def _plain_key(self, event: QKeyEvent) -> bool:
        number = keys.digit(event)
        if number:
            return self.side.classes.choose_number(number)
        preset = keys.shifted_digit(event)
        if preset is not None:
            self.bar.use_number(preset)
            return True
        letter = keys.letter(event)
        if letter and self.toolbox.take_letter(letter):
            return True
        if letter == "N" or (
            event.key() == Qt.Key.Key_N and event.modifiers() == Qt.KeyboardModifier.ShiftModifier
        ):
            self.jump(1 if letter else -1)
        elif letter == "C":
            self.document.set_style(contour_only=not self.document.contour_only)
        elif letter == "H":
            self.document.set_style(overlay_hidden=True)
        elif letter == "M":
            self.propose()
        else:
            return self._editing_key(event)
        return True

    def _editing_key(self, event: QKeyEvent) -> bool:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return False
        tool, view = self.toolbox.current, self.views.active
        actions: dict[int, Any] = {
            Qt.Key.Key_Return: lambda: tool.confirm() or self._decide_current("accept"),
            Qt.Key.Key_Backspace: tool.back,
            Qt.Key.Key_Delete: lambda: self._decide_current("reject"),
            Qt.Key.Key_Escape: lambda: any([v.cancel() for v in self.views.planes.values()]),
        }
        actions[Qt.Key.Key_Enter] = actions[Qt.Key.Key_Return]
        if event.key() in actions:
            return bool(actions[event.key()]())
        if event.key() in _VIEW_KEYS:
            view.keyPressEvent(event)
            return True
        return False

    def _control_key(self, event: QKeyEvent) -> bool:
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return False
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        actions: dict[int, Any] = {
            Qt.Key.Key_Z: self.document.redo if shift else self.document.undo,
            Qt.Key.Key_Y: self.document.redo,
            Qt.Key.Key_S: self.document.save,
            Qt.Key.Key_Return: self.mark_reviewed,
            Qt.Key.Key_Enter: self.mark_reviewed,
            Qt.Key.Key_PageUp: lambda: self.open_beside(-1),
            Qt.Key.Key_PageDown: lambda: self.open_beside(1),
        }
        if event.key() not in actions:
            return False
        actions[event.key()]()
        return True

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """H is held."""
        if event.key() == Qt.Key.Key_H and not event.isAutoRepeat():
            self.document.set_style(overlay_hidden=False)
        else:
            super().keyReleaseEvent(event)

    # ---- events ------------------------------------------------------------------------------

    def _say(self, words: str) -> None:
        self._hint.show_message(words, None, "info")

    def _repaint_ring(self, _key: str = "") -> None:
        for view in self.views.planes.values():
            view.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window the side panel becomes a drawer."""
        super().resizeEvent(event)
        narrow = self.width() < _DRAWER_BELOW
        if narrow == self.bar.panel.isHidden():
            self.bar.panel.setVisible(narrow)
            self.bar.panel.setChecked(False)
            self.side.setVisible(not narrow)

    def showEvent(self, event: QShowEvent) -> None:
        """The keys are the active view's as soon as the page is there."""
        super().showEvent(event)
        self._models_changed()

    def event(self, event: QEvent) -> bool:
        """A key held while the window loses the focus is no longer held."""
        if event.type() == QEvent.Type.WindowDeactivate and self.document.overlay_hidden:
            self.document.set_style(overlay_hidden=False)
        return super().event(event)


def _middle(finding: Finding) -> tuple[float, float, float]:
    """Where to look at a finding: the middle of its longest diameter."""
    a, b = finding.lesion.long_axis
    return ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2)
