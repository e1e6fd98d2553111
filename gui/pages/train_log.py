"""The log of a run: one line at the bottom of the page, opened upwards to read it all."""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from core.project.runs import LOG
from gui import i18n, theme
from gui.run.history import LogLine, RunHistory
from gui.widgets import Card, IconButton, heading, label, set_tone
from gui.widgets.paint import painter, text

CLOSED, OPEN = 40, 280
_TAIL = 16_000


class _Line(QWidget):
    """The newest line in the fixed face; painted, since a label takes the style sheet's face."""

    def __init__(self) -> None:
        super().__init__()
        self._words = ""

    def set_text(self, words: str) -> None:
        if words != self._words:
            self._words = words
            self.setAccessibleName(words)
            self.update()

    def words(self) -> str:
        return self._words

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        text(p, QRectF(self.rect()), self._words, theme.font(12, mono=True), theme.T2)
        p.end()


class LogPanel(QWidget):
    """Takes 40 px of the page's layout; opened, its card grows over what is above it.

    Put it into the page's layout; it lays itself over its parent widget.
    """

    toggled = Signal(bool)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedHeight(CLOSED)
        self._newest: LogLine | None = None
        self._folder: Path | None = None
        self._output = ""
        self._words_of: Callable[[str], str] = str
        self.card = Card(padding=0, parent=parent)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        self.card.body.setSpacing(0)
        self.head = QWidget()
        self.head.setFixedHeight(CLOSED - 2)
        self.head.setCursor(Qt.CursorShape.PointingHandCursor)
        self.head.installEventFilter(self)
        row = QHBoxLayout(self.head)
        row.setContentsMargins(12, 0, 16, 0)
        row.setSpacing(8)
        self.caret = IconButton("ph.caret-right", self.tr("Open the log"), size=24, icon_size=14)
        self.caret.clicked.connect(lambda _checked=False: self.set_open(not self.is_open()))
        self.last = _Line()
        self.counts = label("", 12, 400, "t2")
        row.addWidget(self.caret)
        row.addWidget(heading(self.tr("Log"), 13))
        row.addSpacing(10)
        row.addWidget(self.last, 1)
        row.addWidget(self.counts)
        self.text = QPlainTextEdit()
        self.text.setObjectName("log")
        self.text.setReadOnly(True)
        self.text.setFont(theme.font(12, 400, mono=True))
        self.text.setMaximumBlockCount(2500)
        self.text.setAccessibleName(self.tr("Log of the run"))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.hide()
        column.addWidget(self.head)
        column.addWidget(self.text, 1)
        self.card.body.addLayout(column)
        self.installEventFilter(self)

    def is_open(self) -> bool:
        """Whether all lines are shown."""
        return self.text.isVisibleTo(self.card)

    def set_open(self, on: bool) -> None:
        """Open upwards, or close."""
        self.text.setVisible(on)
        self.caret.set_icon("ph.caret-down" if on else "ph.caret-right")
        self.caret.set_tooltip(self.tr("Close the log") if on else self.tr("Open the log"))
        self._place()
        if on:
            self.card.raise_()
            bar = self.text.verticalScrollBar()
            bar.setValue(bar.maximum())
        self.toggled.emit(on)

    def set_words_of(self, words_of: Callable[[str], str]) -> None:
        """Name patients as the window may from now on; what is there is drawn anew when shown."""
        self._words_of = words_of
        self._newest = None

    def show_history(self, history: RunHistory, folder: Path) -> None:
        """Show the lines of a run; only new ones are appended."""
        if folder != self._folder:
            self._folder, self._newest, self._output = folder, None, ""
        words = self.tr("%n error(s)", "", history.errors)
        words += ", " + self.tr("%n warning(s)", "", history.warnings)
        self.counts.setText(words)
        set_tone(self.counts, "err" if history.errors else "t2")
        self._show_lines(history)

    def _show_lines(self, history: RunHistory) -> None:
        new = list(takewhile(lambda entry: entry != self._newest, reversed(history.log)))
        if not new and history.log:
            return
        anew = len(new) == len(history.log)
        if anew:
            self.text.clear()
        for entry in reversed(new):
            self.text.appendHtml(self._as_html(entry))
        if anew and self._output:
            self._show_output()
        self._newest = history.log[-1] if history.log else None
        self.last.set_text(self._one_line(self._newest) if self._newest is not None else "")

    def append_output(self) -> None:
        """Append the end of what the child printed: the trace of a bug is there."""
        path = None if self._folder is None else self._folder / LOG
        if path is None or not path.is_file():
            return
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            tail = file.read().decode("utf-8", "replace").strip()
        if tail:
            self._output = tail
            self._show_output()

    def _show_output(self) -> None:
        words = self._words_of(self._output)
        self.text.appendPlainText(f"{self.tr('Output of the process')}:\n{words}")

    def _one_line(self, entry: LogLine) -> str:
        words = self._words_of(i18n.sentence(entry.words))
        return f"{time.strftime('%H:%M:%S', time.localtime(entry.time))}  {words}"

    def _as_html(self, entry: LogLine) -> str:
        colour = {"error": theme.ERR, "warning": theme.WARN}.get(entry.level, theme.T2)
        words = html.escape(self._one_line(entry)).replace("  ", "&nbsp;&nbsp;")
        words = words.replace("\n", "<br>")
        return f'<span style="color:{colour}">{words}</span>'

    # ---- placing -----------------------------------------------------------------------------

    def _place(self) -> None:
        height = OPEN if self.is_open() else CLOSED
        place = self.geometry()
        self.card.setGeometry(place.x(), place.bottom() + 1 - height, place.width(), height)
        self.card.setVisible(not self.isHidden())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the place in the layout; a click on the head opens and closes."""
        if watched is self and event.type() in (
            QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide,
        ):  # fmt: skip
            self._place()
        elif (
            watched is self.head
            and isinstance(event, QMouseEvent)
            and event.type() == QEvent.Type.MouseButtonRelease
            and event.button() == Qt.MouseButton.LeftButton
        ):
            self.set_open(not self.is_open())
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes."""
        if event.key() == Qt.Key.Key_Escape and self.is_open():
            self.set_open(False)
            return
        super().keyPressEvent(event)
