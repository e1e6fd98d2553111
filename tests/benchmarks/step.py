"""Seconds an iteration, data included: ours beside nnU-Net's trainer with the same network.

    python -m tests.benchmarks.step [--patch 48] [--width 16] [--stages 4] [--steps 8]

The sides run one after the other in processes of their own, each on one thread, in turns. On a
machine with other work, the processor's seconds are the figure to look at.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

SIDES = ("nnU-Net", "ours", "ours, compiled")


def main(arguments: list[str]) -> None:
    """Print the table, or be one side of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patch", type=int, default=48)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--stages", type=int, default=4)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--compiled", action="store_true", help="our side compiled as well")
    parser.add_argument("--side", choices=SIDES)
    options = parser.parse_args(arguments)
    if options.side is not None:
        print(_side(options))
        return
    sides = SIDES if options.compiled else SIDES[:2]
    rows: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for _ in range(options.rounds):
        for side in sides:
            rows[side].append(_child(arguments, side))
    _table(rows)


def _side(options: argparse.Namespace) -> str:
    import torch  # noqa: PLC0415 - one thread must be set before its first use

    from core.data.rates import cpu_has_bf16  # noqa: PLC0415
    from core.training.compiled import settle  # noqa: PLC0415
    from tests.benchmarks.trainers import Ours, Theirs, cases, measure, plan_of  # noqa: PLC0415

    torch.set_num_threads(1)
    compile_it = "on" if options.side == SIDES[2] else "off"
    # As the planner has it: sixteen bits where the processor computes with them.
    precision = "bf16" if cpu_has_bf16() else "fp32"
    plan = plan_of(
        options.patch, options.width, options.stages, "cpu",
        threads=1, compile=compile_it, precision=precision,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        if options.side == SIDES[0]:
            trainer: Any = Theirs(plan, cases(), Path(folder))
        else:
            trainer = Ours(plan, cases())
            settle(trainer.learner, plan, None, lambda _: 0.0, lambda *_: None)
        timing = measure(trainer, torch.device("cpu"), options.steps)
        trainer.close()
    return timing.as_json()


def _child(arguments: list[str], side: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.step", *arguments, "--side", side]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _table(rows: dict[str, list[dict[str, float]]]) -> None:
    base = float(np.median([row["cpu"] for row in rows[SIDES[0]]]))
    print("| | s an iteration | of that data | processor s | of that data | x nnU-Net |")
    print("|---|---|---|---|---|---|")
    for side, found in rows.items():
        wall, wait, cpu, data = (
            float(np.median([row[key] for row in found]))
            for key in ("wall", "wait", "cpu", "cpu_wait")
        )
        print(
            f"| {side} | {wall:.3f} | {wait / wall:.1%} | {cpu:.3f} | {data / cpu:.1%} "
            f"| {cpu / base:.2f} |"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
