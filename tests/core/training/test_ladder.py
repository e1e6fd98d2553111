"""A run whose device has too little memory: what it gives up, in which order, and what it says."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from core.data.plan import Plan
from core.errors import FileRefusedError
from core.events import Event, LogEvent, ResultEvent, StepEvent
from core.models.store import read_card
from core.nets.memory import OutOfMemory, is_out_of_memory
from core.nets.residual_unet import ResidualUNet
from core.project.project import Project
from core.training.control import KeepRunning
from core.training.ladder import step_down
from core.training.loop import train
from core.training.obeyed import FILE, Obeyed
from tests.core.data.plans import tiny_plan
from tests.core.training.conftest import MakeRun


def rungs(plan: Plan) -> list[Plan]:
    """Every plan of the ladder, from the top to where nothing is left."""
    found, wanted = [], plan
    with pytest.raises(OutOfMemory, match=r"even with blocks of.*narrower network"):
        while True:
            plan, sentence = step_down(plan, wanted, [])
            assert sentence.endswith(".")
            found.append(plan)
    return found


def test_the_ladder_gives_up_batch_then_patch_then_kept_activations() -> None:
    plan = tiny_plan(batch=4, patch=(48, 48, 32))
    found = rungs(plan)
    assert [p.accumulation for p in found[:2]] == [2, 4]
    assert {p.patch for p in found[:2]} == {plan.patch}
    again = next(i for i, p in enumerate(found) if p.recompute)
    assert again > 2
    sizes = [math.prod(p.patch) for p in found]
    # Half of the blocks' voxels before speed is given up, the rest after it.
    assert sizes[again] <= math.prod(plan.patch) / 2 < sizes[again - 2]
    assert found[again].patch == found[again - 1].patch
    assert found[-1].patch == (16, 16, 16)
    assert all(b <= 0.8 * a for a, b in itertools.pairwise(sizes[1:again]))
    assert all(p.batch == 4 for p in found)


def test_estimates_follow_the_ladder() -> None:
    found = [tiny_plan(batch=2, patch=(64, 64, 64)), *rungs(tiny_plan(batch=2, patch=(64,) * 3))]
    memory = [p.estimates.memory_bytes for p in found[1:]]
    assert all(b <= a for a, b in itertools.pairwise(memory))
    assert memory[-1] < memory[0]
    assert found[2].estimates.step_seconds < found[1].estimates.step_seconds


def test_batches_are_cut_into_equal_pieces() -> None:
    assert [p.accumulation for p in rungs(tiny_plan(batch=6))][:3] == [2, 3, 6]


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("MPS backend out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error: device-side assert triggered"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_lack_of_memory_is_told_from_other_errors(error: Exception, memory: bool) -> None:
    assert is_out_of_memory(error) is memory


class Small:
    """A device on which a training step of more than ``voxels`` does not fit."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, voxels: int, after: int = 0) -> None:
        self.voxels, self.left, self.recompute_helps = voxels, after, 1.0
        forward = ResidualUNet.forward

        def tight(net: ResidualUNet, x: torch.Tensor) -> Any:
            if net.training and x.numel() > self.voxels:
                self.left -= 1
                if self.left < 0:
                    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
            return forward(net, x)

        monkeypatch.setattr(ResidualUNet, "forward", tight)


def warnings(events: list[Event]) -> list[str]:
    return [e.message for e in events if isinstance(e, LogEvent) and e.level == "warning"]


def test_a_run_goes_on_with_less_and_says_so(
    make_run: MakeRun, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = make_run(epochs=2, steps_per_epoch=3, batch=2, patch=(24, 16, 16))
    # Two steps fit, then no longer even one whole block.
    Small(monkeypatch, 16**3, after=2)
    events: list[Event] = []
    train(run_dir, events.append, KeepRunning())
    said = warnings(events)
    assert len(said) == 2
    assert "2 blocks of a batch now go through in 2 pieces" in said[0]
    assert "16 × 16 × 16 voxels instead of 24 × 16 × 16" in said[1]
    assert max(e.step for e in events if isinstance(e, StepEvent)) == 6
    kept = Obeyed.load(run_dir)
    assert kept.changes["patch"] == (16, 16, 16)
    assert kept.changes["accumulation"] == 2
    assert Plan.load(run_dir / "plan.json").patch == (24, 16, 16)
    (result,) = [e for e in events if isinstance(e, ResultEvent) and e.name == "model"]
    card = read_card(project.models_dir / result.data["model_id"])
    assert "16 × 16 × 16 voxels instead of 24 × 16 × 16" in card.limits


class Once(KeepRunning):
    """Stops after so many questions."""

    def __init__(self, asks: int) -> None:
        self.left = asks

    def state(self) -> Any:
        self.left -= 1
        return "run" if self.left >= 0 else "stop"


def test_a_resumed_run_begins_where_the_ladder_ended(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = make_run(epochs=2, steps_per_epoch=4, batch=2)
    Small(monkeypatch, 16**3)
    events: list[Event] = []
    train(run_dir, events.append, Once(5 + 3))
    assert len(warnings(events)) == 1
    again: list[Event] = []
    train(run_dir, again.append, KeepRunning())
    assert warnings(again) == []
    assert max(e.step for e in again if isinstance(e, StepEvent)) == 8


def test_the_end_of_the_ladder_is_a_sentence(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    Small(monkeypatch, 0)
    events: list[Event] = []
    with pytest.raises(OutOfMemory, match=r"even with blocks of 16 × 16 × 16 voxels"):
        train(make_run(batch=2), events.append, KeepRunning())
    assert "Activations are now computed again" in warnings(events)[-1]


def test_a_spoilt_file_of_what_was_given_up_is_refused(tmp_path: Path) -> None:
    assert Obeyed.load(tmp_path) == Obeyed()
    (tmp_path / FILE).write_text("[]")
    with pytest.raises(FileRefusedError, match=r"obeyed\.json"):
        Obeyed.load(tmp_path)
    (tmp_path / FILE).write_text(json.dumps({"format": 99}))
    with pytest.raises(FileRefusedError, match=r"obeyed\.json"):
        Obeyed.load(tmp_path)
