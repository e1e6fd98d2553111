"""The data, the split, the clock and the score that all contenders share.

The split is that of ``lesionforge-cli split --val 0.25 --test 0 --seed 176`` over the 24 cases of
soft-tissue sarcoma; it is kept here so that peers need no project.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from core.evaluation.metrics import case_metrics
from core.images import from_sitk

SPLIT_SEED = 176
VALIDATION = ("STS_004", "STS_005", "STS_012", "STS_028", "STS_032", "STS_033")
IMAGE, MASK, PREDICTION = "_image.nii.gz", "_mask.nii.gz", ".nii.gz"


def training(data: Path) -> list[str]:
    """Names of the cases in ``data`` that may be learned from."""
    names = sorted(path.name.removesuffix(IMAGE) for path in data.glob(f"*{IMAGE}"))
    missing = set(VALIDATION) - set(names)
    if missing:
        raise SystemExit(f"{data} lacks {', '.join(sorted(missing))}")
    return [name for name in names if name not in VALIDATION]


def processor_seconds() -> float:
    """Seconds this process and the children it has waited for used of the processor."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


#: What the minutes of a budget are counted by. On one idle core with one thread the two agree;
#: beside other programs only the processor's own time is the contender's.
CLOCKS: dict[str, Callable[[], float]] = {
    "wall": time.monotonic,
    "processor": processor_seconds,
}


@dataclass(slots=True)
class Budget:
    """The time from the raw files to a trained model. Predicting comes after it, timed apart.

    minutes: given. now: one of :data:`CLOCKS`. Work that only finds out how a peer is to be fitted
    to this machine is taken off with :meth:`off_the_clock`; that favours the peer.
    """

    minutes: float
    now: Callable[[], float] = time.monotonic
    _off: float = 0.0
    _begin: float = field(init=False)

    def __post_init__(self) -> None:
        self._begin = self.now()

    @property
    def spent(self) -> float:
        """Seconds so far."""
        return self.now() - self._begin - self._off

    @property
    def left(self) -> float:
        """Seconds to the end, never below zero."""
        return max(0.0, self.minutes * 60 - self.spent)

    @property
    def uncharged(self) -> float:
        """Seconds taken off."""
        return self._off

    def off_the_clock(self, seconds: float) -> None:
        """Leave ``seconds`` that have just passed out of the budget."""
        self._off += seconds


def score(predictions: Path, data: Path) -> dict[str, dict[str, float]]:
    """Whole-case Dice and HD95 (mm) a validation case, from files on the image's own grid.

    predictions: holds ``NAME.nii.gz`` with the tumour above 0. Raises ValueError when one lies on
    another grid than its reference.
    """
    result: dict[str, dict[str, float]] = {}
    for name in VALIDATION:
        truth, geometry = from_sitk(sitk.ReadImage(str(data / f"{name}{MASK}")))
        found, grid = from_sitk(sitk.ReadImage(str(predictions / f"{name}{PREDICTION}")))
        if not np.allclose(grid.origin, geometry.origin, atol=0.01):
            raise ValueError(f"the prediction of {name} lies elsewhere than its reference")
        metrics = case_metrics(
            (truth > 0).astype(np.uint8), (found > 0).astype(np.uint8), geometry, [1]
        )
        result[name] = {"dice": metrics.dice, "hd95_mm": metrics.hd95_mm}
    return result


def write_prediction(mask: np.ndarray, like: Path, path: Path) -> None:
    """Write ``mask`` [z, y, x] as uint8 on the grid of the image file ``like``."""
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.CopyInformation(sitk.ReadImage(str(like)))
    sitk.WriteImage(image, str(path), useCompression=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a contender says of itself. seconds: of preparing, training and predicting.

    changed: where it departs from its own defaults, in words. details: anything else for the JSON.
    """

    prepare_seconds: float
    train_seconds: float
    predict_seconds: float
    uncharged_seconds: float = 0.0
    steps: int = 0
    changed: str = ""
    details: dict[str, Any] = field(default_factory=dict)
