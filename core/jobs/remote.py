"""A run on another machine, followed by the child process that a run here would train in.

To the window and the command line it is a child like any other: it takes orders on its input and
says events on its output (core.jobs.child). It sends the cases, starts the run there, repeats here
what the run says there, and brings back what it leaves. The run does not depend on it: when the
connection drops the run goes on, and what it said meanwhile is caught up from the byte where
listening ended. When this process ends, the next one for the folder goes on where it was.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from core.errors import Cancelled, UserError
from core.events import ENDED, Event, LogEvent, StageEvent, StateEvent, from_line, to_line
from core.jobs import remote_transfer as transfer
from core.jobs.remote_fetch import Fetcher
from core.jobs.remote_packet import Names, pack
from core.jobs.remote_run import Remote, check
from core.jobs.ssh import Connection, LinkError, ask
from core.project import orders
from core.project.manifest import Manifest
from core.project.runs import read_events
from core.training.control import Control, ControlState

T = TypeVar("T")
Emit = Callable[[Event], None]

#: Seconds between attempts to connect again; the last one goes on.
BACK_OFF = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
#: Seconds without a sign of life after which a connection is taken for dead.
SILENCE = 30.0
_LOOK = 0.2
#: Seconds between two notes of how far listening has come.
_NOTE = 2.0
#: Room the other machine needs beside the cases, for checkpoints and pictures.
_SPARE = 2 * 1024**3


class Follower:
    """Follows the run of ``folder``. See :meth:`work`."""

    def __init__(
        self, folder: Path, emit: Emit, control: Control, left: Callable[[], bool]
    ) -> None:
        """Left: whether whoever started this process is gone."""
        self._folder, self._emit, self._control, self._left = folder, emit, control, left
        self._remote = Remote.load(folder)
        self._names = Names(Manifest.load(folder / "manifest.json"))
        self._fetcher = Fetcher(folder, self._remote.machine, self._remote.run)
        self._known = {(event.kind, event.time) for event in read_events(folder)}
        # A run that is taken up again may wait there.
        self._sent: ControlState = "pause" if self._remote.begun else "run"
        self._lost, self._ended = False, False
        self._attempt = 0
        self._noted = 0.0

    @property
    def _name(self) -> str:
        return self._remote.machine.name

    def work(self) -> None:
        """Send, start, follow to the end; or take up again what was begun.

        Raises UserError for what the user can mend, Cancelled on stop before the run began there.
        """
        if self._remote.begun:
            self._log(f"Listening to {self._name} again.")
        else:
            self._begin()
        while not self._left():
            try:
                if self._listen():
                    self._close()
                    return
            except LinkError as error:
                self._wait_for_link(error)
        self._note(force=True)
        self._emit(
            StateEvent(
                state="stopped",
                sentence=f"The run goes on on {self._name}. Resume it here to follow it again.",
            )
        )

    # ---- to the start ------------------------------------------------------------------------

    def _begin(self) -> None:
        machine = self._remote.machine
        self._emit(StateEvent(state="preparing"))
        checked = check(machine)
        packet = pack(self._folder, self._stage("preprocess"), self._stopping)
        size = sum(piece.size for piece in packet.pieces)
        if checked.free < size + _SPARE:
            raise UserError(
                f"The disk of {self._name} has {checked.free / 1e9:.1f} GB free, and this run "
                f"needs about {(size + _SPARE) / 1e9:.1f} GB there. Make room, or name another "
                "folder in the settings."
            )
        stage = self._stage("upload")
        self._persist(lambda: transfer.push(machine, packet, stage, self._stopping))
        run = {"run": self._remote.run}
        self._persist(lambda: ask(machine, "make", {**run, **packet.make}, timeout=300))
        kept = self._persist(lambda: ask(machine, "start", run, timeout=120)).get("kept")
        if kept is not True:
            raise UserError(
                f"The run did not start on {self._name}; what went wrong is in log.txt there."
            )
        told = len(packet.make["orders"])
        self._remote = replace(self._remote, begun=True, skew=checked.skew, told=told)
        self._remote.save(self._folder)
        self._log(f"The run was started on {self._name}. It goes on when the connection drops.")

    def _persist(self, work: Callable[[], T]) -> T:
        """Do ``work``, and again while the connection fails, until it is done."""
        while True:
            try:
                result = work()
            except LinkError as error:
                self._wait_for_link(error)
                if self._stopping() or self._left():
                    raise Cancelled from error
                continue
            self._found_link()
            return result

    def _stopping(self) -> bool:
        return self._control.state() == "stop"

    def _stage(self, stage: str) -> Callable[[int, int], None]:
        said: list[tuple[int, int]] = []

        def progress(done: int, total: int) -> None:
            if said != [(done, total)]:
                said[:] = [(done, total)]
                self._emit(StageEvent(stage=stage, done=done, total=total))

        return progress

    # ---- the connection ----------------------------------------------------------------------

    def _wait_for_link(self, error: LinkError) -> None:
        """Say once that the connection is gone, and wait, longer each time."""
        if not self._lost:
            self._lost, self._attempt = True, 0
            self._log(
                f"{error.sentence} The run goes on there; the connection is tried again.", "warning"
            )
        wait = BACK_OFF[min(self._attempt, len(BACK_OFF) - 1)]
        self._attempt += 1
        self._emit(StageEvent(stage="reconnect", done=0, total=self._attempt))
        end = time.monotonic() + wait
        while time.monotonic() < end and not self._left():
            time.sleep(_LOOK)

    def _found_link(self) -> None:
        if self._lost:
            self._lost = False
            self._emit(StageEvent(stage="reconnect", done=self._attempt, total=self._attempt))
            self._log(f"Connected to {self._name} again.")

    def _log(self, message: str, level: Any = "info") -> None:
        self._emit(LogEvent(level=level, message=message))

    # ---- following ---------------------------------------------------------------------------

    def _listen(self) -> bool:
        """Repeat what the run says until it has ended; False when we are to leave before.

        Raises LinkError when the connection ends first.
        """
        remote = self._remote
        with Connection(remote.machine, "stream") as connection:
            connection.request(
                {"run": remote.run, "events": remote.events, "hardware": remote.hardware}
            )
            lines: queue.SimpleQueue[bytes | UserError] = queue.SimpleQueue()
            reader = threading.Thread(target=_read, args=(connection, lines), daemon=True)
            reader.start()
            try:
                return self._repeat(lines)
            finally:
                connection.close()
                reader.join()

    def _repeat(self, lines: queue.SimpleQueue[bytes | UserError]) -> bool:
        heard = time.monotonic()
        while not self._left():
            self._pass_orders()
            try:
                line = lines.get(timeout=_LOOK)
            except queue.Empty:
                if time.monotonic() - heard > SILENCE:
                    raise Connection.lost(self._remote.machine) from None
                continue
            if isinstance(line, UserError):
                raise line
            heard = time.monotonic()
            self._found_link()
            if line == b"X":
                return True
            self._take(line)
            self._note()
        return False

    def _take(self, line: bytes) -> None:
        """One line of the stream; see core.jobs.remote_host."""
        letter, _, rest = line.partition(b" ")
        offset, _, text = rest.partition(b" ")
        if letter not in (b"E", b"H") or not offset.isdigit():
            return  # A sign of life.
        event = self._restored(text)
        if event is not None and (event.kind, event.time) not in self._known:
            event = self._fetcher.before(event)
            self._known.add((event.kind, event.time))
            if isinstance(event, StateEvent):
                self._ended = event.state in ENDED
            self._emit(event)
        heard = {"events" if letter == b"E" else "hardware": int(offset)}
        self._remote = replace(self._remote, **heard)

    def _restored(self, text: bytes) -> Event | None:
        """The event of a line, with its real names, by our clock; None for what is none."""
        event = from_line(text.decode("utf-8", "replace"))
        if event is None:
            return None
        value = self._names.restore(json.loads(to_line(event)))
        event = from_line(json.dumps(value))
        return None if event is None else replace(event, time=event.time + self._remote.skew)

    def _pass_orders(self) -> None:
        """Send what was ordered here since the last look; LinkError leaves it to be sent."""
        state = self._control.state()
        # The end of our input looks like an order to stop, but then the run is left to itself.
        if state != self._sent and not self._left():
            self._send({"run": "resume"}.get(state, state))
            self._sent = state
        # Orders about the length go through the file, into which the command line writes, too.
        if (order := self._control.order()) is not None:
            orders.keep(self._folder, order)
        for order in orders.kept(self._folder)[self._remote.told :]:
            self._send(str(order))
            self._remote = replace(self._remote, told=self._remote.told + 1)

    def _send(self, words: str) -> None:
        remote = self._remote
        request = {"run": remote.run, "number": remote.ordered, "words": words}
        ask(remote.machine, "order", request)
        self._remote = replace(remote, ordered=remote.ordered + 1)
        self._note(force=True)

    def _note(self, force: bool = False) -> None:
        """Keep how far listening has come; what is heard twice is known by its time."""
        if force or time.monotonic() - self._noted > _NOTE:
            self._noted = time.monotonic()
            self._remote.save(self._folder)

    def _close(self) -> None:
        """The run has ended there, and all it said is here."""
        self._persist(self._fetcher.rest)
        self._remote = replace(self._remote, begun=False)
        self._note(force=True)
        if not self._ended:
            sentence = f"The run on {self._name} ended without a word; resume goes on from its last"
            self._emit(StateEvent(state="failed", sentence=f"{sentence} checkpoint."))


def _read(connection: Connection, lines: queue.SimpleQueue[bytes | UserError]) -> None:
    """A thread's work: the stream's lines, and how it ended."""
    try:
        while line := connection.line():
            lines.put(line.rstrip(b"\n"))
        lines.put(Connection.lost(connection.machine))
    except UserError as error:
        lines.put(error)
    except (OSError, ValueError):
        lines.put(Connection.lost(connection.machine))  # Closed from here.
