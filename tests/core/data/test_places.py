"""Whether place alone finds the lesions, and that it does not where they may lie anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from core.data.places import BOXES, place, place_dice


def ball(
    shape: tuple[int, int, int], centre: tuple[float, float, float], radius: float
) -> np.ndarray:
    grid = np.indices(shape).transpose(1, 2, 3, 0)
    return ((grid - centre) ** 2).sum(-1) <= radius**2


def test_images_cropped_round_their_lesions_give_themselves_away() -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(8):
        radius = rng.uniform(8, 16)
        n = round(2 * radius + 20)
        found.append(place(ball((n, n, n), ((n - 1) / 2,) * 3, radius)))
    assert place_dice(found) > 0.6


def test_small_lesions_anywhere_do_not() -> None:
    rng = np.random.default_rng(0)
    found = [place(ball((40, 48, 48), tuple(rng.uniform(8, 32, 3)), 6)) for _ in range(8)]
    assert place_dice(found) < 0.1


def test_few_cases_and_cases_without_lesion_say_nothing() -> None:
    whole = place(np.ones((20, 20, 20), bool))
    assert whole == pytest.approx(np.ones((BOXES,) * 3))
    assert place_dice([whole] * 4) == 0
    assert place_dice([whole] * 5) == pytest.approx(1)
    assert place_dice([whole * 0] * 5) == 0


def test_sides_are_not_told_apart_and_thin_images_have_a_place() -> None:
    left = np.zeros((3, 40, 40), bool)
    left[:, 15:25, :5] = True
    assert np.allclose(place(left), place(left[:, :, ::-1]))
    assert np.isfinite(place(left)).all()
    assert place(left)[:, 0, -1].mean() == pytest.approx(0.5, abs=0.1)
