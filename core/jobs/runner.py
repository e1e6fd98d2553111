"""Starting a child process and following it; what the window and the command line share.

A thread of its own drains the child's pipe, so a slow reader never holds the child up; the events
are then iterated by whoever watches. No torch, no Qt. A child that dies without a last word is
told apart from one that ended, and the reason is written into its folder.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

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
from core.hardware import Sampler
from core.jobs import launch
from core.project.orders import Order
from core.project.runs import EVENTS, HARDWARE, LOG, PLAN, read_events

#: Seconds a child gets to end by itself after its pipe closed.
_GRACE = 30.0
#: Seconds after a child's end in which its last words may still come out of the pipe. Only a
#: process it has left behind holds the pipe open longer, and nobody must wait for that one.
_LAST_WORDS = 3.0

#: Seconds between two samples of the devices.
SAMPLE_EVERY = 1.0


class RunProcess:
    """A child at work on ``folder``. Made by :func:`start`; its methods may be called anywhere."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self._process = process
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._orders = threading.Lock()
        self._killed = False
        self._stopped_at: float | None = None
        # A daemon: a pipe that is held open by a stranger must not keep this program from ending.
        self._reader = threading.Thread(
            target=self._read, name=f"events of {folder.name}", daemon=True
        )
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave no child behind: one that is still at work is ended."""
        self.kill()
        self.wait(None)

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
        gone: float | None = None
        while True:
            try:
                event = self._events.get(timeout=timeout)
            except queue.Empty:
                if self.returncode is not None:
                    gone = gone or time.monotonic()
                    if time.monotonic() - gone > _LAST_WORDS:
                        break
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
            last = self._last_state(checkpoint)
            # A full disk must not keep the watcher from being told.
            with (
                contextlib.suppress(OSError),
                (self.folder / EVENTS).open("a", encoding="utf-8", newline="\n") as file,
            ):
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
        if self._stopped_at is None:
            self._stopped_at = time.time()
        self._order("stop")

    def order(self, order: Order) -> None:
        """Change the length of the run; see core.project.orders."""
        self._order(str(order))

    def leave(self) -> None:
        """Let go of the child: a run here saves and stops, one on another machine goes on there."""
        with self._orders, contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def kill(self) -> None:
        """End the child and its own children now. What was since its last checkpoint is lost."""
        if self.returncode is not None:
            return  # Its number may be another process's by now.
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
        with self._orders, contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._reader.join(_LAST_WORDS)
        if self._process.stdout is not None and not self._reader.is_alive():
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
        rest = b""
        # os.read holds no lock of Python's streams, which closing them elsewhere would wait for.
        while stdout is not None and (chunk := os.read(stdout.fileno(), 65536)):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if (event := from_line(line.decode("utf-8", "replace"))) is not None:
                    self._events.put(event)
        self._process.wait()
        self._events.put(None)

    def _last_state(self, checkpoint: CheckpointEvent | None) -> StateEvent:
        """What a child that did not say how it ended has come to."""
        if (
            self._stopped_at is not None
            and checkpoint is not None
            and checkpoint.time >= self._stopped_at
        ):
            # Asked to stop it had saved already; only its last measurements were cut short.
            sentence = f"Stopped after {checkpoint.step} steps. It can be resumed from there."
            return StateEvent(state="stopped", sentence=sentence)
        training = (self.folder / PLAN).exists()
        noun = "training process" if training else "process"
        if not training:
            kept = "Nothing it had begun was kept; start it again."
        elif checkpoint is None:
            kept = self._kept_before()
        else:
            kept = _kept(checkpoint.step, checkpoint.time)
        return StateEvent(state="failed", sentence=f"The {noun} {self._how()}. {kept}")

    def _how(self) -> str:
        code = self._process.returncode
        if self._killed:
            return "was ended from here"
        if code is not None and code < 0:
            return f"was killed (signal {-code})"
        return f"ended without a word (exit code {code})"

    def _kept_before(self) -> str:
        """About the checkpoint of an earlier session, which a resumed run still has."""
        saved = [e for e in read_events(self.folder) if isinstance(e, CheckpointEvent)]
        if saved:
            return _kept(saved[-1].step, saved[-1].time)
        return "There was no checkpoint yet; it can be started again from the beginning."


def _kept(step: int, moment: float) -> str:
    at = time.strftime("%H:%M", time.localtime(moment))
    return f"The last checkpoint, step {step} at {at}, is kept; resume goes on from there."


def start(folder: Path, prefix: Sequence[str] = ()) -> RunProcess:
    """Start the job of ``folder`` in a child process.

    prefix: what stands before the interpreter; see core.jobs.launch, which makes it.
    """
    environment = child_environment()
    if prefix:
        environment = launch.environment(prefix, environment)
    flags = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
    # What goes wrong before the child has taken its streams is in its log, too.
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            [*prefix, *child_command(folder)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            creationflags=flags,
            # Ctrl-C in a terminal is for the watcher, which then stops the child in good order.
            start_new_session=sys.platform != "win32",
        )
    return RunProcess(folder, process)


def child_command(folder: Path) -> list[str]:
    """The child's command for the job of ``folder``."""
    # -P: a folder called core where the program was started is not ours.
    return [_interpreter(), "-P", "-m", "core.jobs.child", str(folder)]


def child_environment() -> dict[str, str]:
    """This program's environment with what a child needs."""
    environment = dict(os.environ)
    # The child must find the same packages as we do, also when started from a source folder.
    paths = [p for p in sys.path if p]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    # GPUs are numbered as NVML numbers them.
    environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    environment["PYTHONUNBUFFERED"] = "1"
    # Threads that wait sleep instead of spinning: beside a busy program on the same two cores a
    # training step took 26 s spinning and 5 s sleeping; on idle cores there is no difference.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return environment


def _interpreter() -> str:
    """This Python; on Windows the one with standard streams, also under ``pythonw``."""
    program = Path(sys.executable)
    console = program.with_name("python.exe")
    if program.name.lower() == "pythonw.exe" and console.is_file():
        return str(console)
    return sys.executable


def watch_with_hardware(process: RunProcess, wake: float = 0.2) -> Iterator[Event | None]:
    """:meth:`RunProcess.events`, and once a second the use of all devices, kept with the run.

    The gauges so go on moving while a step of the child stalls.
    """
    with Sampler() as sampler:
        due = time.monotonic()
        for event in process.events(timeout=wake):
            yield event
            if time.monotonic() >= due:
                due = time.monotonic() + SAMPLE_EVERY
                sample = sampler.sample()
                record_hardware(process.folder, sample)
                yield sample


def record_hardware(folder: Path, event: HardwareEvent) -> None:
    """Keep a sample with the run, so that an old run shows its gauges too."""
    # A gauge that cannot be written must not end the watching.
    with (
        contextlib.suppress(OSError),
        (folder / HARDWARE).open("a", encoding="utf-8", newline="\n") as file,
    ):
        file.write(to_line(event) + "\n")
