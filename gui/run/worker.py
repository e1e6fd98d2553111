"""The thread that watches one child: its events, and the machine's devices once a second."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal

from core.hardware import Sampler
from core.jobs.runner import RunProcess, record_hardware, start

#: Seconds between two samples of the devices.
SAMPLE_EVERY = 1.0
#: How often the thread wakes to see whether a sample is due, though the child says nothing.
_WAKE = 0.2


class RunWorker(QThread):
    """Starts the job of ``folder`` and emits what it says; with ``hardware`` device use, too.

    The gauges so go on moving while a step of the child stalls. Raises OSError when no process can
    be started.
    """

    happened = Signal(object)

    def __init__(
        self,
        folder: Path,
        prefix: Sequence[str] = (),
        *,
        hardware: bool = True,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.folder = folder
        self.hardware = hardware
        self.process: RunProcess = start(folder, prefix)

    def run(self) -> None:
        """Iterate the child's events until it has ended."""
        with Sampler() as sampler:
            due = time.monotonic()
            for event in self.process.events(timeout=_WAKE):
                if event is not None:
                    self.happened.emit(event)
                if self.hardware and time.monotonic() >= due:
                    due = time.monotonic() + SAMPLE_EVERY
                    sample = sampler.sample()
                    record_hardware(self.folder, sample)
                    self.happened.emit(sample)
