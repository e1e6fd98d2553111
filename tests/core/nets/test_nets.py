from __future__ import annotations

from typing import Any

import pytest
import torch

from core.data.plan import Plan, PlanClass
from core.errors import UserError
from core.nets.registry import build
from tests.core.data.plans import tiny_plan


@pytest.mark.parametrize("network", ["residual_unet", "dynunet", "segresnet"])
@pytest.mark.parametrize("classes", [1, 2])
def test_logits_have_the_size_of_the_input(network: str, classes: int) -> None:
    plan = tiny_plan(
        network=network, classes=tuple(PlanClass(i, str(i)) for i in range(1, classes + 1))
    )
    net = build(plan)
    logits = net(torch.zeros(2, 1, 16, 8, 24))
    assert logits.shape == (2, classes + 1, 16, 8, 24)


def swin_plan(**changes: Any) -> Plan:
    """The smallest SwinUNETR there is."""
    values: dict[str, Any] = {
        "network": "swin_unetr",
        "channels": (12,) * 6,
        "blocks": (1,) * 6,
        "strides": ((1, 1, 1), *((2, 2, 2),) * 5),
        "kernels": ((3, 3, 3),) * 6,
        "patch": (32, 64, 32),
    }
    return tiny_plan(**{**values, **changes})


def test_swin_unetr_learns() -> None:
    net = build(swin_plan())
    logits = net(torch.randn(1, 1, 32, 64, 32))
    assert logits.shape == (1, 2, 32, 64, 32)
    logits.square().mean().backward()
    assert all(p.grad is not None for p in net.parameters())


@pytest.mark.parametrize("network", ["residual_unet", "dynunet"])
def test_single_slices_and_their_neighbours(network: str) -> None:
    plan = tiny_plan(
        network=network, patch=(1, 16, 16), slices=3, strides=((1, 1, 1), *((1, 2, 2),) * 2),
        kernels=((1, 3, 3),) * 3,
    )  # fmt: skip
    net = build(plan)
    image = torch.randn(2, 3, 1, 16, 24)
    logits = net(image)
    assert logits.shape == (2, 2, 1, 16, 24)
    # The neighbours are seen: another one changes what is said of the slice.
    image[:, 0] += 1
    assert not torch.allclose(net(image), logits)


def test_uneven_strides_and_kernels() -> None:
    plan = tiny_plan(
        strides=((1, 1, 1), (1, 2, 2), (2, 2, 2)), kernels=((1, 3, 3), (3, 3, 3), (3, 3, 3))
    )
    assert build(plan)(torch.zeros(1, 1, 6, 16, 16)).shape == (1, 2, 6, 16, 16)


@pytest.mark.parametrize("network", ["residual_unet", "dynunet"])
def test_deep_supervision_only_while_training(network: str) -> None:
    net = build(tiny_plan(network=network, deep_supervision=True))
    image = torch.zeros(1, 1, 16, 16, 16)
    sizes = [logits.shape[-1] for logits in net(image)]
    assert sizes == [16, 8]
    assert net.eval()(image).shape == (1, 2, 16, 16, 16)


def test_an_unknown_network_is_named() -> None:
    class Named:
        network = "vnet"

    with pytest.raises(UserError, match="vnet"):
        build(Named())  # type: ignore[arg-type]
