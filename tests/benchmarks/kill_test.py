"""A CPU run killed again and again, each time resumed, against the same run left alone.

    python -m tests.benchmarks.kill_test --kills 100

The child is killed (SIGKILL, TerminateProcess on Windows) at random moments: while it starts, in
the middle of steps and validations, and while it writes a checkpoint. At the end the weights, their
average, the optimiser and the model must be the same to the bit. Checkpoints come every 0.2 s
here, so that there are many writes to be torn. Seconds are the child's processor time, so that the
kills fall alike on a busy machine and an idle one.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import torch
from safetensors.torch import load_file

from core.events import Event, StateEvent
from core.jobs import child, runner
from core.project.project import Project
from core.project.runs import create_run
from core.training import checkpoint
from core.training.recording import Recorder
from tests.core.data.plans import tiny_plan
from tests.core.training.synthetic import make_project

MODULE = "tests.benchmarks.kill_test"
#: Seconds between two checkpoints here.
EVERY = 0.2
#: Longest life of a child after it began to train, and longest wait for one that starts.
LIFE, START = 1.0, 5.0


@dataclass
class Outcome:
    """What became of the killed run. moments: how many kills fell where. torn: writes cut short."""

    kills: int = 0
    lives: int = 0
    torn: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


def kill_test(folder: Path, kills: int, steps: int, seed: int = 0) -> Outcome:
    """Train ``steps`` steps in ``folder`` undisturbed, and again with so many kills."""
    plan = tiny_plan(
        epochs=max(1, steps // 10), steps_per_epoch=10, validations=4, threads=1, compile="off"
    )
    with make_project(folder) as project:
        alone, killed = create_run(project, plan).path, create_run(project, plan).path
        _live(alone, _Never())
        outcome = _with_kills(killed, kills, random.Random(seed))
        outcome.differences = differences(project, alone, killed)
    return outcome


def _with_kills(folder: Path, kills: int, chance: random.Random) -> Outcome:
    outcome = Outcome()
    while True:
        moment = _moment(chance) if outcome.kills < kills else _Never()
        last = _live(folder, moment)
        outcome.lives += 1
        if last.state == "done":
            return outcome
        if last.state != "failed" or not moment.struck:
            raise RuntimeError(f"the run ended otherwise: {last.state} {last.sentence}")
        outcome.kills += 1
        outcome.moments[moment.name] += 1
        outcome.torn += any((folder / checkpoint.FOLDER).glob(".*.tmp"))


class _Never:
    """Lets a child live. Called with each event, or None; tells whether to kill now."""

    name = "never"
    struck = False

    def __call__(self, event: Event | None) -> bool:
        return False

    def begin(self, folder: Path, pid: int) -> None:
        """Called when the child starts."""
        self.folder = folder
        self._process = psutil.Process(pid)
        self._from = 0.0

    def lived(self) -> float:
        """Processor time of the child since :meth:`count`, or since its start."""
        try:
            times = self._process.cpu_times()
        except psutil.Error:
            return 0.0  # It has ended by itself.
        return times.user + times.system - self._from

    def count(self) -> None:
        """Count from now."""
        self._from += self.lived()


class _While(_Never):
    """After ``wait`` seconds from the start, or from the first step on (``training``)."""

    def __init__(self, wait: float, training: bool) -> None:
        self.name = "training" if training else "starting"
        self.wait, self.training = wait, training

    def __call__(self, event: Event | None) -> bool:
        if self.training and isinstance(event, StateEvent) and event.state == "running":
            self.training = False
            self.count()
        self.struck = not self.training and self.lived() >= self.wait
        return self.struck


class _Writing(_Never):
    """When a checkpoint is being written, the n-th since the start."""

    name = "writing"

    def __init__(self, number: int) -> None:
        self.left = number
        self.seen = False

    def __call__(self, event: Event | None) -> bool:
        seen = any((self.folder / checkpoint.FOLDER).glob(".*.tmp"))
        self.left -= seen and not self.seen
        self.seen = seen
        self.struck = seen and self.left <= 0
        return self.struck


def _moment(chance: random.Random) -> _Never:
    kind = chance.choice(("starting", "training", "training", "writing"))
    if kind == "writing":
        return _Writing(chance.randint(1, 4))
    return _While(chance.uniform(0.0, START if kind == "starting" else LIFE), kind == "training")


def _live(folder: Path, moment: _Never) -> StateEvent:
    """One life of the child; the last state."""
    last: StateEvent | None = None
    process = runner.start(folder, prefix=(sys.executable, "-m", MODULE))
    moment.begin(folder, process.pid)
    for event in process.events(timeout=0.002):
        if isinstance(event, StateEvent):
            last = event
        if process.returncode is None and not moment.struck and moment(event):
            process.kill()
    assert last is not None
    return last


def differences(project: Project, one: Path, other: Path) -> list[str]:
    """What of the two runs is not the same to the bit."""
    a, b = checkpoint.load(one), checkpoint.load(other)
    assert a is not None
    assert b is not None
    parts = ("step", "net", "average", "optimiser", "sampler", "agreement")
    found = [part for part in parts if not _same(a[part], b[part])]
    keys = ("smoothed", "dice", "step")
    if any(a["keeper"]["best"][k] != b["keeper"]["best"][k] for k in keys):
        found.append("best pass")
    if not _same(checkpoint.load_best(one), checkpoint.load_best(other)):
        found.append("best weights")
    models = [project.models_dir / run.name / "model.safetensors" for run in (one, other)]
    if not _same(*(load_file(model) for model in models)):
        found.append("model")
    return found


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return a == b


def _child(folder: Path) -> int:
    """The real child, with checkpoints as often as they are here."""

    last = 0.0

    def due(_: Recorder) -> bool:
        nonlocal last
        if (now := time.process_time()) - last < EVERY:
            return False
        last = now
        return True

    Recorder.checkpoint_due = property(due)  # type: ignore[assignment,method-assign]
    return child.main(folder)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = kill_test(Path(folder), args.kills, args.steps, args.seed)
    same = ", ".join(outcome.differences) or "nothing"
    moments = ", ".join(f"{count} {name}" for name, count in sorted(outcome.moments.items()))
    print(f"{outcome.kills} kills ({moments}; {outcome.torn} writes torn), {outcome.lives} lives")
    print(f"different from the run left alone: {same}; {time.monotonic() - began:.0f} s in all")
    return 1 if outcome.differences or outcome.kills < args.kills else 0


if __name__ == "__main__":
    if "core.jobs.child" in sys.argv:  # As the prefix of the real command.
        sys.exit(_child(Path(sys.argv[-1]).resolve()))
    sys.exit(main())
