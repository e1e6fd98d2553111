"""All parts of the design in one window, to look at and to test that they paint."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QRadioButton, QVBoxLayout, QWidget

from gui import widgets as w


def _row(*items: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(10)
    for item in items:
        row.addWidget(item)
    row.addStretch(1)
    return row


def _first() -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(12)
    column.addWidget(w.heading("Buttons", 13))
    column.addWidget(w.line())
    for kind, words in [
        ("primary", "Export"),
        ("secondary", "Compare"),
        ("ghost", "Cancel"),
        ("danger", "Stop…"),
    ]:
        off = w.Button(words, kind)
        off.setEnabled(False)
        ringed = w.Button(words, kind)
        column.addLayout(_row(w.Button(words, kind), ringed, off))
        ringed.setObjectName("ringed")
    column.addLayout(
        _row(
            w.Button("Propose labels", icon="ph.sparkle"), w.Button("Import", "primary", "ph.plus")
        )
    )
    column.addLayout(
        _row(
            w.IconButton("ph.x", "Close"),
            w.IconButton("ph.caret-left", "Previous", framed=True),
            w.IconButton("ph.crosshair", "Crosshair", checkable=True),
        )
    )
    column.addWidget(w.heading("Fields", 13))
    column.addWidget(w.line())
    bad = w.NumberField(50, "HU", -1024, 3071)
    bad.setText("5000")
    bad.textEdited.emit("5000")
    column.addLayout(_row(w.SearchField("Search"), w.Field("LF-0041")))
    combo = w.ComboField("Status", [("draft", "Draft"), ("reviewed", "Reviewed")])
    column.addLayout(_row(combo, bad))
    mixed = QCheckBox("Mixed")
    mixed.setTristate(True)
    mixed.setCheckState(Qt.CheckState.PartiallyChecked)
    checked = QCheckBox("Checked")
    checked.setChecked(True)
    radio = QRadioButton("Radio")
    radio.setChecked(True)
    column.addLayout(_row(checked, QCheckBox("Clear"), mixed, radio))
    slider = w.Slider(value=45)
    slider.set_marks([(60, "#F59E2B")])
    column.addLayout(_row(w.Switch("a", True), w.Switch("b"), slider, w.RangeSlider(0, 9, 3, 6)))
    column.addLayout(
        _row(
            w.Segmented([("a", "Axial"), ("s", "Sagittal"), ("c", "Coronal")]),
            w.Segmented([("l", "List", "ph.list"), ("g", "Grid", "ph.squares-four")]),
        )
    )
    column.addLayout(_row(w.Segmented([("s", "Soft tissue", "400/40"), ("b", "Bone", "1800/400")])))
    all_chip = w.Chip("All", 96)
    all_chip.setChecked(True)
    column.addLayout(_row(all_chip, w.Chip("Draft", 12), w.Chip("Checks", 5, "ph.warning")))
    column.addLayout(
        _row(
            w.Pill("No labels", "outline"),
            w.Pill("Draft", "neutral", "ph.pencil-simple"),
            w.Pill("Proposed", "info", "ph.sparkle"),
            w.Pill("Reviewed", "ok", "ph.check"),
        )
    )
    tones = [("Queued", "neutral"), ("Running", "ok"), ("Paused", "warn"), ("Failed", "err")]
    column.addLayout(_row(*(w.Pill(words, tone, dot=True) for words, tone in tones)))
    column.addStretch(1)
    return column


def _second() -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(12)
    nothing = [("Restart with batch 2", lambda: None), ("Show log", lambda: None)]
    text = "Epoch 3 needs about 26 GB, 24 GB is free. The run stopped and kept epoch 2."
    column.addWidget(w.Banner("err", "The GPU ran out of memory", text, nothing))
    column.addWidget(w.Banner("warn", "Mixed spacing", "Slices are 3 and 5 mm apart.", nothing))
    column.addWidget(w.Banner("info", "No GPU found", "Training works on the CPU."))
    bar = w.ProgressBar()
    bar.set_fraction(0.7)
    column.addWidget(bar)
    marked = w.ProgressBar()
    marked.set_fraction(0.41)
    marked.set_marks([0.13, 0.26, 0.39])
    column.addWidget(marked)
    column.addWidget(w.Placeholder(2))
    card = w.Card("Plan", "automatic")
    card.header.addWidget(w.Pill("Automatic"))
    card.body.addWidget(w.KeyValue([("Cases", "52, and 12 held out"), ("Batch", "4")], right=True))
    card.body.addWidget(w.KeyValue([("Scanner", "Siemens SOMATOM go.Top"), ("Spacing", "0.7")]))
    column.addWidget(card)
    empty = w.Card()
    empty.body.addWidget(
        w.EmptyState(
            "ph.paint-brush",
            "No lesions yet",
            "Paint one with the brush, or ask the model.",
            [("Propose with r06", lambda: None)],
        )
    )
    column.addWidget(empty)
    column.addStretch(1)
    return column


def gallery() -> QWidget:
    """The window."""
    window = QWidget()
    window.setObjectName("page")
    row = QHBoxLayout(window)
    row.setContentsMargins(32, 32, 32, 32)
    row.setSpacing(32)
    row.addLayout(_first(), 1)
    row.addLayout(_second(), 1)
    window.resize(1000, 900)
    return window
