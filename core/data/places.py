"""Whether lesions lie at the same place of every image, as they do in images cropped round them.

Place is measured as the position-aware network sees it: as a share of the way from the middle of
the image to its faces, without telling sides apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.grid import resample
from core.geometry import Triple

#: Boxes from the middle of an image to its face, along each axis.
BOXES = 8
#: With fewer cases left over nothing is said about the one left out.
FEWEST = 4


def place(lesion: NDArray[np.bool_]) -> NDArray[Any]:
    """Share of lesion (float, 0-1) in the boxes ``[8, 8, 8]`` of an image's eighth, middle first.

    lesion: ``[z, y, x]``. The eight eighths of the image are averaged.
    """
    size = 2 * BOXES
    step: Triple = (lesion.shape[0] / size, lesion.shape[1] / size, lesion.shape[2] / size)
    whole = resample(lesion, (1.0, 1.0, 1.0), (size, size, size), step)
    flips = [axes for n in range(4) for axes in combinations(range(3), n)]
    even = sum((np.flip(whole, axes) for axes in flips), np.zeros_like(whole)) / len(flips)
    return even[BOXES:, BOXES:, BOXES:]


def place_dice(places: Sequence[NDArray[Any]]) -> float:
    """Mean Dice of the boxes that are lesion in most of the other cases; 0 for too few cases.

    Near 0 for small lesions anywhere in the body; 0.6 and more for images cropped round them.
    """
    if len(places) <= FEWEST:
        return 0.0
    total = np.sum(places, axis=0)
    scores: list[float] = []
    for own in places:
        guess = (total - own) / (len(places) - 1) >= 0.5
        both = float(guess.sum() + own.sum())
        scores.append(2 * float(own[guess].sum()) / both if both > 0 else 0.0)
    return float(np.mean(scores))
