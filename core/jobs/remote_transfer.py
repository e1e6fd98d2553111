"""Files to another machine and back: known by content, gone on with where they were cut off.

What comes back is checked against what was announced (path, size, sha256) and against what a run
may leave at all, before it gets its name; a machine that lies can waste time, not touch a file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.data.plan import Plan
from core.errors import Cancelled
from core.jobs.machines import Machine
from core.jobs.remote_packet import Packet, Piece
from core.jobs.ssh import AnswerError, Connection, ask
from core.labels.durable import replace
from core.models.card import ModelCard
from core.models.header import CARD_KEY, PLAN_KEY, read_header

#: What a run there may leave, and how large it may be: networks have up to some 10⁹ weights of
#: four bytes, a checkpoint four of each.
_ALLOWED: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"runs/r01/checkpoint/(step_\d{8}|best)\.pt"), 32 * 1024**3),
    (re.compile(r"runs/r01/previews/[0-9a-z_]{1,60}\.png"), 4 * 1024**2),
    (re.compile(r"models/r01/previews/[0-9a-z_]{1,60}\.png"), 4 * 1024**2),
    (re.compile(r"runs/r01/log\.txt"), 16 * 1024**2),
    (re.compile(r"models/r01/model\.safetensors"), 8 * 1024**3),
    (re.compile(r"models/r01/card\.json"), 1024**2),
)
_MOST_FILES = 2000
_SHA = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20
_MB = 1 << 20

#: What is fetched together.
Kind = Literal["pictures", "model", "checkpoint", "log"]

Progress = Callable[[int, int], None]
Cancelling = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """A file that can be fetched. path: relative to the project there."""

    path: str
    size: int
    sha256: str


def push(machine: Machine, packet: Packet, progress: Progress, cancelled: Cancelling) -> None:
    """Send the files of ``packet`` that are not there yet, beginning where one was cut off.

    progress: called with (MB there, MB of all). Raises LinkError when the connection ends, and
    Cancelled.
    """
    total = sum(piece.size for piece in packet.pieces)
    sizes = {piece.sha256: piece.size for piece in packet.pieces}
    answer = ask(machine, "need", {"files": sizes})
    have: dict[str, int] = {
        sha: min(int(count), sizes[sha])
        for sha, count in answer.get("have", {}).items()
        if sha in sizes and isinstance(count, int) and count >= 0
    }
    missing = [piece for piece in packet.pieces if have.get(piece.sha256) != piece.size]
    done = sum(have.values())
    progress(done // _MB, total // _MB)
    if not missing:
        return
    with Connection(machine, "put") as connection:
        for piece in missing:
            offset = have.get(piece.sha256, 0)
            connection.request({"sha256": piece.sha256, "offset": offset, "size": piece.size})
            for count in _send(connection, piece, offset):
                done += count
                progress(done // _MB, total // _MB)
                if cancelled():
                    raise Cancelled
            if connection.answer().get("stored") is not True:
                raise AnswerError(f"{machine.name} did not store a file whole. Try again.")
        connection.end_input()


def _send(connection: Connection, piece: Piece, offset: int) -> Any:
    with piece.path.open("rb") as file:
        file.seek(offset)
        while data := file.read(_CHUNK):
            connection.send(data)
            yield len(data)


def listed(machine: Machine, run: str, kind: Kind) -> dict[str, Found]:
    """What can be fetched of a run, by path; anything that no run leaves is passed over."""
    answer = ask(machine, "files", {"run": run, "kind": kind}, timeout=600)
    files = answer.get("files")
    if not isinstance(files, dict) or len(files) > _MOST_FILES:
        raise AnswerError(f"{machine.name} gave a list of files that makes no sense.")
    found: dict[str, Found] = {}
    for path, about in files.items():
        limit = next((most for pattern, most in _ALLOWED if pattern.fullmatch(path)), None)
        if limit is None or not isinstance(about, dict):
            continue
        size, sha = about.get("size"), about.get("sha256")
        if isinstance(size, int) and 0 <= size <= limit and _SHA.fullmatch(str(sha)):
            found[path] = Found(path, size, str(sha))
    return found


def fetch(machine: Machine, run: str, found: Found, target: Path) -> None:
    """Bring a file here, beginning where it was cut off; whole under its name or not there.

    Nothing is done where it is here already. Raises LinkError when the connection ends, AnswerError
    when what came is not what was announced.
    """
    if target.is_file() and target.stat().st_size == found.size and _digest(target) == found.sha256:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # By content, so that a part is never gone on with by another file of that name.
    part = target.with_name(f".{target.name}.{found.sha256[:16]}.part")
    with part.open("ab") as file:
        if file.tell() > found.size:
            file.truncate(0)
        left = found.size - file.tell()
        if left > 0:
            _receive(machine, run, found, file, left)
    if part.stat().st_size < found.size:
        raise Connection.lost(machine)
    if _digest(part) != found.sha256:
        part.unlink()
        raise AnswerError(f"{machine.name} sent another file than it had announced. Try again.")
    for old in target.parent.glob(f".{target.name}.*.part"):
        if old != part:
            old.unlink()
    replace(part, target)


def _receive(machine: Machine, run: str, found: Found, file: Any, left: int) -> None:
    with Connection(machine, "get") as connection:
        connection.request({"run": run, "path": found.path, "offset": found.size - left})
        connection.end_input()
        connection.begin()
        while left > 0 and (data := connection.bytes(min(left, _CHUNK))):
            file.write(data)
            left -= len(data)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def restore_model(path: Path, goal: Path, plan: Plan, card: ModelCard) -> None:
    """Copy a fetched safetensors file to ``goal`` with the plan and card of the run here.

    Raises FileRefusedError for anything but a whole, sound file; its weights are checked against
    the plan when the model is loaded.
    """
    header = read_header(path)
    with path.open("rb") as source:
        length = int.from_bytes(source.read(8), "little")
        value: dict[str, Any] = json.loads(source.read(length))
        value["__metadata__"] = {
            **header.metadata,
            PLAN_KEY: json.dumps(plan.as_json(), ensure_ascii=False),
            CARD_KEY: card.dumps(),
        }
        text = json.dumps(value, ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)  # The format wants its tensors at multiples of eight.
        temporary = goal.with_name(f".{goal.name}.tmp")
        with temporary.open("wb") as target:
            target.write(len(text).to_bytes(8, "little") + text)
            while data := source.read(_CHUNK):
                target.write(data)
    replace(temporary, goal)
