"""Fields: text, search, numbers with a unit, a choice with its name in front."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QLineEdit, QSizePolicy, QWidget

from gui import theme
from gui.widgets.paint import painter, rounded, text, width_of


class Field(QLineEdit):
    """A line of text, 32 high (28 when dense)."""

    def __init__(
        self,
        value: str = "",
        placeholder: str = "",
        dense: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(value, parent)
        self.setFont(theme.font(13))
        self.setPlaceholderText(placeholder)
        self.setProperty("dense", dense)
        self.setAcceptDrops(False)  # files dropped on a field are meant for the window

    def set_invalid(self, sentence: str) -> None:
        """Red border and the sentence as tooltip; "" takes both away."""
        if bool(self.property("invalid")) != bool(sentence):
            self.setProperty("invalid", bool(sentence))
            self.style().unpolish(self)
            self.style().polish(self)
        self.setToolTip(sentence)


class SearchField(Field):
    """Filters while one types: :attr:`searched` follows the text by 60 ms. Esc clears it.

    below: Enter or the down arrow, to go on in what was found.
    """

    searched = Signal(str)
    below = Signal()

    def __init__(self, placeholder: str, parent: QWidget | None = None) -> None:
        super().__init__("", placeholder, parent=parent)
        self.setAccessibleName(placeholder)
        self.addAction(theme.icon("ph.magnifying-glass"), QLineEdit.ActionPosition.LeadingPosition)
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(60)
        self._wait.timeout.connect(lambda: self.searched.emit(self.text()))
        self.textChanged.connect(lambda _text: self._wait.start())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc clears, or lets go of the focus where there is nothing to clear."""
        if event.key() == Qt.Key.Key_Escape:
            if self.text():
                self.clear()
            else:
                self.clearFocus()
            return
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.below.emit()


class NumberField(Field):
    """A number with its unit inside at the right. Emits :attr:`changed` with each valid change.

    Arrow keys and the wheel (while focused) step by ``step``; text outside of lo..hi is marked
    and not taken, and the last valid value comes back when the field loses the focus.
    """

    changed = Signal(float)

    def __init__(
        self,
        value: float,
        unit: str = "",
        lo: float = -math.inf,
        hi: float = math.inf,
        decimals: int = 0,
        *,
        step: float | None = None,
        dense: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("", "", dense, parent)
        self._lo, self._hi, self._decimals = lo, hi, decimals
        self._step = step if step is not None else 10.0**-decimals
        self._unit = unit
        self._value = self._clip(value)
        self._show()
        if unit:
            self.setTextMargins(0, 0, round(width_of(unit, theme.font(12))) + 6, 0)
        self.textEdited.connect(self._take)
        self.editingFinished.connect(self._settle)

    def value(self) -> float:
        """The last valid value."""
        return self._value

    def set_value(self, value: float) -> None:
        """Show a value without emitting; it is clipped to the limits."""
        self._value = self._clip(value)
        if not self.hasFocus() or self._parse(self.text()) != self._value:
            self._show()
        self.set_invalid("")

    def set_range(self, lo: float, hi: float) -> None:
        """Change the limits."""
        self._lo, self._hi = lo, hi
        self.set_value(self._value)

    def valid(self) -> bool:
        """Whether the text is a number within the limits."""
        return self._parse(self.text()) is not None

    def _clip(self, value: float) -> float:
        return min(self._hi, max(self._lo, value))

    def _show(self) -> None:
        words = f"{self._value:.{self._decimals}f}".replace("-", "−")
        self.setText(words)

    def _parse(self, words: str) -> float | None:
        plain = words.strip().replace("−", "-").replace(" ", "").replace("\u2009", "")
        try:
            value = float(plain.replace(",", "."))
        except ValueError:
            return None
        return value if math.isfinite(value) and self._lo <= value <= self._hi else None

    def _limits(self) -> str:
        def words(value: float) -> str:
            return f"{value:.{self._decimals}f}".replace("-", "−")

        if math.isinf(self._lo) and math.isinf(self._hi):
            return self.tr("Enter a number")
        if math.isinf(self._hi):
            return self.tr("Enter {0} or more").format(words(self._lo))
        return self.tr("Enter {0} to {1}").format(words(self._lo), words(self._hi))

    def _take(self, words: str) -> None:
        value = self._parse(words)
        self.set_invalid("" if value is not None else self._limits())
        if value is not None and value != self._value:
            self._value = value
            self.changed.emit(value)

    def _settle(self) -> None:
        self._show()
        self.set_invalid("")

    def _move(self, steps: int) -> None:
        value = self._clip(round((self._value + steps * self._step) * 1e9) / 1e9)
        if value != self._value:
            self._value = value
            self.changed.emit(value)
        self._settle()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and down step."""
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._move(1 if event.key() == Qt.Key.Key_Up else -1)
            return
        super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel steps, but only while the field has the focus, so that pages can scroll."""
        if self.hasFocus() and event.angleDelta().y():
            self._move(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The unit on top of the line."""
        super().paintEvent(event)
        if self._unit:
            p = painter(self)
            area = QRectF(self.rect()).adjusted(0, 0, -10, 0)
            colour = theme.T3 if self.isEnabled() else theme.DIS
            text(p, area, self._unit, theme.font(12), colour, align=Qt.AlignmentFlag.AlignRight)
            p.end()


class ComboField(QComboBox):
    """A choice with its name in front: "Status Draft". Emits :attr:`changed` with the key.

    options: (key, text). kind: "field" looks like a field, "button" like a secondary button.
    """

    changed = Signal(str)

    def __init__(
        self,
        name: str = "",
        options: Sequence[tuple[str, str]] = (),
        *,
        icon: str | None = None,
        kind: str = "field",
        dense: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._name = name
        self._icon = icon
        self._button = kind == "button"
        self._height = 28 if dense or self._button else 32
        self.setAccessibleName(name)
        self.setFont(theme.font(13, 600 if self._button else 400))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.set_options(options)
        self.activated.connect(lambda _index: self.changed.emit(self.key()))

    def set_name(self, name: str) -> None:
        """Change the name in front."""
        self._name = name
        self.setAccessibleName(name)
        self.update()

    def set_options(self, options: Sequence[tuple[str, str]]) -> None:
        """Change the options; the chosen key stays where it still exists. Emits nothing."""
        before = self.key() if self.count() else None
        blocked = self.blockSignals(True)
        self.clear()
        for key, words in options:
            self.addItem(words, key)
        if before is not None and self.findData(before) >= 0:
            self.setCurrentIndex(self.findData(before))
        self.blockSignals(blocked)
        self.updateGeometry()
        self.update()

    def key(self) -> str:
        """Key of the chosen option, "" where there is none."""
        data = self.currentData()
        return "" if data is None else str(data)

    def set_key(self, key: str) -> None:
        """Choose without emitting :attr:`changed`. An unknown key chooses nothing."""
        self.setCurrentIndex(self.findData(key))
        self.update()

    def _name_width(self) -> float:
        return width_of(self._name, theme.font(13)) + 6 if self._name else 0

    def sizeHint(self) -> QSize:
        """Wide enough for the longest option."""
        longest = max(
            (width_of(self.itemText(i), self.font()) for i in range(self.count())), default=40
        )
        width = 10 + (24 if self._icon else 0) + self._name_width() + longest + 36
        return QSize(round(width), self._height)

    def minimumSizeHint(self) -> QSize:
        """May shrink; the text is then elided."""
        return QSize(min(self.sizeHint().width(), 96), self._height)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scrolling a page must not change what is chosen."""
        event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The border takes the accent."""
        super().focusInEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, icon, name, choice, caret."""
        p = painter(self)
        rect = QRectF(self.rect())
        on = self.isEnabled()
        hot = on and self.underMouse()
        if self._button:
            ground, border = (theme.BG3_HOVER if hot else theme.BG3), theme.LINE2
        else:
            ground, border = theme.INSET, theme.CTL
        if self.hasFocus() and on:
            border = theme.ACC
        rounded(p, rect, 6, ground, border)
        middle = round(rect.center().y() - 8)
        x = 10.0
        if self._icon:
            theme.icon(self._icon, theme.T2 if on else theme.DIS).paint(p, round(x), middle, 16, 16)
            x += 24
        if self._name:
            quiet = theme.T3 if on else theme.DIS
            x += 6 + text(p, rect.adjusted(x, 0, -28, 0), self._name, theme.font(13), quiet)
        shown = QRectF(x, 0, rect.right() - 28 - x, rect.height())
        text(p, shown, self.currentText(), self.font(), theme.T1 if on else theme.DIS)
        caret = theme.icon("ph.caret-down", theme.T2 if on else theme.DIS, 14)
        caret.paint(p, round(rect.right()) - 24, middle + 1, 14, 14)
        p.end()
