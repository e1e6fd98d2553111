"""Tokens, fonts, icons and the style sheet."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtGui import QFont, QFontInfo, QFontMetricsF

import gui
from gui import theme


def _luminance(colour: str) -> float:
    def linear(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def _contrast(a: str, b: str) -> float:
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", [theme.BG0, theme.BG1, theme.BG2, theme.BG3, theme.ACCBG])
def test_caption_text_holds_its_contrast(ground: str):
    assert _contrast(theme.T3, ground) >= 4.5


def test_white_holds_on_the_accent_fill():
    assert _contrast(theme.WHITE, theme.ACCF) >= 4.5


def test_style_sheet_has_no_placeholder_left_and_every_image_is_there():
    sheet = theme.style_sheet()
    assert "$" not in sheet
    images = re.findall(r"url\(([^)]+)\)", sheet)
    assert images
    for image in images:
        assert (theme.RESOURCES / "icons" / image.rsplit("/", 1)[1]).is_file()


def test_font_is_measured_in_pixels_without_hinting(qapp):
    font = theme.font(13, 600)
    assert font.pixelSize() == 13
    assert font.weight() == QFont.Weight.DemiBold
    assert font.hintingPreference() == QFont.HintingPreference.PreferNoHinting


def test_figures_have_one_width(qapp):
    if QFontInfo(theme.font(13)).family() != "Inter":
        pytest.skip("Inter is not installed, the platform's own face decides")
    metrics = QFontMetricsF(theme.font(13))
    widths = {round(metrics.horizontalAdvance(digit * 10), 3) for digit in "0123456789"}
    assert len(widths) == 1


def test_icon_draws_in_its_colour(qapp):
    image = theme.pixmap("ph.stack", "#FF0000", 32).toImage()
    reds = [
        image.pixelColor(x, y)
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() > 200
    ]
    assert reds
    assert all(c.red() > 200 and c.green() < 30 for c in reds)


def test_every_icon_the_window_names_exists(qapp):
    names = set()
    for path in Path(gui.__file__).parent.rglob("*.py"):
        names |= set(re.findall(r'"(ph\.[a-z0-9-]+)"', path.read_text(encoding="utf-8")))
    assert len(names) > 20
    for name in sorted(names):
        theme.icon(name)  # raises on a name that Phosphor does not have
