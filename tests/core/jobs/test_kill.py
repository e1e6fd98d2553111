"""A few kills of a real child; a hundred of them are in tests/benchmarks/kill_test.py."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.kill_test import kill_test


def test_killed_at_random_moments_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    outcome = kill_test(tmp_path, kills=3, steps=60)
    assert outcome.differences == []
    assert outcome.kills == 3
    assert outcome.torn >= 1
