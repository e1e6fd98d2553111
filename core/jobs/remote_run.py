"""Which machine a run trains on, and whether that machine can be used. No torch here."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.errors import FileRefusedError, UserError
from core.hardware import DeviceInfo
from core.jobs.machines import Machine
from core.jobs.ssh import AnswerError, ask
from core.labels.durable import write_bytes

FILE = "remote.json"
#: A clock that is off by less is left alone, seconds.
_SKEW = 5.0


@dataclass(frozen=True, slots=True)
class Checked:
    """What a machine said of itself. free: bytes of disk. skew: seconds our clock is ahead."""

    devices: tuple[DeviceInfo, ...]
    free: int
    skew: float


def check(machine: Machine) -> Checked:
    """Whether ``machine`` can be used. Raises UserError with what to do where it cannot."""
    began = time.time()
    answer = ask(machine, "hello", {}, timeout=60)
    theirs, ours = str(answer.get("version", "")), version("lesionforge")
    if theirs != ours:
        raise UserError(
            f"{machine.name} has LesionForge {theirs[:40] or 'of an unknown version'}, and this is "
            f"{ours}. Install the same version there."
        )
    try:
        devices = tuple(DeviceInfo(**value) for value in answer["devices"][:64])
        sound = all(isinstance(d.key, str) and isinstance(d.memory_total, int) for d in devices)
        clock, free = float(answer["time"]), int(answer["free"])
    except (KeyError, TypeError, ValueError) as error:
        raise AnswerError(f"{machine.name} does not say what devices it has.") from error
    if not devices or not sound:
        raise AnswerError(f"{machine.name} does not say what devices it has.")
    skew = (began + time.time()) / 2 - clock
    return Checked(devices, free, skew if abs(skew) >= _SKEW else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """``remote.json`` of a run's folder: where it trains, and how far it is known here.

    run: its name there. begun: it was started there, and its end is not here yet. events,
    hardware: bytes heard of either file. ordered: words sent. told: how many of the
    run's orders about its length are known there. skew: see :class:`Checked`.
    """

    machine: Machine
    run: str
    begun: bool = False
    events: int = 0
    hardware: int = 0
    ordered: int = 0
    told: int = 0
    skew: float = 0.0

    def save(self, folder: Path) -> None:
        """Write it, whole or not at all."""
        write_bytes(folder / FILE, json.dumps(asdict(self)).encode())

    @classmethod
    def load(cls, folder: Path) -> Remote:
        """Of a run's folder. Raises FileRefusedError when it cannot be read."""
        path = folder / FILE
        try:
            value: dict[str, Any] = json.loads(path.read_bytes())
            value["machine"] = Machine.from_json(value["machine"])
            return cls(**value)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise FileRefusedError(path, "it cannot be read", "Start a new run.") from error


def train_on(machine: Machine, folder: Path) -> None:
    """Let the run of ``folder`` train on ``machine`` when it is started."""
    Remote(machine=machine, run=uuid.uuid4().hex).save(folder)


def is_remote(folder: Path) -> bool:
    """Whether a run's folder belongs to a run on another machine."""
    return (folder / FILE).exists()
