"""A device with too little memory for a window: smaller ones, then a sentence."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from torch import Tensor

from core.inference.predict import predict_image
from core.inference.tiles import smaller
from core.nets.memory import OutOfMemory
from tests.core.data.plans import tiny_plan

IMAGE = np.random.default_rng(3).normal(40, 200, (34, 40, 36)).astype(np.int16)


def by_grey(image: Tensor) -> Tensor:
    """Judges each voxel by itself, so windows of any size give the same."""
    return torch.cat([-image, image], 1)


class Tight:
    def __init__(self, voxels: int, error: Exception) -> None:
        self.voxels, self.error = voxels, error
        self.seen: set[tuple[int, ...]] = set()

    def __call__(self, image: Tensor) -> Tensor:
        if image.numel() > self.voxels:
            raise self.error
        self.seen.add(tuple(image.shape[2:]))
        return by_grey(image)


def test_windows_shrink_until_they_fit(caplog: pytest.LogCaptureFixture) -> None:
    plan = tiny_plan(patch=(32, 32, 32))
    whole = predict_image(by_grey, plan, IMAGE)
    tight = Tight(16 * 16 * 24, torch.OutOfMemoryError("CUDA out of memory."))
    with caplog.at_level(logging.WARNING):
        found = predict_image(tight, plan, IMAGE)
    np.testing.assert_allclose(found, whole, atol=1e-5)
    (size,) = tight.seen
    assert all(n % 4 == 0 for n in size)
    assert len(caplog.records) >= 2
    assert "did not suffice for windows of" in caplog.text


def test_nothing_small_enough_is_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    tight = Tight(0, RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    with caplog.at_level(logging.ERROR), pytest.raises(OutOfMemory, match="even in small windows"):
        predict_image(tight, tiny_plan(), IMAGE)


def test_another_error_is_not_hidden() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        predict_image(Tight(0, RuntimeError("shapes do not fit")), tiny_plan(), IMAGE)


def test_a_window_shrinks_along_its_longest_axis_by_multiples_of_the_divisor() -> None:
    window, sizes = (48, 40, 16), []
    while (window := smaller(window, (8, 8, 8)) or (0, 0, 0)) != (0, 0, 0):
        sizes.append(window)
    assert sizes == [(24, 40, 16), (24, 24, 16), (16, 24, 16), (16, 16, 16)]
    assert smaller((1, 16, 16), (1, 8, 8)) is None
