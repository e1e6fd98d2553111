"""One plane of the open series as a picture: slice, labels, what is written over them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.planes import Plane, PlaneAxes
from gui.document.document import LabelDocument
from gui.view import annotations as notes
from gui.view.framing import Framing
from gui.view.overlay import Box
from gui.view.slice_bar import SliceBar
from gui.view.slice_layers import RIGHT, SliceLayers, expand_mark, frame, state
from gui.view.tool_event import Point, PointerTool, ToolEvent

#: While one paints in one view the other two follow at this interval.
_FOLLOW_MS = 60
#: The LPS axis a plane is cut across.
_LPS = {"sagittal": 0, "coronal": 1, "axial": 2}


class SliceCanvas(QWidget):
    """Paints a :class:`LabelDocument` along one plane and follows its changes.

    tool: gives the tool in use, None before there is one; it may draw a preview.
    """

    def __init__(
        self,
        doc: LabelDocument,
        plane: Plane,
        tool: Callable[[], PointerTool | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.doc = doc
        self.plane: Plane = plane
        self.framing = Framing()
        self.layers = SliceLayers(doc, self.framing)
        self.active = False
        self._tool = tool
        self._gesture = ""
        self._pointer: QPointF | None = None
        self._keys = Qt.KeyboardModifier.NoModifier
        self._index = 0
        self._made: frozenset[int] = frozenset()
        self.setMinimumSize(160, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._late = QTimer(self, singleShot=True, interval=_FOLLOW_MS)
        self._late.timeout.connect(self.update)
        self.bar = SliceBar(self)
        self.bar.moved.connect(self.go_to)
        self.bar.hide()
        self._listen()
        self._new_grid()

    def _listen(self) -> None:
        doc = self.doc
        doc.volume_changed.connect(self._new_volume)
        doc.labels_changed.connect(self._labels_changed)
        doc.proposal_changed.connect(self._proposal_changed)
        doc.cursor_changed.connect(self._follow)
        doc.window_changed.connect(self._image_changed)
        doc.style_changed.connect(self._style_changed)
        doc.lesions_changed.connect(self._lesions_changed)
        doc.state_changed.connect(self._state_changed)

    # ---- what is shown -----------------------------------------------------------------------

    @property
    def axes(self) -> PlaneAxes | None:
        """How the plane lies in the array; None without a series."""
        return self.framing.axes

    @property
    def index(self) -> int:
        """The slice shown."""
        return self._index

    def name(self) -> str:
        """The plane in words."""
        return {
            "axial": self.tr("Axial"), "sagittal": self.tr("Sagittal"),
            "coronal": self.tr("Coronal"),
        }[self.plane]  # fmt: skip

    def go_to(self, index: int) -> None:
        """Show a slice; the crosshair comes along."""
        if self.axes is None:
            return
        index = min(self.axes.slices - 1, max(0, index))
        if index != self._index:
            place = list(self.doc.cursor)
            place[self.axes.normal] = float(index)
            self.doc.set_cursor((place[0], place[1], place[2]))

    def step(self, steps: int) -> None:
        """Scroll; positive is up: to the head, the patient's left, to the back."""
        self.go_to(self._index + steps * self._up())

    def _up(self) -> int:
        if self.axes is None or self.doc.geometry is None:
            return 1
        along = self.doc.geometry.axes[_LPS[self.plane], 2 - self.axes.normal]
        return 1 if along > 0 else -1

    def fit(self) -> None:
        """Show the whole slice."""
        self.framing.fit()
        self._image_changed()

    def _new_grid(self) -> None:
        geometry = self.doc.geometry
        self.layers.overlay.forget()
        self.layers.image.forget()
        if geometry is None:
            self.framing.axes = None
            self.bar.hide()
        else:
            axes = PlaneAxes.of(geometry, self.plane)
            if axes != self.framing.axes:
                self.framing.resize(self.width(), self.height())
                self.framing.set_axes(axes)
            self.bar.set_slices(axes.slices, self._up() > 0)
            self.bar.show()
        self._made = self._interpolated()
        self._follow()

    def _interpolated(self) -> frozenset[int]:
        """The slices of this plane that a remedy made between scanned ones."""
        if self.doc.record is None or self.axes is None or self.axes.normal != 0:
            return frozenset()
        return frozenset(self.doc.record.interpolated)

    def _new_volume(self) -> None:
        self._new_grid()
        if self.doc.content is not None:
            self.framing.set_content(self.doc.content)
        self._lesions_changed()
        self._image_changed()

    def _follow(self) -> None:
        """The crosshair moved: to another slice, or only across this one."""
        if self.axes is None:
            self.update()
            return
        index, row, column = self.axes.from_zyx(self.doc.cursor)
        moved = self.framing.show(row, column) if not self._gesture else False
        index = min(self.axes.slices - 1, max(0, round(index)))
        if index != self._index or moved:
            self._index = index
            self.bar.set_index(index)
            self._describe()
            self._image_changed()
        else:
            self.update()

    def _describe(self) -> None:
        if self.axes is not None:
            words = self.tr("{0}, slice {1} of {2}")
            self.setAccessibleName(words.format(self.name(), self._index + 1, self.axes.slices))

    def _image_changed(self) -> None:
        self.layers.image_stale()
        self.update()

    def _labels_changed(self, box: Box | None, values: frozenset[int] | None) -> None:
        if self.axes is None:
            return
        self.layers.overlay.touched(self.axes, self.doc.labels, box, values)
        if box is None or box[self.axes.normal][0] <= self._index < box[self.axes.normal][1]:
            self.layers.labels_stale()
            if self.doc.painting and self._gesture != "tool":
                # The view one paints in comes first; the others follow a few times a second.
                if not self._late.isActive():
                    self._late.start()
            else:
                self.update()

    def _proposal_changed(self) -> None:
        self.layers.overlay.forget_proposal()
        self._style_changed()

    def _style_changed(self) -> None:
        self.layers.labels_stale()
        self.layers.notes_stale()
        self.update()

    def _lesions_changed(self) -> None:
        self.bar.set_marks(self.doc.lesion_slices(self.plane))
        self.layers.notes_stale()
        self.update()

    def _state_changed(self) -> None:
        self.layers.image.forget()
        self._image_changed()

    def set_active(self, active: bool) -> None:
        """Whether keys act here."""
        if active != self.active:
            self.active = active
            self.update()

    # ---- painting ----------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """As the layout decides."""
        return QSize(600, 420)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A fitted image stays fitted; the slider keeps to the right."""
        self.framing.resize(self.width(), self.height())
        top = 36
        self.bar.setGeometry(self.width() - 24, top, 24, max(40, self.height() - top - 36))
        self._image_changed()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The layers, then what moves with the pointer."""
        p = QPainter(self)
        p.fillRect(self.rect(), Qt.GlobalColor.black)
        p.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
        shown = self.doc.volume is not None or self.doc.first is not None
        if self.axes is not None and shown and not self.doc.problem:
            zoom = self.tr("Zoom {0}×").format(f"{self.framing.zoom:.1f}")
            self.layers.paint(
                p, self.size(), self.devicePixelRatioF(),
                axes=self.axes, index=self._index, words=(self.name(), self._head(), zoom),
            )  # fmt: skip
            self._paint_moving(p, self.axes)
        if self.doc.problem or self.doc.loading is not None:
            done, total = self.doc.loading or (0, 0)
            words = (self.tr("Loading slices"), self.tr("{0} of {1}").format(done, total))
            if self.doc.volume is None:
                state(p, QRectF(self.rect()), self.doc, words)
        expand_mark(p, self._expand_rect())
        frame(p, QRectF(self.rect()), self.active)
        p.end()

    def _head(self) -> str:
        assert self.axes is not None and self.doc.geometry is not None  # noqa: S101
        centre = self.axes.to_zyx(
            self._index, (self.axes.rows - 1) / 2, (self.axes.columns - 1) / 2
        )
        mm = self.doc.geometry.index_to_mm(centre)[_LPS[self.plane]]
        words = self.tr("Slice {0} / {1}").format(self._index + 1, self.axes.slices)
        made = f"   {self.tr('interpolated')}" if self._index in self._made else ""
        return f"{words}   {mm:.1f} mm{made}"

    def _paint_moving(self, p: QPainter, axes: PlaneAxes) -> None:
        if self.doc.crosshair_shown and self.doc.volume is not None:
            _, row, column = axes.from_zyx(self.doc.cursor)
            notes.crosshair(p, self.framing, row, column)
        place = self._pointer
        event = self._event(place, self._keys) if place is not None else None
        tool = self._tool()
        if tool is not None and (shown := tool.preview(self, event)) is not None:
            over = (event.row, event.column) if event is not None and event.inside else None
            notes.preview(p, self.framing, shown, over)
        if event is not None and event.inside and self.doc.volume is not None:
            notes.halo_text(
                p, self.width() - RIGHT + 6, self.height() - 44, self.readout(event),
                align=Qt.AlignmentFlag.AlignRight,
            )  # fmt: skip

    def readout(self, event: ToolEvent) -> str:
        """HU and position under the pointer."""
        if self.doc.volume is None:
            return ""
        z, y, x = (round(c) for c in event.zyx)
        hu = int(self.doc.volume.hu[z, y, x])
        mx, my, mz = event.mm
        return notes.minus(f"{hu} HU   x {mx:.1f}  y {my:.1f}  z {mz:.1f}")

    def _expand_rect(self) -> QRectF:
        return QRectF(self.width() - 46, 6, 24, 24)

    # ---- pointer -----------------------------------------------------------------------------

    def _event(
        self,
        place: QPointF,
        modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
        double: bool = False,
    ) -> ToolEvent | None:
        if self.axes is None or self.doc.geometry is None:
            return None
        column, row = self.framing.to_image(place)
        inside = -0.5 <= row < self.axes.rows - 0.5 and -0.5 <= column < self.axes.columns - 0.5
        zyx: Point = self.axes.to_zyx(self._index, row, column)
        x, y, z = self.doc.geometry.index_to_mm(zyx).tolist()
        return ToolEvent(
            view=self, plane_axes=self.axes, index=self._index, row=row, column=column,
            zyx=zyx, mm=(x, y, z), inside=inside, x=place.x(), y=place.y(),
            modifiers=modifiers, double=double,
        )  # fmt: skip
