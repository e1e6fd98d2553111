"""Small pictures of series for the library, cached on disk.

A soft-tissue window on the axial slice with the most lesion, else the middle one; square pixels
in mm, fitted into the size asked for.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.geometry import Geometry
from core.labels.durable import write_bytes
from core.planes import PlaneAxes
from core.project.folder import series_key
from core.project.project import Project
from core.project.reading import read_volume
from core.project.records import SeriesRecord
from core.volume import Volume, apply_window, window_lut

#: Soft tissue, as in the design's screens.
WIDTH, LEVEL = 400.0, 40.0

Grey = NDArray[np.uint8]


def thumbnail(
    project: Project,
    record: SeriesRecord,
    size: int | tuple[int, int],
    cancelled: Callable[[], bool] | None = None,
) -> Grey:
    """Grey picture uint8 [row, column] of a series.

    size: side of a square, or (height, width), in pixels. Reads from the cache when the series
    and its label are unchanged. Raises FileRefusedError when the pixel data cannot be read, and
    Cancelled.
    """
    height, width = (size, size) if isinstance(size, int) else size
    path = _cache_file(project, record, (height, width))
    cached = _load(path)
    if cached is not None and cached.shape == (height, width):
        return cached
    picture = _make(project, record, (height, width), cancelled)
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.save(buffer, picture, allow_pickle=False)
    write_bytes(path, buffer.getvalue())
    return picture


def cached_thumbnail(
    project: Project, record: SeriesRecord, size: int | tuple[int, int]
) -> Grey | None:
    """The picture if it is in the cache, without reading the series; fast enough for painting."""
    height, width = (size, size) if isinstance(size, int) else size
    return _load(_cache_file(project, record, (height, width)))


def _cache_file(project: Project, record: SeriesRecord, size: tuple[int, int]) -> Path:
    first = record.files[0] if record.files else Path()
    what = f"{record.series_uid}\0{record.label_version}\0{len(record.files)}\0{first}\0{size}"
    what += f"\0{record.remedy.identity}" if record.remedy.identity else ""
    name = hashlib.sha256(what.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return project.cache_dir / "thumbnails" / f"{series_key(record.series_uid)}-{name}.npy"


def _load(path: Path) -> Grey | None:
    try:
        picture = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError, SyntaxError, TokenError):
        return None  # Not there yet, cut off by a kill, or of a stranger: it is made again.
    return picture if picture.dtype == np.uint8 and picture.ndim == 2 else None


def _make(
    project: Project,
    record: SeriesRecord,
    size: tuple[int, int],
    cancelled: Callable[[], bool] | None,
) -> Grey:
    axes = PlaneAxes.of(record.geometry, "axial")
    index = _lesion_slice(project, record, axes)
    index = axes.slices // 2 if index is None else index
    if axes.normal == 0 and file_a_slice(record):
        volume, index = one_slice(record, index), 0
        axes = PlaneAxes.of(volume.geometry, "axial")
    else:
        volume = read_volume(record, cancelled=cancelled)
    cut = apply_window(axes.cut(volume.hu, index), window_lut(WIDTH, LEVEL))
    return fit(cut, axes.pixel_mm, size)


def _lesion_slice(project: Project, record: SeriesRecord, axes: PlaneAxes) -> int | None:
    if record.label_voxels == 0:
        return None
    try:
        labels = project.label_store(record.series_uid).load()
    except UserError:
        return None  # A damaged label is told of where it is opened; the picture needs none.
    lesion = np.isin(labels, project.schema.lesion_values)
    others = tuple(axis for axis in range(3) if axis != axes.normal)
    area = lesion.sum(axis=others)
    return int(area.argmax()) if area.any() else None


def file_a_slice(record: SeriesRecord) -> bool:
    """Whether each slice of a series as it is used lies in a file of its own."""
    slices = record.geometry.shape[0]
    plain = record.remade is None
    return plain and record.source == "dicom" and slices > 1 and len(record.files) == slices


def one_slice(record: SeriesRecord, index: int) -> Volume:
    """The volume of one file of a series, so that a picture costs a slice, not the series."""
    grid = record.geometry
    x, y, z = (float(v) for v in grid.index_to_mm((index, 0, 0)))
    flat = Geometry((1, *grid.shape[1:]), grid.spacing, (x, y, z), grid.direction)
    one = replace(record, geometry=flat, files=(record.files[index],), scanned=None, choices=())
    return read_volume(one)


def fit(picture: Grey, pixel_mm: tuple[float, float], size: tuple[int, int]) -> Grey:
    """Scale ``picture`` [row, column] into ``size`` (height, width), centred on black.

    pixel_mm: pixel size (down, right); the result has square pixels in mm. Shrinking averages,
    growing interpolates.
    """
    height, width = size
    rows, columns = picture.shape
    mm = (rows * pixel_mm[0], columns * pixel_mm[1])
    scale = min(height / mm[0], width / mm[1])
    inner = (max(1, round(mm[0] * scale)), max(1, round(mm[1] * scale)))
    inner = (min(inner[0], height), min(inner[1], width))
    scaled = _weights(rows, inner[0]) @ picture.astype(np.float32) @ _weights(columns, inner[1]).T
    result = np.zeros(size, dtype=np.uint8)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    result[top : top + inner[0], left : left + inner[1]] = np.clip(np.rint(scaled), 0, 255)
    return result


def _weights(source: int, target: int) -> NDArray[np.float32]:
    """Matrix [target, source] of a triangle filter as wide as a pixel of the coarser grid."""
    step = source / target
    reach = max(step, 1.0)
    centres = (np.arange(target) + 0.5) * step - 0.5
    distance = np.abs(centres[:, None] - np.arange(source)[None, :]) / reach
    weights = np.clip(1.0 - distance, 0.0, None)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
