"""The picture of a slice view: image, labels, crosshair, read-outs, in this order."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPixmap, QTransform

from core.volume import apply_window, window_lut
from gui import theme
from gui.view import slice_paint as paint
from gui.view.overlay import Overlay
from gui.widgets.paint import rounded

if TYPE_CHECKING:
    from gui.view.slice_view import SliceView

#: From this magnification on single pixels are shown as such.
NEAREST_FROM = 6.0
_SMALLEST, _LARGEST = 0.05, 60.0


class SliceCanvas:
    """Paints a :class:`SliceView` and knows where an image pixel lies on it."""

    def __init__(self, view: SliceView) -> None:
        self._view = view
        self.overlay = Overlay()
        #: Screen pixels a mm, and the screen position of the slice's upper left corner.
        self.scale = 1.0
        self.origin = QPointF()
        self._fitted = True
        self._image_key: object = None
        self._image = QImage()
        self._ground_key: object = None
        self._ground = QPixmap()
        self._lut_key: object = None
        self._lut = window_lut(400, 40)

    def forget(self) -> None:
        """Another volume, or more of it."""
        self._image_key = self._ground_key = None
        self.overlay.forget()

    # ---- where things are --------------------------------------------------------------------

    @property
    def pixel(self) -> tuple[float, float]:
        """Screen size (down, right) of an image pixel."""
        axes = self._view.plane_axes
        down, right = axes.pixel_mm if axes is not None else (1.0, 1.0)
        return down * self.scale, right * self.scale

    @property
    def zoom(self) -> float:
        """See :attr:`SliceView.zoom`."""
        return min(self.pixel)

    def fit(self) -> None:
        """The whole slice, centred."""
        axes, view = self._view.plane_axes, self._view
        self._fitted = True
        if axes is None:
            return
        down, right = axes.pixel_mm
        height, width = axes.rows * down, axes.columns * right
        self.scale = max(min(view.width() / width, view.height() / height), 1e-6)
        self.origin = QPointF(
            (view.width() - width * self.scale) / 2, (view.height() - height * self.scale) / 2
        )

    def resized(self) -> None:
        """Keep showing the whole slice, if that is what was shown."""
        if self._fitted:
            self.fit()

    def pan(self, delta: QPointF) -> None:
        """Move the slice."""
        self._fitted = False
        self.origin += delta

    def zoom_at(self, at: QPointF, factor: float) -> None:
        """Magnify; the point under ``at`` stays there."""
        smaller = min(self._view.plane_axes.pixel_mm) if self._view.plane_axes else 1.0
        new = min(max(self.scale * factor, _SMALLEST / smaller), _LARGEST / smaller)
        self.origin = at - (at - self.origin) * (new / self.scale)
        self.scale = new
        self._fitted = False

    def to_image(self, at: QPointF) -> tuple[float, float]:
        """Row and column (pixel centres at whole numbers) under a point of the widget."""
        down, right = self.pixel
        return (at.y() - self.origin.y()) / down - 0.5, (at.x() - self.origin.x()) / right - 0.5

    def to_screen(self) -> QTransform:
        """From (column, row) to the widget."""
        down, right = self.pixel
        return QTransform(
            right, 0, 0, down, self.origin.x() + right / 2, self.origin.y() + down / 2
        )

    def place(self, zyx: tuple[float, float, float]) -> QPointF:
        """Where an array index lies on the widget, whatever slice it is in."""
        axes = self._view.plane_axes
        assert axes is not None  # noqa: S101 - asked only while a series is shown
        _, row, column = axes.from_zyx(zyx)
        return self.to_screen().map(QPointF(column, row))

    # ---- painting ----------------------------------------------------------------------------

    def paint(self) -> None:
        """Everything, on the view."""
        view = self._view
        p = QPainter(view)
        p.fillRect(view.rect(), QColor(theme.BLACK))
        p.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
        doc = view.document
        if doc is not None and view.plane_axes is not None and doc.volume is not None:
            self._paint_ground(p)
            self.overlay.paint(p, doc, view.plane_axes, view.index, self.to_screen())
            self._paint_crosshair(p)
            self._paint_measurements(p)
            self._paint_preview(p)
            self._paint_readouts(p)
        if doc is not None:
            self._paint_state(p)
        frame = QRectF(view.rect())
        focus = view.hasFocus()
        rounded(p, frame, 4, border=theme.ACC if focus else theme.LINE, width=1.5 if focus else 1)
        p.end()

    def _paint_ground(self, p: QPainter) -> None:
        """The grey image, scaled once for each place, zoom and window."""
        view = self._view
        ratio = view.devicePixelRatioF()
        image = self._grey()
        key = (self._image_key, self.scale, self.origin.toTuple(), view.size().toTuple(), ratio)
        if key != self._ground_key:
            self._ground_key = key
            self._ground = QPixmap(view.size() * ratio)
            self._ground.setDevicePixelRatio(ratio)
            self._ground.fill(QColor(theme.BLACK))
            down, right = self.pixel
            q = QPainter(self._ground)
            smooth = self.zoom < NEAREST_FROM
            q.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
            size = (image.width() * right, image.height() * down)
            q.drawImage(QRectF(self.origin.x(), self.origin.y(), *size), image)
            q.end()
        p.drawPixmap(0, 0, self._ground)

    def _grey(self) -> QImage:
        view, doc = self._view, self._view.document
        assert doc is not None and doc.volume is not None and view.plane_axes is not None  # noqa: S101
        if doc.window != self._lut_key:
            self._lut_key = doc.window
            self._lut = window_lut(*doc.window)
        key = (id(doc.volume), view.index, doc.window, doc.loading)
        if key != self._image_key:
            self._image_key = key
            cut = view.plane_axes.cut(doc.volume.hu, view.index)
            grey = np.ascontiguousarray(apply_window(cut, self._lut))
            height, width = grey.shape
            image = QImage(grey.data, width, height, width, QImage.Format.Format_Grayscale8)
            self._image = image.copy()  # The array is gone before the image is.
        return self._image

    def _paint_crosshair(self, p: QPainter) -> None:
        view, doc = self._view, self._view.document
        if doc is None or not doc.crosshair_shown:
            return
        at = self.place(doc.cursor)
        colour = QColor(theme.ACC)
        colour.setAlphaF(0.75)
        # Filled pixels: a long antialiased line costs more than the rest of the overlay.
        p.fillRect(QRectF(round(at.x()), 0, 1, view.height()), colour)
        p.fillRect(QRectF(0, round(at.y()), view.width(), 1), colour)

    def _paint_measurements(self, p: QPainter) -> None:
        view, doc = self._view, self._view.document
        if doc is None or doc.overlay_hidden:
            return
        area = QRectF(view.rect())
        for line in doc.measurements(view.plane, view.index):
            ends = QLineF(self.place(line.zyx_a), self.place(line.zyx_b))
            paint.measurement(p, ends, dashed=line.dashed, words=line.text, area=area)
        for tag in doc.tags(view.plane, view.index):
            at = self.place(tag.zyx) + QPointF(8, -14)
            paint.plate(p, at, tag.text, proposal=tag.proposal, area=area)

    def _paint_preview(self, p: QPainter) -> None:
        view, preview = self._view, self._view.preview
        if preview is None:
            return
        if preview.polyline:
            points = [self.to_screen().map(QPointF(c, r)) for r, c in preview.polyline]
            if preview.closed:
                points.append(points[0])
            elif view.pointer is not None:
                points.append(view.pointer)
            for a, b in pairwise(points):
                paint.halo_line(p, QLineF(a, b), preview.colour, width=1.5)
        if view.pointer is None:
            return
        if preview.circle_mm is not None:
            radius = preview.circle_mm * self.scale
            p.setBrush(Qt.BrushStyle.NoBrush)
            for colour, width in ((paint.HALO, 3.0), (QColor(preview.colour), 1.4)):
                p.setPen(QPen(colour, width))
                p.drawEllipse(view.pointer, radius, radius)
        if preview.text:
            paint.halo_text(p, view.pointer + QPointF(16, 20), preview.text)

    def _paint_readouts(self, p: QPainter) -> None:
        view, doc, axes = self._view, self._view.document, self._view.plane_axes
        if doc is None or axes is None or doc.geometry is None or doc.volume is None:
            return
        area = QRectF(view.rect())
        left, bottom = area.left() + paint.MARGIN, area.bottom()
        paint.halo_text(p, QPointF(left, 22), view.title)
        place = doc.geometry.index_to_mm(axes.to_zyx(view.index, axes.rows / 2, axes.columns / 2))
        mm = place[{"axial": 2, "coronal": 1, "sagittal": 0}[view.plane]]
        words = view.tr("Slice {0} / {1}").format(view.index + 1, axes.slices)
        paint.halo_text(p, QPointF(left, 40), f"{words}   {paint.signed(mm)} mm", weight=500)
        width, level = doc.window
        window = f"W {width:.0f}  L {paint.signed(level, 0)}"
        paint.halo_text(p, QPointF(left, bottom - 28), window)
        zoom = view.tr("Zoom {0}").format(paint.nice_zoom(self.zoom))
        paint.halo_text(p, QPointF(left, bottom - 11), zoom)
        paint.letters(p, area, axes.letters)
        if area.width() > 260:
            paint.scale_bar(p, area, self.scale)
        self._paint_value(p, area)
        runs = [
            tuple(sorted((view.share(a - 0.5), view.share(b + 0.5))))
            for a, b in paint.stretches(doc.lesion_slices(view.plane))
        ]
        paint.slider(p, area, view.share(view.index), [(a, b) for a, b in runs])
        icon = theme.icon("ph.arrows-out-simple", theme.T2, 14)
        icon.paint(p, QRectF(area.right() - 44, 10, 14, 14).toRect())

    def _paint_value(self, p: QPainter, area: QRectF) -> None:
        """HU and position under the pointer."""
        view, doc = self._view, self._view.document
        if view.pointer is None or doc is None or doc.volume is None:
            return
        told = view.tool_event(view.pointer, Qt.KeyboardModifier.NoModifier)
        if told is None:
            return
        z, y, x = (round(i) for i in told.zyx)
        if not doc.volume.geometry.contains((z, y, x)):
            return
        hu = paint.signed(float(doc.volume.hu[z, y, x]), 0)
        a, b, c = (paint.signed(v) for v in told.mm)
        at = QPointF(area.right() - 30, area.bottom() - 46)
        paint.halo_text_right(p, at, f"{hu} HU   x {a}  y {b}  z {c}")

    def _paint_state(self, p: QPainter) -> None:
        """Loading, or why there is nothing to see."""
        view, doc = self._view, self._view.document
        if doc is None:
            return
        centre = QRectF(view.rect()).center()
        flags = int(Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap)
        if doc.problem:
            icon = theme.icon("ph.warning", theme.WARN, 20)
            icon.paint(p, QRectF(centre.x() - 10, centre.y() - 44, 20, 20).toRect())
            p.setFont(theme.font(13, 500))
            p.setPen(QColor(theme.T1))
            width = min(view.width() - 32, 420)
            p.drawText(
                QRectF(centre.x() - width / 2, centre.y() - 16, width, 120), flags, doc.problem
            )
        elif doc.loading is not None:
            done, total = doc.loading
            words = view.tr("Loading slices")
            box = QRectF(centre.x() - 90, centre.y() - 34, 180, 20)
            if doc.volume is not None:
                # The first slice is there already; do not cover it.
                box.moveTop(view.height() - 96)
            metrics_x = box.center().x() - 42
            paint.halo_text(p, QPointF(metrics_x, box.top()), words, px=13, weight=500)
            bar = QRectF(box.left(), box.top() + 12, box.width(), 4)
            rounded(p, bar, 2, fill=theme.BG4)
            filled = QRectF(bar.left(), bar.top(), bar.width() * done / max(total, 1), 4)
            rounded(p, filled, 2, fill=theme.ACC)
            count = view.tr("{0} of {1}").format(done, total)
            paint.halo_text(p, QPointF(metrics_x + 10, box.top() + 34), count, weight=400)
