"""One run in several processes: process 0 leads, the others follow.

Process 0 is the run: it alone obeys orders, reads the clock, validates and writes. The others do
what it announces: the next step with this learning rate, hand over your samplers' state, take this
one, end. So no decision can differ between them. The replicas stay equal because each adds the
same mean gradient; the loss that is reported is the mean over all blocks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from core.data.augment import Batch
from core.data.cache import Case, prepare
from core.data.plan import Plan
from core.data.shards import Shards, deal
from core.nets.memory import OutOfMemory, memory_told
from core.project.manifest import Manifest
from core.project.project import Project
from core.training import machine
from core.training.distributed import Group
from core.training.step import Learner


class LeadingLearner(Learner):
    """The learner of process 0: whatever is done to it, the others do to theirs."""

    def __init__(self, plan: Plan, device: torch.device, group: Group) -> None:
        """The others are told to begin; the cases must be prepared."""
        group.announce("open")
        group.share(plan.as_json())
        super().__init__(plan, device, group)
        self._group = group

    def step(self, batch: Batch, learning_rate: float, done: int) -> None:
        """As of a learner; ``batch`` is the share of this process."""
        self._group.announce("step", learning_rate, done)
        super().step(batch, learning_rate, done)

    def obey(self, plan: Plan) -> None:
        """As of a learner. The others make their shards anew; restore ours to set theirs."""
        self._group.announce("obey")
        self._group.share(plan.as_json())
        super().obey(plan)

    def restore(self, state: dict[str, Any]) -> None:
        """As of a learner."""
        self._group.announce("learner")
        self._group.share({key: state[key] for key in self.state()})
        super().restore(state)


class LeadingShards(Shards):
    """The shards of process 0, which knows the state of all."""

    def __init__(
        self, cases: Mapping[int, Sequence[Case]], plan: Plan, device: torch.device, group: Group
    ) -> None:
        super().__init__(cases, plan, device, machine.room(plan, device))
        self._group = group

    def state(self) -> dict[str, Any]:
        """Of the shards of all processes."""
        self._group.announce("state")
        return self._group.collect(super().state())

    def restore(self, state: Mapping[str, Any]) -> None:
        """As of shards, in all processes."""
        self._group.announce("shards")
        self._group.share(dict(state))
        super().restore(state)


def make_learner(plan: Plan, device: torch.device, group: Group | None) -> Learner:
    """The learner of a run, alone or leading. The cases must be prepared."""
    return Learner(plan, device) if group is None else LeadingLearner(plan, device, group)


def make_shards(
    train: Sequence[Case], plan: Plan, device: torch.device, group: Group | None
) -> Shards:
    """The shards of a run over its training cases, alone or leading."""
    if group is None:
        return Shards(deal(train, plan), plan, device, machine.room(plan, device))
    return LeadingShards(deal(train, plan, group.shards(plan)), plan, device, group)


def follow(run_dir: Path) -> None:
    """Be one of the processes but the first, until process 0 says end.

    run_dir: the run's folder, whose cases process 0 has prepared by the time it announces itself.
    Raises PeerLost when another process is gone.
    """
    group = Group()
    if group.hear()[0] == "open":
        _Follower(group, run_dir, Plan.from_json(group.share())).obey()
    group.close()


class _Follower:
    """Its learner and shards, and what is done to them."""

    def __init__(self, group: Group, run_dir: Path, plan: Plan) -> None:
        self._group = group
        self._device, plan, _ = machine.prepare(group.here(plan))
        held = deal(Manifest.load(run_dir / "manifest.json").of("train"), plan, group.shards(plan))
        with Project.open(run_dir.parent.parent) as project:
            self._cases = {n: prepare(project, tuple(mine), plan) for n, mine in held.items()}
        self._learner = Learner(plan, self._device, group)
        self._shards = self._make_shards(plan)

    def _make_shards(self, plan: Plan) -> Shards:
        return Shards(self._cases, plan, self._device, machine.room(plan, self._device))

    def obey(self) -> None:
        """Do what process 0 announces, until it says end."""
        group = self._group
        while True:
            word, first, second = group.hear()
            match word:
                case "step":
                    # Given up by all together; process 0 says what becomes of the run.
                    with contextlib.suppress(OutOfMemory):
                        self._step(first, int(second))
                case "obey":
                    plan = group.here(Plan.from_json(group.share()))
                    self._learner.obey(plan)
                    self._shards.close()
                    self._shards = self._make_shards(plan)
                case "learner":
                    self._learner.restore(group.share())
                case "state":
                    group.collect(self._shards.state())
                case "shards":
                    self._shards.restore(group.share())
                case _:
                    self._shards.close()
                    return

    def _step(self, learning_rate: float, done: int) -> None:
        try:
            with memory_told("The memory of another process is too small for its blocks."):
                batch = self._shards.batch()
        except OutOfMemory:
            self._group.failed(True)  # The others have their batch, and ask.
            raise
        self._learner.step(batch, learning_rate, done)
