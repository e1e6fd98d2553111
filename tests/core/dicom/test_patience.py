"""A file that never answers gives a sentence; nobody waits for its thread."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from core.dicom import patience, quick, workers
from core.dicom import scan as scan_module
from core.dicom.patience import each, patiently
from core.dicom.read import read_series
from core.dicom.scan import scan
from core.dicom.series import group
from core.errors import Cancelled, FileRefusedError
from tests.core.dicom.make import write_series


@pytest.fixture
def gone() -> Iterator[threading.Event]:
    """Set at the end, so that threads which hang on it end."""
    event = threading.Event()
    before = set(threading.enumerate())
    yield event
    event.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)


def test_results_come_as_they_are_done_on_the_calling_thread() -> None:
    here: list[tuple[int, int]] = []
    each(range(20), lambda n: n * n, lambda r: here.append((r, threading.get_ident())),
         path_of=lambda _: Path("x"), threads=3)  # fmt: skip
    assert sorted(r for r, _ in here) == [n * n for n in range(20)]
    assert {ident for _, ident in here} == {threading.get_ident()}
    each([], lambda n: n, here.append, path_of=lambda _: Path("x"), threads=3)


def test_the_first_error_is_raised_and_the_rest_is_left() -> None:
    begun: list[int] = []

    def work(n: int) -> int:
        begun.append(n)
        if n == 2:
            raise FileRefusedError("second.dcm", "it is damaged")
        time.sleep(0.01)
        return n

    with pytest.raises(FileRefusedError, match=r"second\.dcm"):
        each(range(1000), work, lambda _: None, path_of=lambda _: Path("x"), threads=2)
    assert len(begun) < 100


def test_a_file_that_does_not_answer_is_named_and_cancelling_does_not_wait(
    gone: threading.Event,
) -> None:
    began = time.monotonic()
    with pytest.raises(FileRefusedError, match=r"far\.dcm .*did not answer within 0\.3 seconds"):
        patiently(gone.wait, Path("share/far.dcm"), seconds=0.3)
    with pytest.raises(Cancelled):
        patiently(gone.wait, Path("x"), lambda: time.monotonic() > began + 0.6, seconds=None)
    assert time.monotonic() - began < 5


def test_a_series_on_a_share_that_went_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: threading.Event
) -> None:
    paths = write_series(tmp_path, 5)
    (series,) = group(scan([tmp_path]).headers)
    real = quick.parse
    monkeypatch.setattr(patience, "PATIENCE_S", 0.4)
    monkeypatch.setattr(quick, "parse", lambda p: gone.wait() if p == paths[1] else real(p))
    with pytest.raises(FileRefusedError, match=rf"{paths[1].name} .*network share"):
        read_series(series.files, series.geometry)


def test_a_scan_of_a_share_that_went_away_ends_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: threading.Event
) -> None:
    files = write_series(tmp_path / "far", 5)
    monkeypatch.setattr(patience, "PATIENCE_S", 0.4)
    monkeypatch.setattr(scan_module, "read_one", lambda p: gone.wait())
    with pytest.raises(FileRefusedError, match=r"far .*did not answer"):
        list(scan_module.read_headers(files))
    monkeypatch.setattr(workers._Child, "ask", lambda self, paths: gone.wait())
    with pytest.raises(FileRefusedError, match=r"far .*did not answer"):
        list(workers.read_many(files))
    with pytest.raises(Cancelled):
        list(workers.read_many(files, lambda: True))


def test_a_thread_that_hangs_does_not_keep_the_program() -> None:
    script = (
        "import threading, sys\n"
        "from pathlib import Path\n"
        "from core.dicom.patience import patiently\n"
        "from core.errors import FileRefusedError\n"
        "try: patiently(threading.Event().wait, Path('x'), seconds=0.2)\n"
        "except FileRefusedError: sys.exit(7)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert run.returncode == 7


_PEAK = """
import sys, threading, time
from dataclasses import replace
from pathlib import Path
import psutil
from core.dicom.read import read_series
from core.dicom.scan import scan
from core.dicom.series import group
(series,) = group(scan([Path(sys.argv[1])]).headers)
me, peak, done = psutil.Process(), [0], threading.Event()
def watch():
    while not done.is_set():
        peak[0] = max(peak[0], me.memory_info().rss)
        time.sleep(0.002)
threading.Thread(target=watch, daemon=True).start()
few = replace(series.geometry, shape=(4, *series.geometry.shape[1:]))
read_series(series.files[:4], few)
before = me.memory_info().rss
peak[0] = 0
volume = read_series(series.files, series.geometry)
done.set()
print((max(peak[0], me.memory_info().rss) - before) / volume.hu.nbytes)
"""


def test_opening_takes_the_volume_and_little_more(tmp_path: Path) -> None:
    """At most 1.5 times the int16 volume, of a process that has read a few slices before."""

    def twelve_bits(made: Dataset, _: int) -> None:
        made.PixelData = (np.arange(512 * 512) % 4096).astype("<u2").tobytes()

    write_series(tmp_path, 40, twelve_bits, rows=512, columns=512)
    run = subprocess.run(
        [sys.executable, "-c", _PEAK, str(tmp_path)], capture_output=True, timeout=120, check=True
    )
    assert 0.9 < float(run.stdout) < 1.5
