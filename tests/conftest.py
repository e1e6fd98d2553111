"""What every test needs: Qt without a screen, seeds, the real data where it is there."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("MPLBACKEND", "QtAgg")
# Two cores and several processes at once: more threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real CT; skips where it is absent (a user's machine). CI must have it."""
    if not SHARED.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"CI has no real data: {SHARED} is missing")
        pytest.skip(f"real CT is not on this machine: {SHARED} is missing")
    return SHARED


@pytest.fixture(autouse=True)
def own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, recent projects and measured plans of its own, never the user's."""
    monkeypatch.setenv("LESIONFORGE_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """A thread or child process that outlives its test fails it."""
    threads = set(threading.enumerate())
    children = {p.pid for p in psutil.Process().children(recursive=True)}
    yield
    left = [t for t in threading.enumerate() if t not in threads and not t.daemon]
    for thread in left:
        thread.join(timeout=5)
    left = [t for t in left if t.is_alive()]
    assert not left, f"threads left running: {left}"
    # Decoders of compressed frames stay for the next test, as they stay for the next series.
    pool = sys.modules.get("core.dicom.decoders")
    children |= pool.decoders().pids if pool else set()
    procs = [p for p in psutil.Process().children(recursive=True) if p.pid not in children]
    _, alive = psutil.wait_procs(procs, timeout=5)
    assert not alive, f"child processes left running: {alive}"
