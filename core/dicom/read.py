"""Pixels to HU: decode the slices of a series into one int16 array, the middle slice first."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.dicom.decode import PixelFile
from core.errors import Cancelled, FileRefusedError
from core.geometry import Geometry
from core.volume import HU_MAX, HU_MIN, Check, Volume

Progress = Callable[[int, int], None]
Stop = Callable[[], bool]
FirstSlice = Callable[[int, NDArray[np.int16]], None]

#: Decoders release the interpreter lock only in part; more threads than this only wait.
_THREADS = 4


@dataclass(slots=True)
class _Losses:
    """What did not fit whole int16 HU."""

    rounded: bool = False
    clipped: int = 0

    def checks(self) -> tuple[Check, ...]:
        found: list[Check] = []
        if self.rounded:
            found.append(Check("rounded", "HU with fractions were rounded to whole numbers."))
        if self.clipped:
            text = f"{self.clipped} voxels lie outside {HU_MIN} to {HU_MAX} HU and were cut."
            found.append(Check("clipped", text))
        return tuple(found)


@dataclass(slots=True)
class _Job:
    """One slice to decode into ``out[index]``."""

    index: int
    file: PixelFile
    frame: int
    losses: _Losses = field(default_factory=_Losses)


def read_series(
    files: Sequence[Path],
    geometry: Geometry,
    progress: Progress | None = None,
    cancelled: Stop | None = None,
    first_slice: FirstSlice | None = None,
    *,
    frames: Sequence[tuple[int, int]] = (),
) -> Volume:
    """The volume of ``files``: one file a slice in slice order, or multi-frame files.

    geometry: the grid found by :mod:`core.dicom.series`; frames of multi-frame files are put where
    their positions say. progress: slices done and in all. first_slice: called once, early, with
    the index and HU [y, x] of the middle slice. frames: of multi-frame files, see
    :class:`core.dicom.scanned.Scanned`; without, they are found by position. Padding values are
    kept like any other. Raises FileRefusedError naming the file that is missing, damaged or of
    another size, and Cancelled.
    """
    jobs = _chosen(files, frames) if frames else _jobs(files, geometry)
    middle = jobs[len(jobs) // 2]
    # Decoded before the memory of the whole is asked for: a wrong file is found out here.
    plane = _decode(middle, geometry)
    hu = np.empty(geometry.shape, dtype=np.int16)
    hu[middle.index] = plane
    if first_slice is not None:
        first_slice(middle.index, plane)
    if progress is not None:
        progress(1, len(jobs))
    _decode_all([j for j in jobs if j is not middle], geometry, hu, progress, cancelled)
    total = _Losses()
    for job in jobs:
        total.rounded |= job.losses.rounded
        total.clipped += job.losses.clipped
    return Volume(hu, geometry, total.checks())


def _jobs(files: Sequence[Path], geometry: Geometry) -> list[_Job]:
    count = geometry.shape[0]
    if len(files) == count:
        return [_Job(i, PixelFile(path), 0) for i, path in enumerate(files)]
    jobs: dict[int, _Job] = {}
    for path in files:
        source = PixelFile(path)
        for number, frame in enumerate(source.frames):
            if frame.position is None:
                continue
            z, y, x = geometry.mm_to_index(frame.position)
            index = round(float(z))
            # Frames of other volumes in the same file lie elsewhere or between the slices.
            near = abs(z - index) < 0.25 and abs(y) < 0.5 and abs(x) < 0.5
            if near and 0 <= index < count and index not in jobs:
                jobs[index] = _Job(index, source, number)
    if len(jobs) != count:
        name = files[0] if files else Path("The series")
        raise FileRefusedError(
            name,
            f"{count - len(jobs)} of {count} slices are no longer in the files",
            "Import the folder again.",
        )
    return [jobs[i] for i in range(count)]


def _chosen(files: Sequence[Path], frames: Sequence[tuple[int, int]]) -> list[_Job]:
    sources = [PixelFile(path) for path in files]
    return [_Job(i, sources[file], frame) for i, (file, frame) in enumerate(frames)]


def _decode_all(
    jobs: Sequence[_Job],
    geometry: Geometry,
    hu: NDArray[np.int16],
    progress: Progress | None,
    cancelled: Stop | None,
) -> None:
    def work(job: _Job) -> None:
        hu[job.index] = _decode(job, geometry)

    done, total = 1, len(jobs) + 1
    pool = ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1), "dicom-read")
    try:
        pending: set[Future[None]] = {pool.submit(work, job) for job in jobs}
        while pending:
            finished, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in finished:
                future.result()
            done += len(finished)
            if progress is not None and finished:
                progress(done, total)
            if cancelled is not None and cancelled():
                raise Cancelled
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _decode(job: _Job, geometry: Geometry) -> NDArray[np.int16]:
    stored = job.file.stored(job.frame)
    if stored.shape != geometry.shape[1:]:
        raise FileRefusedError(
            job.file.path,
            f"it has {stored.shape[1]} × {stored.shape[0]} pixels and its series "
            f"{geometry.shape[2]} × {geometry.shape[1]}",
            "Import the folder again.",
        )
    frame = job.file.frames[job.frame]
    return to_hu(stored, frame.slope, frame.intercept, job.losses)


def to_hu(
    stored: NDArray[np.integer],
    slope: float | None,
    intercept: float | None,
    losses: _Losses,
) -> NDArray[np.int16]:
    """HU of stored values; no slope means that they are HU already. Notes what was lost."""
    a, b = (1.0, 0.0) if slope is None else (slope, intercept or 0.0)
    if a == 1.0 and b == 0.0 and stored.dtype == np.int16:
        return stored.astype(np.int16, copy=False)
    if a.is_integer() and b.is_integer() and abs(a) < 2**15 and abs(b) < 2**31:
        values = stored.astype(np.int64 if stored.itemsize > 2 else np.int32)
        values = values * int(a) + int(b)
    else:
        exact = stored.astype(np.float64) * a + b
        values = np.rint(exact)
        losses.rounded |= bool(np.any(np.abs(values - exact) > 1e-3))
    if values.min() < HU_MIN or values.max() > HU_MAX:
        losses.clipped += int(np.count_nonzero((values < HU_MIN) | (values > HU_MAX)))
        values = np.clip(values, HU_MIN, HU_MAX)
    return values.astype(np.int16)
