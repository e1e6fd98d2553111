"""The volume behind a row of the library, wherever its pixels come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.dicom.patience import patiently
from core.dicom.read import read_series
from core.errors import Cancelled, FileRefusedError
from core.images import read_image
from core.project.records import SeriesRecord
from core.volume import Volume

_MOVED = "Put it back, or tell the project where the folder is now."


def read_volume(
    record: SeriesRecord,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    on_first_slice: Callable[[int, NDArray[np.int16]], None] | None = None,
) -> Volume:
    """The HU of a series on the grid the library knows, with the record's checks and new ones.

    progress: slices done and in all. on_first_slice: called early, from the calling thread, with
    the index and HU [y, x] of the middle slice. Raises FileRefusedError when a file was moved,
    changed or damaged, and Cancelled.
    """
    if not record.files:
        raise FileRefusedError(record.series_uid, "it has no files", "Import it again.")
    if cancelled is not None and cancelled():
        raise Cancelled
    if record.remedy.kind == "refuse":
        raise FileRefusedError(
            record.description or record.series_uid,
            "somebody chose not to use this volume",
            "Undo that under its checks in the library to use it.",
        )
    if record.source == "dicom":
        volume = _read_dicom(record, progress, cancelled, on_first_slice)
    else:
        volume = _read_file(record, progress, cancelled, on_first_slice)
    checks = tuple(dict.fromkeys((*record.checks, *volume.checks)))
    return Volume(volume.hu, record.geometry, checks)


def _read_dicom(
    record: SeriesRecord,
    progress: Callable[[int, int], None] | None,
    cancelled: Callable[[], bool] | None,
    on_first_slice: Callable[[int, NDArray[np.int16]], None] | None,
) -> Volume:
    """As scanned, or on the grid of the remedy in force."""
    scanned, made = record.scanned, record.remade
    if scanned is None or made is None:
        frames = () if scanned is None else scanned.frames
        return read_series(
            record.files, record.geometry, progress, cancelled, on_first_slice, frames=frames
        )
    from core.dicom.regrid import regrid  # noqa: PLC0415 - brings SimpleITK

    volume = read_series(record.files, scanned.geometry, progress, cancelled, frames=scanned.frames)
    hu = regrid(volume.hu, scanned, made)
    if on_first_slice is not None:
        middle = hu.shape[0] // 2
        on_first_slice(middle, hu[middle])
    return Volume(hu, made.geometry, volume.checks)


def _read_file(
    record: SeriesRecord,
    progress: Callable[[int, int], None] | None,
    cancelled: Callable[[], bool] | None,
    on_first_slice: Callable[[int, NDArray[np.int16]], None] | None,
) -> Volume:
    path = record.files[0]
    # A share that is gone is found out by the first byte; a large file may then take its time.
    patiently(lambda: _touch(path), path, cancelled)
    volume = patiently(lambda: read_image(path), path, cancelled, seconds=None)
    # Half a voxel: a file that was changed in place must not carry the old labels.
    if not volume.geometry.same_grid(record.geometry, 0.5 * min(record.geometry.spacing)):
        raise FileRefusedError(path, "its grid changed since it was imported", "Import it again.")
    if on_first_slice is not None:
        middle = volume.hu.shape[0] // 2
        on_first_slice(middle, volume.hu[middle])
    if progress is not None:
        progress(volume.hu.shape[0], volume.hu.shape[0])
    return volume


def _touch(path: Path) -> None:
    try:
        with path.open("rb") as handle:
            handle.read(1)
    except FileNotFoundError as error:
        raise FileRefusedError(path, "it is no longer where it was", _MOVED) from error
    except OSError as error:
        raise FileRefusedError(path, f"it could not be opened ({error.strerror})") from error
