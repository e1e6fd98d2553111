"""Reading and varying blocks on the CPU by compiled loops: what ``affine`` and ``intensity`` say.

One pass over a block for each thing done to it, several threads where the block is worth it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data import affine_kernels, intensity_kernels
from core.data.affine import Window
from core.data.draws import Change, spline
from core.data.intensity import coarse, gauss, normals
from core.data.plan import Plan
from core.data.workers import Workers

_NO_KNOTS = np.zeros((3, 0, 0, 0))


def read(
    image: Tensor,
    label: Tensor,
    plan: Plan,
    where: Window,
    workers: Workers,
    *,
    out: tuple[Tensor, Tensor],
) -> None:
    """Write a block's normalised image, float32 ``[z, y, x]``, and int64 labels into ``out``.

    See ``affine.read``.
    """
    greys, target = out[0].numpy(), out[1].numpy()
    load = _cut if where.change.straight else _between
    kernel, inputs = load(image.numpy(), label.numpy(), plan, where)
    workers.slices(kernel, greys.shape[0], greys.size, *inputs, greys, target)


def _cut(
    image: NDArray[np.int16], label: NDArray[np.uint8], plan: Plan, where: Window
) -> tuple[Callable[..., None], tuple[object, ...]]:
    """The loop for blocks that are only cut and mirrored, and what it needs."""
    step = np.sign(np.diag(where.change.matrix)).astype(np.int64)
    first = np.asarray(where.centre) - step * (np.asarray(where.size) - 1) / 2
    return affine_kernels.cut_rows, (
        image,
        label,
        np.rint(first).astype(np.int64),
        step,
        plan.hu_low,
        plan.hu_high,
        1 / plan.hu_std,
        -plan.hu_mean / plan.hu_std,
    )


def _between(
    image: NDArray[np.int16], label: NDArray[np.uint8], plan: Plan, where: Window
) -> tuple[Callable[..., None], tuple[object, ...]]:
    """The loop for all other blocks, and what it needs: the box of the volume they touch."""
    box = np.empty(where.high - where.low, np.int32)
    low, high = np.float32(plan.hu_low), np.float32(plan.hu_high)
    affine_kernels.pack(image, label, where.low, low, high, box)
    knots = where.change.knots
    return affine_kernels.read_rows, (
        box.reshape(-1),
        np.asarray(box.shape, np.int64),
        np.ascontiguousarray(where.change.matrix),
        np.asarray(where.centre) - where.low,
        _NO_KNOTS if knots is None else knots,
        *(np.zeros((n, 0)) if knots is None else spline(n) for n in where.size),
        1 / (affine_kernels.FINE * plan.hu_std),
        (plan.hu_low - plan.hu_mean) / plan.hu_std,
    )


def vary(block: Tensor, change: Change, workers: Workers) -> Tensor:
    """``block`` (float32 ``[z, y, x]``, may be overwritten) as ``change`` says; or another."""
    given = data = block.numpy()
    if change.noise > 0:
        key, lock = change.key
        _pass(workers, intensity_kernels.add_noise, data, key, lock, change.noise, normals(), data)
    if change.blur is not None:
        kernels = [gauss(sigma) for sigma in change.blur]
        blurred = np.empty_like(data)
        _pass(workers, intensity_kernels.blur_rows, data, *kernels, data, blurred)
        data = blurred
    if change.brightness != 1 or change.contrast != 1:
        _shade(data, change, workers)
    if change.zoom < 1:
        tables = [table for n in data.shape for table in coarse(n, change.zoom)]
        coarser = np.empty_like(data)
        _pass(workers, intensity_kernels.pick_rows, data, *tables, data, coarser)
        data = coarser
    if change.negative != 1:
        _gamma(data, change.negative, -1, workers)
    if change.gamma != 1:
        _gamma(data, change.gamma, 1, workers)
    return block if data is given else torch.from_numpy(data)


def _pass(
    workers: Workers, kernel: Callable[..., None], data: NDArray[np.float32], *rest: object
) -> None:
    workers.slices(kernel, data.shape[0], data.size, *rest)


def _measure(data: NDArray[np.float32], workers: Workers) -> tuple[float, float, float, float]:
    """Mean, spread, minimum and maximum."""
    found = np.empty((data.shape[0], 4))
    _pass(workers, intensity_kernels.measure_rows, data, data, found)
    mean = found[:, 0].sum() / data.size
    squares = found[:, 1].sum() - data.size * mean**2
    spread = math.sqrt(max(squares, 0.0) / max(1, data.size - 1))
    return float(mean), spread, float(found[:, 2].min()), float(found[:, 3].max())


def _scale(
    data: NDArray[np.float32],
    gain: float,
    shift: float,
    workers: Workers,
    *,
    low: float = -math.inf,
    high: float = math.inf,
) -> None:
    _pass(workers, intensity_kernels.scale_rows, data, gain, shift, low, high, data)


def _shade(data: NDArray[np.float32], change: Change, workers: Workers) -> None:
    """Brightness, then contrast about the mean within the block's own range, in one pass."""
    gain, factor = change.brightness, change.contrast
    if factor == 1:
        _scale(data, gain, 0.0, workers)
        return
    mean, _, low, high = _measure(data, workers)
    _scale(
        data, gain * factor, gain * mean * (1 - factor), workers, low=gain * low, high=gain * high
    )


def _gamma(data: NDArray[np.float32], gamma: float, sign: int, workers: Workers) -> None:
    """Greys within the block's range to the power ``gamma``; mean and spread stay.

    sign: -1 bends the negative of the block.
    """
    mean, spread, low, high = _measure(data, workers)
    span = max(high - low, 1e-6)
    _scale(data, sign / span, -low / span if sign > 0 else high / span, workers, low=0.0, high=1.0)
    # torch has a power of its own that works on eight numbers at once.
    torch.from_numpy(data).pow_(gamma)
    middle, bent, _, _ = _measure(data, workers)
    gain = sign * spread / max(bent, 1e-6)
    _scale(data, gain, mean - gain * middle, workers)
