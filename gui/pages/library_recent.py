"""Projects opened lately: rows to open, or to take off the list where the folder is gone."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from core.project.recent import Recent, forget, known_projects
from gui import theme
from gui.widgets import Dialog, EmptyState, IconButton, caption
from gui.widgets.focus import RingMixin
from gui.widgets.paint import painter, rounded, text

#: On the empty page; the dialog shows all.
FEW = 4


class RecentRow(RingMixin, QWidget):
    """Name and folder, 44 high. A click or Enter opens; a missing one cannot be opened."""

    opened = Signal(object)
    removed = Signal(object)

    def __init__(self, project: Recent) -> None:
        super().__init__()
        self.project = project
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        gone = self.tr("not found") if project.missing else ""
        self.setAccessibleName(" · ".join(filter(None, (project.name, str(project.path), gone))))
        self.setToolTip(
            self.tr("The folder is not there now: {0}").format(project.path)
            if project.missing
            else str(project.path)
        )
        self._gone = gone
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 8, 0)
        row.addStretch(1)
        self.remove = IconButton("ph.x", self.tr("Take off the list"), size=28)
        self.remove.clicked.connect(lambda: self.removed.emit(project.path))
        row.addWidget(self.remove)

    def sizeHint(self) -> QSize:
        """One row of two lines."""
        return QSize(460, 44)

    def _open(self) -> None:
        if not self.project.missing:
            self.opened.emit(self.project.path)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Open."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._open()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, Del takes it off the list."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._open()
        elif event.key() == Qt.Key.Key_Delete:
            self.removed.emit(self.project.path)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Icon, name, folder, and whether it is gone."""
        p = painter(self)
        rect = QRectF(self.rect())
        missing = self.project.missing
        if self.underMouse() and not missing:
            rounded(p, rect, 6, theme.BG3)
        icon = theme.icon("ph.folder-minus" if missing else "ph.folder", theme.T3, 18)
        icon.paint(p, 12, round(rect.center().y() - 9), 18, 18)
        right = rect.right() - 44
        bold, small = theme.font(13, 600), theme.font(12)
        first = QRectF(42, 3, right - 42, 20)
        used = text(p, first, self.project.name, bold, theme.T3 if missing else theme.T1)
        if missing:
            after = first.adjusted(used + 10, 0, 0, 0)
            text(p, after, self._gone, theme.font(12, 600), theme.WARN)
        # The end of a path says more than its beginning.
        folder = QFontMetricsF(small).elidedText(
            str(self.project.path), Qt.TextElideMode.ElideLeft, right - 42
        )
        text(p, QRectF(42, 22, right - 42, 18), folder, small, theme.T3)
        p.end()


class RecentList(QWidget):
    """The projects but the open one. opened: a folder. changed: one was taken off the list."""

    opened = Signal(object)
    changed = Signal()

    def __init__(self, most: int = FEW, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._most = most
        self.rows: list[RecentRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)

    def show_projects(self, without: Path | None = None) -> None:
        """Read the list anew."""
        for row in self.rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        known = [project for project in known_projects() if project.path != without]
        self.rows = [RecentRow(project) for project in known[: self._most]]
        for row in self.rows:
            row.opened.connect(self.opened)
            row.removed.connect(self._remove)
            self._column.addWidget(row)

    def _remove(self, path: Path) -> None:
        forget(path)
        self.changed.emit()


class RecentDialog(Dialog):
    """All projects opened lately. chosen: the folder to open, None."""

    def __init__(self, parent: QWidget | None, without: Path | None) -> None:
        super().__init__(parent, self.tr("Recent projects"), 640)
        self._without = without
        self.chosen: Path | None = None
        self.list = RecentList(100)
        self.list.opened.connect(self._take)
        self.list.changed.connect(self._show)
        self.body.addWidget(self.list)
        self.nothing = EmptyState("ph.folder", self.tr("No other projects"))
        self.body.addWidget(self.nothing)
        words = self.tr("Taking a project off the list leaves its folder alone.")
        self.body.addWidget(caption(words))
        self.add_button(self.tr("Close"), "secondary").clicked.connect(self.reject)
        self._show()

    def _show(self) -> None:
        self.list.show_projects(self._without)
        self.list.setVisible(bool(self.list.rows))
        self.nothing.setVisible(not self.list.rows)
        self.adjustSize()

    def _take(self, path: Path) -> None:
        self.chosen = path
        self.accept()
