"""All keys and mouse gestures, as in the tooltips."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QWidget

from gui import theme
from gui.widgets import Dialog, heading, label
from gui.widgets.paint import painter, rounded, text, width_of


class KeyCap(QWidget):
    """A key as it looks on a keyboard."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """As wide as the name."""
        return QSize(max(22, round(width_of(self._name, theme.font(11)) + 12)), 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Cap and name."""
        p = painter(self)
        rounded(p, QRectF(self.rect()), 4, theme.BG3, theme.LINE2)
        centre = Qt.AlignmentFlag.AlignHCenter
        text(p, QRectF(self.rect()), self._name, theme.font(11), theme.T2, align=centre)
        p.end()


def key_row(keys: str) -> QWidget:
    """Caps for "Ctrl Z"; a comma stands between alternatives."""
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    for part in keys.split(" "):
        row.addWidget(KeyCap(part) if part not in (",", "+", "–") else label(part, 12, tone="t3"))
    row.addStretch(1)
    return box


class KeysDialog(Dialog):
    """Two columns: keys and mouse."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent, "", 880)
        self.heading.setText(self.tr("Keys and mouse"))
        columns = QHBoxLayout()
        columns.setSpacing(32)
        columns.addLayout(self._table(self.tr("Everywhere and in Label"), self._keys(), True), 1)
        columns.addLayout(self._table(self.tr("On an image"), self._mouse(), False), 1)
        self.body.addLayout(columns)
        done = self.add_button(self.tr("Done"), "primary")
        done.setDefault(True)
        done.clicked.connect(self.accept)

    def _keys(self) -> list[tuple[str, str]]:
        return [
            ("Ctrl 1 – 5", self.tr("Page")),
            ("Ctrl F", self.tr("Search")),
            ("Ctrl T", self.tr("DICOM tags (in Library)")),
            ("F1 , F11", self.tr("Keys, full screen")),
            ("W , V", self.tr("W/L, pan and zoom")),
            ("B , E , T", self.tr("Brush, eraser, HU brush")),
            ("P , G , F", self.tr("Polygon, region grow, smart fill")),
            ("R , 0", self.tr("RECIST, fit the view")),
            ("1 – 9", self.tr("Label class")),
            ("Shift 1 – 5", self.tr("W/L preset")),
            ("H , C", self.tr("Hide overlays (hold), contour only")),
            ("N , Shift N", self.tr("Next, previous lesion")),
            ("Enter , Del", self.tr("Accept, reject proposal")),
            ("M", self.tr("Model proposal")),
            ("Ctrl Z , Ctrl Shift Z", self.tr("Undo, redo")),
            ("Ctrl PgUp , PgDn", self.tr("Previous, next series")),
            ("Ctrl Enter", self.tr("Mark reviewed")),
        ]

    def _mouse(self) -> list[tuple[str, str]]:
        return [
            (self.tr("Left drag"), self.tr("Active tool")),
            (self.tr("Right drag"), self.tr("W/L: across width, up and down level")),
            (self.tr("Middle drag"), self.tr("Pan")),
            (self.tr("Wheel"), self.tr("1 slice, with Shift 10 slices")),
            ("Ctrl + " + self.tr("wheel"), self.tr("Zoom at the pointer")),
            ("Alt + " + self.tr("wheel"), self.tr("Brush size")),
            ("Shift + " + self.tr("click"), self.tr("Move crosshair")),
            ("Ctrl + " + self.tr("left drag"), self.tr("Erase while a painting tool is active")),
            (self.tr("Double click"), self.tr("One view large, and back")),
        ]

    @staticmethod
    def _table(title: str, rows: list[tuple[str, str]], caps: bool) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(6)
        grid.addWidget(heading(title, 13), 0, 0, 1, 2)
        for index, (keys, meaning) in enumerate(rows, start=1):
            grid.addWidget(key_row(keys) if caps else label(keys), index, 0)
            grid.addWidget(label(meaning, tone="t2"), index, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(len(rows) + 1, 1)
        return grid
