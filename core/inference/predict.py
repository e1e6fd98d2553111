"""A whole series through a network: tiles, mirrors, back to the series' own grid, clean-up.

The network is any callable on tensors, so PyTorch models and ONNX sessions take the same way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.data.grid import GridInfo, to_plan_grid, to_series_grid
from core.data.inputs import network_input, with_neighbours
from core.data.plan import Plan
from core.errors import Cancelled
from core.geometry import Triple, Zyx
from core.inference.postprocess import Component, clean, components
from core.inference.tiles import importance, smaller, starts, window_size
from core.nets.memory import OutOfMemory, is_out_of_memory, release
from core.volume import Volume

_log = logging.getLogger(__name__)

#: Inputs ``[b, plan.inputs, z, y, x]`` to logits ``[b, c, z, y, x]``, on the same device.
Predictor = Callable[[Tensor], Tensor]

#: Single slices (2-D) go through the network so many at once: one alone leaves a device idle.
SLICES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Prediction:
    """labels: uint8 ``[z, y, x]`` on the series' grid, values of the project's classes.

    probability: uint8 there, 255 times the probability of anything but background. components: the
    connected parts of each class with their mean probability, largest first.
    """

    labels: NDArray[np.uint8]
    probability: NDArray[np.uint8]
    components: tuple[Component, ...]


def predict_volume(
    predictor: Predictor,
    plan: Plan,
    volume: Volume,
    device: torch.device | str = "cpu",
    *,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Prediction:
    """The mask of ``volume`` by ``predictor``, a network made by ``plan``.

    progress: called with (windows done, windows). Raises Cancelled when ``cancelled`` says so.
    """
    image, info = to_plan_grid(volume, plan)
    probabilities = predict_image(
        predictor, plan, image, device, progress=progress, cancelled=cancelled
    )
    return finish(probabilities, info, plan)


def predict_image(
    predictor: Predictor,
    plan: Plan,
    image: NDArray[np.int16],
    device: torch.device | str = "cpu",
    *,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    mirror: bool | None = None,
) -> NDArray[np.float32]:
    """Class probabilities ``[c, z, y, x]`` of HU on the plan's grid.

    mirror: average over mirrored windows; None: as the plan says. Where the device's memory does
    not suffice the windows become smaller. Raises OutOfMemory when none is small enough.
    """
    device = torch.device(device)
    window: Zyx | None = _window_size(image, plan)
    while window is not None:
        try:
            return _tiled(
                predictor,
                plan,
                image,
                window,
                device,
                progress=progress,
                cancelled=cancelled,
                mirror=plan.mirror_inference if mirror is None else mirror,
            )
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Only here the trace is gone, which held on to what fills the memory.
        release(device)
        wide, window = window, None if plan.fixed_size else smaller(window, plan.divisor)
        _log.warning("The memory of %s did not suffice for windows of %s voxels", device, wide)
    raise OutOfMemory(
        f"The memory of {device} is too small to use this model even in small windows. Close other "
        "programs that use it, or choose the device cpu."
    )


def _tiled(
    predictor: Predictor,
    plan: Plan,
    image: NDArray[np.int16],
    window: Zyx,
    device: torch.device,
    *,
    progress: Callable[[int, int], None] | None,
    cancelled: Callable[[], bool] | None,
    mirror: bool,
) -> NDArray[np.float32]:
    """See :func:`predict_image`; in windows of one size."""
    values, low, shape = _padded(image, plan, window)
    places = starts(shape, window, plan.overlap)
    weight = torch.from_numpy(importance(window))
    total = torch.zeros((plan.outputs, *shape))
    norm = torch.zeros(shape)
    flips = _mirrors(window) if mirror else [()]
    count = SLICES_AT_ONCE if plan.flat else 1
    with torch.no_grad():
        for done in range(0, len(places), count):
            if cancelled is not None and cancelled():
                raise Cancelled
            if progress is not None:
                progress(done, len(places))
            now = places[done : done + count]
            cuts = torch.stack([values[_box(place, window, plan.slices)] for place in now])
            block = network_input(
                with_neighbours(cuts[:, None].to(device), plan),
                plan,
                [image.shape] * len(now),
                [_middle(place, window, low) for place in now],
            )
            # The weighted sum stays on the CPU: a whole body in classes would not fit a card.
            for place, found in zip(now, _windows(predictor, block, flips), strict=True):
                box = _box(place, window)
                total[(slice(None), *box)] += found * weight
                norm[box] += weight
    if progress is not None:
        progress(len(places), len(places))
    inner = tuple(slice(a, a + n) for a, n in zip(low, image.shape, strict=True))
    return (total / norm)[(slice(None), *inner)].numpy()


def _window_size(image: NDArray[np.int16], plan: Plan) -> Zyx:
    """Window (z, y, x) for a case; see :attr:`Plan.fixed_size`."""
    if plan.fixed_size:
        return plan.patch
    return window_size(image.shape, plan.patch, plan.divisor)


def _box(place: Zyx, window: Zyx, slices: int = 1) -> tuple[slice, ...]:
    """The window at ``place``, with so many slices more as are seen beside each of it."""
    z, y, x = (slice(s, s + w) for s, w in zip(place, window, strict=True))
    return (slice(z.start, z.stop + slices - 1), y, x)


def _mirrors(window: Zyx) -> list[tuple[int, ...]]:
    """The axes of a batch to mirror along, each combination once; the first is none."""
    axes = [axis for axis, size in zip((2, 3, 4), window, strict=True) if size > 1]
    return [some for n in range(len(axes) + 1) for some in combinations(axes, n)]


def _middle(place: Zyx, window: Zyx, low: Zyx) -> Triple:
    """The voxel (z, y, x) of the case in the middle of the window that begins at ``place``."""
    z, y, x = (p + (w - 1) / 2 - a for p, w, a in zip(place, window, low, strict=True))
    return (z, y, x)


def _padded(image: NDArray[np.int16], plan: Plan, window: Zyx) -> tuple[Tensor, Zyx, Zyx]:
    """Normalised values, padded by air to at least a window; voxels added in front; new shape.

    The first and last slice go on for as many as are seen beside them (2.5-D), which the new shape
    does not count.
    """
    missing = [max(0, w - n) for w, n in zip(window, image.shape, strict=True)]
    front = [m // 2 for m in missing]
    pad: list[int] = []
    for f, m in zip(reversed(front), reversed(missing), strict=True):
        pad += [f, m - f]
    values = torch.from_numpy(image.astype(np.float32)).clamp(plan.hu_low, plan.hu_high)
    values = F.pad((values - plan.hu_mean) / plan.hu_std, pad, value=_air(plan))
    z, y, x = values.shape
    if plan.slices > 1:
        beyond = plan.slices // 2
        rows = torch.arange(-beyond, z + beyond).clamp(0, z - 1)
        values = values[rows]
    return values, (front[0], front[1], front[2]), (z, y, x)


def _air(plan: Plan) -> float:
    return (plan.hu_low - plan.hu_mean) / plan.hu_std


def _windows(predictor: Predictor, block: Tensor, flips: list[tuple[int, ...]]) -> Tensor:
    """Mean probabilities ``[b, c, z, y, x]`` of blocks over their mirrored versions, on the CPU."""
    total: Tensor | None = None
    for axes in flips:
        seen = block.flip(axes) if axes else block
        p = torch.softmax(predictor(seen).float(), 1)
        p = p.flip(axes) if axes else p
        total = p if total is None else total + p
    assert total is not None  # noqa: S101 - flips is never empty
    return (total / len(flips)).cpu()


def finish(probabilities: NDArray[np.float32], info: GridInfo, plan: Plan) -> Prediction:
    """The cleaned mask on the series' grid from probabilities ``[c, z, y, x]`` on the plan's."""
    labels = np.zeros(info.geometry.shape, np.uint8)
    found = np.zeros(info.geometry.shape, np.uint8)
    upright_labels, upright_found = info.canonical(labels), info.canonical(found)
    for rows, slab in to_series_grid(probabilities, info):
        upright_labels[rows] = slab.argmax(0)
        upright_found[rows] = np.rint((1 - slab[0]).clip(0, 1) * 255)
    clean(labels, plan, info.geometry.voxel_ml)
    parts = components(labels, found, plan, info.geometry.voxel_ml)
    values = np.array([0, *(c.value for c in plan.classes)], np.uint8)
    return Prediction(values[labels], found, parts)
