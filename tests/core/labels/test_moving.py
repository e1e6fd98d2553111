"""A label that waits for its new grid is taken or dropped by its header, and else left alone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from core.errors import FileRefusedError
from core.geometry import Geometry
from core.labels.moving import NEXT_FILE, arrive, finish_move
from core.labels.schema import LabelSchema
from core.labels.segfile import read_segments
from core.labels.store import LABEL_FILE

GRID = Geometry((4, 6, 5), (2.0, 0.7, 0.8))


def waiting(folder: Path) -> np.ndarray:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1, 2, 3] = 1
    arrive(folder, labels, GRID, LabelSchema.default())
    return labels


def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10))


def test_a_waiting_label_arrives_where_memory_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = waiting(tmp_path)
    with monkeypatch.context() as short:
        no_memory(short)
        finish_move(tmp_path, GRID)
    assert np.array_equal(read_segments(tmp_path / LABEL_FILE, GRID), labels)


def test_a_waiting_label_of_another_grid_is_dropped(tmp_path: Path) -> None:
    waiting(tmp_path)
    finish_move(tmp_path, Geometry(GRID.shape, GRID.spacing, (0.0, 0.0, 1.0)))
    assert not list(tmp_path.iterdir())


def test_a_waiting_label_that_cannot_be_read_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = waiting(tmp_path)

    def gone(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as away:
        away.setattr(Path, "open", gone)
        with pytest.raises(FileRefusedError, match="Input/output error"):
            finish_move(tmp_path, GRID)
    assert (tmp_path / NEXT_FILE).exists()
    finish_move(tmp_path, GRID)
    assert np.array_equal(read_segments(tmp_path / LABEL_FILE, GRID), labels)


def test_only_a_damaged_label_is_to_be_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(tmp_path)
    path = tmp_path / NEXT_FILE
    with monkeypatch.context() as short:
        no_memory(short)
        with pytest.raises(FileRefusedError, match="memory") as refused:
            read_segments(path, GRID)
    assert "Restore" not in refused.value.sentence
    assert "Close other programs" in refused.value.sentence
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileRefusedError, match="Restore it from its revisions"):
        read_segments(path, GRID)
