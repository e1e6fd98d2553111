"""The steps that can be undone, newest first; a click goes back or forth to one."""

from __future__ import annotations

import time

from PySide6.QtCore import QEvent, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from core.labels.history import Entry
from gui import theme
from gui.document.document import LabelDocument
from gui.pages.label_section import Section
from gui.widgets import IconButton, caption
from gui.widgets.paint import painter, rounded, text, width_of

_SHOWN = 30


class HistoryRow(QWidget):
    """One step."""

    chosen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._name = self._ago = ""
        self._icon = "ph.paint-brush"
        self._undone = self._newest = False
        self.setFixedHeight(28)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def show_step(self, entry: Entry, icon: str, ago: str, newest: bool) -> None:
        """Show a step. newest: of those that are not undone."""
        self._name, self._icon, self._ago = entry.name, icon, ago
        self._undone, self._newest = entry.undone, newest
        self.setAccessibleName(entry.name)
        self.update()

    def name(self) -> str:
        """What the user did."""
        return self._name

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go there."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit()

    def event(self, event: QEvent) -> bool:
        """Keep the hover look right."""
        if event.type() in (QEvent.Type.HoverEnter, QEvent.Type.HoverLeave):
            self.update()
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Icon, name, how long ago."""
        p = painter(self)
        rect = QRectF(self.rect())
        if self._newest or self.underMouse():
            rounded(p, rect.adjusted(0, 1, 0, -1), 4, theme.BG3)
        tone = theme.DIS if self._undone else theme.T1 if self._newest else theme.T2
        theme.icon(self._icon, theme.T3, 14).paint(p, 9, 7, 14, 14)
        font = theme.font(12)
        room = width_of(self._ago, font)
        area = QRectF(self.width() - room - 9, 0, room + 1, rect.height())
        text(p, area, self._ago, font, theme.T3)
        name = QRectF(32, 0, self.width() - room - 50, rect.height())
        text(p, name, self._name, font, tone)
        p.end()


class HistorySection(Section):
    """Undo, redo and the list."""

    def __init__(self, document: LabelDocument, parent: QWidget | None = None) -> None:
        super().__init__(document.tr("History"), last=True, parent=parent)
        self._doc = document
        self.undo = IconButton("ph.arrow-u-up-left", self.tr("Undo (Ctrl+Z)"), size=26)
        self.redo = IconButton("ph.arrow-u-up-right", self.tr("Redo (Ctrl+Shift+Z)"), size=26)
        for button, slot in ((self.undo, document.undo), (self.redo, document.redo)):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(slot)
            self.header.addWidget(button)
        self.rows: list[HistoryRow] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self.body.addLayout(self._list)
        self.empty = caption(self.tr("Steps you can take back appear here."), wrap=True)
        self.empty.setContentsMargins(8, 0, 8, 4)
        self.body.addWidget(self.empty)
        document.history_changed.connect(self.follow)
        self._clock = QTimer(self, interval=30_000)
        self._clock.timeout.connect(self.follow)
        self._clock.start()
        self.follow()

    def follow(self) -> None:
        """The steps, or the time, changed."""
        steps = self._doc.steps
        self.undo.setEnabled(self._doc.history.can_undo)
        self.redo.setEnabled(self._doc.history.can_redo)
        undone = sum(entry.undone for entry in steps)
        # So that the newest step that counts is always among the rows.
        start = max(0, undone - _SHOWN // 2)
        shown = steps[start : start + _SHOWN]
        while len(self.rows) > len(shown):
            row = self.rows.pop()
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(self.rows) < len(shown):
            row = HistoryRow()
            row.chosen.connect(lambda row=row: self._go(row))
            self.rows.append(row)
            self._list.addWidget(row)
        for number, (row, entry) in enumerate(zip(self.rows, shown, strict=True), start=start):
            row.show_step(entry, self._icon(entry.name), self._ago(entry.time), number == undone)
        self.empty.setVisible(not shown)

    def _go(self, row: HistoryRow) -> None:
        steps = self._doc.steps
        undone = sum(entry.undone for entry in steps)
        place = self.rows.index(row) + max(0, undone - _SHOWN // 2)
        for _ in range(place - undone):
            self._doc.undo()
        for _ in range(undone - place):
            self._doc.redo()

    def _icon(self, name: str) -> str:
        word = name.split(",", maxsplit=1)[0]
        return {
            self._doc.tr("Erase"): "ph.eraser",
            self._doc.tr("HU brush"): "ph.sliders-horizontal",
            self._doc.tr("Polygon"): "ph.polygon",
            self._doc.tr("Region grow"): "ph.magic-wand",
            self._doc.tr("Smart fill"): "ph.stack-simple",
            self._doc.tr("Accept proposal, {0}").split(",")[0]: "ph.check",
        }.get(word, "ph.paint-brush")

    def _ago(self, at: float) -> str:
        minutes = int((time.time() - at) / 60)
        if minutes < 1:
            return self.tr("now")
        if minutes < 60:
            return self.tr("{0} min").format(minutes)
        return self.tr("{0} h").format(minutes // 60)
