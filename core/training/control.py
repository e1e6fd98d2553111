"""How a run is told to go on, wait or stop: a value the loop asks for at every step."""

from __future__ import annotations

from typing import Literal, Protocol

ControlState = Literal["run", "pause", "stop"]


class Control(Protocol):
    """Asked between steps; answers at once."""

    def state(self) -> ControlState:
        """``run``, ``pause`` (save, then wait) or ``stop`` (save, keep the best model, end)."""
        ...


class KeepRunning:
    """A control that never interrupts, for the command line and tests."""

    def state(self) -> ControlState:
        """Always ``run``."""
        return "run"
