"""Search, chips, split, format, and the choice between list and grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QWidget

from core.project.records import SeriesRecord
from gui.pages.library_words import format_name, has_doubt, has_note, split_name
from gui.widgets import Chip, ComboField, SearchField, Segmented, line
from gui.widgets.paint import width_of

_STATUSES = ("none", "proposed", "draft", "reviewed")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the rows must match; None for any. fits: what core's search does not know."""

    text: str
    status: str | None
    split: str | None
    fits: Callable[[SeriesRecord], bool] | None


class Filters(QWidget):
    """One row. Emits :attr:`changed` when other rows are wanted."""

    changed = Signal()
    view_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counted: Sequence[SeriesRecord] | None = None
        self._newest = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.search = SearchField(self.tr("Search patient, date, description"))
        self.search.setMinimumWidth(160)
        self.search.setMaximumWidth(264)
        self.search.searched.connect(lambda _text: self.changed.emit())
        row.addWidget(self.search, 100)
        row.addSpacing(8)
        self._build_chips(row)
        self.split = ComboField("", kind="button")
        self.split.setAccessibleName(self.tr("Split"))
        self.kind = ComboField("", kind="button")
        self.kind.setAccessibleName(self.tr("Kind of series"))
        for box in (self.split, self.kind):
            box.changed.connect(lambda _key: self.changed.emit())
            box.currentIndexChanged.connect(lambda _row, box=box: _fit(box))
            row.addWidget(box)
        row.addStretch(1)
        self.view = Segmented(
            [("list", self.tr("List"), "ph.list"), ("grid", self.tr("Grid"), "ph.squares-four")]
        )
        self.view.changed.connect(self.view_changed)
        row.addWidget(self.view)
        self.show_counts([])

    def _build_chips(self, row: QHBoxLayout) -> None:
        self.chips = {
            "all": Chip(self.tr("All"), 0),
            "none": Chip(self.tr("No labels"), 0),
            "proposed": Chip(self.tr("Proposed"), 0),
            "draft": Chip(self.tr("Draft"), 0),
            "reviewed": Chip(self.tr("Reviewed"), 0),
            "checks": Chip(self.tr("Checks"), 0, "ph.warning"),
        }
        self.chips["checks"].setToolTip(self.tr("Something about these series is doubtful"))
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

    def wanted(self) -> Wanted:
        """The present choice."""
        key = next(key for key, chip in self.chips.items() if chip.isChecked())
        status = key if key in _STATUSES else None
        return Wanted(self.search.text(), status, self.split.key() or None, self._fits(key))

    def _fits(self, chip: str) -> Callable[[SeriesRecord], bool] | None:
        newest, kind = self._newest, self.kind.key()
        tests: dict[str, Callable[[SeriesRecord], bool]] = {
            "remedied": has_note,
            "new": lambda record: record.added[:10] == newest,
        }
        second = tests.get(kind)
        if second is None and kind:
            second = lambda record: format_name(record) == kind  # noqa: E731
        if chip != "checks":
            return second
        if second is None:
            return has_doubt
        return lambda record: has_doubt(record) and second(record)

    def show_counts(self, records: Sequence[SeriesRecord]) -> None:
        """Figures in chips and choices, over the whole project."""
        if records is self._counted:
            return  # the session gives the same list until something changes
        self._counted = records
        counts = Counter(str(record.label_status) for record in records)
        self._newest = max((record.added[:10] for record in records), default="")
        counts["all"] = len(records)
        counts["checks"] = sum(map(has_doubt, records))
        for key, chip in self.chips.items():
            chip.set_count(counts[key])
        splits = Counter(str(record.split) for record in records)
        names = [(key, split_name(key)) for key in ("train", "val", "test")]
        names.append(("none", self.tr("No split")))
        self._fill(self.split, self.tr("Any split"), names, splits)
        self._fill_kinds(records)

    def _fill_kinds(self, records: Sequence[SeriesRecord]) -> None:
        """What was imported last, what was mended, formats; only what does not choose all."""
        counts = Counter(map(format_name, records))
        names = [(name, name) for name in sorted(counts)]
        counts["new"] = sum(record.added[:10] == self._newest for record in records)
        counts["remedied"] = sum(map(has_note, records))
        names = [("new", self.tr("New")), ("remedied", self.tr("Remedied")), *names]
        chosen = self.kind.key()
        offered = [
            (key, words) for key, words in names
            if 0 < counts[key] < len(records) or key == chosen
        ]  # fmt: skip
        self._fill(self.kind, self.tr("Any kind"), offered, counts)
        self.kind.setVisible(bool(offered))

    @staticmethod
    def _fill(
        box: ComboField, any_: str, names: list[tuple[str, str]], counts: Counter[str]
    ) -> None:
        chosen = box.key()
        kept = [(key, f"{name} · {counts[key]}") for key, name in names]
        box.set_options([("", any_), *kept])
        box.set_key(chosen if chosen in dict(kept) else "")
        _fit(box)

    def reset(self) -> None:
        """Everything is wanted."""
        self.search.clear()
        self.chips["all"].setChecked(True)
        self.split.set_key("")
        self.kind.set_key("")

    def narrowed(self) -> bool:
        """Whether anything but all is wanted."""
        chosen = self.split.key() or self.kind.key() or self.search.text().strip()
        return bool(chosen) or not self.chips["all"].isChecked()

    def type_on(self, letters: str) -> None:
        """Typing in the table goes on in the search field."""
        self.search.setFocus(Qt.FocusReason.OtherFocusReason)
        self.search.setText(self.search.text() + letters)


def _fit(box: ComboField) -> None:
    """As wide as what is chosen, so that the search keeps its room; the list shows all of it."""
    font = box.font()
    words = [box.itemText(i) for i in range(box.count())]
    box.setFixedWidth(round(width_of(box.currentText(), font)) + 46)
    box.view().setMinimumWidth(round(max((width_of(w, font) for w in words), default=0)) + 40)
