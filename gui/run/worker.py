"""The thread that watches one child: its events, and the machine's devices once a second."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal

from core.jobs.launch import prefix_of
from core.jobs.remote_run import is_remote
from core.jobs.runner import RunProcess, start, watch_with_hardware

#: How often the thread wakes to see whether a sample is due, though the child says nothing.
_WAKE = 0.2


class RunWorker(QThread):
    """Starts the job of ``folder`` and emits what it says; with ``hardware`` device use, too.

    The gauges so go on moving while a step of the child stalls. Raises OSError when no process can
    be started, UserError when the run's folder does not say how.
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
        # A run on another machine brings the use of its devices with it.
        self.hardware = hardware and not is_remote(folder)
        if not prefix and not is_remote(folder):
            prefix = prefix_of(folder)
        self.process: RunProcess = start(folder, prefix)

    def run(self) -> None:
        """Iterate the child's events until it has ended."""
        watched = watch_with_hardware if self.hardware else RunProcess.events
        for event in watched(self.process, _WAKE):
            if event is not None:
                self.happened.emit(event)
