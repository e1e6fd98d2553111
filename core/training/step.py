"""One optimiser step, and everything that changes with it: network, average, optimiser."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from core.data.batch import Batch
from core.data.plan import Plan
from core.nets.losses import make_loss
from core.nets.memory import OutOfMemory, memory_told
from core.nets.recompute import recompute
from core.nets.registry import build

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Peers(Protocol):
    """The other processes of a run (see core.training.distributed)."""

    def failed(self, here: bool) -> bool:
        """Whether any process failed in this step."""
        ...

    def average(self, parameters: Iterable[Tensor], loss: Tensor) -> Tensor:
        """Replace each gradient by its mean over the processes; returns the mean loss."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """Mean finite loss (nan: none was), steps, those skipped, those skipped in a row until now."""

    loss: float
    count: int
    bad: int
    row: int


class Learner:
    """The network in training and the running average of its weights, which becomes the model.

    The weights are drawn from ``plan.seed`` on the CPU, so they are the same on every device.
    """

    def __init__(self, plan: Plan, device: torch.device, peers: Peers | None = None) -> None:
        torch.manual_seed(plan.seed)
        self._plan, self._peers = plan, peers
        self._device = device
        # Channels last is a third faster on CPUs (see core.nets.residual_unet) and what tensor
        # cores want.
        self.net: nn.Module = build(plan).to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.average: nn.Module = copy.deepcopy(self.net).eval().requires_grad_(False)
        if plan.recompute:
            recompute(self.net)
        #: What a step calls: the network, or what the compiler made of it (core.training.compiled).
        self.forward: Callable[[Tensor], Tensor | Sequence[Tensor]] = self.net
        self._loss = make_loss(plan)
        self._optimiser = _optimiser(plan, self.net)
        self._scaler = torch.GradScaler(device.type, enabled=plan.precision == "fp16")
        #: On the device: sum of the finite losses, steps skipped, and how many of them in a row.
        self._sum, self._bad, self._row = torch.zeros(3, device=device).unbind()
        self._count = 0
        #: Sees the finest logits, target and what is outlined of each piece of a batch, in order.
        self.watch: Callable[[Tensor, Tensor, Tensor | None], None] | None = None

    def obey(self, plan: Plan) -> None:
        """Go on by ``plan``, the old one with less for the memory; the weights stay as they are."""
        self.drop_gradients()
        self.forward = self.net  # What was compiled was so for the sizes before.
        # A scaler that was interrupted between two of its calls refuses to go on.
        scaler = torch.GradScaler(self._device.type, enabled=plan.precision == "fp16")
        scaler.load_state_dict(self._scaler.state_dict())
        self._scaler = scaler
        if plan.recompute and not self._plan.recompute:
            recompute(self.net)
        self._plan = plan

    def step(self, batch: Batch, learning_rate: float, done: int) -> None:
        """One step. done: steps before it. Waits for nothing: the loss stays on the device.

        A step whose loss or gradient is not finite changes neither weights nor momentum. Raises
        OutOfMemory when memory runs out; the same step may be tried again with less.
        """
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate
        with memory_told(_too_much(self._plan)):
            loss = self.gradients(batch) if self._peers is None else self._shared(batch)
            bad = self._apply(loss)
            self._follow(done)
        self._sum += torch.where(bad > 0, 0, loss)
        self._bad += bad
        self._row.add_(1).mul_(bad)
        self._count += 1

    def gradients(self, batch: Batch) -> Tensor:
        """The batch's loss, without gradient; the gradients (times the scaler's factor) are set.

        The batch goes through in ``plan.accumulation`` pieces, which add up to the whole.
        """
        self.drop_gradients()
        total = torch.zeros((), device=self._device)
        pieces = min(self._plan.accumulation, len(batch.image))
        for image, target, known in batch.pieces(pieces):
            with self.autocast():
                logits = self.forward(image.contiguous(memory_format=torch.channels_last_3d))
            loss = self._loss(logits, target, known) * (len(image) / len(batch.image))
            if self.watch is not None:
                finest = logits if isinstance(logits, Tensor) else logits[0]
                self.watch(finest, target, known)
            self._scaler.scale(loss).backward()
            total += loss.detach()
        return total

    def drop_gradients(self) -> None:
        """Give back the memory of the gradients."""
        self._optimiser.zero_grad(set_to_none=True)

    def _shared(self, batch: Batch) -> Tensor:
        """:meth:`gradients` averaged over all processes, or given up by all together."""
        assert self._peers is not None  # noqa: S101 - asked by the caller
        failure: Exception | None = None
        loss = torch.zeros((), device=self._device)
        try:
            loss = self.gradients(batch)
        except (RuntimeError, MemoryError) as error:
            failure = error
        if self._peers.failed(failure is not None):
            raise failure or OutOfMemory(_too_much(self._plan))
        return self._peers.average(self.net.parameters(), loss)

    def _apply(self, loss: Tensor) -> Tensor:
        """Let the optimiser use the gradients, unless something is not finite; 1 then, else 0."""
        self._scaler.unscale_(self._optimiser)
        norm = nn.utils.clip_grad_norm_(self.net.parameters(), self._plan.gradient_clip)
        bad = (~(torch.isfinite(norm) & torch.isfinite(loss))).float()
        # Fused optimisers look at this flag on the device, as they do for torch's scaler, and
        # leave everything as it is: a skipped step costs no read-back.
        self._optimiser.found_inf = bad  # type: ignore[attr-defined]
        self._optimiser.step()
        self._scaler.update()
        return bad

    def read(self) -> Reading:
        """What happened since the last call: one read-back."""
        total, bad, row = torch.stack([self._sum, self._bad, self._row]).tolist()
        count = self._count
        self._sum.zero_()
        self._bad.zero_()
        self._count = 0
        loss = total / (count - bad) if count > bad else math.nan
        return Reading(loss, count, int(bad), int(row))

    @contextmanager
    def autocast(self) -> Generator[None]:
        """The plan's precision for the forward pass."""
        kind = _TYPES[self._plan.precision]
        with torch.autocast(self._device.type, kind, enabled=kind != torch.float32):
            yield

    def predictor(self, image: Tensor) -> Tensor:
        """Logits of the averaged network, for validation."""
        with torch.no_grad(), self.autocast():
            return self.average(image.contiguous(memory_format=torch.channels_last_3d))

    def _follow(self, done: int) -> None:
        # The average starts short, or the first random weights would stay in it for long.
        decay = min(self._plan.ema_decay, (1 + done) / (10 + done))
        kept, new = (list(n.state_dict().values()) for n in (self.average, self.net))
        places = [i for i, tensor in enumerate(kept) if tensor.is_floating_point()]
        follow = get_ema_multi_avg_fn(decay)
        follow([kept[i] for i in places], [new[i] for i in places], None)
        for i in set(range(len(kept))) - set(places):
            kept[i].copy_(new[i])

    def state(self) -> dict[str, Any]:
        """Everything a checkpoint needs of this object."""
        return {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "scaler": self._scaler.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state`."""
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._scaler.load_state_dict(state["scaler"])


def _optimiser(plan: Plan, net: nn.Module) -> torch.optim.Optimizer:
    # Norms and biases are not pulled to zero: that only fights the data's scale.
    decayed = [p for p in net.parameters() if p.ndim > 1]
    free = [p for p in net.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": plan.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    if plan.optimiser == "sgd":
        return torch.optim.SGD(
            groups, lr=plan.learning_rate, momentum=0.99, nesterov=True, fused=True
        )
    return torch.optim.AdamW(groups, lr=plan.learning_rate, fused=True)


def _too_much(plan: Plan) -> str:
    patch = " × ".join(map(str, plan.patch))
    return (
        f"The memory of {plan.device} is too small for {plan.batch} blocks of {patch} voxels. "
        "Choose a smaller patch or batch in the plan, or close other programs."
    )
