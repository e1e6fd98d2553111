"""Each field of a plan for people: section, label, unit, what it does, what may be entered.

The Train page, its advanced form and ``lesionforge-cli plan`` all read this list, so a field is
explained once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

#: text, whole number, number, on/off, one of ``choices``; three numbers z, y, x; stages: one entry
#: a stage of the network (numbers or z, y, x triples).
Kind = Literal["text", "int", "float", "bool", "choice", "ints", "floats", "stages"]

SECTIONS: tuple[str, ...] = (
    "Data", "Network", "Training", "Augmentation", "Schedule", "Device", "Prediction",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One field. low, high: allowed range of every number in it, or None. optional: may be None."""

    key: str
    section: str
    label: str
    kind: Kind
    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[tuple[str, str], ...] = ()
    optional: bool = False

    def accepts(self, value: Any) -> bool:
        """Whether ``value`` is of the field's kind (its range is judged elsewhere)."""
        if value is None:
            return self.optional
        if self.kind == "choice":
            return value in [key for key, _ in self.choices]
        if self.kind in ("ints", "floats"):
            number = _is_int if self.kind == "ints" else _is_number
            return isinstance(value, tuple) and len(value) == 3 and all(map(number, value))
        if self.kind == "stages":
            return isinstance(value, tuple) and all(_is_stage(item) for item in value)
        return {
            "text": lambda: isinstance(value, str),
            "int": lambda: _is_int(value),
            "float": lambda: _is_number(value),
            "bool": lambda: isinstance(value, bool),
        }[self.kind]()


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_stage(value: Any) -> bool:
    return _is_int(value) or (
        isinstance(value, tuple) and len(value) == 3 and all(map(_is_int, value))
    )


_NETS = (
    ("residual_unet", "Residual U-Net 3D"),
    ("dynunet", "DynUNet 3D"),
    ("segresnet", "SegResNet 3D"),
    ("swin_unetr", "SwinUNETR 3D"),
)
_LOSSES = (
    ("dice_ce", "Dice + cross-entropy"),
    ("dice_focal", "Dice + focal"),
    ("tversky_ce", "Tversky + cross-entropy"),
)

#: All fields a user may see or change, in the order in which they are shown.
# fmt: off
FIELDS: tuple[Field, ...] = (
    Field("name", "Data", "Name", "text", "What the run and its model are called."),
    Field(
        "spacing", "Data", "Grid spacing", "floats",
        "All cases are brought to this spacing first. Coarser is faster and sees more of the body "
        "at once; finer keeps small lesions and sharp edges.",
        unit="mm", low=0.2, high=20,
    ),
    Field(
        "patch", "Data", "Patch", "ints",
        "Size of the blocks the network sees (slices, rows, columns). Larger blocks give it more "
        "context and need more memory and time. A single slice makes the network 2-D.",
        unit="voxels", low=1, high=512,
    ),
    Field(
        "slices", "Data", "Slices seen", "int",
        "For blocks of a single slice: how many neighbouring slices the network sees with it "
        "(2.5-D). An odd number; 1 is the slice alone.",
        low=1, high=15,
    ),
    Field(
        "position", "Data", "Place in the image", "bool",
        "Also tells the network how far each voxel lies from the faces and the middle of the "
        "image. Helps where lesions lie at the same place in every image, as in images cropped "
        "round them; such a network does worse on images that are not.",
    ),
    Field(
        "batch", "Data", "Batch", "int",
        "Blocks in one step. More make steps steadier, and cost memory and time.",
        low=1, high=64,
    ),
    Field(
        "foreground_share", "Data", "Blocks on lesions", "float",
        "Share of blocks centred on a lesion; the others lie anywhere in the case. nnU-Net uses "
        "about a third; short runs learn faster with more.",
        low=0, high=1,
    ),
    Field(
        "ignore_value", "Data", "Ignored label", "int",
        "Voxels with this label value are neither learned nor scored: for what nobody is sure of.",
        low=1, high=255, optional=True,
    ),
    Field(
        "hu_low", "Data", "Lowest HU", "float",
        "Values below are cut off before the network sees them.",
        unit="HU", low=-32768, high=32767,
    ),
    Field(
        "hu_high", "Data", "Highest HU", "float",
        "Values above are cut off before the network sees them.",
        unit="HU", low=-32768, high=32767,
    ),
    Field(
        "hu_mean", "Data", "Mean HU", "float",
        "Subtracted from every voxel, so that the network's input lies round 0.",
        unit="HU", low=-32768, high=32767,
    ),
    Field(
        "hu_std", "Data", "Spread of HU", "float",
        "Every voxel is divided by this after the mean is subtracted.",
        unit="HU", low=1e-3, high=32767,
    ),
    Field(
        "network", "Network", "Type", "choice",
        "The residual U-Net is the best all-round choice; the others are MONAI's.",
        choices=_NETS,
    ),
    Field(
        "channels", "Network", "Channels", "stages",
        "Features at each stage, from full resolution down. Doubling them takes about four times "
        "the time.",
        low=2, high=1024,
    ),
    Field(
        "blocks", "Network", "Blocks", "stages",
        "Residual blocks at each stage of the encoder.", low=1, high=8,
    ),
    Field(
        "strides", "Network", "Strides", "stages",
        "How much each stage shrinks the grid (slices, rows, columns).", low=1, high=2,
    ),
    Field(
        "kernels", "Network", "Kernels", "stages",
        "Size of the convolutions at each stage. 1 across thick slices, until the grid is even.",
        low=1, high=3,
    ),
    Field(
        "deep_supervision", "Network", "Deep supervision", "bool",
        "Also judges the coarser stages of the residual U-Net or DynUNet. Helps long runs of deep "
        "networks.",
    ),
    Field(
        "loss", "Training", "Loss", "choice",
        "Dice + cross-entropy fits nearly everything. Focal and Tversky find more of very small "
        "lesions at the price of more false ones.",
        choices=_LOSSES,
    ),
    Field(
        "batch_dice", "Training", "Dice over the batch", "bool",
        "Measures Dice over all blocks of a step together instead of in each: steadier where many "
        "blocks hold no lesion, as with tiny lesions or single slices.",
    ),
    Field(
        "optimiser", "Training", "Optimiser", "choice",
        "AdamW gets far in short runs; SGD with Nesterov momentum is nnU-Net's choice for long "
        "ones.",
        choices=(("adamw", "AdamW"), ("sgd", "SGD, Nesterov momentum")),
    ),
    Field(
        "learning_rate", "Training", "Learning rate", "float",
        "Size of the steps at the start, after the warm-up. It falls to zero along the run.",
        low=1e-6, high=1,
    ),
    Field(
        "weight_decay", "Training", "Weight decay", "float",
        "Pulls weights towards zero, against learning cases by heart.", low=0, high=1,
    ),
    Field(
        "gradient_clip", "Training", "Gradient limit", "float",
        "Longer gradients are cut to this length, so that one odd block cannot ruin the run.",
        low=0.01, high=1000,
    ),
    Field(
        "warmup", "Training", "Warm-up", "float",
        "Share of the run in which the learning rate rises from zero.", low=0, high=0.5,
    ),
    Field(
        "ema_decay", "Training", "Weight averaging", "float",
        "The model kept is a running average of the weights; nearer 1 averages over more steps. "
        "0 turns it off.",
        low=0, high=0.99999,
    ),
    Field(
        "mirror", "Augmentation", "Mirror", "bool",
        "Flips blocks along all axes at random. Turn off where left and right matter.",
    ),
    Field(
        "rotation_degrees", "Augmentation", "Rotation", "float",
        "Blocks are turned by up to this angle about each axis.", unit="°", low=0, high=180,
    ),
    Field(
        "scaling", "Augmentation", "Scaling", "float",
        "Blocks are enlarged or shrunk by up to this share.", low=0, high=0.9,
    ),
    Field(
        "spatial_share", "Augmentation", "Blocks turned and scaled", "float",
        "Share of blocks that are turned, and share that are scaled. nnU-Net uses a fifth.",
        low=0, high=1,
    ),
    Field("noise", "Augmentation", "Noise", "bool", "Adds random noise to some blocks."),
    Field("blur", "Augmentation", "Blur", "bool", "Softens some blocks, like a soft kernel."),
    Field(
        "contrast", "Augmentation", "Contrast", "bool",
        "Varies brightness and contrast, like other scanners and contrast phases.",
    ),
    Field(
        "gamma", "Augmentation", "Gamma", "bool",
        "Bends the greys of some blocks, so that the network does not lean on exact HU.",
    ),
    Field(
        "low_resolution", "Augmentation", "Low resolution", "bool",
        "Shows some blocks at a coarser resolution, like thicker slices.",
    ),
    Field(
        "elastic", "Augmentation", "Elastic", "bool",
        "Bends some blocks smoothly, as soft tissue would. nnU-Net leaves it off.",
    ),
    Field(
        "quality", "Schedule", "Made for", "choice",
        "What the plan was made for. It proposed the time, and Quick turned mirrored prediction "
        "off; the run obeys the other fields.",
        choices=(("quick", "Quick"), ("balanced", "Balanced"), ("best", "Best")),
    ),
    Field(
        "budget_minutes", "Schedule", "Time budget", "float",
        "The run ends after this time, validation and saving included; the learning rate follows "
        "the clock.",
        unit="min", low=0.05, high=60 * 24 * 14, optional=True,
    ),
    Field(
        "epochs", "Schedule", "Epochs", "int",
        "The run ends after this many epochs, however long they take.",
        low=1, high=100_000, optional=True,
    ),
    Field(
        "steps_per_epoch", "Schedule", "Steps an epoch", "int",
        "An epoch here is a fixed number of steps, whatever the number of cases.",
        low=1, high=10_000,
    ),
    Field(
        "validations", "Schedule", "Validations", "int",
        "For a run by epochs: passes over the whole validation cases, spread over the run; the "
        "last is at its end.",
        low=1, high=1000,
    ),
    Field(
        "validation_minutes", "Schedule", "Validate every", "float",
        "For a run by time: a pass over the whole validation cases is made this often, but never "
        "for more than a tenth of the time; the last is at its end.",
        unit="min", low=0.02, high=600,
    ),
    Field(
        "early_stop", "Schedule", "Stop early", "bool",
        "Ends the run when the Dice of the validation cases has long stopped rising, and says so.",
    ),
    Field(
        "checkpoint_minutes", "Schedule", "Checkpoint every", "float",
        "A kill or power cut costs at most this much of the run.", unit="min", low=0.05, high=120,
    ),
    Field(
        "seed", "Schedule", "Seed", "int",
        "The same seed, plan and data give the same run on a CPU.", low=0, high=2**31 - 1,
    ),
    Field("device", "Device", "Device", "text", "Where the run computes: cpu, cuda, cuda:1 …"),
    Field(
        "precision", "Device", "Precision", "choice",
        "bf16 halves memory and time where the device has it, and costs no accuracy that was seen.",
        choices=(("fp32", "fp32"), ("bf16", "bf16"), ("fp16", "fp16")),
    ),
    Field(
        "compile", "Device", "Compile", "choice",
        "Turns the network into code for this device. Automatic: where it is possible and pays, "
        "measured at the start of the run.",
        choices=(("auto", "Automatic"), ("on", "On"), ("off", "Off")),
    ),
    Field(
        "accumulation", "Device", "Pieces of a batch", "int",
        "The batch goes through the network in this many pieces: less memory, the same step.",
        low=1, high=64,
    ),
    Field(
        "recompute", "Device", "Recompute", "bool",
        "Computes parts of the network twice instead of keeping them: far less memory, a third "
        "more time.",
    ),
    Field(
        "processes", "Device", "Processes", "int",
        "Workers that share each batch, one a device.", low=1, high=64,
    ),
    Field(
        "pool_gb", "Device", "Memory for cases", "float",
        "Device memory that prepared cases may fill; 0 takes what fits. Beyond it they take turns.",
        unit="GB", low=0, high=2000,
    ),
    Field(
        "threads", "Device", "CPU threads", "int",
        "Processor cores used; 0 takes all of them.", low=0, high=256,
    ),
    Field(
        "overlap", "Prediction", "Overlap", "float",
        "How much neighbouring blocks overlap when a whole case is predicted.", low=0, high=0.9,
    ),
    Field(
        "mirror_inference", "Prediction", "Mirrored prediction", "bool",
        "Predicts each block in eight mirrored versions and averages them: slower, more exact.",
    ),
    Field(
        "min_component_ml", "Prediction", "Smallest lesion", "float",
        "Predicted pieces smaller than this are dropped.", unit="mL", low=0, high=1000,
    ),
    Field(
        "largest_component", "Prediction", "Largest lesion only", "bool",
        "Keeps only the largest predicted piece: right where every case has exactly one lesion.",
    ),
)
# fmt: on
