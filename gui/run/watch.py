"""One child process from start to end, told on the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Slot

from core.events import ENDED, Event, HardwareEvent, StateEvent
from core.project.orders import Order
from gui.run.worker import RunWorker

OnEvent = Callable[[Event], object]
OnEnd = Callable[[StateEvent], object]

#: Said where the watching thread itself ended early; its own trace is in the program's log.
_LOST = "The process could not be watched to its end."


class Watch(QObject):
    """Passes on the events of one child. on_end: once, with its last state, after all events.

    Slots of this object run on the window's thread, whichever thread emits.
    """

    def __init__(
        self,
        folder: Path,
        on_event: OnEvent,
        on_end: OnEnd,
        *,
        hardware: bool,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.folder = folder
        self.state: StateEvent | None = None
        self.stopping = False
        self._on_event, self._on_end = on_event, on_end
        self.worker = RunWorker(folder, hardware=hardware, parent=self)
        self.worker.happened.connect(self._happened)
        self.worker.finished.connect(self._finished)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self.kill)
        self.worker.start()

    def pause(self) -> None:
        """Save a checkpoint and wait."""
        self.worker.process.pause()

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        self.worker.process.resume()

    def order(self, order: Order) -> None:
        """Change the length of the run."""
        self.worker.process.order(order)

    def stop(self, patience_ms: int | None = None) -> None:
        """Save and end. patience_ms: silence after which the child is ended from here."""
        self.stopping = True
        if patience_ms is not None:
            self._patience.start(patience_ms)
        self.worker.process.stop()

    def leave(self) -> None:
        """Let go of the child: a run here saves and ends, one on another machine goes on there."""
        self.stopping = True
        self.worker.process.leave()

    def kill(self) -> None:
        """End the child now."""
        self.worker.process.kill()

    @property
    def ended(self) -> bool:
        """Whether the child has said its last word, or is gone."""
        return self.worker.isFinished()

    @Slot(object)
    def _happened(self, event: Event) -> None:
        if isinstance(event, StateEvent):
            self.state = event
        if self._patience.isActive() and not isinstance(event, HardwareEvent):
            self._patience.start()  # It is at work on its end.
        self._on_event(event)

    @Slot()
    def _finished(self) -> None:
        self._patience.stop()
        if self.state is None or self.state.state not in ENDED:
            self.state = StateEvent(state="failed", sentence=_LOST)
        self._on_end(self.state)
        self.deleteLater()
