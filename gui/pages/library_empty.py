"""The library without a series: what to do first."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui import theme
from gui.pages.library_recent import RecentList
from gui.widgets import Button, caption, heading, label
from gui.widgets.paint import painter, rounded


class _Pictures(QWidget):
    """Three slices, the middle one in front."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(250, 112)
        self._picture = QPixmap(str(theme.RESOURCES / "images" / "ct_sample.png"))

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        for area, strength in (
            (QRectF(0, 11, 118, 90), 0.45),
            (QRectF(132, 11, 118, 90), 0.45),
            (QRectF(49, 0, 152, 112), 1.0),
        ):
            clip = QPainterPath()
            clip.addRoundedRect(area, 6, 6)
            p.save()
            p.setClipPath(clip)
            p.fillRect(area, theme.BLACK)
            p.setOpacity(strength)
            p.drawPixmap(area, self._picture, QRectF(self._picture.rect()))
            p.restore()
            rounded(p, area, 6, None, theme.LINE2)
        p.end()


class LibraryEmpty(QWidget):
    """A dashed place to drop files on, and two buttons."""

    open_asked = Signal()
    demo_asked = Signal()
    project_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        centre = Qt.AlignmentFlag.AlignHCenter
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addStretch(1)
        column.addWidget(_Pictures(), 0, centre)
        column.addSpacing(20)
        column.addWidget(heading(self.tr("No CT series yet")), 0, centre)
        words = self.tr("Open or drop a folder of DICOM, NIfTI, NRRD or MHA files.")
        column.addWidget(label(words, 13, 400, "t2"), 0, centre)
        column.addSpacing(12)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.open_button = Button(self.tr("Open a DICOM folder"), "primary", "ph.folder-open")
        self.demo_button = Button(self.tr("Create demo project"), "secondary", "ph.flask")
        self.open_button.clicked.connect(self.open_asked)
        self.demo_button.clicked.connect(self.demo_asked)
        row.addStretch(1)
        row.addWidget(self.open_button)
        row.addWidget(self.demo_button)
        row.addStretch(1)
        column.addLayout(row)
        column.addSpacing(12)
        hint = self.tr("The demo makes 16 synthetic CT series with known lesions.")
        column.addWidget(caption(hint), 0, centre)
        self._recent = QWidget()
        self._recent.setFixedWidth(460)
        lately = QVBoxLayout(self._recent)
        lately.setContentsMargins(0, 24, 0, 0)
        lately.setSpacing(6)
        lately.addWidget(label(self.tr("Recent projects"), 13, 600), 0, centre)
        self.recent = RecentList()
        self.recent.opened.connect(self.project_asked)
        self.recent.changed.connect(self.show_recent)
        lately.addWidget(self.recent)
        column.addWidget(self._recent, 0, centre)
        column.addStretch(1)
        self._open: Path | None = None
        self.show_recent()

    def show_recent(self, *opened: Path | None) -> None:
        """List the projects opened lately; ``opened``: the one that is open now, if given."""
        if opened:
            self._open = opened[0]
        self.recent.show_projects(self._open)
        self._recent.setVisible(bool(self.recent.rows))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The dashed frame."""
        p = painter(self)
        pen = QPen(QColor(theme.LINE2), 1)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        pen.setDashPattern([5, 3])
        p.setPen(pen)
        p.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        p.end()
