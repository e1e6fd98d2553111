"""Editors of the plan form, one for each kind of field: each reads itself and judges itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.data.plan_fields import Field as FieldSpec
from gui.widgets import ComboField, Field, Switch, label

#: The value, and a sentence that says why it cannot be used ("" when it can).
Reading = tuple[Any, str]


class Editor(QWidget):
    """Base: a row of widgets. Emits :attr:`changed` with each change by the user."""

    changed = Signal()

    def __init__(self, spec: FieldSpec) -> None:
        super().__init__()
        self.spec = spec
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(6)
        self.setMinimumHeight(32)

    def set_value(self, value: Any) -> None:
        """Show ``value``."""
        raise NotImplementedError

    def read(self) -> Reading:
        """What stands there, and what is wrong with it."""
        raise NotImplementedError

    def set_read_only(self, on: bool) -> None:
        """Only to look at."""
        self.setEnabled(not on)

    def set_invalid(self, sentence: str) -> None:
        """Mark the field."""

    def in_range(self, values: Sequence[float]) -> str:
        """The sentence for values outside of the field's limits."""
        low, high = self.spec.low, self.spec.high
        if low is None or high is None or all(low <= v <= high for v in values):
            return ""
        return self.tr("Enter {0} to {1}").format(_plain(low), _plain(high))


def _plain(value: float) -> str:
    return f"{value:g}".replace("-", "−")


class TextEditor(Editor):
    """Words, or numbers written as words (stages)."""

    def __init__(self, spec: FieldSpec) -> None:
        super().__init__(spec)
        self.field = Field()
        self.field.setAccessibleName(self.tr(spec.label))
        self.field.textEdited.connect(lambda _text: self.changed.emit())
        self.row.addWidget(self.field, 1)
        if spec.unit:
            self.row.addWidget(label(self.tr(spec.unit), 12, 400, "t3"))

    def set_value(self, value: Any) -> None:
        """Show the words."""
        self.field.setText("" if value is None else str(value))

    def read(self) -> Reading:
        """The words; they must not be blank."""
        words = self.field.text().strip()
        return words, "" if words else self.tr("Enter something")

    def set_read_only(self, on: bool) -> None:
        """The words can still be copied."""
        self.field.setReadOnly(on)

    def set_invalid(self, sentence: str) -> None:
        """Red border."""
        self.field.set_invalid(sentence)


class NumberEditor(TextEditor):
    """A number; blank where the field is optional."""

    def set_value(self, value: Any) -> None:
        """Show as many places as there are."""
        super().set_value(None if value is None else _number_words(value))

    def read(self) -> Reading:
        """The number, None for a blank optional field."""
        words = self.field.text().strip()
        if not words and self.spec.optional:
            return None, ""
        value = _number(words, self.spec.kind == "int")
        if value is None:
            whole = self.spec.kind == "int"
            return None, self.tr("Enter a whole number") if whole else self.tr("Enter a number")
        return value, self.in_range([value])


class TripleEditor(Editor):
    """Three numbers: slices, rows, columns."""

    def __init__(self, spec: FieldSpec) -> None:
        super().__init__(spec)
        self.fields: list[Field] = []
        names = (self.tr("Slices"), self.tr("Rows"), self.tr("Columns"))
        for index, name in enumerate(names):
            if index:
                self.row.addWidget(label("×", 13, 400, "t3"))
            field = Field()
            field.setAccessibleName(f"{self.tr(spec.label)}, {name}")
            field.setPlaceholderText(name)
            field.textEdited.connect(lambda _text: self.changed.emit())
            self.fields.append(field)
            self.row.addWidget(field, 1)
        if spec.unit:
            self.row.addWidget(label(self.tr(spec.unit), 12, 400, "t3"))

    def set_value(self, value: Any) -> None:
        """Show three numbers."""
        for field, number in zip(self.fields, value, strict=True):
            field.setText(_number_words(number))

    def read(self) -> Reading:
        """The three numbers."""
        whole = self.spec.kind == "ints"
        numbers = [_number(field.text(), whole) for field in self.fields]
        known = [n for n in numbers if n is not None]
        if len(known) < 3:
            several = (
                self.tr("Enter three whole numbers") if whole else self.tr("Enter three numbers")
            )
            return None, several
        return tuple(known), self.in_range(known)

    def set_read_only(self, on: bool) -> None:
        """The numbers can still be copied."""
        for field in self.fields:
            field.setReadOnly(on)

    def set_invalid(self, sentence: str) -> None:
        """Red borders."""
        for field in self.fields:
            field.set_invalid(sentence)


class StagesEditor(TextEditor):
    """One entry a stage: ``16, 32, 64`` or ``1×1×1, 2×2×2``."""

    def set_value(self, value: Any) -> None:
        """Show the entries."""
        self.field.setText(
            ", ".join("×".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in value)
        )

    def read(self) -> Reading:
        """The entries as numbers or triples."""
        entries: list[int | tuple[int, int, int]] = []
        for words in re.split(r"[,;]", self.field.text()):
            numbers = [_number(part, True) for part in re.split(r"[×x*]", words)]
            if any(n is None for n in numbers) or len(numbers) not in (1, 3):
                return None, self.tr("Enter one entry a stage, like {0}").format(self._example())
            whole = [int(n) for n in numbers if n is not None]
            entries.append(whole[0] if len(whole) == 1 else (whole[0], whole[1], whole[2]))
        if len({isinstance(entry, tuple) for entry in entries}) != 1:
            return None, self.tr("Enter one entry a stage, like {0}").format(self._example())
        flat = [n for e in entries for n in (e if isinstance(e, tuple) else (e,))]
        return tuple(entries), self.in_range(flat)

    def _example(self) -> str:
        return "16, 32, 64" if self.spec.key in ("channels", "blocks") else "1×1×1, 2×2×2"


class SwitchEditor(Editor):
    """On or off."""

    def __init__(self, spec: FieldSpec) -> None:
        super().__init__(spec)
        self.switch = Switch(self.tr(spec.label))
        self.words = label("", 13)
        self.switch.toggled.connect(self._toggled)
        self.row.addWidget(self.switch)
        self.row.addWidget(self.words)
        self.row.addStretch(1)

    def _toggled(self, on: bool) -> None:
        self.words.setText(self.tr("On") if on else self.tr("Off"))
        self.changed.emit()

    def set_value(self, value: Any) -> None:
        """Show the state."""
        self.switch.setChecked(bool(value))
        self.words.setText(self.tr("On") if value else self.tr("Off"))

    def read(self) -> Reading:
        """The state; never wrong."""
        return self.switch.isChecked(), ""


class ChoiceEditor(Editor):
    """One of a few."""

    def __init__(self, spec: FieldSpec, choices: Sequence[tuple[str, str]]) -> None:
        super().__init__(spec)
        self.combo = ComboField("", [(key, self.tr(words)) for key, words in choices])
        self.combo.setAccessibleName(self.tr(spec.label))
        self.combo.changed.connect(lambda _key: self.changed.emit())
        self.row.addWidget(self.combo, 1)

    def set_value(self, value: Any) -> None:
        """Choose; a value that is no longer offered is added."""
        if self.combo.findData(value) < 0:
            self.combo.addItem(str(value), value)
        self.combo.set_key(str(value))

    def read(self) -> Reading:
        """The key; never wrong."""
        return self.combo.key(), ""


def make_editor(spec: FieldSpec, device_keys: Sequence[str]) -> Editor:
    """The editor for a field. device_keys: what the device field offers."""
    if spec.key == "device":
        return ChoiceEditor(spec, [(key, key) for key in device_keys])
    if spec.kind == "choice":
        return ChoiceEditor(spec, spec.choices)
    makers: dict[str, type[Editor]] = {
        "text": TextEditor,
        "int": NumberEditor,
        "float": NumberEditor,
        "bool": SwitchEditor,
        "ints": TripleEditor,
        "floats": TripleEditor,
        "stages": StagesEditor,
    }
    return makers[spec.kind](spec)


def _number(words: str, whole: bool) -> float | int | None:
    plain = words.strip().replace("−", "-").replace("\u2009", "").replace(" ", "")
    try:
        return int(plain) if whole else float(plain.replace(",", "."))
    except ValueError:
        return None


def _number_words(value: float) -> str:
    words = str(value) if isinstance(value, int) else f"{value:.10g}"
    return words.replace("-", "−") if not re.search(r"e", words) else words
