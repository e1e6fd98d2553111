"""The head of the Label page (series, status, propose, mark reviewed) and the view bar."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from core.project.records import SeriesRecord
from gui import i18n
from gui.document.document import LabelDocument
from gui.pages.library_words import check_title, note_title
from gui.widgets import (
    Button,
    ComboField,
    Elided,
    IconButton,
    Pill,
    Segmented,
    Slider,
    caption,
    heading,
    label,
)

#: Key, width and level of the presets, in the order of Shift + 1 … 5 (HU).
PRESETS: tuple[tuple[str, int, int], ...] = (
    ("soft", 400, 40),
    ("lung", 1500, -600),
    ("bone", 1800, 400),
    ("liver", 150, 30),
    ("brain", 80, 40),
)


def _figures(width: int, level: int) -> str:
    return f"{width}/{level}".replace("-", "−")


class LabelHead(QWidget):
    """56 high. beside: -1 or 1, the previous or next series; status: the key chosen."""

    back = Signal()
    beside = Signal(int)
    status = Signal(str)
    propose = Signal()
    reviewed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(56)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(8)
        self.back_button = IconButton("ph.arrow-left", self.tr("Back to Library"))
        self.patient = heading("", 18)
        self.about = Elided("", 13, 400, "t2")
        self.previous = IconButton(
            "ph.caret-left", self.tr("Previous series (Ctrl+PgUp)"), framed=True
        )
        self.next = IconButton("ph.caret-right", self.tr("Next series (Ctrl+PgDn)"), framed=True)
        self.place = caption("")
        self.status_box = ComboField(self.tr("Status"), self._statuses())
        self.status_box.setMinimumWidth(148)
        self.propose_button = Button(self.tr("Propose"), "secondary", "ph.sparkle")
        self.reviewed_button = Button(self.tr("Mark reviewed"), "primary", "ph.check")
        self.reviewed_button.setToolTip(self.tr("Mark reviewed (Ctrl+Enter)"))
        row.addWidget(self.back_button)
        row.addWidget(self.patient)
        row.addSpacing(6)
        row.addWidget(self.about, 0)
        self.note = Pill("")
        self.note.hide()
        row.addWidget(self.note)
        row.addSpacing(10)
        for widget in (self.previous, self.next, self.place):
            row.addWidget(widget)
        row.addStretch(1)
        for widget in (self.status_box, self.propose_button, self.reviewed_button):
            row.addWidget(widget)
        self.about.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.back_button.clicked.connect(self.back)
        self.previous.clicked.connect(lambda: self.beside.emit(-1))
        self.next.clicked.connect(lambda: self.beside.emit(1))
        self.status_box.changed.connect(self.status)
        self.propose_button.clicked.connect(self.propose)
        self.reviewed_button.clicked.connect(self.reviewed)

    def _statuses(self) -> list[tuple[str, str]]:
        return [
            ("none", self.tr("No labels")), ("proposed", self.tr("Proposed")),
            ("draft", self.tr("Draft")), ("reviewed", self.tr("Reviewed")),
        ]  # fmt: skip

    def show_record(self, record: SeriesRecord | None, number: int, count: int) -> None:
        """Describe a series; number: its place among ``count``, from 1."""
        for widget in (self.status_box, self.reviewed_button):
            widget.setEnabled(record is not None)
        self.previous.setEnabled(record is not None and number > 1)
        self.next.setEnabled(record is not None and number < count)
        self._show_note(record)
        if record is None:
            self.patient.setText(self.tr("Label"))
            self.about.set_text("")
            self.place.setText("")
            return
        self.patient.setText(record.patient_id or "–")
        self.about.set_text(self.describe(record))
        self.place.setText(self.tr("Series {0} of {1}").format(number, count))
        self.status_box.set_key(record.label_status)

    def _show_note(self, record: SeriesRecord | None) -> None:
        """What was done about a doubt of the volume, else the doubt."""
        done = "" if record is None else note_title(record)
        doubt = "" if record is None else check_title(record)
        self.note.setVisible(bool(done or doubt))
        if record is None or not (done or doubt):
            return
        icon, tone = ("ph.wrench", "info") if done else ("ph.warning", "warn")
        self.note.set(done or doubt, tone, icon)
        lines = "\n".join(i18n.sentence(check.message) for check in record.checks)
        self.note.setToolTip(lines)

    def describe(self, record: SeriesRecord) -> str:
        """Sex and age, date, description, slices and their distance."""
        person = " ".join(part for part in (record.sex, record.age) if part)
        slices = self.tr("{0} slices × {1} mm").format(
            record.geometry.shape[0], f"{record.geometry.spacing[0]:.3g}"
        )
        parts = (person, record.study_date, record.description, slices)
        return " · ".join(part for part in parts if part)

    def show_model(self, name: str, why_not: str) -> None:
        """Which model proposes; why_not: why none can, as tooltip of the disabled button."""
        words = self.tr("Propose with {0}").format(name) if name else self.tr("Propose")
        self.propose_button.setText(words)
        self.propose_button.setEnabled(not why_not)
        self.propose_button.setToolTip(why_not or self.tr("Model proposal (M)"))
        self.propose_button.updateGeometry()


class ViewBar(QWidget):
    """40 high: W/L presets, overlay, toggles, layout, and in narrow windows the panel.

    layout_asked: grid, columns or one. panel_asked: whether the side panel shall be seen.
    """

    layout_asked = Signal(str)
    panel_asked = Signal(bool)

    def __init__(self, document: LabelDocument, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._doc = document
        self.setFixedHeight(40)
        row = QHBoxLayout(self)
        row.setContentsMargins(72, 4, 8, 4)
        row.setSpacing(8)
        names = {
            "soft": self.tr("Soft tissue"), "lung": self.tr("Lung"), "bone": self.tr("Bone"),
            "liver": self.tr("Liver"), "brain": self.tr("Brain"),
        }  # fmt: skip
        self.presets = Segmented(
            [(key, names[key], _figures(w, level)) for key, w, level in PRESETS]
        )
        for number, (key, _, _) in enumerate(PRESETS, start=1):
            self.presets.button(key).setToolTip(f"{names[key]} (Shift+{number})")
        self.opacity = Slider(value=round(document.opacity * 100))
        self.opacity.setAccessibleName(self.tr("Overlay opacity"))
        self.opacity.setFixedWidth(96)
        self.percent = label("", 13, 600)
        self.percent.setFixedWidth(48)
        self.contour = IconButton(
            "ph.scribble-loop", self.tr("Contour only (C)"), True, framed=True
        )
        self.cross = IconButton("ph.crosshair", self.tr("Crosshair"), True, framed=True)
        self.layouts = Segmented(
            [
                ("grid", self.tr("Four views"), "ph.squares-four"),
                ("columns", self.tr("Three planes side by side"), "ph.columns"),
                ("one", self.tr("One view"), "ph.square"),
            ]
        )
        row.addWidget(self.presets)
        row.addStretch(1)
        self.overlay_name = label(self.tr("Overlay"), 13, 400, "t2")
        row.addWidget(self.overlay_name)
        row.addWidget(self.opacity)
        row.addWidget(self.percent)
        row.addWidget(self.contour)
        row.addWidget(self.cross)
        row.addSpacing(8)
        row.addWidget(self.layouts)
        self.panel = IconButton("ph.list", self.tr("Side panel"), True, framed=True)
        self.panel.hide()
        row.addWidget(self.panel)
        self._full = self.minimumSizeHint().width()
        self._compact = False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._connect()

    def _connect(self) -> None:
        self.presets.changed.connect(self.use_preset)
        self.opacity.valueChanged.connect(lambda v: self._doc.set_style(opacity=v / 100))
        self.contour.toggled.connect(lambda on: self._doc.set_style(contour_only=on))
        self.cross.toggled.connect(lambda on: self._doc.set_style(crosshair_shown=on))
        self.layouts.changed.connect(self.layout_asked)
        self.panel.toggled.connect(self.panel_asked)
        self._doc.window_changed.connect(self._follow_window)
        self._doc.style_changed.connect(self._follow_style)
        # The views keep the keys after a click here; Tab still gets to every control.
        for widget in self.findChildren(QWidget):
            if widget.focusPolicy() == Qt.FocusPolicy.StrongFocus:
                widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._follow_style()
        self._follow_window()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is no room, the figures of presets and overlay go."""
        super().resizeEvent(event)
        compact = self.width() < self._full
        if compact == self._compact:
            return
        self._compact = compact
        for widget in (self.overlay_name, self.percent):
            widget.setVisible(not compact)
        for key, width, level in PRESETS:
            self.presets.set_detail(key, "" if compact else _figures(width, level))

    def use_preset(self, key: str) -> None:
        """Set the window of a preset."""
        _, width, level = next(preset for preset in PRESETS if preset[0] == key)
        self._doc.set_window(width, level)

    def use_number(self, number: int) -> None:
        """Set the window of the preset with this number, from 1."""
        self.use_preset(PRESETS[number - 1][0])

    def _follow_window(self) -> None:
        now = self._doc.window
        found = next((key for key, w, level in PRESETS if (w, level) == now), None)
        if found is None:
            self.presets.clear_choice()
        else:
            self.presets.set_key(found)

    def _follow_style(self) -> None:
        percent = round(self._doc.opacity * 100)
        self.percent.setText(f"{percent} %")
        self.opacity.setValue(percent)
        self.contour.setChecked(self._doc.contour_only)
        self.cross.setChecked(self._doc.crosshair_shown)
