"""Dealing the labelled cases into train, validation and test, by patient."""

from __future__ import annotations

from collections import Counter

from PySide6.QtWidgets import QGridLayout, QWidget

from core.errors import UserError
from core.project.records import SeriesRecord, Split
from core.project.splits import patient_key, split_by_patient
from gui.widgets import Banner, Dialog, NumberField, caption, label, line


class SplitDialog(Dialog):
    """Shares and seed, with what they give; ``parts`` is the result once accepted."""

    def __init__(self, parent: QWidget | None, records: list[SeriesRecord]) -> None:
        super().__init__(parent, "", 520)
        self.heading.setText(self.tr("Split cases"))
        self._records = records
        self.parts: dict[str, Split] = {}
        words = self.tr(
            "All series of a patient go to the same part. Only labelled series are split; "
            "patients already in the test part stay there."
        )
        self.body.addWidget(label(words, 13, 400, "t2", wrap=True))
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(12)
        grid.setColumnStretch(1, 1)
        self.val = NumberField(20, "%", 0, 90)
        self.test = NumberField(10, "%", 0, 90)
        self.seed = NumberField(0, "", 0, 2**31 - 1)
        for row, (name, field) in enumerate(
            (
                (self.tr("Validation"), self.val),
                (self.tr("Test"), self.test),
                (self.tr("Seed"), self.seed),
            )
        ):
            grid.addWidget(label(name, tone="t2"), row, 0)
            grid.addWidget(field, row, 1)
            field.setAccessibleName(name)
            field.changed.connect(lambda _value: self._show())
        self.body.addLayout(grid)
        self.body.addWidget(line())
        self.result_text = label("", 13, 600, wrap=True)
        self.body.addWidget(self.result_text)
        self.banner = Banner("warn", "")
        self.body.addWidget(self.banner)
        self.body.addWidget(caption(self.tr("The same seed gives the same split.")))
        cancel = self.add_button(self.tr("Cancel"), "ghost")
        cancel.clicked.connect(self.reject)
        self.apply = self.add_button(self.tr("Split"), "primary")
        self.apply.setDefault(True)
        self.apply.clicked.connect(self.accept)
        self._show()

    def _show(self) -> None:
        """Deal and count."""
        try:
            self.parts = split_by_patient(
                self._records,
                self.val.value() / 100,
                self.test.value() / 100,
                round(self.seed.value()),
            )
        except UserError as error:
            self.parts = {}
            self._refuse(error.sentence)
            return
        if not self.parts:
            self._refuse(self.tr("No series has a lesion label yet, so there is nothing to split."))
            return
        self.banner.hide()
        self.apply.setEnabled(True)
        self.apply.setToolTip("")
        patients: dict[str, set[str]] = {}
        for record in self._records:
            if record.series_uid in self.parts:
                part = self.parts[record.series_uid]
                patients.setdefault(part, set()).add(patient_key(record))
        series = Counter(self.parts.values())
        names = {
            "train": self.tr("Train"),
            "val": self.tr("Validation"),
            "test": self.tr("Test"),
        }
        lines = [
            self.tr("{0}: {1} series of {2} patients").format(
                name, series[key], len(patients.get(key, ()))
            )
            for key, name in names.items()
        ]
        self.result_text.setText("\n".join(lines))

    def _refuse(self, sentence: str) -> None:
        self.banner.set("warn", self.tr("Not possible"), sentence)
        self.banner.show()
        self.result_text.setText("")
        self.apply.setEnabled(False)
        self.apply.setToolTip(sentence)
