"""What the scanner adds: the table, blur, slice thickness, noise with its texture, streaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from core.demo.shapes import Field


@dataclass(frozen=True, slots=True)
class Scanner:
    """maker, model, kernel: for the DICOM header. sharp: 0 (soft) to 1 (lung). kvp: kV.

    noise: standard deviation in HU in the middle of a usual body.
    """

    maker: str
    model: str
    kernel: str
    sharp: float
    kvp: int
    noise: float


SCANNERS = (
    Scanner("SIEMENS", "SOMATOM go.Top", "B30f", 0.25, 120, 9.0),
    Scanner("SIEMENS", "SOMATOM Force", "I31f", 0.30, 110, 8.0),
    Scanner("GE MEDICAL SYSTEMS", "Revolution CT", "STANDARD", 0.35, 120, 10.0),
    Scanner("CANON", "Aquilion ONE", "FC08", 0.20, 120, 11.0),
    Scanner("PHILIPS", "iCT 256", "B", 0.30, 100, 12.0),
)


def add_table(hu: Field, spacing: float, back: float) -> None:
    """The table top: two thin curved shells with foam between. back: row of the lowest skin."""
    rows, columns = hu.shape[1], hu.shape[2]
    y = (np.arange(rows, dtype=np.float32)[:, None] - back) * spacing
    x = (np.arange(columns, dtype=np.float32)[None, :] - columns / 2) * spacing
    bow = x * x / 1500  # a trough: the sides are higher
    upper, lower = y + bow - 9, y + 0.55 * bow - 42
    wide = np.abs(x) - 205
    shells = np.minimum(np.abs(upper), np.abs(lower)) - max(1.5, 1.05 * spacing)
    foam = np.maximum(np.maximum(-upper, lower), wide)
    soft = np.clip(0.5 - foam / spacing, 0, 1) * 0.055
    shell = np.clip(0.5 - np.maximum(shells, wide) / spacing, 0, 1) * 1.15
    layer = np.maximum(soft, shell) * 1000
    hu += np.where(hu < -900, layer, 0).astype(np.float32)


def scan(hu: Field, spacing: tuple[float, float, float], scanner: Scanner, body: Field,
         rng: np.random.Generator) -> NDArray[np.int16]:  # fmt: skip
    """int16 HU of the painted body. body: distance to the skin in mm, negative inside."""
    width = (0.95 - 0.45 * scanner.sharp) / spacing[2]
    for axis in (1, 2):
        hu = gaussian_filter1d(hu, width, axis=axis, truncate=3, mode="nearest")
    hu = gaussian_filter1d(hu, 0.36, axis=0, truncate=3, mode="nearest")
    hu += _noise(body.shape, scanner, body, rng)
    # Outside the reconstructed circle there is nothing.
    rows, columns = body.shape[1], body.shape[2]
    y, x = np.ogrid[:rows, :columns]
    radius = np.hypot(y - (rows - 1) / 2, x - (columns - 1) / 2)
    hu[:, radius > max(rows, columns) / 2 + 0.5] = -1024
    return np.clip(np.rint(hu), -1024, 3071).astype(np.int16)


def _noise(
    shape: tuple[int, ...], scanner: Scanner, body: Field, rng: np.random.Generator
) -> Field:
    """Filtered noise, stronger where rays cross more of the body, with a hint of streaks."""
    white = rng.standard_normal(shape, dtype=np.float32)
    fine = 0.62 - 0.22 * scanner.sharp
    grain = white
    for axis in (1, 2):
        grain = gaussian_filter1d(grain, fine, axis=axis, truncate=3, mode="wrap")
    # A ramp filter takes the low frequencies out; subtracting a wide blur does the same.
    wide = gaussian_filter1d(
        gaussian_filter1d(grain, 2.2, axis=1, truncate=2.5, mode="wrap"),
        2.2, axis=2, truncate=2.5, mode="wrap",
    )  # fmt: skip
    grain -= 0.8 * wide
    grain = gaussian_filter1d(grain, 0.35, axis=0, truncate=3, mode="nearest")
    grain /= float(grain[:: max(1, shape[0] // 4)].std())
    streaks = gaussian_filter1d(white[..., ::-1], 0.8, axis=1, truncate=3, mode="wrap")
    streaks = gaussian_filter1d(streaks, 9.0, axis=2, truncate=2.5, mode="wrap")
    streaks /= float(streaks[0].std())
    inside = np.clip(-body / 105, 0, 1)
    level = scanner.noise * (0.45 + 0.75 * np.sqrt(inside))
    return level * grain + (2.2 * inside) * streaks
