"""What a run was told about its length after it was made, line by line in its ``orders.jsonl``.

The plan stays what was asked for at first; an order is kept beside it before it is obeyed, so a
kill loses none, and a run that has ended finds the new ones when it is started again. How many a
run has obeyed stands in its checkpoint.

``pause``, ``resume`` and ``stop`` from a program that did not start the run are a word in its
``asked.txt``: they are about now, so the run takes the file away as it obeys.
"""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from core.labels.durable import write_bytes

ORDERS, ASKED = "orders.jsonl", "asked.txt"

Asked = Literal["pause", "resume", "stop"]
_ASKED: tuple[Asked, ...] = get_args(Asked)

Word = Literal["extend", "budget", "epochs"]


@dataclass(frozen=True, slots=True)
class Order:
    """``extend`` by so many minutes; ``budget``: minutes in all; ``epochs``: epochs in all."""

    word: Word
    amount: float

    def __str__(self) -> str:
        """As it is sent to a child: ``extend 10``."""
        return f"{self.word} {self.amount:g}"


def parse(words: str) -> Order | None:
    """Inverse of ``str(order)``; None for anything else."""
    word, _, amount = words.strip().partition(" ")
    if word not in get_args(Word):
        return None
    try:
        value = float(amount)
    except ValueError:
        return None
    return Order(word, value) if math.isfinite(value) and value > 0 else None  # type: ignore[arg-type]


def keep(folder: Path, order: Order) -> None:
    """Append an order to the run in ``folder``; it is on the disk when this returns.

    Raises OSError when it is not.
    """
    line = json.dumps({"time": time.time(), **asdict(order)})
    with (folder / ORDERS).open("ab") as file:
        # A kill can tear a line; the new one must not grow on to it.
        file.write(f"\n{line}\n".encode())
        file.flush()
        os.fsync(file.fileno())


def kept(folder: Path) -> list[Order]:
    """All orders a run was ever given, oldest first. Torn lines are passed over."""
    path = folder / ORDERS
    if not path.is_file():
        return []
    found: list[Order] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            data = json.loads(line)
            order = parse(f"{data['word']} {data['amount']}")
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if order is not None:
            found.append(order)
    return found


def ask(folder: Path, word: Asked) -> None:
    """Ask the run at work in ``folder`` for something; the newest word counts. Raises OSError."""
    write_bytes(folder / ASKED, word.encode())


def taken(folder: Path) -> Asked | None:
    """What a run was asked for since the last look; None for nothing, or nothing it knows."""
    path = folder / ASKED
    try:
        word = path.read_text(encoding="utf-8", errors="replace").strip()
        path.unlink()
    except OSError:
        return None  # There is none; or it is just being written, and is there at the next look.
    return next((known for known in _ASKED if known == word), None)
