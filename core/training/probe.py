"""A few real steps of a plan on the real device: how long they take and what room they need.

The very objects of a run (:class:`Learner`, :class:`Augmenter`, :class:`Validator`) on a stand-in
case of the usual size: what is in the voxels changes neither time nor memory. Pace, the rest of a
run, is taken from a real case of the project.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch
from torch import Tensor

from core.data.augment import Augmenter
from core.data.cache import Case, centres_of, make_case, open_case
from core.data.grid import GridInfo
from core.data.measured import DeviceLike, Measurement, Pace
from core.data.plan import Plan
from core.data.predictions import STRETCH, step_bytes
from core.data.rates import network_seconds
from core.data.sampler import Sampler
from core.errors import Cancelled
from core.geometry import Geometry, Triple, Zyx
from core.inference.predict import predict_image
from core.inference.tiles import window_size
from core.project.manifest import ManifestCase
from core.project.project import Project
from core.training import machine
from core.training.peak import PeakMemory, library_bytes, own_bytes, settle
from core.training.step import Learner
from core.training.validation import Validator

#: Steps before any counts: the first one searches algorithms and fills the allocator.
WARM_STEPS = 2
#: Steps that are counted at least, however slow, and at most.
LEAST_STEPS, MOST_STEPS = 2, 60
#: On a GPU steps are only queued; without waiting now and then the clock would know nothing.
QUEUED = 10
#: Windows predicted.
PREDICTIONS = 3

Said = Callable[[], None]


def measure(
    plan: Plan,
    device: DeviceLike | None,
    seconds: float,
    *,
    tick: Said = lambda: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Measurement:
    """Steps and predictions of ``plan``, for about ``seconds`` beside the first steps.

    device: as ``core.hardware`` describes it, for what is estimated. tick: called at each step.
    Raises UserError when the device is not there or its memory too small, Cancelled.
    """
    where, obeyed, _ = machine.prepare(plan)
    cases = [stand_in(obeyed, number) for number in range(2)]
    settle(where)
    begin = time.monotonic()
    with _Counted(obeyed, where, cases) as counted:
        with PeakMemory(where) as memory:
            counted.build()
            for _ in range(WARM_STEPS):
                _check(cancelled)
                counted.step()
                tick()
            _wait(where)
        setup = time.monotonic() - begin
        # Not watched any more, or the watching would be timed, too.
        step, data = counted.run(seconds, tick, cancelled)
        voxel = counted.inference()
        memory.look()
        tick()
    settle(where)
    return Measurement(
        step_seconds=step,
        data_seconds=min(data, step),
        setup_seconds=max(0.0, setup - WARM_STEPS * step),
        voxel_seconds=voxel,
        step_bytes=float(memory.peak),
        estimated_seconds=network_seconds(plan, device),
        estimated_bytes=step_bytes(plan),
    )


class _Counted:
    """Steps as a run takes them, timed. A context, because of what the augmenter holds."""

    def __init__(self, plan: Plan, device: torch.device, cases: list[Case]) -> None:
        self._plan, self._device, self._cases = plan, device, cases
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if hasattr(self, "_augmenter"):
            self._augmenter.close()
            del self._augmenter, self._learner

    def build(self) -> None:
        """Network, optimiser and what makes batches."""
        generator = torch.Generator().manual_seed(self._plan.seed)
        self._learner = Learner(self._plan, self._device)
        self._sampler = Sampler(self._cases, self._plan, generator)
        self._augmenter = Augmenter(self._cases, self._plan, generator, self._device)

    def step(self) -> None:
        batch = self._augmenter.batch([self._sampler.draw() for _ in range(self._plan.batch)])
        self._learner.step(batch, self._plan.learning_rate * 0.1, self._done)
        self._done += 1

    def run(self, seconds: float, tick: Said, cancelled: Callable[[], bool]) -> tuple[float, float]:
        """Seconds of a whole step, and of making its batch alone, each a mean."""
        steps = 0
        _wait(self._device)
        begin = time.monotonic()
        while steps < LEAST_STEPS or (
            steps < MOST_STEPS and time.monotonic() - begin < 0.8 * seconds
        ):
            _check(cancelled)
            self.step()
            steps += 1
            if steps % QUEUED == 0:
                _wait(self._device)
            tick()
        _wait(self._device)
        step = (time.monotonic() - begin) / steps
        self._learner.read()
        begin, batches = time.monotonic(), 0
        while batches < LEAST_STEPS or (
            batches < MOST_STEPS and time.monotonic() - begin < 0.1 * seconds
        ):
            _check(cancelled)
            self._augmenter.batch([self._sampler.draw() for _ in range(self._plan.batch)])
            _wait(self._device)
            batches += 1
        return step, (time.monotonic() - begin) / batches

    def inference(self) -> float:
        """Seconds a voxel of one unmirrored window."""
        plan = self._plan
        sizes = _grid_shape(plan)
        shape = tuple(n if n <= p * STRETCH else p for n, p in zip(sizes, plan.patch, strict=True))
        image = np.zeros(shape, np.int16)
        times: list[float] = []
        for _ in range(1 + PREDICTIONS):
            begin = time.monotonic()
            predict_image(self._learner.predictor, plan, image, self._device, mirror=False)
            times.append(time.monotonic() - begin)
        window = window_size(shape, plan.patch, plan.divisor)
        # Not the first, which loads what the others use.
        return statistics.median(times[1:]) / float(np.prod(window))


def measure_pace(project: Project, plan: Plan, folder: Path) -> Pace:
    """What a run takes beside its steps, from the project's smallest labelled case.

    folder: an empty one for the files that are made. Raises FileRefusedError when the case cannot
    be read, UserError when it cannot be written.
    """
    # Processor time: how busy the machine is with other things at this moment tells nothing.
    startup = time.process_time()
    machine.keep_memory()
    device = torch.device("cpu")
    settle(device)
    own = own_bytes()
    entry = _smallest(project)
    with PeakMemory(device) as memory:
        begin = time.monotonic()
        make_case(project, entry, plan, folder / "case")
        case = open_case(project, entry, plan, folder / "case")
        read = time.monotonic() - begin
        validator = Validator([case], plan, device, folder)
        predictor = _blob(plan)
        checked = validator.run(predictor, 0)
        full = validator.run(predictor, 0, full=True)
    voxels = float(np.prod(case.truth.shape))
    # Its files are mapped, which must not count as libraries.
    del case, validator
    settle(device)
    check = checked.seconds - checked.network_seconds
    metrics = max(0.0, full.seconds - full.network_seconds - check)
    return Pace(
        startup_seconds=startup,
        base_bytes=float(own + library_bytes()),
        read_seconds=read / voxels,
        check_seconds=check / voxels,
        metrics_seconds=metrics / voxels,
        work_bytes=memory.peak / voxels,
    )


def _smallest(project: Project) -> ManifestCase:
    from core.project import manifest  # noqa: PLC0415

    cases = manifest.build(project)
    entries = [*cases.of("train"), *cases.of("val")]
    return min(entries, key=lambda e: float(np.prod(project.record(e.series_uid).geometry.shape)))


def _blob(plan: Plan) -> Callable[[Tensor], Tensor]:
    """A network that finds one ball in the middle of each window: a usual amount to compare."""

    def predict(image: Tensor) -> Tensor:
        shape = image.shape[-3:]
        axes = [torch.linspace(-1, 1, n) for n in shape]
        z, y, x = torch.meshgrid(*axes, indexing="ij")
        ball = (z**2 + y**2 + x**2 < 0.1).float() * 10 - 5
        logits = torch.zeros((image.shape[0], plan.outputs, *shape))
        logits[:, plan.lesion_channels[0]] = ball
        return logits

    return predict


def stand_in(plan: Plan, number: int) -> Case:
    """A case of the usual size on the plan's grid: tissue with a cube of lesion in its middle."""
    shape = _grid_shape(plan)
    rng = np.random.default_rng(number)
    image = rng.normal(plan.hu_mean, plan.hu_std, shape).astype(np.int16)
    label = np.zeros(shape, np.uint8)
    box = tuple(slice(n // 3, max(n // 3 + 1, n // 2)) for n in shape)
    label[box] = plan.lesion_channels[0]
    return Case(
        entry=ManifestCase(
            series_uid=f"probe.{number}",
            patient_id="",
            split="train",
            label_sha256="",
            files_id="",
            lesion_ml=1.0,
        ),
        info=GridInfo.of(Geometry(shape, plan.spacing), plan.spacing),
        array={
            "image": image,
            "label": label,
            "centres": centres_of(label > 0),
            "truth": label,
            "preview": image[shape[0] // 2],
            "preview_row": np.array(shape[0] // 2),
        }.__getitem__,
    )


def _grid_shape(plan: Plan) -> Zyx:
    """Voxels (z, y, x) of a usual case on the plan's grid; a patch where no case is known."""
    sizes: Triple = plan.figures.median_size_mm
    z, y, x = (
        max(8, round(size / spacing)) if size > 0 else patch
        for size, spacing, patch in zip(sizes, plan.spacing, plan.patch, strict=True)
    )
    return (z, y, x)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _check(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Cancelled
