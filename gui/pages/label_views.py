"""The four views and how they share the space."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from core.planes import PLANES, Plane
from gui.document.document import LabelDocument
from gui.view.slice_view import SliceView
from gui.view.tool_event import PointerTool

#: Shares of the design: axial and sagittal across, upper and lower row.
_ACROSS, _DOWN = (61, 39), (60, 40)


class LabelViews(QWidget):
    """Axial, sagittal, coronal, 3D. layout_changed: grid, columns or one.

    volume_view: makes the 3D view when it is first shown.
    """

    layout_changed = Signal(str)
    active_changed = Signal()

    def __init__(
        self,
        document: LabelDocument,
        tool: Callable[[], PointerTool | None],
        volume_view: Callable[[], QWidget],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.planes: dict[Plane, SliceView] = {
            plane: SliceView(document, plane, tool) for plane in PLANES
        }
        self._active: Plane = "axial"
        self._mode = "grid"
        self._large: QWidget | None = None
        self._make_volume_view = volume_view
        self.volume_view: QWidget | None = None
        self._room = QWidget()  # Where the 3D view will be.
        inner = QVBoxLayout(self._room)
        inner.setContentsMargins(0, 0, 0, 0)
        self._top, self._bottom = QSplitter(), QSplitter()
        self._rows = QSplitter(Qt.Orientation.Vertical)
        self._top.addWidget(self.planes["axial"])
        self._top.addWidget(self.planes["sagittal"])
        self._column = QSplitter(Qt.Orientation.Vertical)
        self._top.addWidget(self._column)
        self._column.hide()
        self._bottom.addWidget(self.planes["coronal"])
        self._bottom.addWidget(self._room)
        self._rows.addWidget(self._top)
        self._rows.addWidget(self._bottom)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 0, 8, 8)
        column.addWidget(self._rows)
        for splitter in (self._top, self._bottom, self._rows, self._column):
            splitter.setChildrenCollapsible(False)
            splitter.setHandleWidth(8)
        # The columns of both rows keep one line, as in the design.
        self._top.splitterMoved.connect(lambda *_: self._align(self._top, self._bottom))
        self._bottom.splitterMoved.connect(lambda *_: self._align(self._bottom, self._top))
        for plane, view in self.planes.items():
            view.entered.connect(lambda plane=plane: self.set_active(plane))
            view.large_asked.connect(lambda view=view: self.toggle_large(view))
        self.set_active("axial")
        self._reset_sizes()

    @property
    def active(self) -> SliceView:
        """The view keys act on."""
        return self.planes[self._active]

    @property
    def mode(self) -> str:
        """The layout: grid, columns or one."""
        return self._mode

    def set_active(self, plane: Plane) -> None:
        """Let the keys act on a view."""
        self._active = plane
        for name, view in self.planes.items():
            view.set_active(name == plane)
        self.active_changed.emit()

    def set_mode(self, mode: str) -> None:
        """Four views, three side by side, or the active one alone."""
        self._mode = mode
        self._large = self.active if mode == "one" and self._large is None else self._large
        if mode != "one":
            self._large = None
        self._arrange()
        self.layout_changed.emit(mode)

    def toggle_large(self, view: QWidget) -> None:
        """One view alone, and back to the four."""
        self._large = None if self._large is not None else view
        self.set_mode("one" if self._large is not None else "grid")

    def _align(self, moved: QSplitter, other: QSplitter) -> None:
        if self._mode == "grid":
            other.setSizes(moved.sizes()[:2])

    def _arrange(self) -> None:
        axial, sagittal, coronal = (self.planes[p] for p in PLANES)
        # Side by side the axial view takes the height, and the other two share a column.
        beside = self._mode == "columns"
        if beside and sagittal.parent() is not self._column:
            self._column.addWidget(sagittal)
            self._column.addWidget(coronal)
        elif not beside and sagittal.parent() is self._column:
            self._top.insertWidget(1, sagittal)
            self._bottom.insertWidget(0, coronal)
        for view in (axial, sagittal, coronal, self._room):
            alone = self._large in (view, self.volume_view if view is self._room else view)
            view.setVisible(alone if self._mode == "one" else not (beside and view is self._room))
        self._column.setVisible(beside)
        self._top.setVisible(beside or not (axial.isHidden() and sagittal.isHidden()))
        self._bottom.setVisible(not beside and not (coronal.isHidden() and self._room.isHidden()))
        self._reset_sizes()
        self._show_volume_view()

    def _reset_sizes(self) -> None:
        width, height = max(self.width(), 600), max(self.height(), 400)
        shares = [width * part // 100 for part in _ACROSS]
        if self._mode == "columns":
            self._top.setSizes([shares[0], shares[1]])
            self._column.setSizes([height // 2, height // 2])
        else:
            for splitter in (self._top, self._bottom):
                splitter.setSizes(shares)
            self._rows.setSizes([height * part // 100 for part in _DOWN])

    def showEvent(self, event: object) -> None:
        """The first show gives the views their shares and makes the 3D view."""
        super().showEvent(event)  # type: ignore[arg-type]
        if self.volume_view is None:
            self._reset_sizes()
        self._show_volume_view()

    def _show_volume_view(self) -> None:
        if self.volume_view is None and self.isVisible() and not self._room.isHidden():
            self.volume_view = self._make_volume_view()
            self._room.layout().addWidget(self.volume_view)
