"""A validation case as a picture: the slice, the reference filled, the prediction outlined."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.labels.durable import write_bytes
from core.volume import apply_window, window_lut

#: The design's colours: reference #2DBE94, prediction #FFB84D.
REFERENCE = np.array([0x2D, 0xBE, 0x94], np.float32)
PREDICTION = np.array([0xFF, 0xB8, 0x4D], np.float32)
#: How much of the reference's colour shows over the image.
OPACITY = 0.38
#: Longer side in pixels: sharp at the gallery's size, 60 kB as a file.
SIDE = 360
#: Soft tissue.
WIDTH, LEVEL = 400, 40


def draw(
    hu: NDArray[np.int16],
    reference: NDArray[np.bool_],
    prediction: NDArray[np.bool_],
    spacing: tuple[float, float],
) -> NDArray[np.uint8]:
    """RGB ``[row, column, 3]`` of a slice ``[y, x]`` with spacing (y, x) mm, square in mm."""
    grey = apply_window(hu, window_lut(WIDTH, LEVEL)).astype(np.float32)
    height, width = (n * s for n, s in zip(hu.shape, spacing, strict=True))
    scale = SIDE / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    zoom = tuple(n / old for n, old in zip(size, hu.shape, strict=True))
    picture = np.repeat(_zoom(grey, zoom)[..., None], 3, axis=2)
    inside = _zoom(reference.astype(np.float32), zoom) >= 0.5
    picture[inside] = (1 - OPACITY) * picture[inside] + OPACITY * REFERENCE
    found = _zoom(prediction.astype(np.float32), zoom) >= 0.5
    inner = np.asarray(ndimage.binary_erosion(found, iterations=2), np.bool_)
    outline = found & ~inner
    picture[outline] = PREDICTION
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _zoom(image: NDArray[np.float32], zoom: tuple[float, ...]) -> NDArray[np.float32]:
    return np.asarray(ndimage.zoom(image, zoom, order=1, mode="nearest", grid_mode=True))


def write_png(path: Path, rgb: NDArray[np.uint8]) -> None:
    """An 8-bit RGB PNG (ISO/IEC 15948) of ``[row, column, 3]``, whole or not at all."""
    height, width = rgb.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    # Each row begins with its filter: 0, none.
    rows = np.concatenate([np.zeros((height, 1), np.uint8), rgb.reshape(height, -1)], axis=1)
    data = b"\x89PNG\r\n\x1a\n"
    data += _chunk(b"IHDR", header)
    data += _chunk(b"IDAT", zlib.compress(rows.tobytes(), 6))
    data += _chunk(b"IEND", b"")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
