"""One optimiser step, and everything that changes with it: network, average, optimiser."""

from __future__ import annotations

import copy
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from core.data.augment import Batch
from core.data.plan import Plan
from core.errors import UserError
from core.nets.losses import make_loss
from core.nets.registry import build

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

#: Words torch uses when memory runs out where it raises no type of its own.
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "DefaultCPUAllocator")


class Learner:
    """The network in training and the running average of its weights, which becomes the model.

    The weights are drawn from ``plan.seed`` on the CPU, so they are the same on every device.
    """

    def __init__(self, plan: Plan, device: torch.device) -> None:
        torch.manual_seed(plan.seed)
        self._plan = plan
        self._device = device
        # Channels last is a third faster on CPUs (see core.nets.residual_unet) and what tensor
        # cores want.
        self.net: nn.Module = build(plan).to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.average: nn.Module = copy.deepcopy(self.net).eval().requires_grad_(False)
        self._loss = make_loss(plan.loss)
        self._optimiser = _optimiser(plan, self.net)
        self._scaler = torch.GradScaler(device.type, enabled=plan.precision == "fp16")
        self._sum = torch.zeros((), device=device)
        self._bad = torch.zeros((), device=device)
        self._count = 0

    def step(self, batch: Batch, learning_rate: float, done: int) -> None:
        """One step. done: steps before it. Waits for nothing: the loss stays on the device.

        A step whose gradient is not finite changes nothing but the momentum. Raises UserError when
        memory runs out.
        """
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate
        with _memory_told(self._plan):
            image = batch.image.contiguous(memory_format=torch.channels_last_3d)
            with self.autocast():
                logits = self.net(image)
            loss = self._loss(logits, batch.target)
            self._optimiser.zero_grad(set_to_none=True)
            self._scaler.scale(loss).backward()
            self._scaler.unscale_(self._optimiser)
            self._clip()
            self._scaler.step(self._optimiser)
            self._scaler.update()
            self._follow(done)
        fine = torch.isfinite(loss.detach())
        self._sum += torch.where(fine, loss.detach(), 0)
        self._bad += (~fine).float()
        self._count += 1

    def read(self) -> tuple[float, int, int]:
        """Mean loss, steps and steps that were skipped since the last call: one read-back."""
        total, bad = torch.stack([self._sum, self._bad]).tolist()
        count = self._count
        self._sum.zero_()
        self._bad.zero_()
        self._count = 0
        return (total / max(1, count - bad) if count > bad else float("nan")), count, int(bad)

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

    def _clip(self) -> None:
        parameters = list(self.net.parameters())
        nn.utils.clip_grad_norm_(parameters, self._plan.gradient_clip)
        # One infinite or undefined number makes the norm so, and by the norm all gradients
        # undefined or zero: with this line such a step is skipped without asking the device.
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad.nan_to_num_(0.0, 0.0, 0.0)

    def _follow(self, done: int) -> None:
        # The average starts short, or the first random weights would stay in it for long.
        decay = min(self._plan.ema_decay, (1 + done) / (10 + done))
        with torch.no_grad():
            for kept, new in zip(
                self.average.state_dict().values(), self.net.state_dict().values(), strict=True
            ):
                if kept.is_floating_point():
                    kept.lerp_(new, 1 - decay)
                else:
                    kept.copy_(new)

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


@contextmanager
def _memory_told(plan: Plan) -> Generator[None]:
    """Out of memory as a sentence with the remedy."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        text = str(error)
        if not isinstance(error, MemoryError) and not any(word in text for word in _NO_MEMORY):
            raise
        patch = " × ".join(map(str, plan.patch))
        raise UserError(
            f"The memory of {plan.device} is too small for {plan.batch} blocks of {patch} voxels. "
            "Choose a smaller patch or batch in the plan, or close other programs."
        ) from error
