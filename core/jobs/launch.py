"""How a run is spread over processes and machines: what stands before the child's command.

The engine is PyTorch's own launcher (``python -m torch.distributed.run``, as a command
``torchrun``). It starts the processes, tells each its number, and starts all of them anew when
one dies; the run then goes on from its last checkpoint. Process 0 inherits the launcher's standard
input and output, so orders and events go through it as through a single child. No torch here.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core.data.plan import Plan
from core.errors import FileRefusedError, UserError
from core.labels.durable import write_bytes
from core.project.runs import PLAN

FILE = "launch.json"
#: How often a run is taken up again after one of its processes died.
RESTARTS = 3

_PER_NODE = "--nproc-per-node="
_ENDPOINT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*:[0-9]{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Over which machines a run is spread; one of these lies in the folder of such a run.

    nodes: machines. node_rank: the number of this one, from 0; machine 0 writes the run's files.
    rendezvous: HOST:PORT of machine 0, reachable from all. Every machine must see the project's
    folder (a network disk). Raises UserError when the values make no sense.
    """

    nodes: int = 1
    node_rank: int = 0
    rendezvous: str = ""

    def __post_init__(self) -> None:
        if self.nodes < 1 or not 0 <= self.node_rank < self.nodes:
            raise UserError(
                f"Of {self.nodes} machines the numbers are 0 to {max(0, self.nodes - 1)}, "
                f"not {self.node_rank}."
            )
        if self.nodes > 1 and not _ENDPOINT.fullmatch(self.rendezvous):
            raise UserError(
                "Several machines need the address of the first one, such as node0:29500, not "
                f"{self.rendezvous or 'nothing'}."
            )

    def save(self, folder: Path) -> None:
        """Write ``folder/launch.json``, so that a resumed run is spread in the same way."""
        write_bytes(folder / FILE, json.dumps(asdict(self)).encode())

    @classmethod
    def load(cls, folder: Path) -> Launch:
        """Of a run's folder; one machine where the file is absent. Raises FileRefusedError."""
        path = folder / FILE
        if not path.exists():
            return cls()
        try:
            return cls(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise FileRefusedError(path, "it cannot be read", "Start a new run.") from error


def with_processes(plan: Plan, processes: int) -> Plan:
    """``plan`` on so many processes: a batch that is no multiple of them grows to the next one.

    Raises UserError when the plan has fewer training cases than processes.
    """
    if plan.figures.cases_train and plan.figures.cases_train < processes:
        raise UserError(
            f"{processes} processes need at least as many training cases, and there are "
            f"{plan.figures.cases_train}. Label more cases, or use fewer processes."
        )
    batch = -(-plan.batch // processes) * processes
    return replace(plan, processes=processes, batch=batch)


def prefix(processes: int, launch: Launch, python: str = sys.executable) -> tuple[str, ...]:
    """What stands before the child's command; nothing for a single process.

    processes: of the whole run. Raises UserError unless the machines get equally many.
    """
    if processes == 1 and launch.nodes == 1:
        return ()
    if processes % launch.nodes:
        raise UserError(
            f"{processes} processes cannot be spread evenly over {launch.nodes} machines."
        )
    here = (
        # A free port of this machine, which no other can reach.
        ("--standalone", "--local-addr=127.0.0.1")
        if launch.nodes == 1
        # Ranks stay with their machines, also after a restart: process 0 has the pipes.
        else (
            f"--nnodes={launch.nodes}",
            f"--node-rank={launch.node_rank}",
            "--rdzv-backend=static",
            f"--rdzv-endpoint={launch.rendezvous}",
        )
    )
    per_node = f"{_PER_NODE}{processes // launch.nodes}"
    restarts = f"--max-restarts={RESTARTS}"
    launcher = (python, "-P", "-m", "torch.distributed.run")
    return (*launcher, *here, per_node, restarts, "--no-python")


def prefix_of(folder: Path, python: str = sys.executable) -> tuple[str, ...]:
    """The :func:`prefix` of a run's folder; nothing for a job that is no training.

    Raises UserError or FileRefusedError where plan or launch cannot be read.
    """
    if not (folder / PLAN).exists():
        return ()
    plan: Any = json.loads((folder / PLAN).read_bytes())
    processes = plan.get("processes", 1) if isinstance(plan, dict) else 1
    return prefix(int(processes), Launch.load(folder), python)


def environment(prefix: Sequence[str], base: Mapping[str, str]) -> dict[str, str]:
    """``base`` and what processes that share a machine need to be told where it does not say so."""
    told = dict(base)
    per_node = [int(one.partition("=")[2]) for one in prefix if one.startswith(_PER_NODE)]
    if per_node:
        # Otherwise the launcher gives each process one thread.
        told.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // per_node[0])))
        if sys.platform == "win32":
            # PyTorch's builds for Windows lack libuv, which its store would use by default.
            told.setdefault("USE_LIBUV", "0")
    return told
