"""The fuzzed targets in the usual suite: each field replaced, small mutations by hypothesis."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.dicom.test_hostile_dicom import encoded
from tests.fuzz.seeds import image_seeds, text_seeds
from tests.fuzz.targets import TARGETS, TEXTS, check

#: What a field of JSON may hold that it should not.
_WRONG: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1e400, float("nan"), "", "x" * 300, "\ud800", [], [[]], {}, {"a": {}},
    [None], [1e308, "y"], "../../x",
)  # fmt: skip


def replaced(value: Any) -> Iterator[Any]:
    """``value`` with each of its parts, however deep, replaced by each wrong value or left out."""
    yield from _WRONG
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(min(2, len(value))))
    for key in keys:
        for inner in replaced(value[key]):
            copy = value.copy()
            copy[key] = inner
            yield copy
        copy = value.copy()
        del copy[key]
        yield copy


def seed(kind: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        number = list(TEXTS).index(kind)
        return next(s[1:] for s in text_seeds(Path(folder)) if s[0] == number)


JSON = ("settings", "plan", "card", "manifest", "evaluation", "job", "launch", "remote", "starts",
        "orders", "events")  # fmt: skip


@pytest.mark.parametrize("kind", JSON)
def test_any_field_may_hold_anything(kind: str, tmp_path: Path) -> None:
    value = json.loads(seed(kind).splitlines()[0])
    for wrong in replaced(value):
        check(TEXTS[kind], json.dumps(wrong).encode(), tmp_path)


@pytest.mark.parametrize("kind", JSON)
def test_json_that_is_none_or_nested_without_end(kind: str, tmp_path: Path) -> None:
    for data in (b"", b"\xff\xfe", b"[" * 100000, b'{"a":' * 100000, b"9" * 5000, b"nul", b"\x00"):
        check(TEXTS[kind], data, tmp_path)


def mutated(data: bytes) -> st.SearchStrategy[bytes]:
    """Data cut, overwritten, or with a part of it repeated or taken away."""
    places = st.integers(0, len(data) - 1)
    piece = st.one_of(
        st.binary(min_size=1, max_size=8),
        st.sampled_from([b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff", b"-1", b"nan", b"(", b"%d"]),
    )
    written = st.builds(lambda at, new: data[:at] + new + data[at + len(new) :], places, piece)
    put_in = st.builds(lambda at, new: data[:at] + new + data[at:], places, piece)
    cut = places.map(lambda at: data[:at])
    left_out = st.builds(lambda a, b: data[: min(a, b)] + data[max(a, b) :], places, places)
    return st.one_of(written, put_in, cut, left_out)


@pytest.fixture(scope="module")
def seeds() -> dict[str, list[bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        return {
            "dicom": [encoded()],
            "image": list(image_seeds(work / "no zoo", work)),
            "text": list(text_seeds(work)),
        }


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_mutations(name: str, seeds: dict[str, list[bytes]], data: st.DataObject) -> None:
    chosen = data.draw(st.sampled_from(range(len(seeds[name]))))
    mutation = data.draw(mutated(seeds[name][chosen]))
    with tempfile.TemporaryDirectory() as folder:
        check(TARGETS[name], mutation, Path(folder))
