"""Counts what a run does between two lines of its log."""

from __future__ import annotations

import time

import torch

#: Seconds between two step events, and so between two read-backs from the device.
INTERVAL = 2.0


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
        self._begin = time.monotonic()
        self._wait = 0.0
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

    def read(self, patches: int) -> tuple[float, float]:
        """Patches a second and the share of time waited; begins a new interval.

        patches: in one step.
        """
        seconds = max(1e-9, time.monotonic() - self._begin)
        steps = max(1, self._steps)
        now = seconds / steps
        self.step_seconds = now if self.step_seconds == 0.0 else 0.8 * self.step_seconds + 0.2 * now
        rate, wait = self._steps * patches / seconds, min(1.0, self._wait / seconds)
        self.restart()
        return rate, wait
