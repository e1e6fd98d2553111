"""What is done to a predicted mask before a person sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.data.plan import Plan
from core.geometry import Zyx

_FULL = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, slots=True)
class Component:
    """A connected part of a prediction. value: of its class in the project's label maps.

    confidence: mean probability (0-1) over its voxels. centre: of its box, voxels z, y, x.
    """

    value: int
    voxels: int
    ml: float
    confidence: float
    centre: Zyx


def clean(channels: NDArray[np.uint8], plan: Plan, voxel_ml: float) -> None:
    """Drop parts smaller than the plan's smallest lesion, or all but the largest, in place.

    channels: output channels ``[z, y, x]`` on a grid of ``voxel_ml`` mL a voxel.
    """
    if plan.min_component_ml <= 0 and not plan.largest_component:
        return
    for channel in range(1, plan.outputs):
        parts, sizes = _parts(channels == channel)
        if sizes.size == 0:
            continue
        keep = sizes * voxel_ml >= plan.min_component_ml
        if plan.largest_component:
            keep &= np.arange(sizes.size) == int(sizes.argmax())
        lost = np.concatenate([[False], ~keep])
        channels[lost[parts]] = 0


def components(
    channels: NDArray[np.uint8], probability: NDArray[np.uint8], plan: Plan, voxel_ml: float
) -> tuple[Component, ...]:
    """The connected parts (26 neighbours) of every class, largest first; see :class:`Component`."""
    found: list[Component] = []
    for channel, one in enumerate(plan.classes, start=1):
        parts, sizes = _parts(channels == channel)
        boxes = ndimage.find_objects(parts)
        for index, (box, size) in enumerate(zip(boxes, sizes.tolist(), strict=True), start=1):
            inside = probability[box][parts[box] == index]
            centre = [(s.start + s.stop - 1) // 2 for s in box]
            found.append(
                Component(
                    one.value,
                    int(size),
                    size * voxel_ml,
                    float(inside.mean()) / 255,
                    (centre[0], centre[1], centre[2]),
                )
            )
    return tuple(sorted(found, key=lambda c: -c.voxels))


def _parts(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Parts numbered from 1 and the voxels of each."""
    parts, _ = cast("tuple[NDArray[np.int32], int]", ndimage.label(mask, _FULL))
    return parts, np.bincount(parts.ravel())[1:]
