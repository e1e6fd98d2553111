"""Surfaces: cards, banners, empty states, placeholder rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from gui import theme
from gui.widgets.buttons import Button
from gui.widgets.labels import heading, label, set_tone
from gui.widgets.paint import painter, rounded

#: Words of a button and what it does; where given, its tooltip.
Action = tuple[str, Callable[[], object]] | tuple[str, Callable[[], object], str]


class Card(QFrame):
    """A raised surface. ``header``: what stands right of the title; ``body``: the content."""

    def __init__(
        self,
        title: str = "",
        subtitle: str = "",
        padding: int = 16,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        column = QVBoxLayout(self)
        column.setContentsMargins(padding, padding, padding, padding)
        column.setSpacing(12)
        self._top = QWidget()
        row = QHBoxLayout(self._top)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.title = heading(title, 13)
        self.subtitle = label(subtitle, 12, 400, "t3")
        self.header = QHBoxLayout()
        self.header.setSpacing(8)
        row.addWidget(self.title)
        row.addWidget(self.subtitle)
        row.addStretch(1)
        row.addLayout(self.header)
        self._top.setVisible(bool(title))
        column.addWidget(self._top)
        self.body = QVBoxLayout()
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(8)
        column.addLayout(self.body, 1)

    def set_title(self, title: str, subtitle: str | None = None) -> None:
        """Change the texts of the head."""
        self.title.setText(title)
        if subtitle is not None:
            self.subtitle.setText(subtitle)
        self._top.setVisible(bool(title))


class Banner(QWidget):
    """What happened, what was kept, what to do; stands at the top of the part it concerns.

    tone: err, warn, info or ok. actions: (text, callable); the first is the best next step.
    """

    _ICONS = {  # noqa: RUF012 - a constant table
        "err": "ph.warning-circle",
        "warn": "ph.warning",
        "info": "ph.info",
        "ok": "ph.check-circle",
    }

    def __init__(
        self,
        tone: str,
        title: str,
        text: str = "",
        actions: Sequence[Action] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 10, 14, 12)
        row.setSpacing(10)
        self._icon = QLabel()
        self._icon.setFixedSize(16, 20)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(2)
        self._title = label("", 13, 600)
        self._title.setWordWrap(True)
        self._text = label("", 12, 400, "", wrap=True)
        self._buttons = QHBoxLayout()
        self._buttons.setContentsMargins(0, 8, 0, 0)
        self._buttons.setSpacing(4)
        column.addWidget(self._title)
        column.addWidget(self._text)
        column.addLayout(self._buttons)
        row.addLayout(column, 1)
        self.set(tone, title, text, actions)

    def set(self, tone: str, title: str, text: str = "", actions: Sequence[Action] = ()) -> None:
        """Change all of it. Raises KeyError on an unknown tone."""
        colour, self._fill = theme.TONES[tone]
        self._icon.setPixmap(theme.pixmap(self._ICONS[tone], colour, 16, self.devicePixelRatioF()))
        self._title.setText(title)
        set_tone(self._title, "acc" if tone == "info" else tone)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        while self._buttons.count():
            item = self._buttons.takeAt(0)
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for index, (words, slot, *tip) in enumerate(actions):
            button = Button(words, "ghost" if index else "secondary", dense=True)
            button.setToolTip(tip[0] if tip else "")
            button.clicked.connect(lambda _checked=False, slot=slot: slot())
            self._buttons.addWidget(button)
        self._buttons.addStretch(1)
        self._buttons.setContentsMargins(0, 8 if actions else 0, 0, 0)
        self.setAccessibleName(f"{title} {text}".strip())
        self.update()

    def title_text(self) -> str:
        """The first line."""
        return self._title.text()

    def text(self) -> str:
        """The lines below."""
        return self._text.text()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The tinted ground."""
        p = painter(self)
        rounded(p, QRectF(self.rect()), 6, self._fill)
        p.end()


class EmptyState(QWidget):
    """Icon, one bold line, one line of help, one or two actions. Never a blank panel.

    big: real buttons for a whole page; otherwise the actions are links in a small panel.
    """

    def __init__(
        self,
        icon: str,
        title: str,
        text: str = "",
        actions: Sequence[Action] = (),
        *,
        big: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(4)
        column.addStretch(1)
        centre = Qt.AlignmentFlag.AlignHCenter
        picture = QLabel()
        side = 32 if big else 20
        picture.setPixmap(theme.pixmap(icon, theme.T3, side, self.devicePixelRatioF()))
        column.addWidget(picture, 0, centre)
        column.addSpacing(8)
        self.title = heading(title, 18 if big else 13)
        self.title.setAlignment(centre)
        column.addWidget(self.title, 0, centre)
        self.text = label(text, 13 if big else 12, 400, "t2" if big else "t3", wrap=True)
        self.text.setAlignment(centre)
        self.text.setVisible(bool(text))
        column.addWidget(self.text)
        row = QHBoxLayout()
        row.setContentsMargins(0, 12 if big else 2, 0, 0)
        row.setSpacing(8 if big else 16)
        row.addStretch(1)
        self.buttons: list[Button] = []
        for index, (words, slot, *_tip) in enumerate(actions):
            kind = ("secondary" if index else "primary") if big else "link"
            button = Button(words, kind)
            button.clicked.connect(lambda _checked=False, slot=slot: slot())
            self.buttons.append(button)
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        column.addStretch(1)


class Placeholder(QWidget):
    """Grey rows that stand still where rows are still being read."""

    def __init__(self, rows: int = 3, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self.setMinimumHeight(rows * 56)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A picture and two lines a row."""
        p = painter(self)
        for row in range(self._rows):
            top = row * 56
            rounded(p, QRectF(0, top + 5, 60, 46), 4, theme.BG3)
            rounded(p, QRectF(76, top + 13, 120 - 20 * (row % 2), 9), 4, theme.BG3)
            rounded(p, QRectF(76, top + 34, 200 - 40 * (row % 2), 9), 4, theme.BG3)
        p.end()
