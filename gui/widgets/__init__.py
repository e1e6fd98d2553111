"""Buttons, cards, pills and the other parts of the design."""

from gui.widgets.buttons import Button, IconButton
from gui.widgets.card import Banner, Card, EmptyState, Placeholder
from gui.widgets.choices import Chip, Segmented, Switch
from gui.widgets.dialog import Confirm, Dialog, confirm
from gui.widgets.fields import ComboField, Field, NumberField, SearchField
from gui.widgets.labels import (
    Elided,
    KeyValue,
    Pill,
    caption,
    heading,
    label,
    line,
    set_tone,
)
from gui.widgets.menu import Menu
from gui.widgets.sliders import ProgressBar, RangeSlider, Slider
from gui.widgets.toast import Toast

__all__ = [
    "Banner",
    "Button",
    "Card",
    "Chip",
    "ComboField",
    "Confirm",
    "Dialog",
    "Elided",
    "EmptyState",
    "Field",
    "IconButton",
    "KeyValue",
    "Menu",
    "NumberField",
    "Pill",
    "Placeholder",
    "ProgressBar",
    "RangeSlider",
    "SearchField",
    "Segmented",
    "Slider",
    "Switch",
    "Toast",
    "caption",
    "confirm",
    "heading",
    "label",
    "line",
    "set_tone",
]
