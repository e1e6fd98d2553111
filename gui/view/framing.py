"""Which part of a slice a view shows, and how large: pan and zoom in mm, so that voxels keep
their shape."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QTransform

from core.labels.edits import Box
from core.planes import PlaneAxes

#: Screen pixels per voxel: from a thumbnail to single voxels the size of a thumb.
MIN_ZOOM, MAX_ZOOM = 0.1, 64.0
#: From this magnification on voxels are drawn as the squares they are.
NEAREST_FROM = 6.0
#: Share of the view an image fills when it is fitted.
_FITTED = 0.96


class Framing:
    """Pan and zoom of one view. scale: screen pixels per mm. row, column: at the view's middle."""

    def __init__(self) -> None:
        self.axes: PlaneAxes | None = None
        self.size = QSizeF(1, 1)
        self.scale = 1.0
        self.row = 0.0
        self.column = 0.0
        self.fitted = True
        self._shown = QRectF(0, 0, 1, 1)

    def set_axes(self, axes: PlaneAxes) -> None:
        """Show another grid, whole."""
        self.axes = axes
        self._shown = QRectF(-0.5, -0.5, axes.columns, axes.rows)
        self.fit()

    def set_content(self, box: Box) -> None:
        """What of the grid is worth showing first; a fitted image shows just that."""
        if self.axes is None:
            return
        ends = [self.axes.from_zyx((z, y, x)) for z, y, x in zip(*_ends(box), strict=True)]
        (_, r0, c0), (_, r1, c1) = ends
        area = QRectF(min(c0, c1), min(r0, r1), abs(c1 - c0), abs(r1 - r0))
        self._shown = area.adjusted(-0.5, -0.5, 0.5, 0.5)
        if self.fitted:
            self.fit()

    def resize(self, width: float, height: float) -> None:
        """The view's size in device-independent pixels; a fitted image stays fitted."""
        self.size = QSizeF(max(1.0, width), max(1.0, height))
        if self.fitted:
            self.fit()

    def fit(self) -> None:
        """Show the whole patient, as large as it gets."""
        if self.axes is None:
            return
        down, right = self.axes.pixel_mm
        height, width = self._shown.height() * down, self._shown.width() * right
        self.scale = _FITTED * min(self.size.width() / width, self.size.height() / height)
        self.row, self.column = self._shown.center().y(), self._shown.center().x()
        self.fitted = True

    @property
    def zoom(self) -> float:
        """Screen pixels per voxel across."""
        return self.scale * self.axes.pixel_mm[1] if self.axes else 1.0

    @property
    def nearest(self) -> bool:
        """Whether voxels are drawn as squares."""
        return self.zoom >= NEAREST_FROM

    def zoom_at(self, point: QPointF, factor: float) -> None:
        """Magnify by ``factor``; what is under ``point`` stays there."""
        if self.axes is None:
            return
        column, row = self.to_image(point)
        wanted = min(MAX_ZOOM, max(MIN_ZOOM, self.zoom * factor))
        self.scale *= wanted / self.zoom
        after_column, after_row = self.to_image(point)
        self.row += row - after_row
        self.column += column - after_column
        self.fitted = False
        self._hold()

    def pan(self, dx: float, dy: float) -> None:
        """Move the image by screen pixels."""
        if self.axes is None:
            return
        down, right = self.axes.pixel_mm
        self.column -= dx / (self.scale * right)
        self.row -= dy / (self.scale * down)
        self.fitted = False
        self._hold()

    def show(self, row: float, column: float) -> bool:
        """Make sure a place is in the view; whether the image had to move."""
        if self.axes is None:
            return False
        x, y = self.to_screen(row, column)
        margin = 24.0
        inside = QRectF(0, 0, self.size.width(), self.size.height())
        if inside.adjusted(margin, margin, -margin, -margin).contains(x, y):
            return False
        if self.fitted:
            return False
        self.row, self.column = row, column
        return True

    def _hold(self) -> None:
        """Keep some of the image in the view."""
        if self.axes is not None:
            self.row = min(self.axes.rows - 0.5, max(-0.5, self.row))
            self.column = min(self.axes.columns - 0.5, max(-0.5, self.column))

    def transform(self) -> QTransform:
        """From (column, row) to the widget."""
        if self.axes is None:
            return QTransform()
        down, right = self.axes.pixel_mm
        sx, sy = self.scale * right, self.scale * down
        return QTransform(
            sx, 0, 0, sy,
            self.size.width() / 2 - self.column * sx, self.size.height() / 2 - self.row * sy,
        )  # fmt: skip

    def to_screen(self, row: float, column: float) -> tuple[float, float]:
        """Widget position of a place on the slice."""
        point = self.transform().map(QPointF(column, row))
        return point.x(), point.y()

    def to_image(self, point: QPointF) -> tuple[float, float]:
        """(column, row) under a widget position."""
        inverse, _ = self.transform().inverted()
        place = inverse.map(point)
        return place.x(), place.y()

    def target(self) -> QRectF:
        """Where the whole slice lies in the widget."""
        if self.axes is None:
            return QRectF()
        return self.transform().mapRect(QRectF(-0.5, -0.5, self.axes.columns, self.axes.rows))


def _ends(box: Box) -> tuple[tuple[float, float], ...]:
    """First and last voxel of a box along each axis."""
    return tuple((float(a), float(b - 1)) for a, b in box)
