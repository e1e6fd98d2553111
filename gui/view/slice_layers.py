"""The picture of a slice in layers, each drawn anew only when what is on it changed.

Image, then image with labels, then what is written over it. Moving the pointer draws none of them,
a brush stroke only the second, so both stay far below a frame at any size of the view.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap

from core.planes import PlaneAxes
from gui import theme
from gui.document.document import LabelDocument
from gui.document.marks import Measurement, Point
from gui.view import annotations as notes
from gui.view.framing import Framing
from gui.view.overlay import Overlay
from gui.view.slice_image import SliceImage

#: Room the slider takes at the right.
RIGHT = 34


class Layer:
    """A pixmap of the view's size that is drawn when it is stale."""

    def __init__(self, opaque: bool) -> None:
        self._opaque = opaque
        self._pixmap = QPixmap()
        self.stale = True

    def get(self, size: QSize, ratio: float, draw: Callable[[QPainter], None]) -> QPixmap:
        """The pixmap, drawn by ``draw`` if it is stale or of another size."""
        wanted = QSize(round(size.width() * ratio), round(size.height() * ratio))
        if self._pixmap.size() != wanted or self._pixmap.devicePixelRatio() != ratio:
            self._pixmap = QPixmap(wanted)
            self._pixmap.setDevicePixelRatio(ratio)
            self.stale = True
        if self.stale:
            self._pixmap.fill(Qt.GlobalColor.black if self._opaque else Qt.GlobalColor.transparent)
            p = QPainter(self._pixmap)
            p.setRenderHints(
                QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing
            )
            draw(p)
            p.end()
            self.stale = False
        return self._pixmap


class SliceLayers:
    """All layers of one view."""

    def __init__(self, doc: LabelDocument, framing: Framing) -> None:
        self._doc = doc
        self._framing = framing
        self.overlay = Overlay()
        self.image = SliceImage()
        self._image = Layer(opaque=True)
        self._labels = Layer(opaque=True)
        self._notes = Layer(opaque=False)

    def image_stale(self) -> None:
        """Slice, window, zoom or volume changed: all layers."""
        self._image.stale = self._labels.stale = self._notes.stale = True

    def labels_stale(self) -> None:
        """Labels or how they are shown changed."""
        self._labels.stale = True

    def notes_stale(self) -> None:
        """Texts, plates or lines changed."""
        self._notes.stale = True

    def paint(
        self,
        p: QPainter,
        size: QSize,
        ratio: float,
        *,
        axes: PlaneAxes,
        index: int,
        words: tuple[str, str, str],
    ) -> None:
        """Draw the layers in their order. words: plane, slice and zoom."""
        self.overlay.set_exact(self._framing.nearest)

        def with_labels(q: QPainter) -> None:
            q.drawPixmap(0, 0, self._image.get(size, ratio, lambda r: self._draw(r, axes, index)))
            self.overlay.paint(q, self._doc, axes, index, self._framing.transform())

        p.drawPixmap(0, 0, self._labels.get(size, ratio, with_labels))
        p.drawPixmap(
            0, 0, self._notes.get(size, ratio, lambda q: self._write(q, axes, index, words))
        )

    def _draw(self, p: QPainter, axes: PlaneAxes, index: int) -> None:
        image = self.image.get(self._doc, axes, index)
        if image is None:
            return
        smooth = QPainter.RenderHint.SmoothPixmapTransform
        p.setRenderHint(smooth, not self._framing.nearest)
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        p.drawImage(self._framing.target(), image, QRectF(image.rect()))

    def _write(self, p: QPainter, axes: PlaneAxes, index: int, words: tuple[str, str, str]) -> None:
        doc, framing = self._doc, self._framing
        height = framing.size.height()
        notes.letters(p, framing, RIGHT)
        title, line, zoom = words
        notes.halo_text(p, notes.MARGIN, 22, title, weight=700)
        notes.halo_text(p, notes.MARGIN, 40, notes.minus(line), weight=600)
        width, level = doc.window
        window = notes.minus(f"W {width:.0f}  L {level:.0f}")
        notes.halo_text(p, notes.MARGIN, height - 32, window)
        notes.halo_text(p, notes.MARGIN, height - 14, zoom)
        notes.scale_bar(p, framing, framing.size.width() - RIGHT + 6, height - 14)
        if not doc.overlay_hidden:
            self._mark(p, axes, index)

    def _mark(self, p: QPainter, axes: PlaneAxes, index: int) -> None:
        plates = notes.Plates(self._framing)
        for line in self._doc.measurements(axes.plane, index):
            notes.measurement(p, self._framing, line, _ends(axes, line))
        for tag in self._doc.tags(axes.plane, index):
            _, row, column = axes.from_zyx(tag.zyx)
            plates.draw(p, tag, row, column)


def _ends(axes: PlaneAxes, line: Measurement) -> list[tuple[float, float]]:
    def place(zyx: Point) -> tuple[float, float]:
        _, row, column = axes.from_zyx(zyx)
        return row, column

    return [place(line.zyx_a), place(line.zyx_b)]


def frame(p: QPainter, rect: QRectF, active: bool) -> None:
    """The view's border; the accent where the keys act."""
    p.setBrush(Qt.BrushStyle.NoBrush)
    if active:
        p.setPen(QPen(QColor(theme.ACC), 2))
        p.drawRoundedRect(rect.adjusted(1, 1, -1, -1), 3, 3)
    else:
        p.setPen(QPen(QColor(theme.LINE), 1))
        p.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)


def state(p: QPainter, rect: QRectF, doc: LabelDocument, words: tuple[str, str]) -> None:
    """Loading with a bar and counts, or what went wrong. words: for loading, its count."""
    middle = rect.center()
    centre = Qt.AlignmentFlag.AlignHCenter
    if doc.problem:
        theme.icon("ph.warning", theme.WARN, 24).paint(
            p, round(middle.x() - 12), round(middle.y() - 52), 24, 24
        )
        area = QRectF(rect.left() + 32, middle.y() - 16, rect.width() - 64, 120)
        p.setFont(theme.font(13, 500))
        p.setPen(QColor(theme.T1))
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
        p.drawText(area, int(flags) | int(Qt.TextFlag.TextWordWrap), doc.problem)
        return
    if doc.loading is None:
        return
    done, total = doc.loading
    notes.halo_text(p, middle.x(), middle.y() - 12, words[0], px=13, weight=500, align=centre)
    width = min(180.0, rect.width() - 48)
    bar = QRectF(middle.x() - width / 2, middle.y(), width, 4)
    p.fillRect(bar, QColor(theme.BG4))
    if total > 0:
        p.fillRect(QRectF(bar.left(), bar.top(), width * done / total, 4), QColor(theme.ACC))
        notes.halo_text(p, middle.x(), middle.y() + 26, words[1], weight=500, align=centre)


def expand_mark(p: QPainter, rect: QRectF) -> None:
    """The corner that makes a view large."""
    theme.icon("ph.arrows-out-simple", theme.T1, 14).paint(
        p, round(rect.center().x() - 7), round(rect.center().y() - 7), 14, 14
    )
