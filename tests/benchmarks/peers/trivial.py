"""Two predictors that learn nothing, to know what a Dice is worth on this data."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from tests.benchmarks.peers.cases import IMAGE, PREDICTION, VALIDATION, Outcome, write_prediction


def largest_soft_tissue(image: sitk.Image) -> np.ndarray:
    """The largest component of 0 to 80 HU after an opening of 2 voxels."""
    soft = sitk.BinaryMorphologicalOpening(sitk.BinaryThreshold(image, 0, 80), (2, 2, 1))
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(soft), sortByObjectSize=True)
    return sitk.GetArrayFromImage(parts) == 1


def ellipsoid_in_the_crop(image: sitk.Image, margin_mm: float = 50.0) -> np.ndarray:
    """The ellipsoid 5 cm inside the image: uses that these files were cropped round the tumour."""
    shape = np.array(image.GetSize()[::-1])
    spacing = np.array(image.GetSpacing()[::-1])
    radius = np.maximum(shape * spacing / 2 - margin_mm, spacing)
    grid = np.indices(tuple(shape)).transpose(1, 2, 3, 0)
    offset = (grid - (shape - 1) / 2) * spacing / radius
    return (offset**2).sum(-1) <= 1


PREDICTORS = {"soft-tissue": largest_soft_tissue, "ellipsoid": ellipsoid_in_the_crop}


def run(data: Path, work: Path, kind: str) -> Outcome:
    """Write the predictions of one of :data:`PREDICTORS` to ``work/predictions``."""
    begin = time.monotonic()
    for name in VALIDATION:
        source = data / f"{name}{IMAGE}"
        mask = PREDICTORS[kind](sitk.ReadImage(str(source)))
        write_prediction(mask, source, work / "predictions" / f"{name}{PREDICTION}")
    return Outcome(prepare_seconds=0.0, train_seconds=0.0, predict_seconds=time.monotonic() - begin)
