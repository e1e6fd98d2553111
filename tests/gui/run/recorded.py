"""A recorded run: realistic events for windows to show, and scripts that play a child."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

from core.events import (
    CaseResult,
    CheckpointEvent,
    DeviceSample,
    Event,
    HardwareEvent,
    LogEvent,
    StageEvent,
    StateEvent,
    StepEvent,
    ValidationEvent,
    to_line,
)

START = 1_700_000_000.0
SECONDS = 40.0  # an epoch


def step(epoch: float, epochs: int = 100, **changes: float) -> StepEvent:
    values = {
        "loss": 0.2 + 0.8 * math.exp(-epoch / 10), "patches_per_second": 24.0, "data_wait": 0.018,
        "seconds": SECONDS, "own_cpu": 0.5,
        "seconds_left": (epochs - epoch) * SECONDS, "elapsed": epoch * SECONDS,
        "time": START + epoch * SECONDS,
    }  # fmt: skip
    return StepEvent(
        step=round(epoch * 50), steps=epochs * 50, epoch=epoch, epochs=epochs, learning_rate=1e-3,
        **(values | changes),
    )  # fmt: skip


def validation(epoch: float, dice: float, best: bool = True, **changes: object) -> ValidationEvent:
    values: dict[str, object] = {
        "loss": 0.3, "smoothed": dice, "time": START + epoch * SECONDS + 1.0, "cases": (),
    }  # fmt: skip
    return ValidationEvent(
        step=round(epoch * 50), epoch=epoch, dice=dice, best=best, **(values | changes)
    )  # fmt: skip


def checkpoint(epoch: float) -> CheckpointEvent:
    return CheckpointEvent(
        step=round(epoch * 50), epoch=epoch, path="checkpoint", time=START + epoch * SECONDS + 2.0
    )


def state(name: str, at: float, sentence: str = "") -> StateEvent:
    return StateEvent(state=name, sentence=sentence, time=START + at)  # type: ignore[arg-type]


def gpu(at: float, use: float = 97.0) -> HardwareEvent:
    device = DeviceSample(
        name="NVIDIA H100", is_gpu=True, utilisation=use, memory_used=22_800_000_000,
        memory_total=80_000_000_000, power=598.0, power_limit=700.0, temperature=62.0,
    )  # fmt: skip
    return HardwareEvent(devices=(device,), time=START + at)


def cpu(at: float, use: float = 88.0) -> HardwareEvent:
    device = DeviceSample(
        name="AMD EPYC", is_gpu=False, utilisation=use, memory_used=6_000_000_000,
        memory_total=16_000_000_000,
    )  # fmt: skip
    return HardwareEvent(devices=(device,), time=START + at)


def cases(count: int = 3) -> tuple[CaseResult, ...]:
    return tuple(
        CaseResult(
            series_uid=f"1.2.3.{n}", patient_id=f"P{n}", dice=0.9 - 0.2 * n,
            preview=f"previews/{n}.png",
        )
        for n in range(count)
    )  # fmt: skip


def run_events(epochs_done: int = 20, end: str = "", sentence: str = "") -> list[Event]:
    """A run of 100 epochs, validated every fifth, saved every tenth."""
    events: list[Event] = [
        state("preparing", -20),
        StageEvent(stage="preprocess", done=9, total=9, time=START - 5),
        state("running", -1),
        LogEvent(level="warning", message="One case was cut.", time=START - 0.5),
    ]
    for epoch in range(1, epochs_done + 1):
        events.append(step(float(epoch)))
        if epoch % 5 == 0:
            events.append(validation(float(epoch), 0.8 * (1 - math.exp(-epoch / 8)), cases=cases()))
        if epoch % 10 == 0:
            events.append(checkpoint(float(epoch)))
    if end:
        events.append(state(end, epochs_done * SECONDS + 5, sentence))
    return events


def write_events(folder: Path, events: list[Event]) -> None:
    text = "".join(to_line(event) + "\n" for event in events)
    (folder / "events.jsonl").write_text(text, encoding="utf-8")


def write_pictures(folder: Path, count: int = 3) -> None:
    """Grey slices with a green lesion in the upper third."""
    (folder / "previews").mkdir(exist_ok=True)
    for number in range(count):
        rows = b""
        for row in range(60):
            lesion = 12 <= row < 20
            pixel = b"\x2d\xbe\x94" if lesion else b"\x60\x60\x60"
            rows += b"\0" + b"\x60\x60\x60" * 20 + pixel * 10 + b"\x60\x60\x60" * 10
        header = struct.pack(">IIBBBBB", 40, 60, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
        data = b"\x89PNG\r\n\x1a\n"
        for kind, body in chunks:
            data += struct.pack(">I", len(body)) + kind + body
            data += struct.pack(">I", zlib.crc32(kind + body))
        (folder / "previews" / f"{number}.png").write_bytes(data)


#: Says what a training child says, and obeys. Asked to stop it saves; "hang" in its folder's
#: name makes it deaf.
CHILD = """
import sys, threading, time
from pathlib import Path
from core.events import *
folder = Path(sys.argv[-1])
orders = []
threading.Thread(target=lambda: [orders.append(l.strip()) for l in sys.stdin], daemon=True).start()
def say(event):
    line = to_line(event)
    with (folder / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\\n")
    print(line, flush=True)
def step(n):
    say(StepEvent(step=n, steps=10000, epoch=n / 10, epochs=1000, loss=1.0, learning_rate=1e-3,
                  patches_per_second=5.0, data_wait=0.1, seconds_left=9.0, elapsed=n * 0.1))
say(StateEvent(state="preparing"))
say(StateEvent(state="running"))
n = 0
while True:
    n += 1
    step(n)
    time.sleep(0.02)
    order = orders.pop(0) if orders else ""
    if order == "pause":
        say(CheckpointEvent(step=n, epoch=n / 10, path="checkpoint"))
        say(StateEvent(state="paused"))
        while not orders:
            time.sleep(0.01)
        if orders[0] == "resume":
            orders.pop(0)
            say(StateEvent(state="running"))
        continue
    if order == "stop":
        say(CheckpointEvent(step=n, epoch=n / 10, path="checkpoint"))
        say(ResultEvent(name="model", data={"model_id": folder.name}))
        say(StateEvent(state="stopped", sentence=f"Stopped after {n} steps."))
        break
"""
