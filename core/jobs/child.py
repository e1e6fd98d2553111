"""The child process of a run or job: ``python -m core.jobs.child FOLDER``.

Standard output becomes the event pipe to whoever started it; everything that anything prints goes
to ``log.txt`` in the folder. Every event is also appended to ``events.jsonl`` there, which is the
truth: when the pipe breaks the work goes on. Orders (pause, resume, stop) come as lines on
standard input; its end means that the program that started this is gone, and the run saves and
stops. A crash here, of torch or of CUDA, cannot take the window or a label with it.

Where ``torchrun`` started several (core.jobs.launch), process 0 is all this and inherits the pipes
of the launcher; the others follow it and say nothing. When one dies all are started again.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import psutil

from core.errors import Cancelled, PeerLost, UserError
from core.events import ENDED, Event, HardwareEvent, LogEvent, StateEvent, to_line
from core.jobs.remote_run import is_remote
from core.jobs.runner import record_hardware
from core.jobs.spec import load_job
from core.labels.durable import write_bytes
from core.project.orders import Order, parse, taken
from core.project.runs import EVENTS, LOG, PROCESS, process_stamp
from core.training.control import ControlState

#: Exit codes: the user or the data caused it; a bug; stopped on request.
DONE, BUG, MENDABLE = 0, 1, 2

#: Seconds between two looks for what another program asked.
_LOOK_S = 0.5

_TAKEN_UP = (
    "One of the run's processes ended without a word. All were started again, and the run goes on "
    "from its last checkpoint."
)


class Orders:
    """What the starter last asked for; read by a thread from standard input.

    folder: of the run, in which another program may ask for the same; see core.project.orders.
    """

    def __init__(self, descriptor: int, folder: Path | None = None) -> None:
        self._descriptor = descriptor
        self._folder = folder
        self._looked = 0.0
        if folder is not None:
            taken(folder)  # Of an earlier life of the run: that was then.
        self._state: ControlState = "run"
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        #: Whether the program that started this has ended, or let go of it.
        self.gone = False
        # os.read holds no lock of Python's streams, so a thread waiting in it ends with us.
        threading.Thread(target=self._listen, name="orders", daemon=True).start()

    def state(self) -> ControlState:
        """See :class:`core.training.control.Control`."""
        now = time.monotonic()
        if self._folder is not None and now - self._looked >= _LOOK_S:
            self._looked = now
            if (word := taken(self._folder)) is not None:
                self._take(word)
        return self._state

    def _take(self, word: str) -> None:
        states: dict[str, ControlState] = {"pause": "pause", "resume": "run", "stop": "stop"}
        # Nothing revives a run that was told to stop.
        if self._state != "stop":
            self._state = states.get(word, self._state)

    def order(self) -> Order | None:
        """See :class:`core.training.control.Control`."""
        try:
            return self._orders.get_nowait()
        except queue.Empty:
            return None

    def _listen(self) -> None:
        rest = b""
        while chunk := os.read(self._descriptor, 4096):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                words = line.decode("utf-8", "replace").strip()
                if (order := parse(words)) is not None:
                    self._orders.put(order)
                else:
                    self._take(words)
        self.gone = True
        self._state = "stop"


class Emitter:
    """Writes each event to the file and to the pipe. Remembers whether a final state was said."""

    def __init__(self, folder: Path, pipe: TextIO) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._file = os.open(folder / EVENTS, flags, 0o644)
        self._pipe: TextIO | None = pipe
        self._folder = folder
        self._lock = threading.Lock()
        #: A process that was killed can have torn its last line; ours must not grow on to it.
        self._unwritten = "" if _whole_lines(folder / EVENTS) else "\n"
        with contextlib.suppress(OSError):
            pipe.write(self._unwritten)
        self.ended = False

    def __call__(self, event: Event) -> None:
        """Say ``event``. What a full disk refuses is written with the next event it takes."""
        line = to_line(event) + "\n"
        with self._lock:
            if isinstance(event, StateEvent):
                self.ended = event.state in ENDED
            if self._pipe is not None:
                try:
                    self._pipe.write(line)
                    self._pipe.flush()
                except OSError:
                    self._pipe = None  # The reader is gone; the file still tells everything.
            if isinstance(event, HardwareEvent):
                record_hardware(self._folder, event)  # Of a run on another machine.
                return
            self._unwritten += line
            with contextlib.suppress(OSError):
                self._write()

    def _write(self) -> None:
        data = self._unwritten.encode()
        while data:
            data = data[os.write(self._file, data) :]
            self._unwritten = data.decode(errors="replace")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _whole_lines(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


@dataclass(frozen=True, slots=True)
class Peers:
    """What the launcher said about this process. restarts, restarts_left: of all processes."""

    rank: int = 0
    size: int = 1
    restarts: int = 0
    restarts_left: int = 0

    @classmethod
    def here(cls) -> Peers:
        """From the environment; one process alone without a launcher."""
        told = os.environ
        if "TORCHELASTIC_RUN_ID" not in told:
            return cls()
        restarts = int(told.get("TORCHELASTIC_RESTART_COUNT", "0"))
        most = int(told.get("TORCHELASTIC_MAX_RESTARTS", "0"))
        return cls(int(told["RANK"]), int(told["WORLD_SIZE"]), restarts, most - restarts)


def lower_priority() -> None:
    """Let the window go first: below normal on Windows, nice 10 elsewhere."""
    process = psutil.Process()
    if sys.platform == "win32":
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        process.nice(max(10, process.nice()))


def perform(folder: Path, emit: Callable[[Event], None], orders: Orders) -> None:
    """Do the job of ``folder``."""
    if is_remote(folder):
        from core.jobs.remote import Follower  # noqa: PLC0415 - reads images

        Follower(folder, emit, orders, lambda: orders.gone).work()
        return
    # torch is loaded here, after the first event could be said, and only in this process.
    from core.jobs import tasks  # noqa: PLC0415

    tasks.perform(load_job(folder), folder, emit, orders)


def main(folder: Path) -> int:
    """Run the job of ``folder`` to its end; the process's exit code."""
    peers = Peers.here()
    pipe = _take_streams(folder)
    lower_priority()
    if peers.rank > 0:
        pipe.close()
        return _follow(folder)
    # Of several processes the launcher lives as long as the run.
    write_bytes(folder / PROCESS, process_stamp(os.getppid() if peers.size > 1 else None).encode())
    orders = Orders(sys.stdin.fileno() if sys.stdin is not None else 0, folder)
    emit = Emitter(folder, pipe)
    try:
        if peers.restarts:
            emit(LogEvent(level="warning", message=_TAKEN_UP))
        perform(folder, emit, orders)
        if not emit.ended:
            emit(StateEvent(state="done"))
    except Cancelled:
        emit(StateEvent(state="stopped"))
    except UserError as error:
        emit(StateEvent(state="failed", sentence=error.sentence))
        # Nothing a launcher could mend by starting again, which it does after any other code.
        return MENDABLE if peers.size == 1 else DONE
    except PeerLost:
        return BUG  # The launcher starts all again, or has the last word.
    except Exception as error:  # noqa: BLE001 - the outermost frame: told, logged, exit code 1
        traceback.print_exc()
        if peers.restarts_left > 0:
            return BUG
        sentence = f"The process stopped on an error of ours ({type(error).__name__}). "
        emit(StateEvent(state="failed", sentence=sentence + "The details are in its log."))
        return BUG
    finally:
        emit.close()
        with contextlib.suppress(FileNotFoundError):
            (folder / PROCESS).unlink()
    return DONE


def _follow(folder: Path) -> int:
    """One of several processes but the first."""
    from core.training import crew  # noqa: PLC0415 - loads torch

    try:
        crew.follow(folder)
    except PeerLost:
        return BUG
    return DONE


def _take_streams(folder: Path) -> TextIO:
    """The real standard output as the event pipe; both outputs of the process into the log."""
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.stdout.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    return pipe


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
