"""A run for TensorBoard: its curves, device use, plan and, when asked for, its pictures.

One event file, written from ``events.jsonl`` and ``hardware.jsonl`` with their own times. Cases are
numbered: no patient's name or identifier leaves the project. ``tensorboard`` itself needs torch no
more than we do, so the window exports without a child process.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Message classes are made when the modules load: a type checker cannot see them.
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from core.errors import FileRefusedError, UserError
from core.events import Event, HardwareEvent, StepEvent, ValidationEvent
from core.project.runs import RunRecord, read_events

Record: Any = event_pb2.Event  # pyright: ignore[reportAttributeAccessIssue]
Summary: Any = summary_pb2.Summary  # pyright: ignore[reportAttributeAccessIssue]
Metadata: Any = summary_pb2.SummaryMetadata  # pyright: ignore[reportAttributeAccessIssue]
TensorProto: Any = tensor_pb2.TensorProto  # pyright: ignore[reportAttributeAccessIssue]
_STRING: int = types_pb2.DT_STRING  # pyright: ignore[reportAttributeAccessIssue]

#: Name under which TensorBoard's text page looks for what we write.
_TEXT = "text"


def export_tensorboard(run: RunRecord, folder: Path, pictures: bool = False) -> Path:
    """Write ``run`` as ``folder/<run id>``, to be opened with ``tensorboard --logdir folder``.

    pictures: also the slices of the validation cases, which are the patients' own images. Returns
    the new folder. Raises UserError when the run has said nothing yet, or ``folder`` holds an
    export of a run of this name; FileRefusedError when it cannot be written.
    """
    target = folder / run.id
    if target.exists():
        raise UserError(
            f"{folder} already holds an export of {run.id}. Choose another folder, or delete "
            f"{target} first: two exports of one run would be drawn over each other."
        )
    events = list(read_events(run.path))
    if not any(isinstance(event, StepEvent) for event in events):
        raise UserError(f"{run.id} has made no step yet, so there is nothing to export.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Whole or not at all: TensorBoard would draw half a run without a word.
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{run.id}-") as beside:
            half = Path(beside) / run.id
            _write(run, events, half, pictures)
            half.rename(target)
    except OSError as error:
        raise FileRefusedError(
            target, "it cannot be written", error.strerror or str(error)
        ) from error
    return target


def _write(run: RunRecord, events: list[Event], folder: Path, pictures: bool) -> None:
    writer = EventFileWriter(str(folder))
    try:
        writer.add_event(_plan(run, events[0].time))
        for record in _records(run.path, events, pictures):
            writer.add_event(record)
    finally:
        writer.close()


def _plan(run: RunRecord, moment: float) -> Any:
    """The plan as a text that TensorBoard shows, in a fixed face."""
    words = json.dumps({"name": run.name, **run.plan}, indent=1, ensure_ascii=False)
    indented = "\n".join("    " + line for line in words.splitlines())
    tensor = TensorProto(dtype=_STRING, string_val=[indented.encode()])
    metadata = Metadata(plugin_data=Metadata.PluginData(plugin_name=_TEXT))
    value = Summary.Value(tag="plan/text_summary", tensor=tensor, metadata=metadata)
    return Record(wall_time=moment, step=0, summary=Summary(value=[value]))


def _records(run_dir: Path, events: list[Event], pictures: bool) -> Iterator[Any]:
    step = 0
    numbers: dict[str, int] = {}
    for event in events:
        values: dict[str, float] = {}
        if isinstance(event, StepEvent):
            step = event.step
            values = _of_step(event)
        elif isinstance(event, ValidationEvent):
            step = event.step
            for case in event.cases:
                numbers.setdefault(case.series_uid, len(numbers) + 1)
            values = _of_validation(event, numbers)
            if pictures:
                yield from _images(run_dir, event, numbers)
        elif isinstance(event, HardwareEvent):
            values = _of_devices(event)
        known = [
            Summary.Value(tag=tag, simple_value=value)
            for tag, value in values.items()
            if math.isfinite(value)
        ]
        if known:
            yield Record(wall_time=event.time, step=step, summary=Summary(value=known))


def _of_step(event: StepEvent) -> dict[str, float]:
    return {
        "loss/train": event.loss,
        "speed/learning_rate": event.learning_rate,
        "speed/patches_per_second": event.patches_per_second,
        "speed/data_wait": event.data_wait,
    }


def _of_validation(event: ValidationEvent, numbers: dict[str, int]) -> dict[str, float]:
    return {
        "loss/validation": event.loss,
        "dice/mean": event.dice,
        "dice/smoothed": event.smoothed,
        **{f"dice_of_case/{numbers[c.series_uid]:03d}": c.dice for c in event.cases},
    }


def _of_devices(event: HardwareEvent) -> dict[str, float]:
    values: dict[str, float] = {}
    for index, device in enumerate(event.devices):
        name = f"gpu{index}" if device.is_gpu else "cpu"
        values[f"{name}/utilisation"] = device.utilisation
        values[f"{name}/memory_gb"] = device.memory_used / 1e9
        values[f"{name}/power_w"] = math.nan if device.power is None else device.power
        values[f"{name}/temperature"] = (
            math.nan if device.temperature is None else device.temperature
        )
    return values


def _images(run_dir: Path, event: ValidationEvent, numbers: dict[str, int]) -> Iterator[Any]:
    """The pictures of a pass that are still in the run's folder: older ones are pruned."""
    for case in event.cases:
        path = run_dir / case.preview
        # The event file is data: a path in it must not lead out of the run's folder.
        if not case.preview or not path.resolve().is_relative_to(run_dir.resolve()):
            continue
        if not path.is_file():
            continue
        image = Summary.Image(encoded_image_string=path.read_bytes())
        value = Summary.Value(tag=f"case/{numbers[case.series_uid]:03d}", image=image)
        yield Record(wall_time=event.time, step=event.step, summary=Summary(value=[value]))
