"""The other machine's side of a remote run: ``python -m core.jobs.remote_host COMMAND FOLDER``.

Started by ``ssh``, one command a connection (core.jobs.ssh): a request as a line of JSON, an
answer as a line of JSON, raw bytes after either. Linux. FOLDER holds, for its owner only:

blobs/<sha256>          files of cases by content, and <sha256>.part of those on their way
projects/<id>/          a project a remote run, with made-up names (core.jobs.remote_packet)
  keeper.json           which process looks after the run
  orders.txt            what was ordered, a line each: number and words

A run goes on whatever becomes of the connection: its keeper (core.jobs.remote_keeper) has left it,
and everything the run says is in its ``events.jsonl``, to be read from any byte on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from core import hardware
from core.data.plan import Plan
from core.errors import UserError
from core.geometry import Geometry
from core.jobs.remote_keeper import KEEPER, ORDERS, RUN, Tail, kept
from core.jobs.ssh import MARKER, MAX_LINE
from core.labels.durable import write_bytes
from core.project import orders
from core.project.manifest import Manifest
from core.project.project import Project
from core.project.records import SeriesRecord
from core.project.runs import EVENTS, HARDWARE, LOG, process_stamp

_ID = re.compile(r"[0-9a-f]{32}")
_SHA = re.compile(r"[0-9a-f]{64}")
_CASE = re.compile(r"[0-9a-f]{32}")
_ARRAY = re.compile(r"[a-z][a-z0-9_]{0,30}\.npy")
_COMMANDS = frozenset({"hello", "need", "put", "make", "start", "stream", "order", "files", "get"})
_CHUNK = 1 << 20
#: Seconds between two signs of life of a stream that has nothing to say.
HEARTBEAT = 2.0
_LOOK = 0.2


class Host:
    """The commands. base: FOLDER."""

    def __init__(self, base: Path, source: IO[bytes], sink: IO[bytes]) -> None:
        self._base = base
        self._source, self._sink = source, sink

    def request(self) -> dict[str, Any]:
        """The next line of the input; empty at its end. Raises ValueError."""
        line = self._source.readline(MAX_LINE + 1)
        value = json.loads(line) if line else {}
        if not isinstance(value, dict):
            raise ValueError("an object expected")
        return value

    def say(self, **values: Any) -> None:
        """One line of the output."""
        self._sink.write(json.dumps(values).encode() + b"\n")
        self._sink.flush()

    # ---- before a run ------------------------------------------------------------------------

    def hello(self) -> None:
        """What there is: version, devices, free disk, clock."""
        self.request()
        self._base.mkdir(parents=True, exist_ok=True)
        self.say(
            version=version("lesionforge"),
            devices=[asdict(device) for device in hardware.devices()],
            free=shutil.disk_usage(self._base).free,
            time=time.time(),
        )

    def need(self) -> None:
        """How many bytes of each of the files ``{sha256: size}`` are here."""
        have: dict[str, int] = {}
        for sha, size in self.request()["files"].items():
            whole = self._blob(sha)
            part = whole.with_suffix(".part")
            if whole.is_file() and whole.stat().st_size == size:
                have[sha] = size
            elif part.is_file():
                have[sha] = part.stat().st_size
        self.say(have=have)

    def put(self) -> None:
        """Take files: for each a line with sha256, offset and size, then the bytes from there."""
        while head := self.request():
            whole = self._blob(str(head["sha256"]))
            part = whole.with_suffix(".part")
            part.parent.mkdir(parents=True, exist_ok=True)
            part.touch()
            with part.open("r+b") as file:
                file.truncate(int(head["offset"]))
                file.seek(0, os.SEEK_END)
                left = int(head["size"]) - file.tell()
                while left > 0 and (data := self._source.read(min(left, _CHUNK))):
                    file.write(data)
                    left -= len(data)
            if left > 0:
                return  # The connection was cut; what came is kept.
            with part.open("rb") as file:
                right = hashlib.file_digest(file, "sha256").hexdigest() == whole.name
            if right:
                part.replace(whole)
            else:
                part.unlink()
            self.say(stored=right)

    def make(self) -> None:
        """Make the project of a run, or bring plan and orders of one up to date."""
        request = self.request()
        folder = self._project(request)
        if kept(folder):
            self.say(made=False)
            return
        plan = Plan.from_json(request["plan"])
        manifest = Manifest.from_json(request["manifest"])
        with Project.open(folder) if folder.is_dir() else _create(folder) as project:
            for record in request["records"]:
                project.library.upsert(_record(record))
            for case, files in request["folders"].items():
                self._link(project.cache_dir / "cases" / _checked(_CASE, case), files)
        run_dir = folder / "runs" / RUN
        run_dir.mkdir(parents=True, exist_ok=True)
        plan.save(run_dir / "plan.json")
        manifest.save(run_dir / "manifest.json")
        about = {"format": 1, "name": plan.name, "created": "", "automatic": False}
        write_bytes(run_dir / "run.json", json.dumps(about).encode())
        (run_dir / orders.ORDERS).unlink(missing_ok=True)
        for words in request["orders"]:
            order = orders.parse(words)
            if order is not None:
                orders.keep(run_dir, order)
        self.say(made=True)

    def _link(self, folder: Path, files: dict[str, str]) -> None:
        """A preprocessed case from its files; whole under its name or not there."""
        if folder.is_dir():
            return
        temporary = folder.with_name(f".{folder.name}")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        for name, sha in files.items():
            target, blob = temporary / _checked(_ARRAY, name), self._blob(sha)
            try:
                os.link(blob, target)
            except FileNotFoundError as error:
                raise UserError("a file of a case did not arrive; send it again.") from error
            except OSError:
                shutil.copyfile(blob, target)  # A file system without hard links.
        temporary.rename(folder)

    # ---- a run -------------------------------------------------------------------------------

    def start(self) -> None:
        """See to it that a keeper looks after the run, unless it has nothing left to do."""
        folder = self._project(self.request())
        run_dir = folder / "runs" / RUN
        if not kept(folder):
            (folder / ORDERS).unlink(missing_ok=True)
            with (run_dir / LOG).open("ab") as log:
                keeper = subprocess.Popen(
                    [sys.executable, "-P", "-m", "core.jobs.remote_keeper", str(folder)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    start_new_session=True,
                    cwd=folder,
                )
            # Written here: on a busy machine it takes the keeper its time to come up.
            write_bytes(folder / KEEPER, process_stamp(keeper.pid).encode())
        self.say(kept=kept(folder))

    def stream(self) -> None:
        """Everything the run says from two offsets on, and on, until it has ended.

        Lines: ``E <offset behind it> <event>``, ``H`` likewise for device use, ``.`` as a sign of
        life, ``X`` at the end.
        """
        request = self.request()
        folder = self._project(request)
        run_dir = folder / "runs" / RUN
        tails = [
            ("E", Tail(run_dir / EVENTS, int(request["events"]))),
            ("H", Tail(run_dir / HARDWARE, int(request["hardware"]))),
        ]
        spoke = 0.0
        while True:
            working = kept(folder)  # Asked first: its last words are still read below.
            for letter, tail in tails:
                for end, line in tail.lines():
                    self._sink.write(f"{letter} {end} ".encode() + line + b"\n")
                    spoke = 0.0
            if not working:
                break
            if time.monotonic() - spoke > HEARTBEAT:
                self._sink.write(b".\n")
                spoke = time.monotonic()
            self._sink.flush()
            time.sleep(_LOOK)
        self._sink.write(b"X\n")
        self._sink.flush()

    def order(self) -> None:
        """Note an order; one that comes twice counts once, by its number."""
        request = self.request()
        folder = self._project(request)
        words = str(request["words"])
        if "\n" in words or len(words) > 100:
            raise ValueError("an order is one line")
        with (folder / ORDERS).open("ab") as file:
            file.write(f"{int(request['number'])} {words}\n".encode())
        self.say(noted=True)

    # ---- what it left ------------------------------------------------------------------------

    def files(self) -> None:
        """What can be fetched of a kind: size and sha256 by path."""
        request = self.request()
        folder = self._project(request)
        found: dict[str, Any] = {}
        for path in fetchable(folder)[str(request["kind"])]:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            name = path.relative_to(folder).as_posix()
            found[name] = {"size": path.stat().st_size, "sha256": digest}
        self.say(files=found)

    def get(self) -> None:
        """The bytes of a file from an offset on."""
        request = self.request()
        folder = self._project(request)
        path = folder / str(request["path"])
        if not any(path in paths for paths in fetchable(folder).values()):
            raise UserError(f"there is no {request['path']} to fetch.")
        with path.open("rb") as file:
            file.seek(int(request["offset"]))
            while data := file.read(_CHUNK):
                self._sink.write(data)
        self._sink.flush()

    def _blob(self, sha: str) -> Path:
        return self._base / "blobs" / _checked(_SHA, sha)

    def _project(self, request: dict[str, Any]) -> Path:
        return self._base / "projects" / _checked(_ID, str(request["run"]))


def _checked(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"no name of ours: {text!r}")
    return text


def _create(folder: Path) -> Project:
    return Project.create(folder, "Remote run")


def _geometry(record: dict[str, Any]) -> Geometry:
    """The grid of a record. Raises KeyError, TypeError or ValueError when it is none."""

    def numbers(name: str) -> Sequence[float]:
        return [float(n) for n in record[name]]

    z, y, x = (int(n) for n in record["shape"])
    a, b, c = numbers("spacing")
    return Geometry((z, y, x), (a, b, c), (0.0, 0.0, 0.0), tuple(numbers("direction")))


def _record(value: dict[str, Any]) -> SeriesRecord:
    return SeriesRecord(
        series_uid=str(value["series_uid"]),
        patient_id=str(value["patient_id"]),
        modality="CT",
        description="",
        geometry=_geometry(value),
        files=(),
        source="image",
        label_status="reviewed",
        split="train" if value["split"] == "train" else "val",
    )


def fetchable(folder: Path) -> dict[str, list[Path]]:
    """The files of a run that its owner may want, by kind."""
    run_dir, model = folder / "runs" / RUN, folder / "models" / RUN
    # The newest checkpoint and the best weights are all that going on needs.
    steps = sorted((run_dir / "checkpoint").glob("step_*.pt"))[-1:]
    return {
        "pictures": sorted((run_dir / "previews").glob("*.png")),
        "model": [
            *model.glob("*.safetensors"),
            *model.glob("card.json"),
            *sorted((model / "previews").glob("*.png")),
        ],
        "checkpoint": [*steps, *(run_dir / "checkpoint").glob("best.pt")],
        "log": list(run_dir.glob(LOG)),
    }


def main(words: list[str]) -> int:
    """Do one command; the exit code."""
    os.umask(0o077)  # What lies here is for its owner.
    command, base = words[0], Path(words[1]).expanduser().absolute()
    sink = sys.stdout.buffer
    sink.write(MARKER)
    sink.flush()
    host = Host(base, sys.stdin.buffer, sink)
    try:
        if command not in _COMMANDS:
            raise UserError(f"there is no command {command}; the versions differ.")
        getattr(host, command)()
    except UserError as error:
        host.say(error=error.sentence)
    except OSError as error:
        host.say(error=f"a file could not be written or read there ({error.strerror}).")
    except (ValueError, KeyError, TypeError) as error:
        host.say(error=f"the request was not understood ({type(error).__name__}).")
    return 0


if __name__ == "__main__":
    # The other end may be gone; then there is nobody to tell.
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main(sys.argv[1:]))
