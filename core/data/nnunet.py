"""Ways to vary blocks, as fields of a plan: ours, and nnU-Net's own. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Literal

from core.data.plan import Plan
from core.data.plan_fields import Field

Augmentation = Literal["lesionforge", "nnunet"]

#: ``dataclasses.replace(plan, **AUGMENTATION)`` is the one way to ask for it: rotation by up to 30
#: degrees and scaling by 0.7 to 1.4 of a fifth of the blocks each, mirrors along all axes, noise,
#: blur, brightness, contrast, low resolution and gamma with nnU-Net's chances and ranges.
AUGMENTATION: Mapping[str, bool | float] = MappingProxyType(
    {
        "mirror": True,
        "rotation_degrees": 30.0,
        "scaling": 0.4,
        "spatial_share": 0.2,
        "noise": True,
        "blur": True,
        "contrast": True,
        "gamma": True,
        "low_resolution": True,
        "elastic": False,
    }
)

#: The fields of a plan by whose augmentation it is; ours is what a plan has unless told otherwise.
AUGMENTATIONS: Mapping[Augmentation, Mapping[str, Any]] = MappingProxyType(
    {
        "lesionforge": MappingProxyType(
            {field.name: field.default for field in fields(Plan) if field.name in AUGMENTATION}
        ),
        "nnunet": AUGMENTATION,
    }
)

#: The choice between them as a form shows it; no field of a plan, but it sets those below it.
CHOICE = Field(
    "augmentation", "Augmentation", "Set as", "choice",
    "Sets all fields below. LesionForge's is milder and varies more of the blocks, for short runs; "
    "nnU-Net's own is stronger and varies a fifth of them.",
    choices=(("lesionforge", "LesionForge"), ("nnunet", "nnU-Net"), ("own", "Own values")),
)  # fmt: skip


def augmentation_of(plan: Plan) -> Augmentation | Literal["own"]:
    """Whose augmentation the fields of ``plan`` are; ``own`` where they are nobody's."""
    for name, values in AUGMENTATIONS.items():
        if all(getattr(plan, key) == value for key, value in values.items()):
            return name
    return "own"
