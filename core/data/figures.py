"""What the labelled cases look like, in a handful of numbers. Kept in the plan, shown on Train."""

from __future__ import annotations

from dataclasses import dataclass

#: From this Dice of the place alone on, images count as cropped round their lesions.
PLACE_DICE = 0.5


@dataclass(frozen=True, slots=True)
class Figures:
    """Summary of the cases a plan was made for; all zero in a plan made without data.

    cases_train, cases_val: labelled cases in each split. median_spacing: mm (z, y, x) and
    median_size_mm: extent (z, y, x), over the training cases, in patient order (z head-feet).
    lesion_ml: smallest, median and largest connected lesion. lesion_mm: extent of the 10th
    percentile, median and 90th percentile lesion (diameter of the ball of its volume).
    hu: 0.5th, 50th and 99.5th percentile inside the lesions; hu_mean, hu_std there.
    litres: volume of all cases, train and val; voxels: of all as scanned; largest_voxels: of the
    largest one. single_lesion_share: share of the training cases
    with exactly one connected lesion. place_dice: mean Dice that the place in the image alone
    reaches in training cases left out one by one; see ``core.data.places``.
    """

    cases_train: int = 0
    cases_val: int = 0
    lesions: int = 0
    median_spacing: tuple[float, float, float] = (0.0, 0.0, 0.0)
    median_size_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    largest_size_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    lesion_ml: tuple[float, float, float] = (0.0, 0.0, 0.0)
    lesion_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    hu: tuple[float, float, float] = (0.0, 0.0, 0.0)
    hu_mean: float = 0.0
    hu_std: float = 0.0
    litres: float = 0.0
    voxels: int = 0
    largest_voxels: int = 0
    single_lesion_share: float = 0.0
    place_dice: float = 0.0
