"""Neighbours are read ahead within a budget, and never in place of what is on disk now."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from core.errors import Cancelled
from core.project import ahead as module
from core.project import reading
from core.project.ahead import Ahead
from core.project.importer import import_paths
from core.project.project import Project
from core.project.records import SeriesRecord
from core.volume import Volume
from tests.core.dicom.make import slice_values, write_series


@pytest.fixture
def records(project: Project, tmp_path: Path) -> list[SeriesRecord]:
    """Three series of four slices of 6 x 5: 240 bytes each."""
    for n in range(3):
        write_series(tmp_path / "n" / str(n), 4, series=f"1.2.3.{n + 5}")
    return list(import_paths(project, [tmp_path / "n"]).series)


def test_what_is_wanted_is_read_in_order_within_the_budget(records: list[SeriesRecord]) -> None:
    ahead = Ahead()
    ahead.want(records, 500)
    assert ahead.settled(20)
    assert ahead.held == tuple(r.series_uid for r in records[:2])
    volume = ahead.take(records[0])
    assert volume is not None and np.array_equal(volume.hu[2], slice_values(2))
    assert ahead.take(records[0]) is None and ahead.take(records[2]) is None
    ahead.want(records[2:], 500)
    assert ahead.settled(20) and ahead.held == (records[2].series_uid,)
    ahead.want(())
    assert ahead.held == ()


def test_a_series_that_changed_on_disk_is_not_served(records: list[SeriesRecord]) -> None:
    ahead = Ahead()
    ahead.want(records, 10_000)
    assert ahead.settled(20) and len(ahead.held) == 3
    status = records[0].files[1].stat()
    os.utime(records[0].files[1], ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    records[1].files[0].unlink()
    assert ahead.take(records[0]) is None and ahead.take(records[1]) is None
    assert ahead.take(records[2]) is not None


def test_reading_ahead_stops_when_something_else_is_wanted(
    records: list[SeriesRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, stopped = threading.Event(), threading.Event()

    def slow(record: SeriesRecord, cancelled) -> Volume:
        begun.set()
        while not cancelled():
            pass
        stopped.set()
        raise Cancelled

    monkeypatch.setattr(reading, "read_volume", slow)
    ahead = Ahead()
    ahead.want(records[:1], 10_000)
    assert begun.wait(10) and not stopped.is_set()
    ahead.want(())
    assert stopped.wait(10) and ahead.settled(10) and ahead.held == ()


def test_a_series_that_cannot_be_read_is_passed_over(records: list[SeriesRecord]) -> None:
    records[0].files[2].unlink()
    ahead = Ahead()
    ahead.want(records[:2], 10_000)
    assert ahead.settled(20) and ahead.held == (records[1].series_uid,)


def test_the_budget_follows_the_memory_that_is_free() -> None:
    assert 0 < module.budget() <= module.BUDGET
