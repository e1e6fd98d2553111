"""Steps wait for nothing that the device computes; a reading is one transfer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from core.data.batch import Batch
from core.training.agreement import Agreement
from core.training.step import Learner
from tests.core.data.plans import tiny_plan

CPU = torch.device("cpu")
READS = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default}


class Watched(TorchDispatchMode):
    """Counts what would wait for a GPU: numbers taken out of tensors, by any way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.reads = 0
        for name in ("tolist", "numpy", "cpu", "__bool__"):
            monkeypatch.setattr(Tensor, name, self._counted(getattr(Tensor, name)))

    def _counted(self, method: Any) -> Any:
        def call(tensor: Tensor, *arguments: Any, **more: Any) -> Any:
            self.reads += 1
            return method(tensor, *arguments, **more)

        return call

    def __torch_dispatch__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.reads += func in READS
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "changes",
    [
        {"ignore_value": 7},
        {},
        {"accumulation": 2},
        {"recompute": True},
        {"optimiser": "sgd"},
        {"deep_supervision": True},
    ],
    ids=str,
)
def test_steps_read_nothing_back_and_a_reading_once(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = Learner(tiny_plan(**changes), CPU)
    agreement = Agreement(2, CPU)
    learner.watch = agreement.see
    image = torch.randn(2, 1, 16, 16, 16)
    batch = Batch(image, (image[:, 0] > 1).long())
    learner.step(batch, 1e-3, 0)  # The optimiser makes its moments.
    with monkeypatch.context() as patch, Watched(patch) as watched:
        for done in range(1, 4):
            agreement.expect([0, 1])
            learner.step(batch, 1e-3, done)
        assert watched.reads == 0
        assert learner.read().count == 4
        assert watched.reads == 1
