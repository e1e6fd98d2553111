"""Threads that share the slices of a block. The kernels they run hold no interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

#: Voxels below which a second thread costs more than it brings.
WORTH = 200_000


class Workers:
    """Up to ``threads`` threads, started when first needed, ended by :meth:`close`,
    or with the last one who knows of them."""

    def __init__(self, threads: int) -> None:
        self._threads = max(1, threads)
        self._pool: ThreadPoolExecutor | None = None

    def slices(self, kernel: Callable[..., None], count: int, voxels: int, *rest: Any) -> None:
        """``kernel(begin, end, *rest)`` over slices 0 to ``count``; ``voxels`` says how much it is.

        How the slices are dealt out changes nothing of the result: no kernel looks at what another
        part of the block became.
        """
        parts = min(self._threads, count, max(1, voxels // WORTH))
        if parts == 1:
            kernel(0, count, *rest)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads - 1, "augment")
        edges = [count * i // parts for i in range(parts + 1)]
        others = [
            self._pool.submit(kernel, begin, end, *rest) for begin, end in pairwise(edges[1:])
        ]
        kernel(edges[0], edges[1], *rest)
        for other in others:
            other.result()

    def close(self) -> None:
        """End the threads. They start again when needed."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
