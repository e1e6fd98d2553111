"""Torn tails, flipped bytes and hostile files: at most the last unfinished edit is lost."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from core.errors import FileRefusedError
from core.labels import journal as module
from core.labels.edits import Edit, make_edit
from core.labels.journal import Journal

SHAPE = (3, 4, 5)


def edits(count: int) -> tuple[list[Edit], list[np.ndarray]]:
    rng = np.random.default_rng(1)
    labels = np.zeros(SHAPE, dtype=np.uint8)
    made, states = [], [labels.copy()]
    for index in range(count):
        box = ((0, 2), (1, 4), (index % 3, 5))
        after = rng.integers(0, 3, (2, 3, 5 - index % 3)).astype(np.uint8)
        edit = make_edit(labels, box, after, "Brush stroke", 1)
        assert edit is not None
        edit.apply(labels)
        made.append(edit)
        states.append(labels.copy())
    return made, states


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, list[int], list[np.ndarray]]:
    """A journal of four edits, its length after each, and the map after each."""
    path = tmp_path / "edits.journal"
    made, states = edits(4)
    journal = Journal(path, SHAPE)
    sizes = []
    for edit in made:
        journal.append(edit)
        sizes.append(path.stat().st_size)
    return path, sizes, states


def replayed(path: Path) -> tuple[np.ndarray, Journal, int]:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    journal = Journal(path, SHAPE)
    return labels, journal, journal.replay(labels)


def test_torn_at_every_byte(written: tuple[Path, list[int], list[np.ndarray]]) -> None:
    path, sizes, states = written
    whole = path.read_bytes()
    extra, _ = edits(1)
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        expected = sum(size <= cut for size in sizes)
        labels, journal, count = replayed(path)
        assert count == expected, cut
        assert np.array_equal(labels, states[expected]), cut
        assert not journal.damage, cut
        if cut % 7 == 0:  # And the next edit is found behind what was whole.
            journal.append(extra[0])
            extra[0].apply(labels)
            again, _, count = replayed(path)
            assert count == expected + 1 and np.array_equal(again, labels), cut


def test_a_flipped_byte_anywhere_is_detected(
    written: tuple[Path, list[int], list[np.ndarray]],
) -> None:
    path, sizes, states = written
    whole = bytearray(path.read_bytes())
    for at in range(len(whole)):
        whole[at] ^= 0x10
        path.write_bytes(whole)
        before = sum(size <= at for size in sizes)
        in_header = at < sizes[0] and at < 24
        labels, journal, count = replayed(path)
        assert count == (0 if in_header else before), at
        assert np.array_equal(labels, states[count]), at
        assert journal.damage, at
        assert path.with_name("edits.journal.damaged").read_bytes() == bytes(whole)
        whole[at] ^= 0x10


def test_zeros_that_never_became_data_are_a_torn_tail(
    written: tuple[Path, list[int], list[np.ndarray]],
) -> None:
    path, _, states = written
    path.write_bytes(path.read_bytes() + bytes(5000))
    labels, journal, count = replayed(path)
    assert count == 4 and np.array_equal(labels, states[-1]) and not journal.damage


def test_dropping_keeps_what_came_later(
    written: tuple[Path, list[int], list[np.ndarray]],
) -> None:
    path, _, states = written
    journal = Journal(path, SHAPE)
    assert journal.mark() == 4
    journal.drop(3)
    assert journal.mark() == 4
    labels = states[3].copy()
    assert Journal(path, SHAPE).replay(labels) == 1
    assert np.array_equal(labels, states[4])
    journal.drop(3)
    assert path.exists()
    journal.drop(4)
    assert not path.exists()
    journal.append(edits(1)[0][0])
    assert journal.mark() == 5


def test_another_grid_and_hostile_sizes_are_refused(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "edits.journal"
    Journal(path, SHAPE).append(edits(1)[0][0])
    with pytest.raises(FileRefusedError, match="grid"):
        Journal(path, (3, 4, 6)).replay(np.zeros((3, 4, 6), dtype=np.uint8))
    monkeypatch.setattr(module, "LIMIT_BYTES", 10)
    with pytest.raises(FileRefusedError, match="more than any journal"):
        replayed(path)


def record(payload: bytes, length: int | None = None) -> bytes:
    head = b"EDIT" + struct.pack(
        "<II", len(payload) if length is None else length, zlib.crc32(payload)
    )
    return head + struct.pack("<I", zlib.crc32(head)) + payload


@pytest.mark.parametrize(
    "tail",
    [
        record(b"x", length=2**32 - 1),
        record(struct.pack("<6IBdH", 0, 2**32 - 1, 0, 2**32 - 1, 0, 2**32 - 1, 1, 0.0, 0)),
        record(struct.pack("<6IBdH", 0, 3, 0, 4, 0, 5, 1, 0.0, 9)),
        # A megabyte of zeros where 120 bytes belong.
        record(struct.pack("<6IBdH", 0, 3, 0, 4, 0, 5, 1, 0.0, 0) + zlib.compress(bytes(1 << 20))),
        record(struct.pack("<6IBdH", 0, 3, 0, 4, 0, 5, 1, 0.0, 0) + b"no zlib"),
    ],
    ids=["length", "box", "name", "bomb", "no zlib"],
)
def test_records_that_lie_change_nothing(
    written: tuple[Path, list[int], list[np.ndarray]], tail: bytes
) -> None:
    path, _, states = written
    path.write_bytes(path.read_bytes() + tail)
    labels, _, count = replayed(path)
    assert count == 4 and np.array_equal(labels, states[-1])
