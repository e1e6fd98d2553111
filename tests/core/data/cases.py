"""Preprocessed cases made in memory, without a project."""

from __future__ import annotations

import numpy as np

from core.data.cache import Case, centres_of
from core.data.grid import GridInfo
from core.geometry import Geometry
from core.project.manifest import ManifestCase


def made_case(number: int, shape: tuple[int, int, int] = (20, 24, 22), lesion: bool = True) -> Case:
    """A block of tissue in air with a bright cube as lesion, at a place that depends on number."""
    rng = np.random.default_rng(number)
    image = np.full(shape, -1000, np.int16)
    image[2:-2, 2:-2, 2:-2] = rng.normal(40, 10, [n - 4 for n in shape])
    label = np.zeros(shape, np.uint8)
    if lesion:
        z, y, x = rng.integers(5, 10, 3)
        label[z : z + 5, y : y + 5, x : x + 5] = 1
        image[label > 0] += 100
    geometry = Geometry(shape, (4.0, 4.0, 4.0))
    return Case(
        entry=ManifestCase(
            series_uid=f"1.2.{number}",
            patient_id=f"P{number}",
            split="train",
            label_sha256="",
            files_id="",
            lesion_ml=1.0,
        ),
        info=GridInfo.of(geometry, (4.0, 4.0, 4.0)),
        array={
            "image": image,
            "label": label,
            "centres": centres_of(label > 0),
            "truth": label,
            "preview": image[shape[0] // 2],
            "preview_row": np.array(shape[0] // 2),
        }.__getitem__,
    )
