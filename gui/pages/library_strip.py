"""The strip above the table while an import runs: how far, how long, and a way to end it."""

from __future__ import annotations

import time

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from gui import theme
from gui.importing import ImportState
from gui.pages.library_words import reading_words, thousands
from gui.session import Session
from gui.widgets import Elided, IconButton, ProgressBar, label


class ImportStrip(QFrame):
    """48 high; hidden while nothing is imported."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setFixedHeight(48)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 8, 0)
        row.setSpacing(12)
        icon = QLabel()
        icon.setPixmap(theme.pixmap("ph.folder-open", theme.ACC, 18, self.devicePixelRatioF()))
        self._title = label("", 13, 600)
        self._facts = Elided("", 13, 400, "t2")
        self._bar = ProgressBar(5)
        self._bar.setFixedWidth(240)
        self._percent = label("", 13, 600)
        self._left = label("", 13, 400, "t2")
        self._session = session
        self.pause = IconButton("ph.pause", self.tr("Pause the import"), size=28)
        self.pause.clicked.connect(lambda: session.pause_import(not session.import_paused))
        self.cancel = IconButton("ph.x", self.tr("Stop the import, keep what was found"), size=28)
        self.cancel.clicked.connect(session.cancel_import)
        self.cancel.clicked.connect(lambda: self.cancel.setEnabled(False))
        row.addWidget(icon)
        row.addWidget(self._title)
        row.addWidget(self._facts, 1)
        for part in (self._bar, self._percent, self._left, self.pause, self.cancel):
            row.addWidget(part)
        self.show_state(session.importing)

    def show_state(self, state: ImportState | None) -> None:
        """Show how far it is, or nothing."""
        self.setVisible(state is not None)
        if state is None:
            self.cancel.setEnabled(True)
            return
        demo = state.kind == "demo"
        paused = self._session.import_paused
        words = self.tr("Making {0}") if demo else self.tr("Importing {0}")
        self._title.setText(words.format(state.name))
        facts = [reading_words(state)]
        if demo:
            facts = [self.tr("{0} of {1} cases").format(state.done, state.total)]
        elif state.series_found:
            facts.append(self.tr("%n series found", "", state.series_found))
        if state.skipped:
            facts.append(self.tr("{0} files skipped").format(thousands(state.skipped)))
        self._facts.set_text(" · ".join(facts))
        share = state.done / state.total if state.total else 0.0
        self._bar.set_fraction(share)
        self._percent.setText(f"{share:.0%}".replace("%", " %") if state.total else "")
        self._left.setText(self.tr("Paused") if paused else self._time_left(state, share))
        self._bar.set_colour(theme.WARN if paused else theme.ACC)
        self.pause.setVisible(not demo)
        self.pause.set_icon("ph.play" if paused else "ph.pause")
        go_on, hold = self.tr("Go on with the import"), self.tr("Pause the import")
        self.pause.set_tooltip(go_on if paused else hold)

    def _time_left(self, state: ImportState, share: float) -> str:
        spent = time.monotonic() - state.started
        if share < 0.05 or spent < 2 or share >= 1:
            return ""
        left = spent * (1 - share) / share
        if left < 90:
            return self.tr("{0} s left").format(max(1, round(left)))
        return self.tr("{0} min left").format(round(left / 60))
