"""What a GPU brings to a run: time, utilisation and cost beside this machine's CPU, and nnU-Net.

    python -m tests.benchmarks.gpu_training --device cuda:0 --cpu-price 0.10 --gpu-price 2.50 \
        --peer --workers 8

Each row is a process of its own with the same plan. Steps are timed for ``--seconds``, then the
whole run of ``--iterations`` steps is reckoned from them. Prices are an hour's, in any currency.
``--peer`` adds nnU-Net's trainer with the same network on the same device (the ``bench`` extra);
``--workers`` are the processes of its data loader (0: none). With ``--device cpu`` only the CPU's
rows are made, which also tests this script.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import hardware


@dataclass(frozen=True, slots=True)
class Row:
    """One side on one device."""

    side: str
    device: str


def main(arguments: list[str]) -> None:
    """Print the table, or be one row of it."""
    options = _options(arguments)
    if options.row is not None:
        side, device = options.row.split("@")
        print(json.dumps(_measured(options, Row(side, device))))
        return
    rows = [Row("ours", "cpu")] if options.cpu or options.device == "cpu" else []
    if options.device != "cpu":
        rows += [Row("ours", options.device), Row("ours, compiled", options.device)]
    if options.peer:
        rows.append(Row("nnU-Net", options.device))
    print(
        f"Blocks of {options.patch}³, batch {options.batch}, {options.width} features and "
        f"{options.stages} stages; {options.iterations} iterations.\n"
    )
    heads = ("", "device", "s an iteration", "patches/s", "data wait", "busy", "peak GB", "hours",
             "cost")  # fmt: skip
    print(_line(heads), _line(["---"] * len(heads)), sep="\n")
    for row in rows:
        print(_line(_cells(options, row, _child(arguments, row))), flush=True)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--cpu", action="store_true", help="the CPU as well, beside a GPU")
    parser.add_argument("--peer", action="store_true", help="nnU-Net's trainer as well")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--cores", type=int, default=0, help="cores to keep to; 0: all")
    parser.add_argument("--patch", type=int, default=128)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--stages", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--iterations", type=int, default=25_000)
    parser.add_argument("--cpu-price", type=float, default=0.0)
    parser.add_argument("--gpu-price", type=float, default=0.0)
    parser.add_argument("--row")
    return parser.parse_args(arguments)


def _measured(options: argparse.Namespace, row: Row) -> dict[str, float]:
    """Steps of one side for the time asked, with the device watched."""
    import torch  # noqa: PLC0415 - the parent has no need of it

    from core.training.compiled import settle  # noqa: PLC0415
    from tests.benchmarks.trainers import Ours, Theirs, cases, measure, plan_of  # noqa: PLC0415

    if options.cores:
        import psutil  # noqa: PLC0415

        mine = psutil.Process()
        mine.cpu_affinity(mine.cpu_affinity()[: options.cores])
        torch.set_num_threads(options.cores)
    device = torch.device(row.device)
    plan = plan_of(
        options.patch,
        options.width,
        options.stages,
        row.device,
        batch=options.batch,
        # What nnU-Net computes in on a GPU; on a CPU it knows fp32 only.
        precision="bf16" if device.type == "cuda" else "fp32",
        compile="on" if row.side.endswith("compiled") else "off",
    )
    with tempfile.TemporaryDirectory() as folder:
        if row.side == "nnU-Net":
            os.environ.setdefault("nnUNet_compile", "true")
            trainer: Any = Theirs(plan, cases(), Path(folder), options.workers)
        else:
            trainer = Ours(plan, cases())
            settle(trainer.learner, plan, None, lambda _: 0.0, lambda *_: None)
        first = measure(trainer, device, 3)
        gauge = _Gauge(row.device)
        timing = measure(trainer, device, max(3, int(options.seconds / first.wall)), warm=0)
        busy = gauge.stop()
        trainer.close()
    peak = torch.cuda.max_memory_reserved(device) if device.type == "cuda" else 0
    return {"wall": timing.wall, "wait": timing.wait, "busy": busy, "peak": float(peak)}


class _Gauge:
    """Utilisation of one device, twice a second, by a thread."""

    def __init__(self, key: str) -> None:
        self._index = int(key.split(":")[1]) if ":" in key else 0
        self._over = threading.Event()
        self._percents: list[float] = []
        self._thread = threading.Thread(target=self._watch, name="gauge")
        self._thread.start()

    def _watch(self) -> None:
        with hardware.Sampler() as sampler:
            while not self._over.wait(0.5):
                seen = sampler.sample().devices
                self._percents.append(seen[min(self._index, len(seen) - 1)].utilisation)

    def stop(self) -> float:
        """The mean percent; NaN when there was no time to look."""
        self._over.set()
        self._thread.join()
        return statistics.mean(self._percents) if self._percents else float("nan")


def _child(arguments: list[str], row: Row) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.gpu_training", *arguments]
    done = subprocess.run(
        [*command, "--row", f"{row.side}@{row.device}"], check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout.decode().splitlines()[-1])


def _cells(options: argparse.Namespace, row: Row, found: dict[str, float]) -> list[str]:
    wall = found["wall"]
    hours = wall * options.iterations / 3600
    price = options.cpu_price if row.device == "cpu" else options.gpu_price
    return [
        row.side,
        row.device,
        f"{wall:.4g}",
        f"{options.batch / wall:.4g}",
        f"{found['wait'] / wall:.1%}",
        f"{found['busy']:.0f} %",
        f"{found['peak'] / 2**30:.1f}" if found["peak"] else "",
        f"{hours:.3g}",
        f"{hours * price:.2f}",
    ]


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(sys.argv[1:])
