from __future__ import annotations

from pathlib import Path

import pytest

from core.project import orders
from core.project.orders import Order


@pytest.mark.parametrize("order", [Order("extend", 10), Order("budget", 4.5), Order("epochs", 30)])
def test_an_order_is_a_word_and_a_number(order: Order) -> None:
    assert orders.parse(str(order)) == order


@pytest.mark.parametrize(
    "words", ["", "extend", "extend ten", "extend -1", "extend nan", "stop 3", "pause"]
)
def test_anything_else_is_none(words: str) -> None:
    assert orders.parse(words) is None


def test_orders_are_kept_in_turn_and_a_torn_line_harms_no_other(tmp_path: Path) -> None:
    assert orders.kept(tmp_path) == []
    orders.keep(tmp_path, Order("extend", 10))
    path = tmp_path / orders.ORDERS
    path.write_bytes(path.read_bytes() + b'{"time": 1, "word": "ext')
    orders.keep(tmp_path, Order("budget", 45))
    assert orders.kept(tmp_path) == [Order("extend", 10), Order("budget", 45)]


def test_what_was_asked_is_taken_once_and_the_newest_counts(tmp_path: Path) -> None:
    assert orders.taken(tmp_path) is None
    orders.ask(tmp_path, "pause")
    orders.ask(tmp_path, "stop")
    assert orders.taken(tmp_path) == "stop"
    assert orders.taken(tmp_path) is None
    (tmp_path / orders.ASKED).write_bytes(b"\xff run away")
    assert orders.taken(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
