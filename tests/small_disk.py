"""A disk that is full: no file may grow beyond 8 kB, and a write is cut short there."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

LIMIT = 8192


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Every file of this process stays small, as on a full disk; not on Windows."""
    if sys.platform == "win32":
        pytest.skip("no limit of a file's size there")
    import resource  # noqa: PLC0415 - not on Windows

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
