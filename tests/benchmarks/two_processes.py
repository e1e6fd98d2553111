"""Fifty steps by one process and by two over gloo: ``python -m tests.benchmarks.two_processes``.

Both runs have the same plan of two shards, so the same global batches; the losses of each step are
compared, and the seconds a step. On a machine whose cores are fewer than the processes the second
figure tells what the exchange costs, not what it gains.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from core.events import LogEvent, StateEvent, StepEvent
from core.jobs import runner
from core.jobs.launch import prefix_of
from core.project.runs import create_run
from tests.core.data.plans import tiny_plan
from tests.core.training.synthetic import make_project

#: The real child, saying every step.
CHILD = """
import sys
from core.training import meter
meter.INTERVAL = 0.0
from core.jobs import child
sys.exit(child.main(child.Path(sys.argv[-1])))
"""


def steps_of(folder: Path, script: Path, prefix: tuple[str, ...]) -> list[StepEvent]:
    """The steps of a run to its end. Raises RuntimeError when it does not end well."""
    steps: list[StepEvent] = []
    state = ""
    for event in runner.start(folder, (*prefix, sys.executable, str(script))).events():
        if isinstance(event, StepEvent):
            steps.append(event)
        elif isinstance(event, StateEvent):
            state = event.state
        elif isinstance(event, LogEvent):
            print(f"  {event.message}")
    if state != "done":
        raise RuntimeError(f"the run ended as {state}; see {folder / 'log.txt'}")
    return steps


def seconds(steps: list[StepEvent]) -> float:
    """Median seconds from one step to the next, the first ten left out."""
    return statistics.median(b.time - a.time for a, b in pairwise(steps[10:]))


def main() -> None:
    """Print the largest difference of the losses, and the seconds a step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--patch", type=int, default=32)
    args = parser.parse_args()
    side = args.patch
    plan = tiny_plan(
        processes=2, batch=4, threads=1, patch=(side, side, side), epochs=1,
        steps_per_epoch=args.steps, learning_rate=3e-3,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, make_project(Path(folder)) as project:
        script = Path(folder) / "child.py"
        script.write_text(CHILD, encoding="utf-8")
        one, two = create_run(project, plan), create_run(project, plan)
        alone = steps_of(one.path, script, ())
        together = steps_of(two.path, script, prefix_of(two.path))
    apart = [abs(a.loss - b.loss) for a, b in zip(alone, together, strict=True)]
    print(f"steps                          {len(apart)}")
    print(f"loss, first and last           {alone[0].loss:.4f} {alone[-1].loss:.4f}")
    print(f"largest difference of losses   {max(apart):.2e}")
    print(f"seconds a step, one process    {seconds(alone):.3f}")
    print(f"seconds a step, two processes  {seconds(together):.3f}")


if __name__ == "__main__":
    main()
