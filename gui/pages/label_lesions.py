"""The table of lesions and proposed parts: click to jump, accept or reject in place."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gui import theme
from gui.document.document import LabelDocument
from gui.document.findings import Finding
from gui.pages.label_classes import thousands
from gui.pages.label_section import Section
from gui.widgets import Button, IconButton, ProgressBar, caption, label, line
from gui.widgets.paint import painter, rounded, text

#: Right edges of the columns mL, axis and slices.
_COLUMNS = (100, 160, 206)
#: Rows shown; a noisy label can have thousands of parts.
_MOST = 60


def _columns(p: QPainter, words: tuple[str, ...], height: float, px: int, colour: str) -> None:
    font = theme.font(px)
    for right, word in zip(_COLUMNS, words, strict=False):
        area = QRectF(right - 62, 0, 62, height)
        text(p, area, word, font, colour, align=Qt.AlignmentFlag.AlignRight)


def small_volume(ml: float) -> str:
    """mL with one decimal, two where one would say nothing."""
    return thousands(ml, 1) if ml >= 0.095 else f"{ml:.2f}"


class _Head(QWidget):
    """The names of the columns."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(26)

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        text(p, QRectF(8, 0, 40, 26), self.tr("ID"), theme.font(12), theme.T3)
        words = (self.tr("mL"), self.tr("Axis mm"), self.tr("Slices"))
        _columns(p, words, 26, 12, theme.T3)
        p.end()


class FindingRow(QWidget):
    """One finding. jump, accept, reject: what was asked for."""

    jump = Signal()
    accept = Signal()
    reject = Signal()

    def __init__(self, document: LabelDocument) -> None:
        super().__init__()
        self._doc = document
        self.finding: Finding | None = None
        self.chosen = False
        self.setFixedHeight(32)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 4, 0)
        row.setSpacing(3)
        row.addStretch(1)
        self.tick = IconButton(
            "ph.check", self.tr("Accept (Enter)"), size=26, framed=True, colour=theme.OK
        )
        self.cross = IconButton(
            "ph.x", self.tr("Reject (Del)"), size=26, framed=True, colour=theme.ERR
        )
        self.target = IconButton("ph.crosshair", self.tr("Jump to it"), size=26, colour=theme.T3)
        for button, signal in (
            (self.tick, self.accept), (self.cross, self.reject), (self.target, self.jump),
        ):  # fmt: skip
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(signal)
            row.addWidget(button)

    def show_finding(self, finding: Finding, chosen: bool) -> None:
        """Show a finding."""
        self.finding, self.chosen = finding, chosen
        for button, shown in (
            (self.tick, finding.proposed), (self.cross, finding.proposed),
            (self.target, not finding.proposed),
        ):  # fmt: skip
            button.setVisible(shown)
        name = self._doc.class_name(finding.lesion.value)
        self.setAccessibleName(f"{finding.name}, {name}, {finding.lesion.ml:.1f} mL")
        self.setToolTip(name)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Jump there."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.jump.emit()

    def event(self, event: QEvent) -> bool:
        """Keep the hover look right."""
        if event.type() in (QEvent.Type.HoverEnter, QEvent.Type.HoverLeave):
            self.update()
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, mark, name, figures."""
        if self.finding is None:
            return
        p = painter(self)
        rect = QRectF(self.rect()).adjusted(0, 1, 0, -1)
        if self.chosen or self.underMouse():
            rounded(p, rect, 4, theme.ACCBG if self.chosen else theme.BG3)
        lesion = self.finding.lesion
        colour = QColor(self._doc.colour(lesion.value))
        mark = QRectF(9, rect.center().y() - 6, 12, 12)
        if self.finding.proposed:
            pen = QPen(colour, 1.6, Qt.PenStyle.CustomDashLine, Qt.PenCapStyle.FlatCap)
            pen.setDashPattern([2.2, 1.6])
            p.setPen(pen)
            p.setBrush(Qt.BrushStyle.NoBrush)
        else:
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(colour)
        p.drawRoundedRect(mark, 3, 3)
        text(p, QRectF(28, 0, 40, self.height()), self.finding.name, theme.font(13, 500), theme.T1)
        figures = (
            small_volume(lesion.ml), f"{lesion.long_axis_mm:.1f}", str(lesion.slices),
        )  # fmt: skip
        _columns(p, figures, self.height(), 13, theme.T1)
        p.end()


class LesionsSection(Section):
    """All findings. asked: jump, accept or reject, and the finding; propose: the empty state's
    link; all_asked: accept or reject every part of the proposal; cancelled: the running job."""

    asked = Signal(str, object)
    all_asked = Signal(str)
    propose = Signal()
    cancelled = Signal()

    def __init__(self, document: LabelDocument, parent: QWidget | None = None) -> None:
        super().__init__(document.tr("Lesions"), parent=parent)
        self._doc = document
        self.count = label("", 12, 400, "t3")
        self.header.addWidget(self.count)
        self.rows: list[FindingRow] = []
        self._make_job()
        self._make_offer()
        self._head = _Head()
        self.body.addWidget(self._head)
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self.body.addLayout(self._list)
        self.more = caption("")
        self.body.addWidget(self.more)
        self._rule = line()
        self.body.addWidget(self._rule)
        self.total = QWidget()
        row = QHBoxLayout(self.total)
        row.setContentsMargins(8, 4, 0, 0)
        row.addWidget(label(self.tr("Total"), tone="t2"))
        self.total_ml = label("", 13, 600)
        self.total_ml.setFixedWidth(_COLUMNS[0] - 8 - 36)
        self.total_ml.setAlignment(Qt.AlignmentFlag.AlignRight)
        row.addWidget(self.total_ml)
        row.addStretch(1)
        self.body.addWidget(self.total)
        self._make_empty()
        document.lesions_changed.connect(self._follow)
        document.schema_changed.connect(self._follow)
        self._follow()

    def _make_job(self) -> None:
        self.job = QWidget()
        column = QVBoxLayout(self.job)
        column.setContentsMargins(8, 2, 8, 10)
        column.setSpacing(6)
        row = QHBoxLayout()
        self.job_words = label("", 13, 400, "t2")
        self.job_cancel = Button(self.tr("Cancel"), "link", dense=True)
        self.job_cancel.clicked.connect(self.cancelled)
        row.addWidget(self.job_words, 1)
        row.addWidget(self.job_cancel)
        self.job_bar = ProgressBar(4)
        column.addLayout(row)
        column.addWidget(self.job_bar)
        self.job.hide()
        self.body.addWidget(self.job)

    def _make_offer(self) -> None:
        self.offer = QWidget()
        row = QHBoxLayout(self.offer)
        row.setContentsMargins(8, 2, 8, 8)
        row.setSpacing(8)
        self.accept_all = Button(self.tr("Accept all"), "secondary", "ph.check", dense=True)
        self.reject_all = Button(self.tr("Reject all"), "ghost", dense=True)
        for button, what in ((self.accept_all, "accept"), (self.reject_all, "reject")):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _c=False, what=what: self.all_asked.emit(what))
            row.addWidget(button)
        row.addStretch(1)
        self.offer.hide()
        self.body.addWidget(self.offer)

    def _make_empty(self) -> None:
        self.empty = QWidget()
        column = QVBoxLayout(self.empty)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(2)
        middle = Qt.AlignmentFlag.AlignHCenter
        column.addWidget(label(self.tr("No lesions yet"), 13, 600), 0, middle)
        self.empty_help = caption(self.tr("Paint one with the brush, or ask the model."))
        column.addWidget(self.empty_help, 0, middle)
        self.empty_link = Button(self.tr("Propose"), "link")
        self.empty_link.clicked.connect(self.propose)
        column.addWidget(self.empty_link, 0, middle)
        self.body.addWidget(self.empty)

    def show_job(self, words: str, fraction: float) -> None:
        """A proposal on its way; words "" hides it."""
        self.job.setVisible(bool(words))
        self.job_words.setText(words)
        self.job_bar.set_fraction(fraction)

    def show_model(self, words: str, able: bool) -> None:
        """The link of the empty state."""
        self.empty_link.setText(words)
        self.empty_link.setVisible(able)

    def _follow(self) -> None:
        found = self._doc.findings.all
        current = self._doc.findings.current()
        shown = found[:_MOST]
        while len(self.rows) > len(shown):
            row = self.rows.pop()
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(self.rows) < len(shown):
            self._add_row()
        for row, finding in zip(self.rows, shown, strict=True):
            row.show_finding(finding, current is not None and current.name == finding.name)
        self.more.setVisible(len(found) > len(shown))
        self.more.setText(self.tr("and %n smaller", "", len(found) - len(shown)))
        self.count.setText(str(len(found)) if found else "")
        self.total_ml.setText(thousands(sum(f.lesion.ml for f in found if not f.proposed), 1))
        self.offer.setVisible(len(self._doc.findings.proposed) > 0)
        for widget in (self._head, self._rule, self.total):
            widget.setVisible(bool(found))
        self.empty.setVisible(not found)

    def _add_row(self) -> None:
        row = FindingRow(self._doc)
        row.jump.connect(lambda: self.asked.emit("jump", row.finding))
        row.accept.connect(lambda: self.asked.emit("accept", row.finding))
        row.reject.connect(lambda: self.asked.emit("reject", row.finding))
        self.rows.append(row)
        self._list.addWidget(row)
