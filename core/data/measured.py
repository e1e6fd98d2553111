"""What was measured on this machine before: steps of networks, reading of cases, memory.

One small JSON file in the user's configuration folder, so that the second plan of a kind needs no
measuring. A figure counts only where machine, cores, device, torch and this program are the same.
No torch here: the window reads it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, TypeGuard, TypeVar

import psutil

from core.data.plan import Plan
from core.labels.durable import write_bytes
from core.project.recent import config_dir

#: Grows when a figure changes its meaning, or the code that it measures becomes much faster.
FORMAT = 1
#: Entries kept; the oldest go first.
LIMIT = 300

#: Fields of a plan that change neither the work of a step nor its memory.
_FREE = frozenset({
    "name", "classes", "figures", "quality", "spacing", "foreground_share", "hu_low", "hu_high",
    "hu_mean", "hu_std", "learning_rate", "weight_decay", "gradient_clip", "warmup", "ema_decay",
    "budget_minutes", "epochs", "steps_per_epoch", "validations", "validation_minutes",
    "early_stop", "checkpoint_minutes", "seed", "overlap", "mirror_inference", "min_component_ml",
    "largest_component", "estimates", "version", "ignore_value", "device", "pool_gb",
})  # fmt: skip


class DeviceLike(Protocol):
    """What is needed of ``core.hardware.DeviceInfo``."""

    @property
    def key(self) -> str: ...  # noqa: D102 - "cpu", "cuda:0" …
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def is_gpu(self) -> bool: ...  # noqa: D102
    @property
    def memory_total(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Measurement:
    """Real steps of one kind of plan on one device.

    step_seconds: one optimiser step with its data; data_seconds: of that, making the batch.
    setup_seconds: building network and optimiser, and what first steps take beyond later ones.
    voxel_seconds: one forward pass of the averaged network, a voxel of its window. step_bytes: peak
    of the steps beyond what the process needs anyway (all of the device's memory on a GPU).
    estimated_seconds, estimated_bytes: what was estimated for it, to carry the difference over to
    plans like it.
    """

    step_seconds: float
    data_seconds: float
    setup_seconds: float
    voxel_seconds: float
    step_bytes: float
    estimated_seconds: float
    estimated_bytes: float


@dataclass(frozen=True, slots=True)
class Pace:
    """What a run takes beside its steps, on this machine.

    startup_seconds: processor time from starting the process to its first work. base_bytes: the
    process with all libraries loaded and used, without a network. read_seconds: to bring a case to
    the plan's grid; check_seconds: to bring a prediction back and compare it; metrics_seconds: all
    metrics of a case; work_bytes: most memory of these; each a voxel of the series' own grid.
    """

    startup_seconds: float
    base_bytes: float
    read_seconds: float
    check_seconds: float
    metrics_seconds: float
    work_bytes: float


class Measurements:
    """All figures that hold for this machine and program now. Changed by :meth:`add` only."""

    def __init__(
        self, steps: Mapping[str, Measurement] | None = None, pace: Pace | None = None
    ) -> None:
        self._steps = dict(steps or {})
        self.pace = pace

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, plan: Plan, device: DeviceLike | None, found: Measurement) -> None:
        """Take a new figure in."""
        self._steps[step_key(plan, device)] = found

    def forget(self, device: DeviceLike | None) -> None:
        """Drop what is known of a device and of the machine's pace, to measure anew."""
        begin = device_key(device)
        self._steps = {k: v for k, v in self._steps.items() if not k.startswith(begin)}
        self.pace = None

    def exact(self, plan: Plan, device: DeviceLike | None) -> Measurement | None:
        """The figure of just this kind of plan, or None."""
        return self._steps.get(step_key(plan, device))

    def time_factor(self, estimated: float, device: DeviceLike | None) -> float:
        """Measured over estimated seconds of a step, by plans that take about as long."""
        return self._factor(
            estimated, device, lambda m: (m.estimated_seconds, m.step_seconds - m.data_seconds)
        )

    def memory_factor(self, estimated: float, device: DeviceLike | None) -> float:
        """Measured over estimated bytes of the steps, by plans of about that size."""
        return self._factor(estimated, device, lambda m: (m.estimated_bytes, m.step_bytes))

    def _factor(self, estimated: float, device: DeviceLike | None, pair: Any) -> float:
        begin = device_key(device)
        total, weights = 0.0, 0.0
        for key, found in self._steps.items():
            guess, real = pair(found)
            if key.startswith(begin) and guess > 0 and real > 0 and estimated > 0:
                # A plan of the same size counts ten times one that is e times as large.
                weight = 1 / (0.1 + abs(math.log(estimated / guess))) ** 2
                total += weight * math.log(real / guess)
                weights += weight
        return math.exp(total / weights) if weights else 1.0

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        pace = asdict(self.pace) if self.pace is not None else None
        return {"steps": {k: asdict(v) for k, v in self._steps.items()}, "pace": pace}


def device_key(device: DeviceLike | None) -> str:
    """What names a device in the file: the CPU is named by the machine already."""
    return "cpu|" if device is None or not device.is_gpu else f"{device.name}|"


def step_key(plan: Plan, device: DeviceLike | None) -> str:
    """Device and kind of plan: what of it changes the work of a step or its memory, hashed."""
    values = {f.name: getattr(plan, f.name) for f in fields(plan) if f.name not in _FREE}
    text = json.dumps({**values, "outputs": plan.outputs}, sort_keys=True)
    return device_key(device) + hashlib.sha256(text.encode()).hexdigest()[:16]


def cores() -> int:
    """Processor cores this process may use (an affinity or a container may allow only some)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine_key() -> str:
    """Machine, cores, versions: figures of another one are not taken for this one's."""
    parts = [platform.node(), platform.machine(), str(cores()), str(psutil.virtual_memory().total)]
    return "|".join([*parts, f"torch {version('torch')}", f"lesionforge {version('lesionforge')}"])


def probe_seconds(run_seconds: float) -> float:
    """How long measuring may take before a run of that length: 3 % of it, 8 to 30 s."""
    return min(30.0, max(8.0, 0.03 * run_seconds))


def measurements_file() -> Path:
    """Where they are kept."""
    return config_dir() / "measurements.json"


def load() -> Measurements:
    """What is known of this machine; nothing where the file is absent or damaged."""
    mine = _read().get(machine_key())
    if not isinstance(mine, dict):
        return Measurements()
    steps = mine.get("steps")
    known = {str(k): _parsed(Measurement, v) for k, v in steps.items()} if _is(steps) else {}
    return Measurements(
        {k: v for k, v in known.items() if v is not None}, _parsed(Pace, mine.get("pace"))
    )


def save(found: Measurements) -> None:
    """Keep ``found`` beside what other machines left there. Raises OSError."""
    machines = {k: v for k, v in _read().items() if k != machine_key()}
    mine = found.as_json()
    mine["steps"] = dict(list(mine["steps"].items())[-LIMIT:])
    file = measurements_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    # A folder of many machines (a home on the network) keeps the last twenty.
    kept = dict(list(machines.items())[-19:])
    document = {"format": FORMAT, "saved": time.time(), "machines": {**kept, machine_key(): mine}}
    write_bytes(file, json.dumps(document, indent=1).encode())


def _read() -> dict[str, Any]:
    try:
        document: Any = json.loads(measurements_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # Absent or damaged: measuring fills it again.
    if not _is(document) or document.get("format") != FORMAT or not _is(document.get("machines")):
        return {}
    return document["machines"]


def _is(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


Kind = TypeVar("Kind", Measurement, Pace)


def _parsed(kind: type[Kind], value: Any) -> Kind | None:
    """A record from its JSON; None unless every number is there, finite and not negative."""
    names = [f.name for f in fields(kind)]
    if not _is(value) or set(value) != set(names):
        return None
    numbers = [value[name] for name in names]
    if not all(isinstance(n, int | float) and 0 <= n < math.inf for n in numbers):
        return None
    return kind(*map(float, numbers))
