"""What holds a run up, as one sentence: the network itself, data, validation, heat, other programs.

Everything comes from the events a run leaves behind, so a live run, an old one and the command line
say the same. A tally is kept for the whole run and for the last minutes; adding an event is a few
additions.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, fields, replace
from typing import Literal

from core.data.plan import Plan
from core.data.predictions import CASE_BYTES, grid_voxels
from core.events import DeviceSample, Event, HardwareEvent, StateEvent, StepEvent, ValidationEvent

Limit = Literal[
    "unknown", "network", "data", "read_back", "validation", "heat", "power", "small", "shared"
]

#: Seconds the verdict on a live run looks back.
RECENT_S = 600.0
#: Seconds of training before anything is said.
ENOUGH_S = 20.0
#: A loss below this share of the time is not worth a word; for waiting it is the project's promise.
WORTH = 0.02
#: A run may spend this share on validation without being told so.
VALIDATION_SHARE = 0.2
#: Below this use of a GPU its steps are too small for it; nvidia-smi calls any kernel "busy".
BUSY = 0.9
#: Below this share of its cores other programs are taking a CPU run's time.
OWN = 0.75


@dataclass(slots=True)
class Tally:
    """Sums. Seconds of training steps, and of them waiting for data, for read-back, and on cores.

    validation: seconds of passes. samples: readings of the device while it trained, with sums of
    utilisation (0-1) and of clock over its limit, and counts of throttled ones.
    """

    seconds: float = 0.0
    wait: float = 0.0
    read_back: float = 0.0
    own: float = 0.0
    own_seconds: float = 0.0
    validation: float = 0.0
    samples: float = 0.0
    busy: float = 0.0
    clocks: float = 0.0
    clock: float = 0.0
    heat: float = 0.0
    power: float = 0.0

    def add(self, other: Tally, sign: float = 1.0) -> None:
        """Add ``sign`` times ``other``."""
        for one in fields(self):
            old, more = getattr(self, one.name), getattr(other, one.name)
            setattr(self, one.name, old + sign * more)


@dataclass(frozen=True, slots=True)
class Verdict:
    """limit: what holds the run up. sentence: the same for people, with figures and a remedy."""

    limit: Limit
    sentence: str


class Bottleneck:
    """Add events as they come; ask for the verdict at any time."""

    def __init__(self) -> None:
        self.total, self.recent = Tally(), Tally()
        self._newest: deque[tuple[float, Tally]] = deque()
        self._gpu = False
        self._training = False

    def add(self, event: Event) -> None:
        """Take one more event in."""
        match event:
            case StateEvent():
                self._training = event.state == "running"
            case StepEvent():
                self._count(event.time, _of_steps(event))
            case ValidationEvent():
                self._count(event.time, Tally(validation=event.seconds))
            case HardwareEvent() if self._training and event.devices:
                device = _busiest(event.devices)
                self._gpu = device.is_gpu
                self._count(event.time, _of_sample(device))
            case _:
                pass

    def _count(self, moment: float, more: Tally) -> None:
        self.total.add(more)
        self.recent.add(more)
        self._newest.append((moment, more))
        while self._newest[0][0] < moment - RECENT_S:
            self.recent.add(self._newest.popleft()[1], -1.0)

    def verdict(self, plan: Plan | None = None, recent: bool = False) -> Verdict:
        """The largest loss of time, over the last ten minutes (``recent``) or the whole run."""
        tally = self.recent if recent else self.total
        if tally.seconds < ENOUGH_S:
            return Verdict("unknown", "")
        gpu = self._gpu if plan is None else plan.device != "cpu"
        if gpu is not self._gpu:
            # Only the cards of this machine were read, and the run computes on its processor.
            tally = replace(tally, samples=0.0)
        losses = _losses(tally, gpu)
        limit = max(losses, key=lambda name: losses[name])
        if losses[limit] < WORTH:
            limit = "network"
        return Verdict(limit, _sentence(limit, tally, gpu, plan))


def _of_steps(event: StepEvent) -> Tally:
    known = math.isfinite(event.own_cpu)
    return Tally(
        seconds=event.seconds,
        wait=event.seconds * event.data_wait,
        read_back=event.seconds * event.read_back,
        own=event.seconds * event.own_cpu if known else 0.0,
        own_seconds=event.seconds if known else 0.0,
    )


def _of_sample(device: DeviceSample) -> Tally:
    if not math.isfinite(device.utilisation):
        return Tally()
    known = device.clock is not None and device.clock_limit is not None and device.clock_limit > 0
    return Tally(
        samples=1.0,
        busy=device.utilisation / 100,
        clocks=float(known),
        clock=(device.clock or 0.0) / (device.clock_limit or 1.0) if known else 0.0,
        heat=float(device.throttled == "heat"),
        power=float(device.throttled == "power"),
    )


def _busiest(devices: tuple[DeviceSample, ...]) -> DeviceSample:
    return max(devices, key=lambda d: d.utilisation if math.isfinite(d.utilisation) else -1.0)


def _losses(tally: Tally, gpu: bool) -> dict[Limit, float]:
    """Share of the time that mending each thing would win back, as far as it is known."""
    losses: dict[Limit, float] = {}
    whole = tally.seconds + tally.validation
    losses["data"] = tally.wait / whole
    losses["read_back"] = tally.read_back / whole
    if tally.validation / whole > VALIDATION_SHARE:
        losses["validation"] = tally.validation / whole
    if gpu and tally.samples:
        slowed = 1 - _clock(tally)
        losses["heat"] = tally.heat / tally.samples * slowed
        losses["power"] = tally.power / tally.samples * slowed if slowed > 1 - BUSY else 0.0
        idle = 1 - tally.busy / tally.samples
        if idle > 1 - BUSY:
            # What the GPU idled and nothing else explains.
            known = losses["data"] + losses["read_back"] + tally.validation / whole
            losses["small"] = max(0.0, idle - known)
    if not gpu and tally.own_seconds and tally.own / tally.own_seconds < OWN:
        losses["shared"] = 1 - tally.own / tally.own_seconds
    return losses


def _clock(tally: Tally) -> float:
    return tally.clock / tally.clocks if tally.clocks else 1.0


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _sentence(limit: Limit, tally: Tally, gpu: bool, plan: Plan | None) -> str:
    device = "GPU" if gpu else "processor"
    whole = tally.seconds + tally.validation
    busy = f"busy {_percent(tally.busy / tally.samples)}" if tally.samples else "busy"
    clock = _percent(_clock(tally))
    own = _percent(tally.own / tally.own_seconds) if tally.own_seconds else ""
    return {
        "data": f"{_percent(tally.wait / whole)} of the time the {device} waits for blocks of the "
        f"cases: {_data_remedy(gpu, plan)}.",
        "read_back": f"{_percent(tally.read_back / whole)} of the time goes to reading the loss "
        f"back from the {device}: another program is using it; close it, or choose another one.",
        "validation": f"{_percent(tally.validation / whole)} of the time goes to validation: "
        "validate less often, or on fewer cases.",
        "heat": f"The GPU is hot and runs at {clock} of its clock: give it more air, and the run "
        "is faster by as much.",
        "power": f"The GPU is {busy} and held at {clock} of its clock by its power limit.",
        "small": f"The GPU is {busy} though no block was late: the steps are too small for it. A "
        "larger batch or patch would use the rest.",
        "shared": f"This run gets {own} of its processor cores: other programs take the rest. "
        "Close them, or let the run go on overnight.",
    }.get(limit, f"The {device} is {busy}; the limit is the network itself.")


def _data_remedy(gpu: bool, plan: Plan | None) -> str:
    if not gpu:
        return "turn off elastic changes and low resolution in the plan, or use a larger network"
    if plan is not None and plan.pool_gb > 0:
        need = grid_voxels(plan) * CASE_BYTES / 1e9
        if need > plan.pool_gb:
            return f"allow {math.ceil(need)} GB of its memory for cases"
    return "put the project on a faster disk, or choose a coarser grid so that the cases fit"
