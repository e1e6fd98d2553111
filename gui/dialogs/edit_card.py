"""Edit the texts of a model card."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import QGridLayout, QPlainTextEdit, QWidget

from core.models.card import ModelCard
from gui import theme
from gui.widgets import Dialog, Field, caption, label


class EditCardDialog(Dialog):
    """Name, version and what only a person can say; figures are measured and stay."""

    def __init__(self, parent: QWidget | None, card: ModelCard) -> None:
        super().__init__(parent, "", 640)
        self.heading.setText(self.tr("Edit card"))
        self._card = card
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(12)
        grid.setColumnStretch(1, 1)
        self.name = Field(card.name)
        self.version = Field(card.version)
        self.scanners = Field(card.scanners)
        self.readers = Field(card.readers)
        self.intended_use = self._long(card.intended_use)
        self.limits = self._long(card.limits)
        rows: tuple[tuple[str, QWidget], ...] = (
            (self.tr("Name"), self.name),
            (self.tr("Version"), self.version),
            (self.tr("Intended use"), self.intended_use),
            (self.tr("Known limits"), self.limits),
            (self.tr("Scanners"), self.scanners),
            (self.tr("Readers"), self.readers),
        )
        for row, (words, field) in enumerate(rows):
            field.setAccessibleName(words)
            grid.addWidget(label(words, tone="t2"), row, 0)
            grid.addWidget(field, row, 1)
        self.body.addLayout(grid)
        self.body.addWidget(caption(self.tr("The card travels inside every exported file.")))
        cancel = self.add_button(self.tr("Cancel"), "ghost")
        cancel.clicked.connect(self.reject)
        self.save = self.add_button(self.tr("Save card"), "primary")
        self.save.setDefault(True)
        self.save.clicked.connect(self.accept)
        self.name.textChanged.connect(lambda _text: self._check())

    def _long(self, words: str) -> QPlainTextEdit:
        edit = QPlainTextEdit(words)
        edit.setFont(theme.font(13))
        edit.setFixedHeight(84)
        edit.setTabChangesFocus(True)
        return edit

    def _check(self) -> None:
        ok = bool(self.name.text().strip())
        sentence = "" if ok else self.tr("A model needs a name")
        self.name.set_invalid(sentence)
        self.save.setEnabled(ok)
        self.save.setToolTip(sentence)

    def card(self) -> ModelCard:
        """The card as edited."""
        return replace(
            self._card,
            name=self.name.text().strip()[:120],
            version=self.version.text().strip()[:20],
            scanners=self.scanners.text().strip()[:400],
            readers=self.readers.text().strip()[:400],
            intended_use=self.intended_use.toPlainText().strip()[:4000],
            limits=self.limits.toPlainText().strip()[:4000],
        )
