"""The panel at the right of the Label page: labels, brush, lesions, history."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from gui import theme
from gui.document.document import LabelDocument
from gui.pages.label_brush import BrushSection
from gui.pages.label_classes import ClassesSection
from gui.pages.label_history import HistorySection
from gui.pages.label_lesions import LesionsSection
from gui.tools.base import ToolSettings
from gui.widgets.paint import painter

_WIDTH = 304


class SidePanel(QScrollArea):
    """Scrolls where the window is too low for all of it."""

    def __init__(
        self, document: LabelDocument, settings: ToolSettings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setFixedWidth(_WIDTH)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = _Ground()
        column = QVBoxLayout(inner)
        column.setContentsMargins(1, 4, 0, 8)
        column.setSpacing(0)
        self.classes = ClassesSection(document)
        self.brush = BrushSection(document, settings)
        self.lesions = LesionsSection(document)
        self.history = HistorySection(document)
        for section in (self.classes, self.brush, self.lesions, self.history):
            column.addWidget(section)
        column.addStretch(1)
        self.setWidget(inner)


class _Ground(QWidget):
    """The panel's ground with a hairline at the left."""

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        p.fillRect(self.rect(), theme.BG2)
        p.fillRect(QRectF(0, 0, 1, self.height()), theme.LINE)
        p.end()
