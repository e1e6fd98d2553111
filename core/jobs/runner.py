"""Starting a child process and following it; what the window and the command line share.

A thread of its own drains the child's pipe, so a slow reader never holds the child up; the events
are then iterated by whoever watches. No torch, no Qt. A child that dies without a last word is
told apart from one that ended, and the reason is written into its folder.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from core.events import (
    ENDED,
    CheckpointEvent,
    Event,
    HardwareEvent,
    StateEvent,
    from_line,
    to_line,
)
from core.project.runs import EVENTS, HARDWARE

#: Seconds a child gets to end by itself after its pipe closed.
_GRACE = 30.0


class RunProcess:
    """A child at work on ``folder``. Made by :func:`start`; its methods may be called anywhere."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self._process = process
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._orders = threading.Lock()
        self._killed = False
        self._reader = threading.Thread(target=self._read, name=f"events of {folder.name}")
        self._reader.start()

    @property
    def pid(self) -> int:
        """The child's process number."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit code, None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def events(self, timeout: float = 1.0) -> Iterator[Event | None]:
        """Each event as it comes; None whenever ``timeout`` seconds passed without one.

        Ends after the child ended. The last StateEvent is always one of an ended run: where the
        child did not say one, it is made here and written to ``events.jsonl``.
        """
        ended = False
        checkpoint: CheckpointEvent | None = None
        while True:
            try:
                event = self._events.get(timeout=timeout)
            except queue.Empty:
                yield None
                continue
            if event is None:
                break
            if isinstance(event, CheckpointEvent):
                checkpoint = event
            if isinstance(event, StateEvent):
                ended = event.state in ENDED
            yield event
        self.wait()
        if not ended:
            last = StateEvent(state="failed", sentence=self._epitaph(checkpoint))
            with (self.folder / EVENTS).open("a", encoding="utf-8", newline="\n") as file:
                # A kill can tear a line; the new one must not grow on to it.
                file.write("\n" + to_line(last) + "\n")
            yield last

    def pause(self) -> None:
        """Save a checkpoint and wait, keeping the memory."""
        self._order("pause")

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        self._order("resume")

    def stop(self) -> None:
        """Save a checkpoint, keep the best model, end."""
        self._order("stop")

    def kill(self) -> None:
        """End the child and its own children now. What was since its last checkpoint is lost."""
        self._killed = True
        try:
            family = [self._psutil(), *self._psutil().children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def wait(self, timeout: float | None = _GRACE) -> int | None:
        """Wait for the end and let go of the pipes; the exit code, None after ``timeout``."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join()
        with self._orders, contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return self._process.returncode

    def _psutil(self) -> psutil.Process:
        return psutil.Process(self._process.pid)

    def _order(self, word: str) -> None:
        stdin = self._process.stdin
        # A child that has just ended needs no order.
        with self._orders, contextlib.suppress(OSError, ValueError):
            if stdin is not None:
                stdin.write(word.encode() + b"\n")
                stdin.flush()

    def _read(self) -> None:
        stdout = self._process.stdout
        if stdout is not None:
            for line in stdout:
                if (event := from_line(line.decode("utf-8", "replace"))) is not None:
                    self._events.put(event)
        self._process.wait()
        self._events.put(None)

    def _epitaph(self, checkpoint: CheckpointEvent | None) -> str:
        code = self._process.returncode
        how = "ended without a word"
        if self._killed:
            how = "was ended from here"
        elif code is not None and code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
            how = f"was killed by the system ({name})"
        elif code:
            how = f"ended with code {code}"
        if checkpoint is None:
            kept = "Nothing was saved yet; it can be started again."
        else:
            at = time.strftime("%H:%M", time.localtime(checkpoint.time))
            kept = f"The checkpoint of step {checkpoint.step}, {at}, is kept; it can be resumed."
        return f"The process {how}. {kept}"


def start(folder: Path, prefix: Sequence[str] = ()) -> RunProcess:
    """Start the job of ``folder`` in a child process.

    prefix: what stands before the interpreter (``torchrun`` or ``ssh`` with their arguments).
    """
    environment = dict(os.environ)
    # The child must find the same packages as we do, also when started from a source folder.
    paths = [p for p in sys.path if p]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    # GPUs are numbered as NVML numbers them.
    environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    environment["PYTHONUNBUFFERED"] = "1"
    flags = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", "core.jobs.child", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        creationflags=flags,
        # Ctrl-C in a terminal is for the watcher, which then stops the child in good order.
        start_new_session=sys.platform != "win32",
    )
    return RunProcess(folder, process)


def record_hardware(folder: Path, event: HardwareEvent) -> None:
    """Keep a sample with the run, so that an old run shows its gauges too."""
    # A gauge that cannot be written must not end the watching.
    with (
        contextlib.suppress(OSError),
        (folder / HARDWARE).open("a", encoding="utf-8", newline="\n") as file,
    ):
        file.write(to_line(event) + "\n")
