"""How many labelled cases a new run has in each split."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal

from core.project.records import SeriesRecord, Split
from core.project.splits import count_splits
from gui.widgets import Button, Card, KeyValue, caption


class CasesCard(Card):
    """library_asked: the user wants to change the splits."""

    library_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.set_title(self.tr("Cases"))
        self.setFixedWidth(288)
        self.counts = KeyValue(right=True, row_height=28)
        self.body.addWidget(self.counts)
        self.body.addWidget(
            caption(
                self.tr(
                    "The network learns from the training cases. The validation cases are held "
                    "out: on them the run measures Dice and picks its best weights. Test cases "
                    "are for Evaluate alone."
                ),
                wrap=True,
            )
        )
        change = Button(self.tr("Change splits in Library"), "link")
        change.clicked.connect(lambda _checked=False: self.library_asked.emit())
        self.body.addWidget(change)
        self.body.addStretch(1)

    def show_cases(self, labelled: Sequence[SeriesRecord]) -> None:
        """Count these labelled series."""
        counts = count_splits(list(labelled))

        def words(split: Split) -> str:
            series = self.tr("%n case(s)", "", counts[split]["series"])
            return series + ", " + self.tr("%n patient(s)", "", counts[split]["patients"])

        rows = [
            (self.tr("Train"), words("train")), (self.tr("Validation"), words("val")),
            (self.tr("Test"), words("test")),
        ]  # fmt: skip
        if none := sum(r.split == "none" for r in labelled):
            rows.append((self.tr("In no split"), str(none)))
        self.counts.set_rows(rows)
