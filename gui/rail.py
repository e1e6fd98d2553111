"""The rail at the left: five pages, then Help and Settings."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPaintEvent, QPixmap
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QLabel, QVBoxLayout, QWidget

from gui import theme
from gui.widgets import IconButton
from gui.widgets.focus import RingMixin
from gui.widgets.paint import dot, painter, rounded, text

PAGES = ("library", "label", "train", "evaluate", "models")
_ICONS = {
    "library": "ph.stack",
    "label": "ph.paint-brush",
    "train": "ph.chart-line",
    "evaluate": "ph.scales",
    "models": "ph.cube",
}


class _PageButton(RingMixin, QAbstractButton):
    ring_radius = 8

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.live = False
        self.setCheckable(True)
        self.setFont(theme.font(12, 500))
        self.setFixedSize(72, 56)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        area = QRectF(8, 0, 56, 56)
        on = self.isChecked()
        if on or self.underMouse():
            rounded(p, area, 8, theme.ACCBG if on else theme.BG3)
        if on:
            rounded(p, QRectF(-4, 9, 7, 38), 3.5, theme.ACC)
        colour = theme.ACC if on else theme.T2
        theme.icon(_ICONS[self.page], colour, 22).paint(p, 25, 9, 22, 22)
        words = theme.T1 if on else theme.T2
        font = theme.font(12, 600 if on else 500)
        centre = Qt.AlignmentFlag.AlignHCenter
        text(p, QRectF(2, 32, 68, 18), self.text(), font, words, align=centre)
        if self.live:
            dot(p, QPointF(49, 10), 5, theme.BG0)
            dot(p, QPointF(49, 10), 3.5, theme.OK)
        p.end()


class Rail(QWidget):
    """72 wide. Emits :attr:`page_chosen`, :attr:`help_asked`, :attr:`settings_asked`."""

    page_chosen = Signal(str)
    help_asked = Signal()
    settings_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(72)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 12, 0, 12)
        column.setSpacing(8)
        logo = QLabel()
        logo.setFixedSize(72, 32)
        logo.setAlignment(Qt.AlignmentFlag.AlignCenter)
        logo.setPixmap(logo_pixmap(32, self.devicePixelRatioF()))
        column.addWidget(logo)
        column.addSpacing(12)
        self._group = QButtonGroup(self)
        self._pages: dict[str, _PageButton] = {}
        for page in PAGES:
            button = _PageButton(page)
            button.clicked.connect(lambda _checked=False, page=page: self.page_chosen.emit(page))
            self._group.addButton(button)
            self._pages[page] = button
            column.addWidget(button)
        column.addStretch(1)
        self._help = IconButton("ph.question", "", size=40, icon_size=18)
        self._settings = IconButton("ph.gear-six", "", size=40, icon_size=18)
        self._help.clicked.connect(self.help_asked)
        self._settings.clicked.connect(self.settings_asked)
        for extra in (self._help, self._settings):
            column.addWidget(extra, 0, Qt.AlignmentFlag.AlignHCenter)
        self.retranslate()

    def retranslate(self) -> None:
        """Set all texts anew."""
        names = {
            "library": self.tr("Library"),
            "label": self.tr("Label"),
            "train": self.tr("Train"),
            "evaluate": self.tr("Evaluate"),
            "models": self.tr("Models"),
        }
        for number, (page, button) in enumerate(self._pages.items(), start=1):
            button.setText(names[page])
            button.setAccessibleName(names[page])
            button.setToolTip(f"{names[page]} (Ctrl+{number})")
        self._help.set_tooltip(self.tr("Keys and help (F1)"))
        self._settings.set_tooltip(self.tr("Settings"))

    def button(self, page: str) -> QAbstractButton:
        """The button of a page."""
        return self._pages[page]

    def set_page(self, page: str) -> None:
        """Mark the page that is shown."""
        self._pages[page].setChecked(True)

    def set_live(self, live: bool) -> None:
        """A green dot at Train while a run works."""
        button = self._pages["train"]
        if button.live != live:
            button.live = live
            button.update()

    def sizeHint(self) -> QSize:
        """Fixed width."""
        return QSize(72, 600)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Dark ground and a hairline at the right."""
        p = painter(self)
        p.fillRect(self.rect(), theme.BG0)
        p.fillRect(self.width() - 1, 0, 1, self.height(), theme.LINE)
        p.end()


def logo_pixmap(size: int, ratio: float = 1.0) -> QPixmap:
    """The mark of the product, square."""
    pixmap = QPixmap(str(theme.RESOURCES / "icons" / "lesionforge.svg"))
    scaled = pixmap.scaled(
        round(size * ratio),
        round(size * ratio),
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    scaled.setDevicePixelRatio(ratio)
    return scaled
