"""What a run will need before it starts: memory, disk, time, steps. No torch here.

Made of what a probe measured on this machine where it did (``core.data.measured``), else of stored
figures; :attr:`core.data.plan.Estimates.measured` says which.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.data.cost import count
from core.data.measured import DeviceLike, Measurements, Pace
from core.data.plan import Estimates, Plan
from core.data.rates import step_seconds, voxel_seconds

#: A CUDA context with its libraries, and the allocator's slack.
CUDA_BYTES = 900 * 2**20
#: Until a probe has run: one core of an AMD EPYC 7003, torch 2.14, measured.
PACE = Pace(
    startup_seconds=5.0,
    base_bytes=1000e6,
    read_seconds=1.5e-7,
    check_seconds=1.5e-7,
    metrics_seconds=1e-6,
    work_bytes=20.0,
)
#: Bytes of a preprocessed voxel: int16 image and uint8 label.
CASE_BYTES = 3
#: A preview as a file, and a case's lesion voxels, middle slice and headers.
PREVIEW_BYTES, CASE_EXTRA_BYTES = 60_000, 100_000
#: Previews: of so many cases a pass, and of so many passes kept in the run's folder, and the last
#: again with the model (``core.training.validation``).
PREVIEW_CASES, PREVIEW_PASSES = 12, 3
#: Copies of the weights in a checkpoint: network, average and two moments. Two are kept.
CHECKPOINT_COPIES, CHECKPOINTS = 4, 2
#: A pass in the middle of a run is left out where passes take more than this share of it
#: (``core.training.run``).
VALIDATION_SHARE = 0.1
#: Seconds to build a network and take its first steps, until that was measured.
SETUP_SECONDS = 2.0
#: Seconds to write checkpoint and model at the end.
SAVING_SECONDS = 1.0
#: A case up to this much longer than the patch is one window (``core.inference.tiles``).
STRETCH = 1.35


@dataclass(frozen=True, slots=True)
class Parts:
    """Seconds of a run's parts. last: the passes at the end and saving."""

    startup: float
    preprocess: float
    one_pass: float
    last: float


def estimate(
    plan: Plan, device: DeviceLike | None = None, measured: Measurements | None = None
) -> Estimates:
    """What ``plan`` will need on ``device`` (None: this machine's CPU)."""
    step = step_seconds(plan, device, measured)
    parts = run_parts(plan, device, measured)
    steps, seconds = _length(plan, step, parts)
    exact = measured is not None and measured.exact(plan, device) is not None
    return Estimates(
        memory_bytes=memory_bytes(plan, device, measured),
        seconds=seconds,
        step_seconds=step,
        parameters=count(plan).parameters,
        disk_bytes=disk_bytes(plan, seconds),
        steps=steps,
        measured=exact,
    )


def memory_bytes(
    plan: Plan, device: DeviceLike | None = None, measured: Measurements | None = None
) -> int:
    """Peak bytes on the device: of the card on a GPU, of the process on the CPU.

    The preprocessed cases are resident on a GPU; on the CPU they are memory maps, which the system
    takes back when it needs room, and are not counted.
    """
    known = measured.exact(plan, device) if measured is not None else None
    steps = step_bytes(plan)
    if known is not None:
        steps = known.step_bytes
    elif measured is not None:
        steps *= measured.memory_factor(steps, device)
    if plan.device != "cpu":
        return int(CUDA_BYTES + steps + grid_voxels(plan) * CASE_BYTES)
    pace = _pace(measured)
    # A whole case in its own grid is compared while the steps' memory is kept for the next ones.
    return int(pace.base_bytes + steps + pace.work_bytes * _largest_voxels(plan))


def step_bytes(plan: Plan) -> float:
    """Peak bytes of the steps by counting: weights with what belongs to them, activations."""
    cost = count(plan)
    number = 4 if plan.precision == "fp32" else 2
    # Weight, gradient, two moments of AdamW and the running average, all fp32.
    weights = cost.parameters * 4 * 5
    # Activations, their gradients and the convolution's work space overlap only in part.
    activations = cost.activations * number * plan.batch / max(1, plan.accumulation) * 1.35
    return weights + activations


def disk_bytes(plan: Plan, seconds: float) -> int:
    """Bytes a run of ``seconds`` leaves: preprocessed cases, checkpoints, previews, its model."""
    figures = plan.figures
    cases = figures.cases_train + figures.cases_val
    cache = grid_voxels(plan) * CASE_BYTES + source_voxels(plan) + cases * CASE_EXTRA_BYTES
    # One at the end, and one before it in a run that is long enough.
    saved = min(CHECKPOINTS, 1 + int(seconds / (plan.checkpoint_minutes * 60)))
    # The best weights and the model are one copy more each.
    weights = count(plan).parameters * 4 * (saved * CHECKPOINT_COPIES + 2)
    previews = min(PREVIEW_CASES, figures.cases_val) * (PREVIEW_PASSES + 1) * PREVIEW_BYTES
    return int(cache + weights + previews)


def run_parts(
    plan: Plan, device: DeviceLike | None = None, measured: Measurements | None = None
) -> Parts:
    """Seconds of what a run does beside its steps."""
    pace = _pace(measured)
    known = measured.exact(plan, device) if measured is not None else None
    source = source_voxels(plan)
    held = plan.figures.cases_val / max(1, plan.figures.cases_train + plan.figures.cases_val)
    network = window_voxels(plan) * voxel_seconds(plan, device, measured) * plan.figures.cases_val
    check = source * held * pace.check_seconds
    mirrors = 8 if plan.mirror_inference else 1
    last = mirrors * network + check + source * held * pace.metrics_seconds
    return Parts(
        startup=pace.startup_seconds
        + (known.setup_seconds if known is not None else SETUP_SECONDS),
        preprocess=source * pace.read_seconds,
        one_pass=network + check,
        last=network + check + last + SAVING_SECONDS,
    )


def _length(plan: Plan, step: float, parts: Parts) -> tuple[int, float]:
    """Steps and seconds of the whole run."""
    before = parts.startup + parts.preprocess
    if plan.budget_minutes is not None:
        total = plan.budget_minutes * 60
        # However long the end takes, half of a budget is for training.
        training = max(total - parts.last, total / 2) - before
        training -= _passes(plan, training, parts) * parts.one_pass
        return max(1, int(training / step)), total
    steps = (plan.epochs or 0) * plan.steps_per_epoch
    training = steps * step
    passes = _passes(plan, training, parts) * parts.one_pass
    return steps, before + training + passes + parts.last


def _passes(plan: Plan, training: float, parts: Parts) -> float:
    """Validation passes before the last one."""
    if plan.budget_minutes is None:
        return plan.validations - 1
    by_time = max(0.0, training) / (plan.validation_minutes * 60)
    return min(by_time, VALIDATION_SHARE * max(0.0, training) / max(parts.one_pass, 1e-6))


def window_voxels(plan: Plan) -> float:
    """Voxels of all windows that one case of the usual size is predicted in."""
    total = 1.0
    for size, spacing, patch, divisor in zip(
        plan.figures.median_size_mm, plan.spacing, plan.patch, plan.divisor, strict=True
    ):
        n = max(1.0, size / spacing)
        window = math.ceil(n / divisor) * divisor if n <= patch * STRETCH else patch
        room = max(0.0, n - window)
        count = math.ceil(room / max(1.0, window * (1 - plan.overlap))) + 1 if room else 1
        total *= window * count
    return total


def grid_voxels(plan: Plan) -> int:
    """Voxels of all cases on the plan's grid."""
    return int(plan.figures.litres * 1e6 / math.prod(plan.spacing))


def source_voxels(plan: Plan) -> float:
    """Voxels of all cases as they were scanned; at the usual spacing in plans that do not know."""
    voxel = math.prod(plan.figures.median_spacing)
    known = plan.figures.voxels
    return known or (plan.figures.litres * 1e6 / voxel if voxel > 0 else 0.0)


def _largest_voxels(plan: Plan) -> float:
    voxel = math.prod(plan.figures.median_spacing)
    known = plan.figures.largest_voxels
    return known or (math.prod(plan.figures.largest_size_mm) / voxel if voxel > 0 else 0.0)


def _pace(measured: Measurements | None) -> Pace:
    return measured.pace if measured is not None and measured.pace is not None else PACE
