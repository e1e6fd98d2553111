"""nnU-Net's own augmentation, as fields of a plan. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

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
