from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from core.training import checkpoint
from tests.small_disk import small_disk

__all__ = ["small_disk"]  # fixture


def a_state(value: float) -> dict[str, object]:
    return {"net": {"w": torch.full((5000,), value)}, "order": [1, 2], "best": {"dice": value}}


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A run with a checkpoint after step 1 and one after step 2; the path of the latter."""
    checkpoint.save(tmp_path, 1, a_state(1.0))
    return tmp_path / checkpoint.save(tmp_path, 2, a_state(2.0))


def step_loaded(run_dir: Path) -> int:
    state = checkpoint.load(run_dir)
    assert state is not None
    assert state["net"]["w"].unique().tolist() == [state["step"]]
    return state["step"]


def test_the_last_two_stay(two: Path, tmp_path: Path) -> None:
    name = checkpoint.save(tmp_path, 3, a_state(3.0))
    assert name == "checkpoint/step_00000003.pt"
    kept = sorted(p.name for p in two.parent.iterdir())
    assert kept == ["step_00000002.pt", "step_00000003.pt"]
    assert step_loaded(tmp_path) == 3


def test_one_torn_at_any_length_is_passed_over(two: Path, tmp_path: Path) -> None:
    data = two.read_bytes()
    whole = len(data)
    # Empty, within the zip's first header, anywhere in its records, within its directory, within
    # the sum behind it, and all but the last byte.
    ends = [*range(80), *range(80, whole, 211), *range(whole - 900, whole)]
    for length in sorted(set(ends), reverse=True):
        os.truncate(two, length)
        assert checkpoint._read(two) is None, length
    assert step_loaded(tmp_path) == 1
    two.write_bytes(data + b"\0")
    assert step_loaded(tmp_path) == 1
    two.write_bytes(data)
    assert step_loaded(tmp_path) == 2


def test_one_with_blocks_of_zeros_or_a_bit_turned_is_passed_over(two: Path, tmp_path: Path) -> None:
    data = two.read_bytes()
    for place in range(0, len(data), 509):
        broken = bytearray(data)
        broken[place : place + 512] = bytes(len(broken[place : place + 512]))
        if broken == data:
            continue
        two.write_bytes(broken)
        assert step_loaded(tmp_path) == 1, place
        turned = bytearray(data)
        turned[place] ^= 0x10
        two.write_bytes(turned)
        assert step_loaded(tmp_path) == 1, place


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path) is None
    assert checkpoint.load_best(tmp_path) is None


def test_what_a_killed_write_left_goes_with_the_next_one(two: Path, tmp_path: Path) -> None:
    left = two.with_name(".step_00000007.pt.tmp")
    left.write_bytes(b"half")
    assert step_loaded(tmp_path) == 2
    checkpoint.save_best(tmp_path, {"net": {}})
    assert not left.exists()


def test_opening_a_checkpoint_never_runs_code(two: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (marker,)

    checkpoint.save(tmp_path, 3, {"x": Evil()})
    assert step_loaded(tmp_path) == 2
    assert not marker.exists()


def test_a_full_disk_is_an_oserror_and_leaves_what_was(
    two: Path, tmp_path: Path, small_disk: None
) -> None:
    with pytest.raises(OSError, match="too large"):
        checkpoint.save(tmp_path, 3, a_state(3.0))
    with pytest.raises(OSError, match="too large"):
        checkpoint.save_best(tmp_path, a_state(3.0))
    assert sorted(p.name for p in two.parent.iterdir()) == ["step_00000001.pt", two.name]
    assert step_loaded(tmp_path) == 2
