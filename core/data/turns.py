"""Whose turn it is: which case the next block comes from, and which cases share a bounded pool.

Everything is counted in blocks and drawn from the run's own generator, never from a clock, so a
run that was stopped goes on with the same cases at the same steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Generator

#: Blocks a case gives each time it is in a bounded pool. A network sees this many blocks of a case
#: within a short time; a disk has to bring a case no more often than every so many blocks.
BLOCKS = 32


class Room(Protocol):
    """What is needed of ``core.data.pool.Pool``."""

    @property
    def sizes(self) -> Sequence[int]:
        """Bytes of each case."""
        ...

    @property
    def room(self) -> int | None:
        """Bytes the cases may take."""
        ...

    def fetch(self, case: int) -> None:
        """Begin to bring a case."""
        ...

    def wait(self, case: int) -> None:
        """Until a case that was fetched is there."""
        ...

    def drop(self, case: int) -> None:
        """Give up a case's memory."""
        ...


class Everyone:
    """All cases are there. Every case is seen once before any is seen twice."""

    def __init__(self, count: int, generator: Generator) -> None:
        self._count, self._generator = count, generator
        self._order: list[int] = []

    def turn(self) -> None:
        """Called before the blocks of a step are drawn."""

    def next(self) -> int:
        """The case of the next block."""
        if not self._order:
            self._order = torch.randperm(self._count, generator=self._generator).tolist()
        return self._order.pop()

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"order": list(self._order)}

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state`. What a bounded pool left is no use here: a new round begins."""
        self._order = [] if "inside" in state else [int(i) for i in state["order"]]


class Shifts:
    """Not all cases fit at once.

    A case comes in, gives :data:`BLOCKS` blocks, drawn evenly among the cases that are in, and goes
    to the end of the line; those in line come in a new order each round. So all are seen as often,
    and the next ones are brought while others are used. A case that ends its shift is replaced
    before the next step by what was brought meanwhile; the first ones get shorter shifts, or all
    would end theirs together.
    """

    def __init__(self, pool: Room, generator: Generator) -> None:
        if pool.room is None:
            raise ValueError("a pool without bounds needs no shifts")
        self._pool, self._room, self._generator = pool, pool.room, generator
        self._line: list[int] = []
        self._inside: list[int] = []
        self._coming: list[int] = []
        self._left = [0] * len(pool.sizes)

    @property
    def inside(self) -> tuple[int, ...]:
        """Cases blocks are drawn from."""
        return tuple(self._inside)

    def turn(self) -> None:
        """Cases whose shift is over go, those that were brought come in, the next are fetched."""
        if not self._inside and not self._coming:
            self._open()
            return
        over = [case for case in self._inside if self._left[case] <= 0]
        if not over:
            return
        for case in over:
            self._inside.remove(case)
            self._pool.drop(case)
        self._enter()
        self._fetch(0)
        if not self._inside:
            # One large case at a time.
            self._enter()
            self._fetch(0)

    def next(self) -> int:
        """The case of the next block: one of those inside that have blocks left."""
        if not self._inside:
            self.turn()
        chance = float(torch.rand(1, generator=self._generator, dtype=torch.float64))
        ready = [case for case in self._inside if self._left[case] > 0] or self._inside
        case = ready[min(int(chance * len(ready)), len(ready) - 1)]
        self._left[case] -= 1
        return case

    def _open(self) -> None:
        # Room for one more, so that something can be on its way from the start.
        self._fetch(max(self._pool.sizes))
        if not self._coming:
            self._fetch(0)
        first = len(self._coming)
        self._enter()
        for place, case in enumerate(self._inside, start=1):
            self._left[case] = -(-BLOCKS * place // first)
        self._fetch(0)

    def _enter(self) -> None:
        """What was brought comes in; waits for what is still on its way."""
        for case in self._coming:
            self._pool.wait(case)
            # One block too many last time is one too few now.
            self._left[case] += BLOCKS
        self._inside += self._coming
        self._coming = []

    def _fetch(self, spare: int) -> None:
        """Bring the next in line as long as there is room; ``spare`` bytes stay free."""
        sizes = self._pool.sizes
        used = sum(sizes[case] for case in (*self._inside, *self._coming))
        while True:
            case = self._first_in_line()
            if used + sizes[case] + spare > self._room:
                return
            self._pool.fetch(case)
            self._line.remove(case)
            self._coming.append(case)
            used += sizes[case]

    def _first_in_line(self) -> int:
        """The first who is not in already; the line grows by a round when there is none."""
        here = {*self._inside, *self._coming}
        while True:
            for case in self._line:
                if case not in here:
                    return case
            self._line += torch.randperm(len(self._left), generator=self._generator).tolist()

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {
            "order": list(self._line),
            "inside": list(self._inside),
            "coming": list(self._coming),
            "left": list(self._left),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state`.

        Where the pool has become smaller, those that no longer fit stand at the head of the line.
        """
        for case in (*self._inside, *self._coming):
            self._pool.drop(case)
        self._inside, self._coming = [], []
        self._line = [int(i) for i in state["order"]]
        if "inside" not in state:
            self._left = [0] * len(self._left)
            return
        self._left = [int(i) for i in state["left"]]
        used, turned_away = 0, []
        for name, place in (("inside", self._inside), ("coming", self._coming)):
            for case in state[name]:
                used += self._pool.sizes[case]
                if used > self._room:
                    turned_away.append(int(case))
                    continue
                self._pool.fetch(int(case))
                place.append(int(case))
        self._line = turned_away + self._line
        for case in self._inside:
            self._pool.wait(case)
