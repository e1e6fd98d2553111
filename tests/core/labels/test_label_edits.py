"""Edits are values: they trim, undo, merge and survive being bytes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.labels.edits import (
    EMPTY,
    BrokenEditError,
    clip_box,
    decode,
    encode,
    is_empty,
    make_edit,
    merge,
    slices,
    union,
)
from core.labels.history import History

SHAPE = (4, 5, 6)
maps = arrays(np.uint8, SHAPE, elements=st.integers(0, 3))


@st.composite
def boxes(draw: st.DrawFn) -> tuple:
    spans = []
    for n in SHAPE:
        low = draw(st.integers(0, n - 1))
        spans.append((low, draw(st.integers(low + 1, n))))
    return tuple(spans)


@given(maps, boxes(), maps)
def test_an_edit_changes_its_box_and_nothing_else_and_comes_back(
    labels: np.ndarray, box: tuple, other: np.ndarray
) -> None:
    after = other[slices(box)]
    wanted = labels.copy()
    wanted[slices(box)] = after
    edit = make_edit(labels, box, after, "Test", 2)
    if edit is None:
        assert np.array_equal(labels, wanted)
        return
    start = labels.copy()
    changed = np.argwhere(labels != wanted)
    assert [a for a, _ in edit.box] == changed.min(axis=0).tolist()
    assert [b for _, b in edit.box] == (changed.max(axis=0) + 1).tolist()
    edit.apply(labels)
    assert np.array_equal(labels, wanted)
    edit.inverse().apply(labels)
    assert np.array_equal(labels, start)
    twin = decode(encode(edit), SHAPE)
    assert (twin.box, twin.name, twin.value, twin.time) == (edit.box, "Test", 2, edit.time)
    twin.apply(labels)
    assert np.array_equal(labels, wanted)
    twin.revert(labels)
    assert np.array_equal(labels, start)


@given(maps, st.lists(st.tuples(boxes(), maps), max_size=6))
def test_merged_edits_are_one_step(labels: np.ndarray, todo: list) -> None:
    start = labels.copy()
    made = []
    for box, other in todo:
        edit = make_edit(labels, box, other[slices(box)], "part")
        if edit is not None:
            edit.apply(labels)
            made.append(edit)
    one = merge(labels, made, "Brush stroke", 1)
    if one is None:
        assert np.array_equal(labels, start)
        return
    end = labels.copy()
    one.revert(labels)
    assert np.array_equal(labels, start)
    one.apply(labels)
    assert np.array_equal(labels, end)


@settings(max_examples=60)
@given(
    st.lists(st.one_of(st.tuples(boxes(), maps), st.sampled_from(["undo", "redo"])), max_size=25),
    st.sampled_from([0, 200, 10**9]),
)
def test_history_is_the_list_of_states(todo: list, limit: int) -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    history = History(limit)
    states, at = [labels.copy()], 0
    for item in todo:
        if isinstance(item, str):
            edit = history.undo(labels) if item == "undo" else history.redo(labels)
            step = {"undo": -1, "redo": 1}[item]
            if edit is not None:
                at += step
                assert np.array_equal(labels[slices(edit.box)], edit.after)
            elif limit == 10**9:
                assert not 0 <= at + step < len(states)
        else:
            box, other = item
            edit = make_edit(labels, box, other[slices(box)], "Stroke", 1)
            if edit is None:
                continue
            edit.apply(labels)
            history.push(edit)
            del states[at + 1 :]
            states.append(labels.copy())
            at += 1
            assert history.can_undo and not history.can_redo
        assert np.array_equal(labels, states[at])
        assert history.nbytes <= limit or len(history.entries) == 1
        assert [e.undone for e in history.entries] == sorted(e.undone for e in history.entries)


def test_fifty_edits_of_a_whole_large_map_can_be_undone() -> None:
    labels = np.zeros((40, 200, 200), dtype=np.uint8)
    history = History(limit_bytes=4 * 1024 * 1024)
    rng = np.random.default_rng(0)
    for _ in range(50):
        after = labels.copy()
        z, y, x = (int(rng.integers(0, n // 2)) for n in labels.shape)
        after[z : z + 20, y : y + 80, x : x + 80] = rng.integers(1, 4)
        after[0, 0, 0] ^= 1
        after[-1, -1, -1] ^= 1
        edit = make_edit(labels, tuple((0, n) for n in labels.shape), after, "Grow")
        assert edit is not None
        edit.apply(labels)
        history.push(edit)
    assert len(history.entries) == 50
    while history.undo(labels):
        pass
    assert not labels.any()


def test_boxes() -> None:
    assert clip_box(((-2, 3), (4, 9), (0, 1)), SHAPE) == ((0, 3), (4, 5), (0, 1))
    assert clip_box(((9, 12), (0, 5), (0, 6)), SHAPE) == EMPTY
    assert union(EMPTY, ((1, 2), (1, 2), (1, 2))) == ((1, 2), (1, 2), (1, 2))
    assert is_empty(EMPTY)
    assert make_edit(np.zeros(SHAPE, np.uint8), EMPTY, np.zeros((0, 0, 0), np.uint8), "x") is None


def test_an_edit_cannot_be_changed_or_be_for_another_grid() -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    edit = make_edit(labels, ((0, 4), (0, 5), (0, 6)), np.ones(SHAPE, np.uint8), "x")
    assert edit is not None
    with pytest.raises(ValueError, match="read-only"):
        edit.after[0, 0, 0] = 5
    with pytest.raises(BrokenEditError, match="outside"):
        decode(encode(edit), (4, 5, 5))
