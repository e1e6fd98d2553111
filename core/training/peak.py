"""How much memory a piece of work takes, on a GPU or of this process."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from types import TracebackType
from typing import Self

import psutil
import torch

#: Seconds between two looks at the process's memory.
_LOOK = 0.02
_ME = psutil.Process()


def library_bytes() -> int:
    """Resident bytes of program files: of the libraries, what was used until now."""
    return int(getattr(_ME.memory_info(), "shared", 0))


def own_bytes() -> int:
    """Resident bytes of this process alone; all of them where the system does not tell."""
    memory = _ME.memory_info()
    return int(memory.rss - getattr(memory, "shared", 0))


class PeakMemory:
    """The most memory this process takes inside a block beyond what it had: see :attr:`peak`.

    On a GPU the allocator's own count. On the CPU memory of its own only: file maps, which the
    system takes back when it needs room, are left out where the system tells them apart.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak memory", daemon=True)
        self.peak = 0

    def __enter__(self) -> Self:
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        else:
            self._before = own_bytes()
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._device.type != "cuda":
            self._over.set()
            self._thread.join()
        self.look()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK):
            self.look()

    def look(self) -> None:
        """Take what is used now into account."""
        if self._device.type == "cuda":
            self.peak = int(torch.cuda.max_memory_reserved(self._device))
        else:
            self.peak = max(self.peak, own_bytes() - self._before)


def settle(device: torch.device) -> None:
    """Give back what is free, so that the next plan is measured from the same ground."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.empty_cache()
    elif sys.platform.startswith("linux"):
        try:
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        except (OSError, AttributeError):
            return  # musl: its allocator gives memory back by itself.
