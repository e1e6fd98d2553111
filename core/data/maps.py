"""Arrays in files, mapped when they are asked for, and only so many of them at a time.

A map keeps its file open, and a process may often have no more than 1,024 (256 on a Mac): a run
over a thousand cases must not need five thousand. Opening one takes a third of a millisecond, and
its pages are still in the system's cache when it comes back.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Maps kept open: image and label of some fifty cases, or everything of twenty.
OPEN = 100


class Maps:
    """The last :data:`OPEN` arrays that were asked for. Safe to use from several threads."""

    def __init__(self, limit: int = OPEN) -> None:
        self._limit = limit
        self._open: OrderedDict[Path, NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, path: Path) -> NDArray[Any]:
        """The array of an ``.npy`` file. One that is in use stays mapped however long that is.

        Raises OSError when the file is gone, ValueError when it is no such file.
        """
        with self._lock:
            array = self._open.pop(path, None)
            if array is None:
                # "c" keeps the file untouched and gives torch the writable view it insists on.
                array = np.load(path, mmap_mode="c", allow_pickle=False)
            self._open[path] = array
            if len(self._open) > self._limit:
                self._open.popitem(last=False)
        return array
