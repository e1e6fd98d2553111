"""Search, status chips, split and the choice between list and grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QWidget

from core.project.records import SeriesRecord
from gui.pages.library_words import split_name
from gui.widgets import Chip, ComboField, SearchField, Segmented, line


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the rows must match; None for any."""

    text: str
    status: str | None
    split: str | None
    checks: bool


class Filters(QWidget):
    """One row. Emits :attr:`changed` when other rows are wanted."""

    changed = Signal()
    view_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.search = SearchField(self.tr("Search patient, date, description"))
        self.search.setMinimumWidth(160)
        self.search.setMaximumWidth(264)
        self.search.searched.connect(lambda _text: self.changed.emit())
        row.addWidget(self.search, 100)
        row.addSpacing(8)
        self.chips = {
            "all": Chip(self.tr("All"), 0),
            "none": Chip(self.tr("No labels"), 0),
            "proposed": Chip(self.tr("Proposed"), 0),
            "draft": Chip(self.tr("Draft"), 0),
            "reviewed": Chip(self.tr("Reviewed"), 0),
            "checks": Chip(self.tr("Checks"), 0, "ph.warning"),
        }
        self._group = QButtonGroup(self)
        for key, chip in self.chips.items():
            if key == "checks":
                bar = line(vertical=True)
                bar.setFixedHeight(20)
                row.addWidget(bar)
            self._group.addButton(chip)
            chip.clicked.connect(lambda _checked=False: self.changed.emit())
            row.addWidget(chip)
        self.chips["all"].setChecked(True)
        names = [(key, split_name(key)) for key in ("train", "val", "test")]
        none = ("none", self.tr("No split"))
        self.split = ComboField("", [("", self.tr("Any split")), *names, none], kind="button")
        self.split.setAccessibleName(self.tr("Split"))
        self.split.changed.connect(lambda _key: self.changed.emit())
        row.addWidget(self.split)
        row.addStretch(1)
        self.view = Segmented(
            [("list", self.tr("List"), "ph.list"), ("grid", self.tr("Grid"), "ph.squares-four")]
        )
        self.view.changed.connect(self.view_changed)
        row.addWidget(self.view)

    def wanted(self) -> Wanted:
        """The present choice."""
        key = next(key for key, chip in self.chips.items() if chip.isChecked())
        status = None if key in ("all", "checks") else key
        return Wanted(self.search.text(), status, self.split.key() or None, key == "checks")

    def show_counts(self, records: Sequence[SeriesRecord]) -> None:
        """Figures in the chips, over the whole project."""
        counts = Counter(str(record.label_status) for record in records)
        counts["all"] = len(records)
        counts["checks"] = sum(1 for r in records if r.checks or r.missing)
        for key, chip in self.chips.items():
            chip.set_count(counts[key])

    def reset(self) -> None:
        """Everything is wanted."""
        self.search.clear()
        self.chips["all"].setChecked(True)
        self.split.set_key("")

    def type_on(self, letters: str) -> None:
        """Typing in the table goes on in the search field."""
        self.search.setFocus(Qt.FocusReason.OtherFocusReason)
        self.search.setText(self.search.text() + letters)
