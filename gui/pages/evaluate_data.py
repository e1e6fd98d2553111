"""What the Evaluate page shows, as values: runs with their results, two devices compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.evaluation.result import EvaluationResult
from core.evaluation.usage import DeviceUse

#: In the order in which one wants to see them.
SPLITS = ("test", "val", "train")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One run. result: its evaluation on the split, or None. use: what was measured of it.

    plan: as JSON. evaluable: whether it has a model to evaluate.
    """

    id: str
    name: str
    path: Path
    state: str
    plan: dict[str, Any]
    result: EvaluationResult | None = None
    use: DeviceUse | None = None
    evaluable: bool = False

    @property
    def running(self) -> bool:
        """Whether it is training now."""
        return self.state in ("preparing", "running", "paused")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All runs of the project with their evaluation on ``split``, oldest first.

    unreadable: sentences about result files that were refused. splits: those on which any run
    has a result.
    """

    split: str
    runs: tuple[RunView, ...]
    unreadable: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()

    def evaluated(self, label: str = "") -> list[tuple[RunView, EvaluationResult]]:
        """The runs with their results; of the class ``label`` only, unless it is empty."""
        both = [(run, run.result) for run in self.runs if run.result is not None]
        return [(run, result) for run, result in both if label in ("", result.label)]

    def labels(self) -> list[str]:
        """Names of the classes that were evaluated, in order of first appearance."""
        return list(dict.fromkeys(r.result.label for r in self.runs if r.result is not None))


@dataclass(frozen=True, slots=True)
class Measured:
    """A run and its measured use of a device."""

    run_id: str
    use: DeviceUse


@dataclass(frozen=True, slots=True)
class Comparison:
    """A CPU and a GPU run beside each other; None where there is no measurement.

    same_work: whether both trained the same network on the same patches, so that their patches
    per second may be compared.
    """

    cpu: Measured | None
    gpu: Measured | None
    same_work: bool

    @property
    def speed(self) -> float:
        """How many times faster the GPU is; NaN when that cannot be said."""
        if not self.same_work or self.cpu is None or self.gpu is None:
            return math.nan
        slow = self.cpu.use.patches_per_second
        return self.gpu.use.patches_per_second / slow if slow > 0 else math.nan

    def costs(self, cpu_price: float, gpu_price: float) -> tuple[float, float]:
        """Cost of each run at these prices an hour; NaN where it has no measured time."""
        cpu = self.cpu.use.cost(cpu_price) if self.cpu else math.nan
        gpu = self.gpu.use.cost(gpu_price) if self.gpu else math.nan
        return cpu, gpu

    def saving(self, cpu_price: float, gpu_price: float) -> float:
        """Cost of a patch on the CPU over that on the GPU: above 1, the GPU is cheaper."""
        return self.speed * cpu_price / gpu_price if gpu_price > 0 else math.nan


#: Plan fields that decide what one patch costs. Precision is not among them: half precision is
#: part of what a GPU offers.
_WORK = ("network", "channels", "blocks", "strides", "kernels", "patch", "batch")


def _work(plan: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(repr(plan.get(key)) for key in _WORK)


def compare(runs: Sequence[RunView], reference: str) -> Comparison:
    """The device comparison for the run ``reference``.

    It stands on its own device's row; on the other row the newest run with the same work, else
    the newest there is.
    """
    measured = [(run, run.use) for run in runs if run.use is not None]
    if not measured:
        return Comparison(None, None, same_work=False)
    run, use = next((pair for pair in measured if pair[0].id == reference), measured[-1])
    others = [pair for pair in measured if pair[1].is_gpu != use.is_gpu]
    alike = [pair for pair in others if _work(pair[0].plan) == _work(run.plan)]
    ours = Measured(run.id, use)
    best = (alike or others)[-1:]
    other = Measured(best[0][0].id, best[0][1]) if best else None
    cpu, gpu = (other, ours) if use.is_gpu else (ours, other)
    return Comparison(cpu, gpu, same_work=bool(alike))
