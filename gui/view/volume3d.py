"""The 3D view: bones, body and labels, turned with the mouse; a click on a lesion jumps there."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QHideEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPolygonF,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import theme
from gui.document.document import LabelDocument
from gui.view import annotations as notes
from gui.view.chips3d import PartChips
from gui.view.scene3d import Scene
from gui.view.slice_layers import expand_mark, frame
from gui.view.surfaces import Surface, anatomy, label_surface

#: A drag renders at most this often, and labels follow a stroke after so long, ms.
_FRAME_MS, _LABELS_MS = 33, 350
#: A press that moved less than this is a click, pixels.
_CLICK = 4.0
#: Opacity of classes that are no lesions: what lies inside has to be seen.
_ORGAN = 0.55
#: A scene that takes longer is drawn at half its size while it is turned.
_SLOW_MS = 45.0


class VolumeView(QWidget):
    """Renders only while it is seen, and only after a change. finding_clicked: a Finding."""

    large_asked = Signal()
    finding_clicked = Signal(object)

    def __init__(self, document: LabelDocument, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.scene: Scene | None = None
        self.problem = ""
        self._image = QImage()
        self._busy = ""
        self._faced = False
        self._stale: set[int] | None = None
        self._values: set[int] = set()
        self._drag = ""
        self._last = self._pressed = QPointF()
        self.setMinimumSize(160, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(self.tr("3D view"))
        self.chips = PartChips(self)
        self.chips.changed.connect(self._show_parts)
        self._draw = QTimer(self, singleShot=True, interval=_FRAME_MS)
        self._draw.timeout.connect(self._render)
        self._late = QTimer(self, singleShot=True, interval=_LABELS_MS)
        self._late.timeout.connect(self._make_labels)
        document.volume_changed.connect(self._new_volume)
        document.labels_changed.connect(self._labels_changed)
        document.schema_changed.connect(self._recolour)
        document.style_changed.connect(self._show_parts)

    # ---- parts -------------------------------------------------------------------------------

    def _new_volume(self) -> None:
        self._faced = False
        self._stale, self._values = None, set()
        if self.scene is not None:
            for key in list(self.scene.actors):
                self.scene.drop(key)
        self._busy = ""
        self._image = QImage()
        self.chips.set_parts([])
        self.update()
        if self.isVisible() and self.document.volume is not None:
            self._start()

    def _start(self) -> None:
        """Make what the open series lacks."""
        document = self.document
        if document.volume is None or document.geometry is None or self.problem:
            return
        if self.scene is None:
            self.scene = Scene()
            if not self.scene.usable():
                self.scene = None
                self.problem = self.tr(
                    "3D needs OpenGL 3.2, which this machine does not offer. All else works."
                )
                self.update()
                return
        if "bones" in self.scene.actors or "body" in self.scene.actors or self._busy:
            return
        self.scene.set_geometry(document.geometry)
        self._busy = self.tr("Making surfaces")
        volume = document.volume
        document.session.tasks.run(
            anatomy, volume.hu, document.geometry, key="volume3d.anatomy", owner=self, priority=-1,
            on_done=lambda found: self._take(volume, found),
        )  # fmt: skip
        self._make_labels()
        self.update()

    def _take(self, volume: Any, found: list[Surface]) -> None:
        if volume is not self.document.volume or self.scene is None:
            return
        self._busy = ""
        for surface in found:
            self.scene.put(surface, (1.0, 1.0, 1.0))
        self._show_parts()

    def _labels_changed(self, _box: object, values: frozenset[int] | None) -> None:
        if values is None:
            self._stale = None
        elif self._stale is not None:
            self._stale |= values
        if self.isVisible():
            self._late.start()

    def _make_labels(self) -> None:
        """Surfaces of the classes that changed, in the background."""
        document = self.document
        if self.scene is None or document.labels is None or document.geometry is None:
            return
        if document.painting:
            self._late.start()
            return
        present = {int(v) for v in document.counts.nonzero()[0] if v}
        wanted = present if self._stale is None else self._stale & present
        gone = self._values - present
        self._stale = set()
        for value in gone:
            self.scene.drop(f"label-{value}")
        self._values = present
        if document.bounds is None or not wanted:
            self._show_parts()
            return
        cut = document.labels[tuple(slice(a, b) for a, b in document.bounds)].copy()
        corner = tuple(a for a, _ in document.bounds)
        for value in wanted:
            document.session.tasks.run(
                label_surface, cut, value, corner, document.geometry,
                key=f"volume3d.label.{value}", owner=self, priority=-1,
                on_done=lambda found, of=document.volume: self._take_label(of, found),
            )  # fmt: skip

    def _take_label(self, volume: Any, found: Surface | None) -> None:
        if found is None or self.scene is None or volume is not self.document.volume:
            return
        self.scene.put(found, QColor(self.document.colour(found.value)).getRgbF()[:3])
        self._show_parts()

    def _recolour(self) -> None:
        if self.scene is not None:
            for value in self._values:
                actor = self.scene.actors.get(f"label-{value}")
                if actor is not None:
                    colour = QColor(self.document.colour(value)).getRgbF()[:3]
                    actor.GetProperty().SetColor(*colour)
            self._show_parts()

    def _show_parts(self) -> None:
        """Chips, hidden classes and opacities to the scene."""
        if self.scene is None:
            return
        document = self.document
        lesions = set(document.schema.lesion_values)
        parts: list[tuple[str, str, str]] = []
        if lesions & self._values:
            first = next(v for v in document.schema.lesion_values if v in self._values)
            parts.append(("lesions", self.tr("Lesions"), document.colour(first)))
        parts += [
            (f"label-{c.value}", c.name, c.colour)
            for c in document.schema.classes
            if c.value in self._values and c.value not in lesions
        ][:3]
        if "bones" in self.scene.actors:
            parts.append(("bones", self.tr("Bones"), "#D9D1BD"))
        if "body" in self.scene.actors:
            parts.append(("body", self.tr("Body"), "#8C9EB3"))
        self.chips.set_parts(parts)
        for value in self._values:
            lesion = value in lesions
            on = self.chips.on("lesions" if lesion else f"label-{value}")
            shown = on and value not in document.hidden and not document.overlay_hidden
            self.scene.show(f"label-{value}", shown, 1.0 if lesion else _ORGAN)
        for key in ("bones", "body"):
            self.scene.show(key, self.chips.on(key))
        if not self._faced and self.scene.actors and not self._busy:
            self._faced = True
            self.scene.face()
        self.redraw()

    # ---- picture -----------------------------------------------------------------------------

    def redraw(self) -> None:
        """Render soon; many changes make one image."""
        if self.isVisible() and not self._draw.isActive():
            self._draw.start()

    def _render(self) -> None:
        if self.scene is None or not self.scene.actors or not self._faced or not self.isVisible():
            return
        if self.document.painting:
            self.redraw()  # Nothing comes between the pointer and its stroke.
            return
        ratio = self.devicePixelRatioF()
        if self._drag and self.scene.last_ms > _SLOW_MS:
            ratio /= 2
        self._image = self.scene.render(round(self.width() * ratio), round(self.height() * ratio))
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        """Now it is worth the work."""
        super().showEvent(event)
        self._start()
        self._late.start()
        self.redraw()

    def hideEvent(self, event: QHideEvent) -> None:
        """A drag cannot go on."""
        self._drag = ""
        super().hideEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another size needs another image; the chips stay at the lower left."""
        self.chips.place(self.size())
        self.redraw()

    def event(self, event: QEvent) -> bool:
        """The OpenGL context goes before the widget does."""
        if event.type() == QEvent.Type.DeferredDelete and self.scene is not None:
            self.scene.close()
            self.scene = None
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The image, the title, the cube."""
        p = QPainter(self)
        p.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
        p.fillRect(self.rect(), Qt.GlobalColor.black)
        if not self._image.isNull():
            p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            p.drawImage(QRectF(self.rect()), self._image)
        notes.halo_text(p, notes.MARGIN, 22, self.tr("3D"), weight=700)
        middle = QRectF(self.rect()).adjusted(24, 0, -24, 0)
        words = self.problem or (self._busy if self._image.isNull() else "")
        if words:
            p.setFont(theme.font(13, 500))
            p.setPen(QColor(theme.T2))
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            p.drawText(middle, flags, words)
        elif self.scene is not None and self._faced:
            self._paint_cube(p, self.scene.axes_on_screen())
        expand_mark(p, self._expand_rect())
        frame(p, QRectF(self.rect()), False)
        p.end()

    def _paint_cube(self, p: QPainter, axes: list[tuple[float, float, float]]) -> None:
        """A cube with R L A P F H at the lower right, turned like the patient."""
        centre = QPointF(self.width() - 40, self.height() - 40)
        side = 15.0
        letters = (("R", "L"), ("A", "P"), ("F", "H"))

        def corner(x: float, y: float, z: float) -> QPointF:
            place = [sum(c * a[i] for c, a in zip((x, y, z), axes, strict=True)) for i in (0, 1)]
            return centre + QPointF(place[0] * side, -place[1] * side)

        for axis in range(3):
            for sign in (-1, 1):
                toward = axes[axis][2] * sign
                if toward <= 0.08:
                    continue
                others = [i for i in range(3) if i != axis]
                points = []
                for a, b in ((-1, -1), (-1, 1), (1, 1), (1, -1)):
                    at = [0.0, 0.0, 0.0]
                    at[axis], at[others[0]], at[others[1]] = sign, a, b
                    points.append(corner(*at))
                p.setPen(QColor(theme.LINE2))
                shade = QColor(theme.BG4)
                p.setBrush(shade.lighter(round(90 + 40 * toward)))
                p.drawPolygon(QPolygonF(points))
                at = [0.0, 0.0, 0.0]
                at[axis] = sign
                if toward > 0.3:
                    spot = corner(*at)
                    p.setPen(QColor(theme.T1))
                    p.setFont(theme.font(11, 700))
                    area = QRectF(spot.x() - 10, spot.y() - 10, 20, 20)
                    p.drawText(area, Qt.AlignmentFlag.AlignCenter, letters[axis][(sign + 1) // 2])

    def _expand_rect(self) -> QRectF:
        return QRectF(self.width() - 34, 6, 24, 24)

    # ---- mouse -------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Turn, pan, or click."""
        self._last = self._pressed = event.position()
        if event.button() == Qt.MouseButton.LeftButton:
            if self._expand_rect().contains(event.position()):
                self.large_asked.emit()
                return
            self._drag = "turn"
        elif event.button() == Qt.MouseButton.MiddleButton:
            self._drag = "pan"
        elif event.button() == Qt.MouseButton.RightButton:
            self._drag = "zoom"

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        delta = event.position() - self._last
        self._last = event.position()
        if self.scene is None or not self._drag:
            return
        if self._drag == "turn":
            self.scene.turn(delta.x() * 0.5, delta.y() * 0.5)
        elif self._drag == "pan":
            ratio = self.devicePixelRatioF()
            self.scene.pan(delta.x() * ratio, delta.y() * ratio)
        else:
            self.scene.zoom(1.01 ** -delta.y())
        self.redraw()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A press that did not move is a click."""
        moved = event.position() - self._pressed
        self.redraw()
        clicked = self._drag == "turn" and abs(moved.x()) + abs(moved.y()) < _CLICK
        self._drag = ""
        if clicked:
            self._click(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Large, and back."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.large_asked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Nearer or further."""
        if self.scene is not None:
            self.scene.zoom(1.15 ** (event.angleDelta().y() / 120))
            self.redraw()
        event.accept()

    def _click(self, place: QPointF) -> None:
        document = self.document
        if self.scene is None or document.geometry is None:
            return
        ratio = self.devicePixelRatioF()
        keys = [f"label-{v}" for v in document.schema.lesion_values]
        mm = self.scene.pick(place.x() * ratio, place.y() * ratio, keys)
        if mm is None:
            return
        z, y, x = document.geometry.mm_to_index(mm).tolist()
        finding = document.findings.at((z, y, x))
        if finding is not None:
            self.finding_clicked.emit(finding)
