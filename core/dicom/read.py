"""Pixels to HU: decode the slices of a series into one int16 array, the middle slice first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.dicom.decode import PixelFile
from core.dicom.decoders import decoders
from core.dicom.patience import each, patiently
from core.dicom.rescale import Losses
from core.errors import FileRefusedError
from core.geometry import Geometry
from core.volume import Volume

Progress = Callable[[int, int], None]
Stop = Callable[[], bool]
FirstSlice = Callable[[int, NDArray[np.int16]], None]

#: Reading waits for the disk and rescaling lets go of the interpreter lock.
_THREADS = 4


@dataclass(slots=True)
class _Job:
    """One slice to read into ``out[index]``."""

    index: int
    file: PixelFile
    frame: int
    losses: Losses = field(default_factory=Losses)


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
    first = files[0] if files else Path("The series")
    jobs = (
        _chosen(files, frames)
        if frames
        else patiently(lambda: _jobs(files, geometry), first, cancelled)
    )
    middle = jobs[len(jobs) // 2]
    # Read before the memory of the whole is asked for: a wrong file is found out here.
    plane = np.empty(geometry.shape[1:], dtype=np.int16)
    patiently(lambda: _read(middle, geometry, plane), middle.file.path, cancelled)
    hu = np.empty(geometry.shape, dtype=np.int16)
    hu[middle.index] = plane
    if first_slice is not None:
        first_slice(middle.index, plane)
    _read_all(jobs, geometry, hu, progress, cancelled)
    total = Losses()
    for job in jobs:
        total.add(job.losses)
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


def _read_all(
    jobs: Sequence[_Job],
    geometry: Geometry,
    hu: NDArray[np.int16],
    progress: Progress | None,
    cancelled: Stop | None,
) -> None:
    """Every slice but the middle one, which is there already; those next to it first."""
    middle = len(jobs) // 2
    rest = sorted(
        (j for j in jobs if j is not jobs[middle]), key=lambda j: abs(j.index - jobs[middle].index)
    )
    done = 1

    def count(_: object) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, len(jobs))

    if progress is not None:
        progress(1, len(jobs))
    each(
        rest,
        lambda job: _read(job, geometry, hu[job.index]),
        count,
        path_of=lambda job: job.file.path,
        threads=max(_THREADS, decoders().most),
        cancelled=cancelled,
    )


def _read(job: _Job, geometry: Geometry, out: NDArray[np.int16]) -> None:
    rows, columns = job.file.shape
    if (rows, columns) != geometry.shape[1:]:
        raise FileRefusedError(
            job.file.path,
            f"it has {columns} × {rows} pixels and its series "
            f"{geometry.shape[2]} × {geometry.shape[1]}",
            "Import the folder again.",
        )
    job.file.read(job.frame, out, job.losses)
