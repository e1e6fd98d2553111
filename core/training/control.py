"""How a run is told to go on, wait, stop or last longer: values the loop asks for at every step."""

from __future__ import annotations

from typing import Literal, Protocol

from core.project.orders import Order

ControlState = Literal["run", "pause", "stop"]


class Control(Protocol):
    """Asked between steps; answers at once."""

    def state(self) -> ControlState:
        """``run``, ``pause`` (save, then wait) or ``stop`` (save, keep the best model, end)."""
        ...

    def order(self) -> Order | None:
        """The next order about the run's length, each given once; None without one."""
        ...


class KeepRunning:
    """A control that never interrupts, for the command line and tests."""

    def state(self) -> ControlState:
        """Always ``run``."""
        return "run"

    def order(self) -> Order | None:
        """Never one."""
        return None
