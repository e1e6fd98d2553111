"""The cases of a demo: which grid each has, and workers that compute them side by side.

The workers are child processes started by module name, so that they need no guard in the caller's
main module, run the same on every platform, and do not hold up a window.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue

import numpy as np
import psutil

from core.demo.files import write_series
from core.demo.phantom import field_of_view, make_case
from core.errors import Cancelled
from core.project.records import Split

#: Pixels in plane, slices, slice distance in mm: what different sites would send.
GRIDS = (
    (224, 38, 5.0),
    (192, 48, 4.0),
    (256, 36, 5.0),
    (176, 62, 3.0),
    (208, 40, 5.0),
)
#: In this order over the labelled cases.
_SPLITS: tuple[Split, ...] = ("train", "train", "val", "train", "train", "test")
#: Each fourth case has no label, to try a model on.
_UNLABELLED_EVERY = 4
#: More workers than this only help where many cores are idle.
_MAX_WORKERS = 4


@dataclass(frozen=True, slots=True)
class DemoCase:
    """A case on disk. number: from 1. folder: its DICOM files. label_file: uint8 map as .npy.

    split: ``none`` for a case without label.
    """

    number: int
    folder: Path
    label_file: Path
    split: Split

    @property
    def labelled(self) -> bool:
        """Whether the demo gives it a label."""
        return self.split != "none"


def demo_case(root: Path, number: int) -> DemoCase:
    """Where case ``number`` (from 1) lies below ``root`` and what becomes of it."""
    index = number - 1
    split: Split = "none"
    if index % _UNLABELLED_EVERY != _UNLABELLED_EVERY - 1:
        split = _SPLITS[(index - index // _UNLABELLED_EVERY) % len(_SPLITS)]
    name = f"LF-{number:04d}"
    return DemoCase(number, root / name, root / f"{name}.labels.npy", split)


def write_case(root: Path, seed: int, number: int) -> DemoCase:
    """Compute case ``number`` of the demo ``seed`` and write it below ``root``."""
    where = demo_case(root, number)
    pixels, slices, distance = GRIDS[(number - 1 + seed) % len(GRIDS)]
    case_seed = 1000 * seed + number
    side = field_of_view(case_seed)
    size = round(side / pixels, 3)
    case = make_case(case_seed, (slices, pixels, pixels), (distance, size, size))
    write_series(case, where.folder, number, seed)
    np.save(where.label_file, case.labels)
    return where


def demo_cases(
    root: Path,
    seed: int,
    count: int,
    cancelled: Callable[[], bool] | None = None,
    skip: frozenset[int] = frozenset(),
) -> Iterator[DemoCase]:
    """Compute ``count`` cases below ``root`` in worker processes; yields each as it is ready.

    skip: numbers of cases that are not computed, because they are there already.
    Raises Cancelled within a second of ``cancelled()`` becoming true, and RuntimeError when a
    worker fails. The workers end with the iterator.
    """
    workers = _start_workers(root, seed, [n for n in range(1, count + 1) if n not in skip])
    ready: Queue[str | None] = Queue()
    readers = [threading.Thread(target=_read, args=(w, ready), daemon=True) for w in workers]
    try:
        for reader in readers:
            reader.start()
        open_ends = len(workers)
        while open_ends:
            if cancelled is not None and cancelled():
                raise Cancelled("the demo was cancelled")
            with suppress(Empty):
                line = ready.get(timeout=0.2)
                if line is None:
                    open_ends -= 1
                else:
                    yield demo_case(root, int(line))
        for worker in workers:
            if worker.wait() != 0:
                raise RuntimeError(f"a demo worker ended with exit code {worker.returncode}")
    finally:
        _end(workers)
        for reader in readers:
            reader.join()
        for worker in workers:
            if worker.stdout is not None:
                worker.stdout.close()


def _start_workers(root: Path, seed: int, cases: list[int]) -> list[subprocess.Popen[str]]:
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    workers = min(cores, _MAX_WORKERS, len(cases))
    # One thread each: the cores are shared out already.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    root.mkdir(parents=True, exist_ok=True)
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    started: list[subprocess.Popen[str]] = []
    for first in range(workers):
        numbers = [str(n) for n in cases[first::workers]]
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "core.demo.worker", str(root), str(seed), *numbers],
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
                creationflags=flags,
            )
        )
    return started


def _read(worker: subprocess.Popen[str], ready: Queue[str | None]) -> None:
    assert worker.stdout is not None  # noqa: S101 - opened as a pipe just above
    for line in worker.stdout:
        ready.put(line.strip())
    ready.put(None)


def _end(workers: list[subprocess.Popen[str]]) -> None:
    for worker in workers:
        if worker.poll() is None:
            worker.terminate()
    for worker in workers:
        worker.wait()
