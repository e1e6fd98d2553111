"""The list of label classes: colour, name, volume, eye and lock."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QContextMenuEvent, QMouseEvent, QPaintEvent
from PySide6.QtWidgets import (
    QColorDialog,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.labels.schema import LabelClass, LabelSchema
from gui import theme
from gui.document.document import LabelDocument
from gui.pages.label_section import Section
from gui.widgets import Dialog, Field, IconButton, Menu, Switch, label
from gui.widgets.paint import painter, rounded, text, width_of

#: Height of a row, and how many there is room for before the list scrolls.
_ROW, _FULL = 34, 8


def thousands(value: float, decimals: int) -> str:
    """A figure with thin gaps between thousands."""
    return f"{value:,.{decimals}f}".replace(",", "\u2009")


def volume_words(ml: float) -> str:
    """A volume as the panel shows it: one decimal below 1000 mL; empty for none."""
    if ml <= 0:
        return ""
    return f"{thousands(ml, 0 if ml >= 1000 else 1)} mL"


def outlined(doc: LabelDocument, value: int) -> bool:
    """Whether a class is outlined in the whole of the open series."""
    # A row that follows a last stroke late may find the project already let go.
    if not doc.uid or doc.session.project is None:
        return True
    return value not in doc.session.record(doc.uid).unannotated


class ClassRow(QWidget):
    """One class; a click makes it the one that is painted with."""

    def __init__(self, document: LabelDocument, value: int, number: int) -> None:
        super().__init__()
        self.value = value
        self._doc = document
        self._number = number
        self.setFixedHeight(_ROW)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 4, 0)
        row.setSpacing(2)
        row.addStretch(1)
        self.eye = IconButton("ph.eye", self.tr("Hide"), size=26)
        self.lock = IconButton("ph.lock-simple-open", self.tr("Lock"), size=26)
        for button, which in ((self.eye, document.hidden), (self.lock, document.locked)):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _c=False, which=which: document.toggle(which, value))
            row.addWidget(button)
        self.follow()

    def follow(self) -> None:
        """Class, volume, eye or lock changed."""
        doc = self._doc
        hidden, locked = self.value in doc.hidden, self.value in doc.locked
        name = doc.class_name(self.value)
        self.eye.set_icon("ph.eye-slash" if hidden else "ph.eye", theme.T3)
        self.eye.set_tooltip((self.tr("Show {0}") if hidden else self.tr("Hide {0}")).format(name))
        self.lock.set_icon(
            "ph.lock-simple" if locked else "ph.lock-simple-open", theme.T1 if locked else theme.DIS
        )
        words = self.tr("Unlock {0}") if locked else self.tr("Lock {0}")
        self.lock.set_tooltip(words.format(name))
        key = f" ({self._number})" if self._number <= 9 else ""
        self.setToolTip("\n".join([f"{name}{key}", *self._remarks()]))
        self.setAccessibleName(name)
        self.update()

    def _remarks(self) -> list[str]:
        """What training and scores make of the class."""
        if self._doc.schema.ignore_value == self.value:
            return [self.tr("Not sure: neither learned nor scored")]
        if not outlined(self._doc, self.value):
            return [self.tr("Not outlined everywhere in this series: the rest is unknown")]
        return []

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Paint with this class."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._doc.set_active(self.value)

    def event(self, event: QEvent) -> bool:
        """Keep the hover look right."""
        if event.type() in (QEvent.Type.HoverEnter, QEvent.Type.HoverLeave):
            self.update()
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, swatch, name, volume."""
        doc = self._doc
        p = painter(self)
        rect = QRectF(self.rect()).adjusted(0, 1, 0, -1)
        active = doc.active == self.value
        if active:
            rounded(p, rect, 4, theme.ACCBG)
            rounded(p, QRectF(0, rect.top() + 5, 3, rect.height() - 10), 1.5, theme.ACC)
        elif self.underMouse():
            rounded(p, rect, 4, theme.BG3)
        dim = self.value in doc.hidden
        swatch = QColor(doc.colour(self.value))
        if dim:
            swatch.setAlphaF(0.5)
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(swatch)
        p.drawRoundedRect(QRectF(12, rect.center().y() - 7, 14, 14), 3, 3)
        words = volume_words(doc.ml(self.value))
        if not outlined(doc, self.value):
            # As much as this, and whatever else there is.
            words = f"≥ {words}" if words else "?"
        font = theme.font(13)
        right = self.width() - 64
        text(
            p, QRectF(right - 90, rect.top(), 86, rect.height()), words, font,
            theme.T2, align=Qt.AlignmentFlag.AlignRight,
        )  # fmt: skip
        room = right - 40 - width_of(words, font) - 8
        weight = 600 if active else 400
        tone = theme.T3 if dim else theme.T1
        area = QRectF(36, rect.top(), room, rect.height())
        text(p, area, doc.class_name(self.value), theme.font(13, weight), tone)
        p.end()


class ClassDialog(Dialog):
    """Name and kind of a class."""

    def __init__(self, parent: QWidget, title: str, like: LabelClass | None = None) -> None:
        super().__init__(parent, title, 400)
        self.name = Field(like.name if like else "", self.tr("Name"))
        self.name.setMaxLength(64)
        self.body.addWidget(self.name)
        self.lesion = self._switch(
            self.tr("Count and measure as lesions"), like is not None and like.lesion
        )
        self.ignore = self._switch(
            self.tr("Not sure: neither learned nor scored"), like is not None and like.ignore
        )
        # A lesion that nobody is sure of is none that could be counted.
        self.lesion.toggled.connect(lambda on: self.ignore.setChecked(False) if on else None)
        self.ignore.toggled.connect(lambda on: self.lesion.setChecked(False) if on else None)
        self.add_button(self.tr("Cancel"), "ghost").clicked.connect(self.reject)
        done = self.add_button(self.tr("Save"), "primary")
        done.setDefault(True)
        done.clicked.connect(self._check)
        self.name.setFocus()

    def _switch(self, words: str, on: bool) -> Switch:
        row = QHBoxLayout()
        switch = Switch(words, on)
        row.addWidget(label(words, tone="t2"), 1)
        row.addWidget(switch)
        self.body.addLayout(row)
        return switch

    def _check(self) -> None:
        if self.name.text().strip():
            self.accept()
        else:
            self.name.set_invalid(self.tr("Enter a name"))


class ClassesSection(Section):
    """All classes of the project, in the order of the keys 1-9."""

    def __init__(self, document: LabelDocument, parent: QWidget | None = None) -> None:
        super().__init__(document.tr("Labels"), parent=parent)
        self._doc = document
        self.rows: dict[int, ClassRow] = {}
        self.add = IconButton("ph.plus", self.tr("Add a label class"), size=26)
        self.add.clicked.connect(self.add_class)
        self.header.addWidget(self.add)
        inner = QWidget()
        inner.setObjectName("scrolled")
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(0)
        self._scroll = QScrollArea()
        self._scroll.setWidget(inner)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.body.addWidget(self._scroll)
        # Volumes while painting: often enough to be live, seldom enough to cost nothing.
        self._late = QTimer(self, singleShot=True, interval=60)
        self._late.timeout.connect(self._follow)
        document.schema_changed.connect(self._rebuild)
        document.active_changed.connect(self._follow)
        document.volume_changed.connect(self._follow)
        document.labels_changed.connect(self._soon)
        document.session.series_changed.connect(self._follow)
        self._rebuild()

    def _soon(self) -> None:
        if not self._late.isActive():
            self._late.start()

    def _follow(self) -> None:
        for row in self.rows.values():
            row.follow()

    def _rebuild(self) -> None:
        values = [c.value for c in self._doc.schema.classes]
        if values != list(self.rows):
            for row in self.rows.values():
                self._list.removeWidget(row)
                row.hide()
                row.deleteLater()
            self.rows = {}
            for number, value in enumerate(values, start=1):
                self.rows[value] = ClassRow(self._doc, value, number)
                self._list.addWidget(self.rows[value])
            # Half a row shows that there are more.
            rows = len(values) if len(values) <= _FULL else _FULL - 0.5
            self._scroll.setFixedHeight(round(rows * _ROW))
        self._follow()

    def choose_number(self, number: int) -> bool:
        """Paint with the class of this number, from 1; False when there is none."""
        values = list(self.rows)
        if not 1 <= number <= len(values):
            return False
        self._doc.set_active(values[number - 1])
        return True

    def add_class(self) -> None:
        """Ask for a name and add a class."""
        if self._doc.project is None:
            return
        dialog = ClassDialog(self, self.tr("Add a label class"))
        if dialog.exec():
            schema, added = self._doc.schema.with_class(
                dialog.name.text().strip(), dialog.lesion.isChecked()
            )
            if dialog.ignore.isChecked():
                schema = schema.with_ignored(added.value)
            self._doc.set_schema(schema)
            self._doc.set_active(added.value)
        dialog.deleteLater()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Rename, colour, kind of the class under the pointer."""
        row = next((r for r in self.rows.values() if r.underMouse()), None)
        if row is None or self._doc.project is None:
            return
        found = self._doc.schema.by_value(row.value)
        menu = Menu(self)
        menu.add(self.tr("Edit…"), lambda: self._edit(found), "ph.pencil-simple")
        menu.add(self.tr("Colour…"), lambda: self._recolour(found), "ph.palette")
        menu.add(
            self.tr("Paint with it"), lambda: self._doc.set_active(row.value), "ph.paint-brush"
        )
        if self._doc.uid and not found.ignore:
            self._add_outlined(menu, found)
        menu.exec(event.globalPos())
        menu.deleteLater()

    def _add_outlined(self, menu: Menu, found: LabelClass) -> None:
        uid, whole = self._doc.uid, outlined(self._doc, found.value)
        words = self.tr("Outlined everywhere here")
        if whole:
            words = self.tr("Not outlined everywhere here")
        menu.add(
            words,
            lambda: self._doc.session.set_outlined(uid, found.value, not whole),
            "ph.circle-dashed" if whole else "ph.circle",
        )

    def _edit(self, found: LabelClass) -> None:
        dialog = ClassDialog(self, self.tr("Edit a label class"), found)
        if dialog.exec():
            self._keep(found, dialog)
        dialog.deleteLater()

    def _keep(self, found: LabelClass, dialog: ClassDialog) -> None:
        name, ignore = dialog.name.text().strip(), dialog.ignore.isChecked()
        new = replace(found, name=name, lesion=dialog.lesion.isChecked(), ignore=found.ignore)
        schema = self._doc.schema
        if ignore != found.ignore:
            # One class at most means "not sure"; another that did no longer does.
            schema = schema.with_ignored(found.value if ignore else None)
            new = replace(new, ignore=ignore)
        self._replace(new, schema)

    def _recolour(self, found: LabelClass) -> None:
        colour = QColorDialog.getColor(QColor(found.colour), self, self.tr("Colour"))
        if colour.isValid():
            self._replace(replace(found, colour=colour.name().upper()))

    def _replace(self, new: LabelClass, schema: LabelSchema | None = None) -> None:
        before = (schema or self._doc.schema).classes
        classes = tuple(new if c.value == new.value else c for c in before)
        self._doc.set_schema(LabelSchema(classes))
