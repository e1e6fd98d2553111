"""A small plan for tests; any field may be given."""

from __future__ import annotations

from typing import Any

from core.data.plan import Plan, PlanClass


def tiny_plan(**changes: Any) -> Plan:
    """A three-stage residual U-Net on 16³ blocks of a 4 mm grid, on the CPU."""
    values: dict[str, Any] = {
        "name": "Test",
        "classes": (PlanClass(1, "Tumour"),),
        "spacing": (4.0, 4.0, 4.0),
        "patch": (16, 16, 16),
        "hu_low": -200.0,
        "hu_high": 300.0,
        "hu_mean": 40.0,
        "hu_std": 80.0,
        "channels": (8, 16, 32),
        "blocks": (1, 1, 1),
        "strides": ((1, 1, 1), (2, 2, 2), (2, 2, 2)),
        "kernels": ((3, 3, 3),) * 3,
        "epochs": 2,
        "steps_per_epoch": 3,
        "validations": 2,
        "device": "cpu",
        "mirror_inference": False,
    }
    if "budget_minutes" in changes:
        values["epochs"] = None
    return Plan(**{**values, **changes})
