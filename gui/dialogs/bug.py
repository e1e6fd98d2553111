"""What the user sees of a bug: what happened, what is safe, and the trace to report."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from gui import theme
from gui.widgets import Dialog, label


class BugDialog(Dialog):
    """Offers the trace; the program goes on."""

    def __init__(self, parent: QWidget | None, trace: str) -> None:
        super().__init__(parent, "", 640)
        self.heading.setText(self.tr("Something went wrong in LesionForge"))
        words = self.tr(
            "This is a fault of the program, not of your data. Saved labels, runs and "
            "checkpoints are not touched. You can go on; if it happens again, report the text "
            "below. It may name files on this computer: read it before you send it."
        )
        self.body.addWidget(label(words, 13, 400, "t2", wrap=True))
        self.trace = QPlainTextEdit(trace)
        self.trace.setObjectName("log")
        self.trace.setReadOnly(True)
        self.trace.setFont(theme.font(12, mono=True))
        self.trace.setMinimumHeight(220)
        self.body.addWidget(self.trace)
        copy = self.add_button(self.tr("Copy text"), "secondary", "ph.copy")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(trace))
        done = self.add_button(self.tr("Go on"), "primary")
        done.setDefault(True)
        done.clicked.connect(self.accept)
