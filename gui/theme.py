"""The look: colour tokens, fonts, icons and the style sheet; one place for all of them.

Values are those of the project's visual design. Widgets that paint themselves use the tokens,
everything else gets them through ``resources/style.qss``, in which ``$bg1`` stands for ``BG1``.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Final

import qtawesome
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPalette, QPixmap
from PySide6.QtWidgets import QApplication

import resources

BLACK: Final = "#000000"
BG0: Final = "#0D0F11"
BG1: Final = "#14171A"
BG2: Final = "#1B1F23"
BG3: Final = "#252A30"
BG4: Final = "#333B44"
INSET: Final = "#0F1214"
LINE: Final = "#2B3137"
LINE2: Final = "#4A535C"
CTL: Final = "#67727D"
T1: Final = "#E8EBEE"
T2: Final = "#AEB6BF"
T3: Final = "#8C959F"
DIS: Final = "#5F6770"
WHITE: Final = "#FFFFFF"
ACC: Final = "#6CB0F6"
ACCF: Final = "#2C6CB0"
ACCBG: Final = "#1B2C3F"
OK: Final = "#54C68F"
OKBG: Final = "#16302A"
WARN: Final = "#E9B44C"
WARNBG: Final = "#332A17"
ERR: Final = "#F28488"
ERRBG: Final = "#3A2024"
TRUTH: Final = "#2DBE94"
PRED: Final = "#FFB84D"
#: Hovered accent and secondary buttons and the ground of menus: steps between two tokens.
ACCF_HOVER: Final = "#3A7CC2"
BG3_HOVER: Final = "#2F363D"
MENU: Final = "#23282D"
RUN_COLOURS: Final = ("#8C959F", "#AFE0B2", "#F59E2B", "#6CB0F6")

TONES: Final[dict[str, tuple[str, str]]] = {
    "neutral": (T2, BG3),
    "ok": (OK, OKBG),
    "warn": (WARN, WARNBG),
    "err": (ERR, ERRBG),
    "info": (ACC, ACCBG),
}

#: Lower-case name -> value, for the placeholders of the style sheet.
TOKENS: Final[dict[str, str]] = {
    name.lower(): value
    for name, value in list(globals().items())
    if name.isupper() and isinstance(value, str) and value.startswith("#")
}

RESOURCES: Final = Path(resources.__file__).parent
_SANS = ("Inter", "Noto Sans CJK SC", "Microsoft YaHei UI", "PingFang SC")
_MONO = ("JetBrains Mono", "Noto Sans Mono CJK SC")


@lru_cache(maxsize=4)
def _families(mono: bool) -> list[str]:
    """Installed families of the design first, then the platform's own face, then CJK."""
    own = QFontDatabase.systemFont(
        QFontDatabase.SystemFont.FixedFont if mono else QFontDatabase.SystemFont.GeneralFont
    ).family()
    first, *fallback = _MONO if mono else _SANS
    installed = set(QFontDatabase.families())
    families = [first] if first in installed else []
    return [*families, own, *(name for name in fallback if name in installed)]


@lru_cache(maxsize=64)
def font(px: int, weight: int = 400, mono: bool = False) -> QFont:
    """The interface font at ``px`` device-independent pixels; weight as in CSS (400-700).

    Everybody shares it, so copy it before changing it.
    Figures are tabular where the Qt version can ask for it; hinting is off so that text keeps its
    shape at fractional scales.
    """
    result = QFont(_families(mono))
    result.setPixelSize(px)
    result.setWeight(QFont.Weight(weight))
    result.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    result.setStyleStrategy(QFont.StyleStrategy.PreferAntialias)
    if mono:
        result.setStyleHint(QFont.StyleHint.Monospace)
    elif hasattr(result, "setFeature"):  # Qt 6.7 and later
        result.setFeature(QFont.Tag("tnum"), 1)
    return result


@lru_cache(maxsize=512)
def icon(name: str, colour: str = T2, size: int = 16) -> QIcon:
    """A Phosphor icon (``ph.stack``) in a token's colour; disabled it takes the disabled colour.

    size: the size in pixels at which the icon is drawn sharp; other sizes are drawn on demand.
    Raises Exception of qtawesome when the name is unknown.
    """
    glyph: QIcon = qtawesome.icon(
        name, color=colour, color_active=colour, color_selected=colour, color_disabled=DIS
    )
    glyph.actualSize(QSize(size, size))
    return glyph


@lru_cache(maxsize=512)
def pixmap(name: str, colour: str = T2, size: int = 16, ratio: float = 1.0) -> QPixmap:
    """The icon as a pixmap of ``size`` device-independent pixels for a screen of this ratio.

    Kept: drawing the glyph anew costs a hundred times as much as drawing its pixmap.
    """
    return icon(name, colour, size).pixmap(QSize(size, size), ratio)


def style_sheet() -> str:
    """The style sheet with all tokens filled in. Raises KeyError on an unknown placeholder."""
    source = (RESOURCES / "style.qss").read_text(encoding="utf-8")
    return Template(source).substitute(TOKENS, icons=(RESOURCES / "icons").as_posix())


def _palette() -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for key, value in {
        role.Window: BG1, role.WindowText: T1, role.Base: INSET, role.AlternateBase: BG2,
        role.Text: T1, role.PlaceholderText: T3, role.Button: BG3, role.ButtonText: T1,
        role.BrightText: ERR, role.Highlight: ACCF, role.HighlightedText: WHITE,
        role.Link: ACC, role.LinkVisited: ACC, role.ToolTipBase: BG4, role.ToolTipText: T1,
        role.Light: BG4, role.Midlight: BG3, role.Mid: LINE, role.Dark: BG0, role.Shadow: BLACK,
        role.Accent: ACC,
    }.items():  # fmt: skip
        palette.setColor(key, QColor(value))
    group = QPalette.ColorGroup.Disabled
    for key in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(group, key, QColor(DIS))
    return palette


def apply(app: QApplication) -> None:
    """Give the application the design's palette, font and style sheet."""
    app.setStyle("Fusion")
    app.setPalette(_palette())
    app.setFont(font(13))
    app.setStyleSheet(style_sheet())
    app.setAttribute(Qt.ApplicationAttribute.AA_DontShowIconsInMenus, False)
