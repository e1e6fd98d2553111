"""Counts what a run does between two lines of its log."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

Read = TypeVar("Read")

#: Seconds between two step events, and so between two read-backs from the device.
INTERVAL = 2.0


@dataclass(frozen=True, slots=True)
class Pace:
    """An interval of ``seconds``: patches a second, and shares (0-1) of it; see StepEvent."""

    seconds: float
    patches_per_second: float
    data_wait: float
    read_back: float
    own_cpu: float


class Meter:
    """Steps, speed and waiting since the last reading."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._idle: torch.cuda.Event | None = None
        #: Seconds a step takes, smoothed; 0 before the first reading.
        self.step_seconds = 0.0
        self.restart()

    def restart(self) -> None:
        """Begin a new interval, for example after a pause or a validation."""
        self._begin, self._cpu = time.monotonic(), time.process_time()
        self._wait, self._read_back = 0.0, 0.0
        self._steps = 0

    @property
    def due(self) -> bool:
        """Whether it is time for a line; at the first step at once, so that something is seen."""
        return time.monotonic() - self._begin >= INTERVAL or self.step_seconds == 0.0

    def batch_begins(self) -> float:
        """Call before a batch is made; pass the result to :meth:`batch_ends`."""
        return time.monotonic()

    def batch_ends(self, began: float) -> None:
        """Count the time in which the device had nothing to do but wait for the batch.

        On a GPU the batch is made while the last step still runs: it waited only if that step was
        over by now.
        """
        if self._idle is None or self._idle.query():
            self._wait += time.monotonic() - began

    def step_ends(self) -> None:
        """Call after each step."""
        self._steps += 1
        if self._cuda:
            self._idle = torch.cuda.Event()
            self._idle.record()

    def read_back(self, read: Callable[[], Read]) -> Read:
        """Call ``read``, which brings figures back from the device, and count what that took.

        A GPU first ends the steps it still has: that is work, not reading.
        """
        if self._cuda:
            torch.cuda.synchronize()
        began = time.monotonic()
        result = read()
        self._read_back += time.monotonic() - began
        return result

    def read(self, patches: int) -> Pace:
        """What the interval came to; begins a new one. patches: in one step."""
        seconds = max(1e-9, time.monotonic() - self._begin)
        steps = max(1, self._steps)
        now = seconds / steps
        self.step_seconds = now if self.step_seconds == 0.0 else 0.8 * self.step_seconds + 0.2 * now
        pace = Pace(
            seconds=seconds,
            patches_per_second=self._steps * patches / seconds,
            data_wait=min(1.0, self._wait / seconds),
            read_back=min(1.0, self._read_back / seconds),
            own_cpu=(time.process_time() - self._cpu) / seconds / torch.get_num_threads(),
        )
        self.restart()
        return pace
