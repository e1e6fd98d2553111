"""Looks after a run that another machine sent: ``python -m core.jobs.remote_keeper FOLDER``.

Started by core.jobs.remote_host and away from the connection that asked for it. It starts the same
child as a window would (core.jobs.runner), samples the devices, and passes on the orders that come
as lines of a file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from core.jobs import launch
from core.jobs.runner import RunProcess, start, watch_with_hardware
from core.project import orders
from core.project.runs import stamped_alive

KEEPER, ORDERS = "keeper.json", "orders.txt"
#: The one run of a project made for another machine.
RUN = "r01"


class Tail:
    """Whole lines of a file that grows, from byte ``offset`` on."""

    def __init__(self, path: Path, offset: int) -> None:
        self._path, self._offset = path, offset

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Each new line without its end, and the offset behind it."""
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # Still being written, or torn by a kill: a later line completes it.
                self._offset += len(line)
                if line.strip():
                    yield self._offset, line[:-1]


def kept(folder: Path) -> bool:
    """Whether a keeper looks after the run."""
    return stamped_alive(folder / KEEPER)


def keep(folder: Path) -> None:
    """Look after the run of the project in ``folder`` from its start to its end."""
    run_dir = folder / "runs" / RUN
    try:
        process = start(run_dir, launch.prefix_of(run_dir))
        listener = Listener(folder / ORDERS, process)
        for _ in watch_with_hardware(process):
            listener.obey()
    finally:
        (folder / KEEPER).unlink(missing_ok=True)


class Listener:
    """Passes orders on to the child, each once."""

    def __init__(self, path: Path, process: RunProcess) -> None:
        self._tail = Tail(path, 0)
        self._process = process
        self._seen: set[int] = set()

    def obey(self) -> None:
        """Pass on what is new."""
        simple: dict[str, Callable[[], None]] = {
            "pause": self._process.pause,
            "resume": self._process.resume,
            "stop": self._process.stop,
            "kill": self._process.kill,
        }
        for _, line in self._tail.lines():
            number, _, words = line.decode("utf-8", "replace").partition(" ")
            if not number.isdecimal() or int(number) in self._seen:
                continue
            self._seen.add(int(number))
            if words in simple:
                simple[words]()
            elif (order := orders.parse(words)) is not None:
                self._process.order(order)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
