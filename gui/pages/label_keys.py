"""Which key does what on the Label page."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent

_DIGITS = tuple(Qt.Key(Qt.Key.Key_0.value + n) for n in range(10))
#: What Shift makes of the digits 1-5 where the system does not say which key it was.
_SHIFTED = {
    Qt.Key.Key_Exclam: 1, Qt.Key.Key_At: 2, Qt.Key.Key_NumberSign: 3,
    Qt.Key.Key_Dollar: 4, Qt.Key.Key_Percent: 5,
}  # fmt: skip
#: Scan code of the key 1 on X11 and Wayland, virtual key of it on Windows.
_LINUX_ONE, _WINDOWS_ONE = 10, 0x31


def digit(event: QKeyEvent) -> int | None:
    """The digit of a key without modifiers."""
    keys = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if keys == Qt.KeyboardModifier.NoModifier and event.key() in _DIGITS:
        return _DIGITS.index(Qt.Key(event.key()))
    return None


def shifted_digit(event: QKeyEvent) -> int | None:
    """The digit 1-5 that was pressed with Shift, whatever sign the keyboard makes of it."""
    if event.modifiers() != Qt.KeyboardModifier.ShiftModifier:
        return None
    if event.key() in _DIGITS[1:6]:
        return _DIGITS.index(Qt.Key(event.key()))
    platform = QGuiApplication.platformName()
    if platform in ("xcb", "wayland") and _LINUX_ONE <= event.nativeScanCode() < _LINUX_ONE + 5:
        return event.nativeScanCode() - _LINUX_ONE + 1
    if platform == "windows":
        number = event.nativeVirtualKey() - _WINDOWS_ONE + 1
        return number if 1 <= number <= 5 else None
    return _SHIFTED.get(Qt.Key(event.key())) if event.key() in _SHIFTED else None


def letter(event: QKeyEvent) -> str:
    """The letter of a key without modifiers, "" for other keys."""
    plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
    if plain and Qt.Key.Key_A.value <= event.key() <= Qt.Key.Key_Z.value:
        return chr(event.key())
    return ""
