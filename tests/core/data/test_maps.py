"""core.data.maps: what was asked for last stays open, the rest is let go of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil
import pytest

from core.data.maps import Maps


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    made = [tmp_path / f"{number}.npy" for number in range(8)]
    for number, path in enumerate(made):
        np.save(path, np.full((4, 5), number, np.int16))
    return made


def _open_maps(folder: Path) -> set[str]:
    maps = psutil.Process().memory_maps()
    return {Path(m.path).name for m in maps if m.path.startswith(str(folder))}


def test_reads_what_the_file_holds(paths: list[Path]) -> None:
    maps = Maps()
    for number, path in enumerate(paths):
        assert maps(path).tolist() == np.full((4, 5), number).tolist()


def test_the_same_map_is_given_again(paths: list[Path]) -> None:
    maps = Maps()
    assert maps(paths[0]) is maps(paths[0])


@pytest.mark.skipif(not hasattr(psutil.Process, "memory_maps"), reason="no list of maps here")
def test_only_the_last_ones_stay_open(paths: list[Path], tmp_path: Path) -> None:
    maps = Maps(limit=3)
    for path in paths:
        maps(path)
    maps(paths[5])  # asked for again: now the newest
    maps(paths[0])
    assert _open_maps(tmp_path) == {"7.npy", "5.npy", "0.npy"}


def test_an_array_in_use_outlives_its_place(paths: list[Path]) -> None:
    maps = Maps(limit=1)
    held = maps(paths[2])
    maps(paths[3])
    assert held[3, 4] == 2


def test_writing_to_it_leaves_the_file_alone(paths: list[Path]) -> None:
    Maps()(paths[1])[:] = 99
    assert np.load(paths[1]).max() == 1


def test_an_array_without_elements(tmp_path: Path) -> None:
    path = tmp_path / "none.npy"
    np.save(path, np.zeros((0, 4), np.int32))
    assert Maps()(path).shape == (0, 4)
