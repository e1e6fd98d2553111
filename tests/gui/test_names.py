"""Patient IDs in sentences: whole, the longest first, and never what was put in for another."""

from __future__ import annotations

import pytest

from gui.names import Names


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Doe^Jane has no label", "<Doe^Jane> has no label"),
        ("Doe has, Doe^Jane not", "<Doe> has, <Doe^Jane> not"),
        ("(Doe): Doe, Doe", "(<Doe>): <Doe>, <Doe>"),
        ("Doerr and xDoe and Doe_2", "Doerr and xDoe and Doe_2"),
        ("12 of 3, x", "<12> of 3, x"),  # a letter alone is no name
        ("李雷 没有标签", "<李雷> 没有标签"),
        ("*7 (b)", "<*7 (b)>"),
        ("nobody", "nobody"),
        ("", ""),
    ],
)
def test_found(text, shown):
    names = Names(["Doe", "Doe^Jane", "12", "x", "", "李雷", "*7 (b)"])
    assert names.replaced(text, lambda name: f"<{name}>") == shown


def test_an_id_inside_a_pseudonym_is_left_alone():
    names = Names(["Doe^Jane", "LF", "0007"])
    assert names.replaced("Doe^Jane and 0007", {"Doe^Jane": "LF-0007", "0007": "LF-12"}.get) == (
        "LF-0007 and LF-12"
    )


def test_without_patients_nothing_is_replaced():
    assert Names([]).replaced("Doe^Jane", lambda name: "") == "Doe^Jane"
