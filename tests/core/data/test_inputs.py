"""Place channels: true, blind to sides, and the same in training and prediction."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from core.data.augment import Augmenter
from core.data.inputs import REACH_MM, network_input
from core.data.plan import POSITIONS, PlanClass
from core.data.sampler import Block
from core.inference.predict import predict_image
from tests.core.data.cases import made_case
from tests.core.data.plans import tiny_plan

PLAN = tiny_plan(
    position=True, spacing=(5.0, 4.0, 2.0), mirror=False, rotation_degrees=0.0, scaling=0.0,
    noise=False, blur=False, contrast=False, gamma=False, low_resolution=False,
)  # fmt: skip
SHAPE = (40, 50, 61)


def places(
    size: tuple[int, int, int], centre: tuple[float, float, float], **more: Tensor
) -> Tensor:
    image = torch.zeros(1, 1, *size)
    seen = network_input(image, PLAN, [SHAPE], [centre], **more)
    assert seen.shape == (1, PLAN.inputs, *size)
    assert torch.equal(seen[:, :1], image)
    return seen[0, 1:]


def test_a_plan_without_place_sees_the_block_alone() -> None:
    image = torch.randn(1, 1, 4, 4, 4)
    assert network_input(image, tiny_plan(), [SHAPE], [(0, 0, 0)]) is image
    assert PLAN.inputs == tiny_plan().inputs + POSITIONS


def test_places_are_mm_to_the_nearer_face_and_shares_of_the_way_to_the_middle() -> None:
    first = places((1, 1, 1), (0.0, 0.0, 0.0))[:, 0, 0, 0]
    for axis, spacing in enumerate(PLAN.spacing):
        # The middle of the first voxel lies half a voxel behind the face.
        assert first[2 * axis] == pytest.approx(spacing / 2 / REACH_MM - 1)
        assert first[2 * axis + 1] == pytest.approx(1 - 2 / SHAPE[axis])
    middle = places((1, 1, 1), (19.5, 24.5, 30.0))[:, 0, 0, 0]
    assert middle[0] == pytest.approx(20 * 5.0 / REACH_MM - 1)
    assert middle[1] == middle[3] == middle[5] == -1


def test_mirrored_places_are_those_of_the_other_side() -> None:
    whole = places(SHAPE, (19.5, 24.5, 30.0))
    for axis in (1, 2, 3):
        assert torch.allclose(whole, whole.flip(axis), atol=1e-6)


def test_turned_and_scaled_blocks_know_where_they_were_read() -> None:
    # Offsets along x in the block are read along y, twice as far apart.
    matrix = torch.tensor([[[1.0, 0, 0], [0, 0, 2.0], [0, 1.0, 0]]], dtype=torch.float64)
    turned = places((3, 3, 5), (10.0, 12.0, 9.0), matrices=matrix)
    plain = places((3, 9, 3), (10.0, 12.0, 9.0))
    assert torch.allclose(turned, plain[:, :, ::2].transpose(2, 3))


def test_training_and_prediction_see_the_same() -> None:
    case = made_case(2, (16, 16, 16))
    block = Block(0, (7.5, 7.5, 7.5))
    augmenter = Augmenter([case], PLAN, torch.Generator().manual_seed(0), torch.device("cpu"))
    trained = augmenter.batch([block]).image
    seen: list[Tensor] = []

    def predictor(image: Tensor) -> Tensor:
        seen.append(image)
        return torch.zeros(len(image), PLAN.outputs, *image.shape[2:])

    predict_image(predictor, PLAN, case.image, mirror=False)
    assert len(seen) == 1
    assert torch.allclose(seen[0], trained, atol=1e-5)


def test_every_voxel_of_a_case_is_shown_with_its_own_place() -> None:
    """By a network that answers with its place channels, whatever the windows and the padding."""
    shape = (12, 16, 40)
    plan = tiny_plan(position=True, classes=tuple(PlanClass(i, f"C{i}") for i in range(1, 6)))

    def predictor(image: Tensor) -> Tensor:
        return image[:, 1:]

    found = predict_image(predictor, plan, np.zeros(shape, np.int16), mirror=True)
    middle = ((shape[0] - 1) / 2, (shape[1] - 1) / 2, (shape[2] - 1) / 2)
    seen = network_input(torch.zeros(1, 1, *shape), plan, [shape], [middle])
    assert np.allclose(found, torch.softmax(seen[0, 1:], 0).numpy(), atol=1e-5)
