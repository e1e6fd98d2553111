"""All remedies of a doubtful volume, with what each of them does to this very volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from core.dicom.remedies import Offer, Remedy
from core.project.records import SeriesRecord
from gui import i18n, theme
from gui.widgets import Dialog, NumberField, Pill, label
from gui.widgets.focus import RingMixin
from gui.widgets.paint import dot, painter, rounded, text, width_of

_WIDTH = 640
_SPACE = _WIDTH - 48


class RemedyCard(RingMixin, QAbstractButton):
    """A radio button as a card: what it is called, whether it is recommended, what it does."""

    def __init__(self, name: str, offer: Offer, mark: str) -> None:
        super().__init__()
        self.offer = offer
        self._words = i18n.sentence(offer.text)
        self._name, self._mark = name, mark
        self.setText(name)
        self.setCheckable(True)
        self.setChecked(offer.current)
        self.setAccessibleName(name)
        self.setAccessibleDescription(self._words)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._height = 40 + self._lines()

    def _lines(self) -> int:
        font = theme.font(12)
        self.setFont(font)
        flags = int(Qt.TextFlag.TextWordWrap)
        box = self.fontMetrics().boundingRect(0, 0, _SPACE - 60, 1000, flags, self._words)
        return box.height() + 12

    def sizeHint(self) -> QSize:
        """As high as the words need."""
        return QSize(_SPACE, self._height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Frame, ring, words."""
        p = painter(self)
        on, area = self.isChecked(), QRectF(self.rect())
        hover = theme.BG3 if self.underMouse() else None
        rounded(p, area, 6, theme.ACCBG if on else hover, theme.ACC if on else theme.LINE2)
        centre = QPointF(24, 22)
        ring = QRectF(centre.x() - 8, centre.y() - 8, 16, 16)
        rounded(p, ring, 8, theme.ACCF if on else theme.INSET, theme.ACC if on else theme.CTL)
        if on:
            dot(p, centre, 3, theme.WHITE)
        bold = theme.font(13, 600)
        text(p, QRectF(44, 12, area.width() - 60, 20), self._name, bold, theme.T1)
        if self._mark:
            pill = Pill(self._mark, "info" if self.offer.recommended else "neutral")
            size = pill.sizeHint()
            at = 44 + width_of(self._name, bold) + 10
            pill.paint_at(p, QRectF(at, 10, size.width(), 24))
        p.setFont(theme.font(12))
        p.setPen(theme.T2)
        lines = QRectF(44, 36, area.width() - 60, area.height() - 40)
        p.drawText(lines, int(Qt.TextFlag.TextWordWrap), self._words)
        p.end()


class RemedyDialog(Dialog):
    """One card for each remedy that is safe; the one in force is chosen. names: kind -> words."""

    def __init__(
        self,
        parent: QWidget | None,
        record: SeriesRecord,
        offers: Sequence[Offer],
        names: dict[str, str],
    ) -> None:
        super().__init__(parent, "", _WIDTH)
        self.heading.setText(self.tr("Remedies for {0}").format(record.patient_id or "–"))
        self._group = QButtonGroup(self)
        self.cards: dict[str, RemedyCard] = {}
        for offer in offers:
            mark = ""
            if offer.current:
                mark = self.tr("in use")
            elif offer.recommended:
                mark = self.tr("recommended")
            card = RemedyCard(names[offer.remedy.kind], offer, mark)
            self._group.addButton(card)
            self.cards[offer.remedy.kind] = card
            self.body.addWidget(card)
        self._build_spacing(record)
        note = self.tr("Labels follow by their place in the patient. Every choice can be undone.")
        self.body.addWidget(label(note, 12, 400, "t3", wrap=True))
        self.add_button(self.tr("Cancel"), "ghost").clicked.connect(self.reject)
        self.use = self.add_button(self.tr("Use this remedy"), "primary")
        self.use.clicked.connect(self.accept)
        self._group.buttonClicked.connect(lambda _card: self._follow())
        self._follow()

    def _build_spacing(self, record: SeriesRecord) -> None:
        usual = (record.scanned.geometry if record.scanned else record.geometry).spacing[0]
        self._usual = usual
        self._row = QWidget()
        row = QHBoxLayout(self._row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        words = self.tr("Slice distance")
        # As far as core.dicom.offers takes it.
        self.spacing = NumberField(usual, "mm", usual / 4, usual * 4, 2)
        self.spacing.setAccessibleName(words)
        self.spacing.setFixedWidth(120)
        row.addWidget(label(words, 13, 400, "t2"))
        row.addWidget(self.spacing)
        row.addStretch(1)
        self.body.addWidget(self._row)

    def _card(self) -> RemedyCard | None:
        return next((card for card in self.cards.values() if card.isChecked()), None)

    def _follow(self) -> None:
        card = self._card()
        self._row.setVisible(card is not None and card.offer.remedy.kind == "resample")
        self.use.setEnabled(card is not None and self.chosen() is not None)
        self.use.setToolTip("" if self.use.isEnabled() else self.tr("This is what is in use"))
        self.adjustSize()

    def chosen(self) -> Remedy | None:
        """The remedy to apply, None for the one that is in force already."""
        card = self._card()
        if card is None:
            return None
        remedy = card.offer.remedy
        if remedy.kind == "resample":
            # To two digits as shown; the usual distance itself is said by 0.
            value = self.spacing.value()
            usual = abs(value - self._usual) < 0.005
            return replace(remedy, spacing=0.0 if usual else value)
        return None if card.offer.current else remedy
