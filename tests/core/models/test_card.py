"""Cards survive JSON, and cards from strangers are read field by field."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from core.models.card import ModelCard, SizeBand

CARD = ModelCard(
    name="Liver lesion", version="3.0.0", run_id="r06", created="2024-06-02", parameters=12,
    dice=0.81, dice_range=(0.75, 0.86), by_size=(SizeBand(0, 1, 5, 8), SizeBand(10, None, 3, 3)),
    spacing=(2.5, 0.76, 0.76), classes=("Tumour",), limits="Finds fewer under 1 mL.",
)  # fmt: skip


def test_round_trip_keeps_everything_and_nan_travels_as_null() -> None:
    again = ModelCard.loads(CARD.dumps())
    assert "NaN" not in CARD.dumps()
    assert math.isnan(again.hd95)
    assert again.as_json() == CARD.as_json()
    assert again.by_size == CARD.by_size
    assert again.spacing == CARD.spacing


@pytest.mark.parametrize(
    ("version", "shown"), [("3", "v3"), ("3.0.0", "v3"), ("3.1.0", "v3.1"), ("10", "v10")]
)
def test_title_says_the_version_shortly(version: str, shown: str) -> None:
    card = ModelCard(name="A", version=version, run_id="", created="")
    assert card.title == f"A {shown}"


def test_unknown_fields_are_skipped_and_missing_ones_named() -> None:
    value = CARD.as_json() | {"from_the_future": [1]}
    assert ModelCard.from_json(value).name == "Liver lesion"
    del value["run_id"]
    with pytest.raises(UserError, match="run_id"):
        ModelCard.from_json(value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", 3), ("name", "x" * 5000), ("parameters", -1), ("parameters", 1.5),
        ("parameters", True), ("dice", "high"), ("dice_range", [1]), ("classes", [1]),
        ("by_size", [{}]), ("imported", "yes"), ("spacing", [1, 2]), ("dice", [[]]),
    ],
)  # fmt: skip
def test_wrong_values_are_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(UserError, match=key):
        ModelCard.from_json(CARD.as_json() | {key: value})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.sampled_from(sorted(CARD.as_json())), json_values)
def test_any_json_gives_a_card_or_a_sentence(key: str, value: object) -> None:
    text = json.dumps(CARD.as_json() | {key: value})
    try:
        card = ModelCard.loads(text)
    except UserError:
        return
    assert ModelCard.loads(card.dumps()).as_json() == card.as_json()


@pytest.mark.parametrize("text", ["", "[]", "3", "{", "[" * 5000])
def test_text_that_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        ModelCard.loads(text)
