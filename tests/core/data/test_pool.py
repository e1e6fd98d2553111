from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.cache import Case
from core.data.pool import Pool, make_pool
from core.data.shards import Shards, deal
from core.data.turns import BLOCKS, Shifts
from core.errors import UserError
from tests.core.data.cases import made_case
from tests.core.data.plans import tiny_plan

CPU = torch.device("cpu")
#: Bytes of one made case: int16 and uint8.
ONE = 3 * 20 * 24 * 22


def cases(count: int) -> list[Case]:
    return [made_case(number) for number in range(count)]


class Counted:
    """A pool that only keeps the books, and says no to what a pool could not do."""

    def __init__(self, sizes: Sequence[int], room: int) -> None:
        self.sizes, self.room = sizes, room
        self.here: set[int] = set()
        self.coming: set[int] = set()
        self.fetched: list[int] = []

    def fetch(self, case: int) -> None:
        assert case not in self.here | self.coming
        self.coming.add(case)
        self.fetched.append(case)
        assert sum(self.sizes[c] for c in self.here | self.coming) <= self.room

    def wait(self, case: int) -> None:
        self.coming.remove(case)
        self.here.add(case)

    def drop(self, case: int) -> None:
        self.coming.discard(case)
        self.here.discard(case)


def steps(shifts: Shifts, pool: Counted, count: int, batch: int = 2) -> list[int]:
    drawn = []
    for _ in range(count):
        shifts.turn()
        for _ in range(batch):
            drawn.append(shifts.next())
            assert drawn[-1] in pool.here
    return drawn


def shifts(sizes: Sequence[int], room: int, seed: int = 1) -> tuple[Shifts, Counted]:
    pool = Counted(sizes, room)
    return Shifts(pool, torch.Generator().manual_seed(seed)), pool


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 10), min_size=3, max_size=12), st.floats(0, 1))
def test_every_case_is_seen_as_often_and_the_pool_never_overflows(
    sizes: list[int], share: float
) -> None:
    room = max(sizes) + int(share * (sum(sizes) - 1 - max(sizes)))
    turns, pool = shifts(sizes, room)
    rounds = 8
    counts = Counter(steps(turns, pool, rounds * len(sizes) * BLOCKS // 2))
    # A case may have had a whole shift more or less than another, and have part of one to go.
    assert max(counts.values()) - min(counts[i] for i in range(len(sizes))) <= 3 * BLOCKS
    assert min(counts[i] for i in range(len(sizes))) >= (rounds - 3) * BLOCKS


def test_the_next_case_is_brought_while_others_are_used() -> None:
    turns, pool = shifts([1] * 20, 5)
    steps(turns, pool, 1)
    assert len(turns.inside) == 4
    assert len(pool.coming) == 1
    steps(turns, pool, 400)
    assert len(pool.here) + len(pool.coming) == 5
    # A case is brought about once in its blocks.
    assert len(pool.fetched) == pytest.approx(800 / BLOCKS + 5, abs=5)


def test_cases_come_and_go_at_the_same_steps_after_a_stop() -> None:
    turns, pool = shifts([3, 1, 2, 2, 3, 1, 2, 1], 8)
    steps(turns, pool, 61)
    state: dict[str, Any] = turns.state()
    random = turns._generator.get_state()
    expected = steps(turns, pool, 200)
    again, other = shifts([3, 1, 2, 2, 3, 1, 2, 1], 8, seed=99)
    again.restore(state)
    again._generator.set_state(random)
    assert steps(again, other, 200) == expected
    assert again.state() == turns.state()


def test_a_smaller_pool_takes_up_a_run_where_it_was() -> None:
    turns, pool = shifts([1] * 10, 6)
    steps(turns, pool, 40)
    again, other = shifts([1] * 10, 3)
    again.restore(turns.state())
    counts = Counter(steps(again, other, 1000))
    assert len(counts) == 10


def batches(plan: Any, room: int | None, count: int, made: list[Case]) -> list[torch.Tensor]:
    shards = Shards(deal(made, plan), plan, CPU, room)
    try:
        return [shards.batch().image for _ in range(count)]
    finally:
        shards.close()


def test_a_bounded_pool_gives_the_blocks_of_its_cases() -> None:
    made = cases(6)
    plan = tiny_plan(mirror=False, rotation_degrees=0.0, scaling=0.0, noise=False, blur=False,
                     contrast=False, gamma=False)  # fmt: skip
    pool = make_pool(made, plan, CPU, 3 * ONE)
    assert pool.bounded
    turns = Shifts(pool, torch.Generator().manual_seed(0))
    for _ in range(120):
        turns.turn()
        case = turns.next()
        np.testing.assert_array_equal(pool.image(case).numpy(), made[case].image)
        np.testing.assert_array_equal(pool.label(case).numpy(), made[case].label)
    pool.close()


def test_a_run_over_a_bounded_pool_goes_on_bit_by_bit() -> None:
    made, plan = cases(7), tiny_plan(elastic=True, low_resolution=True)
    shards = Shards(deal(made, plan), plan, CPU, 3 * ONE)
    for _ in range(30):
        shards.batch()
    state = shards.state()
    expected = [shards.batch() for _ in range(60)]
    shards.close()
    again = Shards(deal(made, plan), plan, CPU, 3 * ONE)
    again.batch()
    again.restore(state)
    for batch in expected:
        got = again.batch()
        assert torch.equal(got.image, batch.image)
        assert torch.equal(got.target, batch.target)
    again.close()


def test_room_for_all_is_the_same_run_as_no_limit() -> None:
    made, plan = cases(4), tiny_plan()
    held = batches(plan, 4 * ONE, 12, made)
    mapped = batches(plan, None, 12, made)
    assert all(torch.equal(a, b) for a, b in zip(held, mapped, strict=True))


def test_less_room_than_the_largest_case_is_refused_with_what_is_needed() -> None:
    with pytest.raises(UserError, match="too small for the largest case"):
        Pool(cases(3), CPU, ONE - 1)


def test_a_device_that_holds_no_case_is_sent_what_each_block_touches() -> None:
    pool = make_pool(cases(3), tiny_plan(), CPU, ONE - 1)
    assert not pool.bounded
    assert pool.image(1).shape == (20, 24, 22)
    with pytest.raises(UserError, match="too small"):
        make_pool(cases(3), tiny_plan(pool_gb=0.001), CPU, ONE - 1)


def test_a_case_that_cannot_be_read_is_told_when_it_is_needed() -> None:
    made = cases(4)

    def broken(name: str) -> np.ndarray:
        raise OSError(5, "Input/output error")

    made[2] = Case(made[2].entry, made[2].info, broken)
    pool = Pool(made, CPU, 2 * ONE)
    pool.fetch(2)
    with pytest.raises(OSError, match="Input/output"):
        pool.wait(2)
    pool.close()


def test_memory_is_bounded_however_many_cases_there_are() -> None:
    """Bytes held depend on the room alone."""
    for count in (10, 60):
        pool = Pool(cases(count), CPU, 4 * ONE)
        turns = Shifts(pool, torch.Generator().manual_seed(0))
        for _ in range(300):
            turns.turn()
            turns.next()
            held = sum(a.nbytes + b.nbytes for a, b in pool._held.values())
            assert held <= 4 * ONE
        assert math.isclose(held, 4 * ONE)
        pool.close()
