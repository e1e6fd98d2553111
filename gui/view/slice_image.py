"""The grey picture of a slice: HU through a lookup table into an 8-bit image."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from core.planes import PlaneAxes
from core.volume import HU_MIN, window_lut
from gui.document.document import LabelDocument


@lru_cache(maxsize=16)
def _table(width: float, level: float) -> NDArray[np.uint8]:
    """The window's table in the order of int16 seen as uint16; three views share it."""
    return np.roll(window_lut(width, level), HU_MIN)


class SliceImage:
    """The image of one slice; made anew only when slice, window or volume change."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] | None = None
        self._image: QImage | None = None
        self._grey: NDArray[np.uint8] | None = None

    def forget(self) -> None:
        """The volume changed."""
        self._key = None

    def get(self, doc: LabelDocument, axes: PlaneAxes, index: int) -> QImage | None:
        """The slice ``index`` as shown, None while there is nothing to show."""
        key = (index, doc.window, doc.volume is None)
        if key == self._key:
            return self._image
        hu = _pixels(doc, axes, index)
        self._key = key
        if hu is None:
            self._image = None
            return None
        flat = np.ascontiguousarray(hu).view(np.uint16)
        # Qt wants each line to start at a multiple of four bytes.
        stride = (flat.shape[1] + 3) // 4 * 4
        grey = np.zeros((flat.shape[0], stride), np.uint8)
        np.take(_table(*doc.window), flat, out=grey[:, : flat.shape[1]], mode="wrap")
        self._grey = grey  # The image looks into this memory.
        self._image = QImage(
            grey.data, flat.shape[1], flat.shape[0], stride, QImage.Format.Format_Grayscale8
        )
        return self._image


def _pixels(doc: LabelDocument, axes: PlaneAxes, index: int) -> NDArray[np.int16] | None:
    if doc.volume is not None:
        return axes.cut(doc.volume.hu, index)
    if doc.first is not None and axes.normal == 0 and doc.first[0] == index:
        return axes.cut(doc.first[1][np.newaxis], 0)
    return None
