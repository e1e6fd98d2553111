"""Spans of time and moments in words, as all pages write them."""

from __future__ import annotations

import math
import time

from PySide6.QtCore import QCoreApplication


def _tr(source: str) -> str:
    return QCoreApplication.translate("times", source)


def time_left(seconds: float) -> str:
    """Like "2 h 02 min", "14 min" or "40 s"; "–" where it is not known."""
    if not math.isfinite(seconds):
        return "–"
    whole = max(0, round(seconds))
    if whole < 60:
        return _tr("{0} s").format(whole)
    minutes = round(whole / 60)
    if minutes < 60:
        return _tr("{0} min").format(minutes)
    return _tr("{0} h {1} min").format(minutes // 60, f"{minutes % 60:02d}")


def clock(moment: float) -> str:
    """The time of day like "14:02", with the date where it is not today's."""
    there, today = time.localtime(moment), time.localtime()
    same = (there.tm_year, there.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M" if same else "%Y-%m-%d %H:%M", there)
