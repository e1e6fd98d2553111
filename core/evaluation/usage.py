"""What a run took of its device, measured from the events it left behind; projected where named."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from core.events import DeviceSample, Event, HardwareEvent, StepEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUse:
    """One run on one device. NaN and "" where the events do not say.

    seconds: training time of all planned steps: measured when the run did them all, else the
    measured time per step times the planned steps (``projected``). epochs_done: how much was
    measured. utilisation: mean share (0-1) of the device over the samples taken while it ran.
    patches_per_second: of all measured steps together.
    """

    device_name: str
    is_gpu: bool
    seconds: float
    projected: bool
    epochs_done: float
    epochs: float
    utilisation: float
    patches_per_second: float

    def cost(self, price_per_hour: float) -> float:
        """Price of the whole run; NaN when its time is not known."""
        return self.seconds / 3600.0 * price_per_hour


def duration(seconds: float) -> str:
    """A time for people: 3 h 28 min, 12 min, 40 s; – where it is not known."""
    if not math.isfinite(seconds):
        return "–"
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min" if seconds >= 90 else f"{round(seconds)} s"


def measure(events: Iterable[Event], is_gpu: bool) -> DeviceUse | None:
    """The use of the device (GPU or CPU) a run trained on; None when it never made a step."""
    last: StepEvent | None = None
    patches, seconds = 0.0, 0.0
    samples: list[DeviceSample] = []
    for event in events:
        if isinstance(event, StepEvent):
            # Elapsed time falls where a run went on from an older checkpoint: that part is new.
            span = event.elapsed - last.elapsed if last is not None else event.elapsed
            if span > 0 and math.isfinite(event.patches_per_second):
                patches += event.patches_per_second * span
                seconds += span
            last = event
        elif isinstance(event, HardwareEvent) and last is not None:
            busiest = _busiest([d for d in event.devices if d.is_gpu == is_gpu])
            if busiest is not None:
                samples.append(busiest)
    if last is None or last.step < 1:
        return None
    shares = [s.utilisation / 100 for s in samples if math.isfinite(s.utilisation)]
    return DeviceUse(
        device_name=samples[-1].name if samples else "",
        is_gpu=is_gpu,
        seconds=last.elapsed * max(last.steps, last.step) / last.step,
        projected=last.step < last.steps,
        epochs_done=last.epoch,
        epochs=float(last.epochs),
        utilisation=sum(shares) / len(shares) if shares else math.nan,
        patches_per_second=patches / seconds if seconds > 0 else math.nan,
    )


def _busiest(devices: list[DeviceSample]) -> DeviceSample | None:
    return max(devices, key=lambda d: d.utilisation, default=None)
