"""All drawing tools in one place: functions of arrays that give the new content of one box.

They share one form, described in :mod:`core.labels.brush`: ``make_edit(labels, *tool(...), name,
value)`` is the edit, or None when the tool changed nothing.
"""

from core.labels.brush import NOTHING, Change, HuRange, Shape, erase, fill_polygon, paint
from core.labels.regions import fill_between_slices, grow, remove_islands, smooth

__all__ = [
    "NOTHING",
    "Change",
    "HuRange",
    "Shape",
    "erase",
    "fill_between_slices",
    "fill_polygon",
    "grow",
    "paint",
    "remove_islands",
    "smooth",
]
