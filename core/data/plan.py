"""The settings of a training run: one frozen, validated, versioned value saved as ``plan.json``.

The planner proposes it, a form edits it (``dataclasses.replace``), the command line reads it, the
child obeys it. Every field is a plain number, word or tuple, so nothing is hidden in a dictionary.
No torch here: the window imports this module.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from core.data.figures import Figures
from core.data.plan_checks import problems
from core.data.plan_fields import FIELDS, SECTIONS, Field
from core.data.plan_migration import migrated
from core.data.plan_words import describe
from core.errors import FileRefusedError, UserError
from core.geometry import Triple, Zyx

__all__ = [
    "FIELDS",
    "LOSSES",
    "NETWORKS",
    "PLAN_VERSION",
    "PRECISIONS",
    "SECTIONS",
    "Estimates",
    "Field",
    "Plan",
    "PlanClass",
    "describe",
    "problems",
]

#: Grows when a field changes its meaning; then ``plan_migration`` brings older plans up to it.
PLAN_VERSION = 2

#: Channels that tell the place of a voxel in its image; see ``core.data.inputs``.
POSITIONS = 6

NetworkName = Literal["residual_unet", "dynunet", "segresnet", "swin_unetr"]
LossName = Literal["dice_ce", "dice_focal", "tversky_ce"]
Precision = Literal["fp32", "bf16", "fp16"]
OptimiserName = Literal["adamw", "sgd"]
Compile = Literal["auto", "on", "off"]
Quality = Literal["quick", "balanced", "best"]

NETWORKS: tuple[str, ...] = get_args(NetworkName)
LOSSES: tuple[str, ...] = get_args(LossName)
PRECISIONS: tuple[str, ...] = get_args(Precision)


@dataclass(frozen=True, slots=True)
class PlanClass:
    """A trained class. value: its voxel value in the project's label maps. lesion: counted in Dice.

    The network's output channel is the position in ``Plan.classes`` plus one (0 is background).
    """

    value: int
    name: str
    lesion: bool = True


@dataclass(frozen=True, slots=True)
class Estimates:
    """What the run will need, estimated before it starts (see ``predictions.estimate``).

    memory_bytes: peak on the device (of the training process on the CPU). seconds: wall clock of
    the run. step_seconds: one optimiser step. parameters: weights of the network. disk_bytes:
    preprocessed cases, checkpoints, previews and model. steps: optimiser steps of the run.
    measured: whether steps of just this plan were measured on this machine.
    """

    memory_bytes: int = 0
    seconds: float = 0.0
    step_seconds: float = 0.0
    parameters: int = 0
    disk_bytes: int = 0
    steps: int = 0
    measured: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a run obeys. Units and meaning of each field: ``core.data.plan_fields.FIELDS``.

    Axis order z, y, x. Exactly one of ``budget_minutes`` and ``epochs`` is set. Raises UserError
    with a sentence when a value makes no sense.
    """

    name: str = "Tumour model"
    classes: tuple[PlanClass, ...]
    figures: Figures = field(default_factory=Figures)
    quality: Quality = "balanced"
    spacing: Triple
    patch: Zyx
    slices: int = 1
    position: bool = False
    batch: int = 2
    ignore_value: int | None = None
    foreground_share: float = 0.5
    hu_low: float
    hu_high: float
    hu_mean: float
    hu_std: float

    network: NetworkName = "residual_unet"
    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    strides: tuple[Zyx, ...]
    kernels: tuple[Zyx, ...]
    deep_supervision: bool = False

    loss: LossName = "dice_ce"
    batch_dice: bool = False
    optimiser: OptimiserName = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    gradient_clip: float = 1.0
    warmup: float = 0.03
    ema_decay: float = 0.995

    mirror: bool = True
    rotation_degrees: float = 15.0
    scaling: float = 0.15
    spatial_share: float = 0.5
    noise: bool = True
    blur: bool = True
    contrast: bool = True
    gamma: bool = True
    low_resolution: bool = False
    elastic: bool = False

    device: str = "cpu"
    precision: Precision = "fp32"
    compile: Compile = "auto"
    accumulation: int = 1
    recompute: bool = False
    threads: int = 0
    processes: int = 1
    pool_gb: float = 0.0
    budget_minutes: float | None = None
    epochs: int | None = None
    steps_per_epoch: int = 25
    validations: int = 4
    validation_minutes: float = 2.0
    early_stop: bool = True
    checkpoint_minutes: float = 2.0
    seed: int = 176

    overlap: float = 0.5
    mirror_inference: bool = True
    min_component_ml: float = 0.0
    largest_component: bool = False

    estimates: Estimates = field(default_factory=Estimates)
    version: int = PLAN_VERSION

    def __post_init__(self) -> None:
        found = problems(self)
        if found:
            raise UserError(found[0])

    @property
    def inputs(self) -> int:
        """Input channels of the network: the block and its neighbouring slices, and its place."""
        return self.slices + (POSITIONS if self.position else 0)

    @property
    def flat(self) -> bool:
        """Whether the network sees single slices (2-D), or these with their neighbours (2.5-D)."""
        return self.patch[0] == 1

    @property
    def fixed_size(self) -> bool:
        """Whether whole cases are predicted in windows of exactly the patch.

        SwinUNETR's windows and masks depend on the size of its input, and an exported file holds
        them for one size; the others take any multiple of :attr:`divisor`.
        """
        return self.network == "swin_unetr"

    @property
    def outputs(self) -> int:
        """Output channels of the network: background and one per class."""
        return len(self.classes) + 1

    @property
    def lesion_channels(self) -> tuple[int, ...]:
        """Output channels of the lesion classes; of all classes when none is a lesion."""
        found = tuple(i for i, c in enumerate(self.classes, start=1) if c.lesion)
        return found or tuple(range(1, self.outputs))

    @property
    def divisor(self) -> Zyx:
        """Patch sizes must be multiples of this (z, y, x): the product of all strides."""
        total = [1, 1, 1]
        for stride in self.strides:
            total = [t * s for t, s in zip(total, stride, strict=True)]
        return (total[0], total[1], total[2])

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values; inverse of :meth:`from_json`."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Plan:
        """A plan from its JSON, of this version or an earlier one.

        Raises UserError on an unknown version, field or a bad value.
        """
        value = migrated(value, PLAN_VERSION)
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(value) - known)
        if unknown:
            raise UserError(f"The plan has a field this program does not know: {unknown[0]}.")
        data = {key: _tuples(item) for key, item in value.items()}
        try:
            data["classes"] = tuple(PlanClass(**item) for item in value["classes"])
            data["figures"] = Figures(**_all_tuples(value.get("figures", {})))
            data["estimates"] = Estimates(**value.get("estimates", {}))
            return cls(**data)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise UserError(f"The plan cannot be read: {error}.") from error

    @classmethod
    def load(cls, path: Path) -> Plan:
        """The plan of a file. Raises FileRefusedError when it is missing or no plan."""
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise FileRefusedError(path, "it cannot be opened", str(error)) from error
        except (ValueError, RecursionError) as error:
            raise FileRefusedError(path, "it is not JSON", "Make a new plan.") from error
        if not isinstance(value, dict):
            raise FileRefusedError(path, "it is not a plan", "Make a new plan.")
        return cls.from_json(value)

    def save(self, path: Path) -> None:
        """Write the plan, through a temporary file so that a kill leaves the old one whole."""
        temporary = path.with_name(path.name + ".tmp")
        with temporary.open("w", encoding="utf-8") as stream:
            json.dump(self.as_json(), stream, indent=1, ensure_ascii=False)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)


def _tuples(value: Any) -> Any:
    """Lists of JSON as tuples, however deep; everything else as it is."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _all_tuples(value: dict[str, Any]) -> dict[str, Any]:
    return {key: _tuples(item) for key, item in value.items()}
