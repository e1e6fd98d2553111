"""Background jobs for dialogs that stand alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from gui.tasks import TaskPool


@pytest.fixture
def tasks(qtbot: QtBot) -> Iterator[TaskPool]:
    pool = TaskPool()
    yield pool
    pool.shutdown()
