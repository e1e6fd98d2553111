"""Tumour Dice on real CT after a given time on this machine: ours, nnU-Net v2, MONAI.

    pip install -e ".[bench]"
    python -m tests.benchmarks.quality_for_time DATA WORK --minutes 10 30 60

DATA holds ``NAME_image.nii.gz`` and ``NAME_mask.nii.gz`` (18 cases to train, 6 to validate, the
split of ``peers/cases.py``). Each contender is a process of its own that starts from those files;
the clock runs until its model is trained. It writes its masks of the six cases on the images' own
grid, and all are measured by the same code. What is done stays in WORK, so a call that was
interrupted, or names others with ``--only``, goes on where the last one ended.

``--cores 1`` pins a contender to the first core, ``--cores 1:1`` to the second one alone; give it
twice the minutes then to compare with two cores. ``--clock processor`` counts the processor's
seconds instead of the wall's, for a machine that is busy with other things. Prints a table; the
JSON is ``WORK/results.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

import psutil

from tests.benchmarks.peers.cases import CLOCKS, Budget, Outcome, processor_seconds, score

SEEDS = (176, 177, 178)
RESULT, LOG = "result.json", "log.txt"


def _ours(data: Path, work: Path, given: argparse.Namespace, place: bool = True) -> Outcome:
    from tests.benchmarks.peers import ours  # noqa: PLC0415

    budget = Budget(given.minutes[0], CLOCKS[given.clock])
    return ours.run(
        data, work, budget=budget, seed=given.seeds[0], quality=given.quality, place=place
    )


def _monai(data: Path, work: Path, given: argparse.Namespace) -> Outcome:
    budget = Budget(given.minutes[0], CLOCKS[given.clock])  # loading the libraries counts
    from tests.benchmarks.peers import monai_baseline  # noqa: PLC0415

    return monai_baseline.run(data, work, budget=budget, seed=given.seeds[0])


def _nnunet(configuration: str) -> Callable[[Path, Path, argparse.Namespace], Outcome]:
    def run(data: Path, work: Path, given: argparse.Namespace) -> Outcome:
        from tests.benchmarks.peers import nnunet  # noqa: PLC0415

        return nnunet.run(
            data,
            work,
            budget=Budget(given.minutes[0], CLOCKS[given.clock]),
            seed=given.seeds[0],
            configuration=configuration,
            workers=given.workers,
        )

    return run


def _trivial(kind: str) -> Callable[[Path, Path, argparse.Namespace], Outcome]:
    def run(data: Path, work: Path, _: argparse.Namespace) -> Outcome:
        from tests.benchmarks.peers import trivial  # noqa: PLC0415

        return trivial.run(data, work, kind)

    return run


CONTENDERS: dict[str, Callable[[Path, Path, argparse.Namespace], Outcome]] = {
    "ours": _ours,
    "ours-placeless": partial(_ours, place=False),
    "nnunet-3d": _nnunet("3d_fullres"),
    "nnunet-2d": _nnunet("2d"),
    "monai": _monai,
    "soft-tissue": _trivial("soft-tissue"),
    "ellipsoid": _trivial("ellipsoid"),
}
#: These learn nothing: one seed and any time will do.
UNTRAINED = ("soft-tissue", "ellipsoid")


def compete(name: str, folder: Path, given: argparse.Namespace) -> None:
    """In the process of one contender: run it, measure its masks, write ``result.json``."""
    (folder / "predictions").mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    outcome = CONTENDERS[name](given.data, folder, given)
    cases = score(folder / "predictions", given.data)
    dice = [case["dice"] for case in cases.values()]
    result = {
        "contender": name,
        "minutes": given.minutes[0],
        "cores": len(cpus(given.cores)),
        "threads": given.threads,
        "clock": given.clock,
        "seed": given.seeds[0],
        "dice_mean": mean(dice),
        "dice_median": median(dice),
        "hd95_mm_mean": mean(case["hd95_mm"] for case in cases.values()),
        "wall_seconds": time.monotonic() - begin,
        "processor_seconds": processor_seconds(),
        **asdict(outcome),
        "cases": cases,
        "python": platform.python_version(),
    }
    (folder / RESULT).write_text(json.dumps(result, indent=1))


def launch(name: str, folder: Path, given: argparse.Namespace, minutes: float, seed: int) -> None:
    """Start one contender in a process of its own, pinned, its words in ``log.txt``."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ)
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        environment[variable] = str(given.threads)
    command = [
        sys.executable, "-m", "tests.benchmarks.quality_for_time", str(given.data),
        str(given.work), "--child", name, "--only", name, "--minutes", str(minutes),
        "--seeds", str(seed), "--cores", given.cores, "--threads", str(given.threads),
        "--workers", str(given.workers), "--quality", given.quality, "--clock", given.clock,
    ]  # fmt: skip
    with (folder / LOG).open("wb") as log:
        code = subprocess.run(
            command, check=False, env=environment, stdout=log, stderr=subprocess.STDOUT
        ).returncode
    if code != 0:
        raise SystemExit(f"{name} ended with {code}; its words are in {folder / LOG}")


def cpus(cores: str) -> list[int]:
    """Processors for ``N`` (the first N) or ``N:FIRST``."""
    count, _, first = cores.partition(":")
    begin = int(first or 0)
    return list(range(begin, begin + int(count)))


def place(given: argparse.Namespace, name: str, minutes: float, seed: int) -> Path:
    """The folder of one contender at one time with one seed."""
    if name in UNTRAINED:
        return given.work / name
    clock = "-processor" if given.clock == "processor" else ""
    return given.work / f"{name}-{minutes:g}min-{len(cpus(given.cores))}core{clock}-seed{seed}"


def table(results: list[dict[str, Any]]) -> str:
    """One row a contender, time and number of cores; several seeds in one."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for result in results:
        time_given = () if result["contender"] in UNTRAINED else (result["minutes"],)
        groups.setdefault((result["contender"], result["cores"], *time_given), []).append(result)
    lines = [
        "| contender | minutes x cores | mean Dice of the 6 (each seed) | median | HD95 mm | "
        "steps | preparing s | training s | predicting s |",
        "|---" * 9 + "|",
    ]
    for (name, cores, *minutes), rows in sorted(groups.items(), key=lambda g: (g[0][2:], g[0][0])):
        seeds = ", ".join(f"{r['dice_mean']:.3f}" for r in sorted(rows, key=lambda r: r["seed"]))
        dice = f"**{mean(r['dice_mean'] for r in rows):.3f}**" + (
            f" ({seeds})" if len(rows) > 1 else ""
        )
        figures = " | ".join(
            f"{mean(r[key] for r in rows):.0f}"
            for key in ("steps", "prepare_seconds", "train_seconds", "predict_seconds")
        )
        spent = f"{minutes[0]:g} x {cores}" if minutes else "none"
        lines.append(
            f"| {name} | {spent} | {dice} | {mean(r['dice_median'] for r in rows):.3f} | "
            f"{mean(r['hd95_mm_mean'] for r in rows):.1f} | {figures} |"
        )
    changed = {r["contender"]: r["changed"] for r in results if r["changed"]}
    return "\n".join([*lines, "", *(f"{name}: {text}." for name, text in changed.items())])


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, nargs="+", default=[10, 30, 60])
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="of ours")
    parser.add_argument("--cores", default=str(psutil.cpu_count()), metavar="N[:FIRST]")
    parser.add_argument("--threads", type=int, help="of torch (default: the number of cores)")
    parser.add_argument("--workers", type=int, help="nnU-Net's augmenters (default: 0 on one core)")
    parser.add_argument("--quality", default="quick", choices=("quick", "balanced", "best"))
    parser.add_argument("--clock", default="wall", choices=CLOCKS, help="what the minutes are")
    parser.add_argument("--child", choices=CONTENDERS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.data, given.work = given.data.absolute(), given.work.absolute()
    count = len(cpus(given.cores))
    given.threads = given.threads or count
    given.workers = given.workers if given.workers is not None else (0 if count == 1 else 2)
    return given


def main() -> None:
    """Run what is not done yet and print all results in WORK."""
    given = arguments()
    psutil.Process().cpu_affinity(cpus(given.cores))  # children inherit it
    if given.child:
        folder = place(given, given.child, given.minutes[0], given.seeds[0])
        compete(given.child, folder, given)
        return
    for minutes in given.minutes:
        for name in given.only:
            for seed in given.seeds if name.startswith("ours") else given.seeds[:1]:
                folder = place(given, name, minutes, seed)
                if not (folder / RESULT).is_file():
                    print(f"{name}, {minutes:g} minutes, seed {seed} ...", file=sys.stderr)
                    launch(name, folder, given, minutes, seed)
    found = [json.loads(p.read_text()) for p in sorted(given.work.glob(f"*/{RESULT}"))]
    (given.work / "results.json").write_text(json.dumps(found, indent=1))
    print(table(found))


if __name__ == "__main__":
    main()
