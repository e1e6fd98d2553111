"""The processes of a run that ``torchrun`` started: how they meet, talk and add up gradients.

Announcements go over gloo on the CPU, gradients over NCCL on GPUs and gloo on CPUs. A process that
dies closes its connections, which ends the others at once; torchrun starts all of them again. What
they say to each other is in core.training.crew.
"""

from __future__ import annotations

import io
import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, get_args

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import PrefixStore  # pyright: ignore[reportPrivateImportUsage]
from torch.distributed.rendezvous import rendezvous

from core.data.plan import Plan
from core.errors import Cancelled, PeerLost, UserError

Word = Literal["open", "step", "obey", "learner", "state", "shards", "end"]
_WORDS: tuple[Word, ...] = get_args(Word)

#: In which all processes of all machines come up.
_MEETING = timedelta(minutes=30)
#: A pause may last for days, and the others wait through it. A dead process is noticed at once,
#: by its closed connections.
_PATIENCE = timedelta(days=365)
#: Numbers exchanged at once: some 25 MB, as DistributedDataParallel does.
_BUCKET = 6_500_000


def launched() -> bool:
    """Whether torchrun started this process as one of several."""
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    return several and "TORCHELASTIC_RUN_ID" in os.environ


class Group:
    """The processes of a run. rank: of this one. size: how many."""

    def __init__(self) -> None:
        """Meet the others. Raises PeerLost when they do not come."""
        self._local = int(os.environ["LOCAL_RANK"])
        self._here = int(os.environ["LOCAL_WORLD_SIZE"])
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        with _peers_told():
            store, rank, size = next(rendezvous("env://", timeout=_MEETING))
            # The launcher's store outlives a restart, and still holds where the dead ones listened.
            attempt = PrefixStore(f"attempt {os.environ['TORCHELASTIC_RESTART_COUNT']}", store)
            dist.init_process_group(
                backend, store=attempt, rank=rank, world_size=size, timeout=_PATIENCE
            )
        self.rank, self.size = rank, size

    def shards(self, plan: Plan) -> range:
        """The shards this process holds. Raises UserError when they cannot be dealt evenly."""
        if plan.processes % self.size:
            raise UserError(
                f"A plan of {plan.processes} processes cannot run on {self.size}. Use a number "
                "that divides it."
            )
        return range(self.rank, plan.processes, self.size)

    def here(self, plan: Plan) -> Plan:
        """``plan`` with the device and the share of the threads of this process."""
        if plan.device.startswith("cuda"):
            return replace(plan, device=f"cuda:{self._local}")
        threads = max(1, plan.threads // self._here) if plan.threads else 0
        return replace(plan, threads=threads)

    # Process 0 to the others

    def announce(self, word: Word, *numbers: float) -> None:
        """Say what comes next, with up to two numbers."""
        packet = torch.zeros(3, dtype=torch.float64)
        for place, value in enumerate((_WORDS.index(word), *numbers)):
            packet[place] = value
        with _peers_told():
            dist.broadcast(packet, 0)

    def hear(self) -> tuple[Word, float, float]:
        """Wait for what process 0 announces."""
        packet = torch.zeros(3, dtype=torch.float64)
        with _peers_told():
            dist.broadcast(packet, 0)
        word, first, second = packet.tolist()
        return _WORDS[int(word)], first, second

    def share(self, value: Any = None, source: int = 0) -> Any:
        """What process ``source`` passes as ``value`` (plain values and tensors), for everybody."""
        mine = self.rank == source
        data = _packed(value) if mine else torch.zeros(0, dtype=torch.uint8)
        size = torch.tensor(data.numel())
        with _peers_told():
            dist.broadcast(size, source)
            data = data if mine else torch.zeros(int(size), dtype=torch.uint8)
            dist.broadcast(data, source)
        return value if mine else _unpacked(data)

    def collect(self, state: dict[str, Any]) -> dict[str, Any]:
        """The dictionaries of all processes as one."""
        parts = [self.share(state, source) for source in range(self.size)]
        return {key: value for part in parts for key, value in part.items()}

    # Every process in every step

    def failed(self, here: bool) -> bool:
        """Whether any process failed in this step, so that all of them give it up together."""
        flag = torch.tensor(int(here), dtype=torch.uint8)
        with _peers_told():
            dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag.item())

    def average(self, parameters: Iterable[Tensor], loss: Tensor) -> Tensor:
        """Replace each gradient by its mean over the processes; returns the mean ``loss``.

        What is not finite anywhere is so everywhere, and every process skips the step.
        """
        loss = loss.detach().reshape(1).float()
        gradients = [p.grad for p in parameters if p.grad is not None]
        with _peers_told():
            for bucket in _buckets([loss, *gradients]):
                flat = torch.cat([part.reshape(-1) for part in bucket])
                dist.all_reduce(flat)
                flat /= self.size
                parts = flat.split([part.numel() for part in bucket])
                for target, mean in zip(bucket, parts, strict=True):
                    target.copy_(mean.view_as(target))
        return loss[0]

    def end(self) -> None:
        """Let process 0 send the others home."""
        self.announce("end")
        self.close()

    def close(self) -> None:
        """Take leave of the others."""
        dist.destroy_process_group()


def _buckets(tensors: Sequence[Tensor]) -> list[list[Tensor]]:
    """Neighbours of one type together, up to :data:`_BUCKET` numbers."""
    buckets: list[list[Tensor]] = []
    filled = 0
    for tensor in tensors:
        room = bool(buckets) and filled + tensor.numel() <= _BUCKET
        if not room or buckets[-1][0].dtype != tensor.dtype:
            buckets.append([])
            filled = 0
        buckets[-1].append(tensor)
        filled += tensor.numel()
    return buckets


@contextmanager
def _peers_told() -> Generator[None]:
    """A broken connection as :class:`PeerLost`."""
    try:
        yield
    except RuntimeError as error:
        raise PeerLost(str(error)) from error


def _packed(value: Any) -> Tensor:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)


def _unpacked(data: Tensor) -> Any:
    # Never a bare pickle, though it comes from our own: this reads only tensors and plain values.
    return torch.load(io.BytesIO(data.numpy().tobytes()), map_location="cpu", weights_only=True)


@contextmanager
def lead() -> Generator[Group | None]:
    """As process 0 of a run: its group, or None for a run of one. At the end all are sent home.

    Raises PeerLost when another process is gone.
    """
    if not launched():
        yield None
        return
    group = Group()
    try:
        yield group
    except (UserError, Cancelled):
        group.end()
        raise
    group.end()
