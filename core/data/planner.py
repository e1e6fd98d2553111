"""From what the cases look like, what the machine can do and how long it may take, to a plan.

nnU-Net's heuristics where they hold (HU limits, even spacing, patch by context, blocks on lesions)
and the clock where they do not: the finest grid and widest network whose steps still fit in the
time. No torch here: the window makes plans.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.data.figures import PLACE_DICE, Figures
from core.data.fingerprint import fingerprint
from core.data.layout import Dimensions, framed, layout, suited
from core.data.measured import DeviceLike, Measurements
from core.data.nnunet import AUGMENTATIONS, Augmentation
from core.data.plan import Plan, PlanClass, Quality
from core.data.predictions import estimate
from core.data.rates import cpu_has_bf16
from core.errors import UserError
from core.geometry import Triple
from core.labels.schema import LabelSchema
from core.project import manifest
from core.project.project import Project

#: Minutes on a CPU and on a GPU when the user names none.
DEFAULT_MINUTES: dict[str, tuple[float, float]] = {
    "quick": (20, 10),
    "balanced": (60, 60),
    "best": (600, 480),
}
#: Extent of the body a block should show, mm: lesions are told by their surroundings.
CONTEXT_MM = 192.0
#: Steps a run needs to learn at all, and to use a finer grid well. So that two cores and an hour
#: stay with the small network at 4 or 3 mm, which is what was tried (tests/benchmarks/RESULTS.md).
WANTED_STEPS = 1300
#: A lesion should be this many voxels across, for all but the smallest tenth of them.
VOXELS_ACROSS = 4.0
#: Share of a device's memory a plan may fill.
MEMORY_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class _Rung:
    """One step of the ladder from quick to fine. blocks_voxels: largest patch of it."""

    spacing: float
    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    patch_voxels: int


_SMALL, _SMALL_BLOCKS = (16, 32, 64, 128), (1, 1, 1, 1)
_MIDDLE, _MIDDLE_BLOCKS = (24, 48, 96, 192, 256), (1, 2, 2, 2, 2)
_LARGE, _LARGE_BLOCKS = (32, 64, 128, 256, 320, 320), (1, 2, 3, 3, 3, 3)
_LADDER = (
    _Rung(6.0, _SMALL, _SMALL_BLOCKS, 40**3),
    _Rung(5.0, _SMALL, _SMALL_BLOCKS, 48**3),
    _Rung(4.0, _SMALL, _SMALL_BLOCKS, 56**3),
    _Rung(3.0, _SMALL, _SMALL_BLOCKS, 64**3),
    _Rung(3.0, _MIDDLE, _MIDDLE_BLOCKS, 64**3),
    _Rung(2.5, _MIDDLE, _MIDDLE_BLOCKS, 80**3),
    _Rung(2.0, _MIDDLE, _MIDDLE_BLOCKS, 96**3),
    _Rung(2.0, _LARGE, _LARGE_BLOCKS, 96**3),
    _Rung(1.5, _LARGE, _LARGE_BLOCKS, 128**3),
    _Rung(1.0, _LARGE, _LARGE_BLOCKS, 128**3),
)


def make_plan(
    figures: Figures,
    devices: Sequence[DeviceLike],
    *,
    minutes: float | None = None,
    epochs: int | None = None,
    device: str = "auto",
    quality: Quality = "balanced",
    dimensions: Dimensions = "auto",
    augmentation: Augmentation = "lesionforge",
    classes: tuple[PlanClass, ...] = (PlanClass(1, "Tumour"),),
    name: str = "Tumour model",
    seed: int = 176,
    measured: Measurements | None = None,
) -> Plan:
    """The plan for these cases on this machine in this time.

    devices: of ``core.hardware.devices()``. minutes or epochs: the run's length; neither: by
    ``quality``. device: ``auto`` (the first GPU, else the CPU) or a device's key. dimensions: of
    the blocks; ``auto``: 3-D, or 2.5-D for thick slices. augmentation: whose, see
    ``core.data.nnunet``. measured: steps measured on this machine; without them the plan rests on
    stored rates. Raises UserError when there are too few labelled cases, the device is not there,
    or the time is no time.
    """
    _enough(figures)
    chosen = choose_device(devices, device)
    if minutes is None and epochs is None:
        minutes = DEFAULT_MINUTES[quality][int(_is_gpu(chosen))]
    seconds = (minutes or DEFAULT_MINUTES["balanced"][0]) * 60
    plans = [
        _plan(
            rung,
            figures,
            chosen,
            classes,
            minutes=minutes,
            epochs=epochs,
            name=name,
            seed=seed,
            quality=quality,
            dimensions=dimensions,
            augmentation=augmentation,
            measured=measured,
        )
        for rung in _usable(figures)
    ]
    best = plans[0]
    for plan in plans:
        fits = plan.estimates.memory_bytes <= _memory(chosen) * MEMORY_SHARE
        if fits and seconds * 0.85 / plan.estimates.step_seconds >= WANTED_STEPS:
            best = plan
    return best


def plan_project(
    project: Project,
    devices: Sequence[DeviceLike],
    *,
    minutes: float | None = None,
    epochs: int | None = None,
    device: str = "auto",
    quality: Quality = "balanced",
    dimensions: Dimensions = "auto",
    augmentation: Augmentation = "lesionforge",
    name: str | None = None,
    seed: int = 176,
    measured: Measurements | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Plan:
    """:func:`make_plan` for the labelled cases of ``project``, as its splits stand now.

    Reads every labelled case once (remembered in the project's cache). Raises UserError as
    :func:`make_plan` does, FileRefusedError when a case's files cannot be read, Cancelled.
    """
    found = manifest.build(project)
    figures = fingerprint(project, found, progress=progress, cancelled=cancelled)
    plan = make_plan(
        figures,
        devices,
        minutes=minutes,
        epochs=epochs,
        device=device,
        quality=quality,
        dimensions=dimensions,
        augmentation=augmentation,
        classes=trained_classes(project.schema),
        name=name or f"{project.name} model",
        seed=seed,
        measured=measured,
    )
    return replace(plan, ignore_value=project.schema.ignore_value)


def replan(
    plan: Plan,
    devices: Sequence[DeviceLike],
    *,
    measured: Measurements | None = None,
    **changes: object,
) -> Plan:
    """``plan`` with some fields changed by the user, and the estimates that follow from them.

    measured: steps measured on this machine. Another network, or a patch that becomes a single
    slice or more than one, brings the stages along that it needs; any other patch that does not fit
    the network's strides is refused, not mended. Raises UserError.
    """
    new = {key: value for key, value in changes.items() if value != getattr(plan, key)}
    changed = replace(plan, **suited(plan, new))
    chosen = next((d for d in devices if d.key == changed.device), None)
    return replace(changed, estimates=estimate(changed, chosen, measured))


def trained_classes(schema: LabelSchema) -> tuple[PlanClass, ...]:
    """What a model is trained to find: see :attr:`LabelSchema.trained`."""
    return tuple(PlanClass(c.value, c.name, c.lesion) for c in schema.trained)


def choose_device(devices: Sequence[DeviceLike], wanted: str) -> DeviceLike | None:
    """The device for ``auto``, ``cpu``, ``cuda`` or a key like ``cuda:1``; None means the CPU.

    Raises UserError when it is not on this machine.
    """
    if wanted == "auto":
        return next((d for d in devices if d.is_gpu), None)
    if wanted == "cpu":
        return next((d for d in devices if not d.is_gpu), None)
    for one in devices:
        if one.is_gpu and (one.key == wanted or one.key.split(":")[0] == wanted):
            return one
    raise UserError(
        f"This machine has no device called {wanted}. Choose cpu, or auto to take what there is."
    )


def _enough(figures: Figures) -> None:
    if figures.cases_train < 2:
        raise UserError(
            f"Mark at least 2 labelled cases for training (there "
            f"{'is' if figures.cases_train == 1 else 'are'} {figures.cases_train}): label more "
            "series in the library, or put labelled ones in the train split."
        )
    if figures.cases_val < 1:
        raise UserError(
            "Mark at least 1 labelled case for validation: split the library, or put a labelled "
            "series in the val split."
        )


def _is_gpu(device: DeviceLike | None) -> bool:
    return device is not None and device.is_gpu


def _memory(device: DeviceLike | None) -> float:
    return math.inf if device is None or device.memory_total <= 0 else device.memory_total


def _usable(figures: Figures) -> list[_Rung]:
    """Rungs that are fine enough for the lesions and not finer than the images, coarsest first."""
    native = min(figures.median_spacing)
    limit = max(figures.lesion_mm[0] / VOXELS_ACROSS, native)
    usable = [r for r in _LADDER if native <= r.spacing * 1.01 and r.spacing <= limit]
    if usable:
        return usable
    # Lesions finer than every rung, or images coarser than all: the images' own spacing.
    spacing = min(limit, 20.0)
    return [replace(rung, spacing=spacing) for rung in (_LADDER[2], _LADDER[6], _LADDER[8])]


def _plan(
    rung: _Rung,
    figures: Figures,
    device: DeviceLike | None,
    classes: tuple[PlanClass, ...],
    *,
    minutes: float | None,
    epochs: int | None,
    name: str,
    seed: int,
    quality: Quality,
    dimensions: Dimensions,
    augmentation: Augmentation,
    measured: Measurements | None,
) -> Plan:
    spacing = _spacing(rung.spacing, figures.median_spacing)
    patch, strides, kernels = layout(_wanted_patch(rung, figures, spacing), spacing, rung.channels)
    stages = len(strides)
    hu_low, hu_high, hu_mean, hu_std = _intensities(figures)
    gpu = _is_gpu(device)
    plan = Plan(
        name=name,
        classes=classes,
        figures=figures,
        spacing=spacing,
        patch=patch,
        position=figures.place_dice >= PLACE_DICE,
        hu_low=hu_low,
        hu_high=hu_high,
        hu_mean=hu_mean,
        hu_std=hu_std,
        channels=rung.channels[:stages],
        blocks=rung.blocks[:stages],
        strides=strides,
        kernels=kernels,
        deep_supervision=stages > 4,
        device=device.key if device is not None and gpu else "cpu",
        precision="bf16" if gpu or cpu_has_bf16() else "fp32",
        budget_minutes=minutes if epochs is None else None,
        epochs=epochs,
        seed=seed,
        quality=quality,
        # A first look is not worth eight predictions of every block.
        mirror_inference=quality != "quick",
        min_component_ml=round(figures.lesion_ml[0] * 0.1, 4),
        largest_component=figures.single_lesion_share >= 0.95 and figures.cases_train >= 8,
    )
    plan = framed(replace(plan, **AUGMENTATIONS[augmentation]), dimensions)
    needs = estimate(plan, device, measured)
    steps, step = needs.steps, needs.step_seconds
    plan = replace(
        plan,
        # An average over about the last tenth of the run.
        ema_decay=round(min(0.999, max(0.9, 1 - 10 / max(steps, 1))), 4),
        steps_per_epoch=_steps_per_epoch(steps) if epochs is None else plan.steps_per_epoch,
        # About one in 100 s of training: enough for a curve, and passes are cheap beside it.
        validations=int(min(50, max(3, steps * step / 100))),
        # A tenth of the budget; where passes take long, the run itself makes fewer.
        validation_minutes=min(15.0, max(1.0, (minutes or 20.0) / 10)),
    )
    return replace(plan, estimates=estimate(plan, device, measured))


def _steps_per_epoch(steps: float) -> int:
    """Steps that make 100 epochs of the run, at least 5 and at most nnU-Net's 250."""
    return int(min(250, max(5, round(steps / 100))))


def _spacing(target: float, native: Triple) -> Triple:
    """``target`` along each axis, but never finer than the images are there."""
    z, y, x = (round(max(target, n), 3) for n in native)
    return (z, y, x)


def _wanted_patch(rung: _Rung, figures: Figures, spacing: Triple) -> Triple:
    """Voxels (z, y, x, not yet whole) of the context wanted, within the rung's number of voxels."""
    context = max(CONTEXT_MM, 2.5 * figures.lesion_mm[2])
    sizes = [
        max(8.0, min(extent, context) / s)
        for extent, s in zip(figures.median_size_mm, spacing, strict=True)
    ]
    # Shrink the longest axis first, so that blocks come out even.
    while math.prod(sizes) > rung.patch_voxels:
        longest = max(range(3), key=lambda axis: sizes[axis] * spacing[axis])
        sizes[longest] *= 0.95
    return (sizes[0], sizes[1], sizes[2])


def _intensities(figures: Figures) -> tuple[float, float, float, float]:
    """HU limits, mean and spread: lesions in the middle, fat, muscle and bone told apart.

    nnU-Net cuts at the lesions' 0.5th and 99.5th percentile, which makes all bone and contrast
    medium alike; here the window is never narrower than the common soft tissue range.
    """
    low = min(figures.hu[0], -200.0)
    high = max(figures.hu[2], 300.0)
    return round(low), round(high), round(figures.hu_mean, 1), round(max(figures.hu_std, 60.0), 1)
