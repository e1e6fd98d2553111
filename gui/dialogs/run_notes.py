"""The user's own words about a run."""

from __future__ import annotations

from PySide6.QtWidgets import QPlainTextEdit, QWidget

from core.project.runs import RunRecord
from gui import theme
from gui.widgets import Dialog, caption

#: Characters kept of a note: a page and a half.
_LONGEST = 8000


class RunNotes(Dialog):
    """``notes()`` after accept is what stands in the field."""

    def __init__(self, parent: QWidget | None, run: RunRecord) -> None:
        super().__init__(parent, "", 560)
        self.heading.setText(self.tr("Notes on {0}").format(run.id))
        self.text = QPlainTextEdit(run.notes)
        self.text.setFont(theme.font(13))
        self.text.setFixedHeight(180)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(self.heading.text())
        self.text.setPlaceholderText(self.tr("What was tried, and what came of it"))
        self.body.addWidget(self.text)
        self.body.addWidget(
            caption(self.tr("Kept in the run's folder, and shown where runs are compared."))
        )
        cancel = self.add_button(self.tr("Cancel"), "ghost")
        cancel.clicked.connect(self.reject)
        self.save = self.add_button(self.tr("Save notes"), "primary")
        self.save.clicked.connect(self.accept)
        self.text.setFocus()

    def notes(self) -> str:
        """The notes as edited."""
        return self.text.toPlainText().strip()[:_LONGEST]
