"""Plans of earlier versions as this program reads them, so that users keep models and runs.

One function a version, each from its version to the next, on plain JSON. A field that was new in a
version gets the value that does what the program did before it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.errors import UserError


def migrated(value: dict[str, Any], version: int) -> dict[str, Any]:
    """``value`` as a plan of ``version``; the very same where it is one.

    Raises UserError with what to do when the plan's version is unknown or newer.
    """
    found = value.get("version")
    if found == version:
        return value
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise UserError(f"This is no plan of LesionForge: its version is {found}. Make a new plan.")
    if found > version:
        raise UserError(
            f"This plan has version {found}, and this program reads versions up to {version}. "
            "Update LesionForge, or make a new plan."
        )
    plan = dict(value)
    while plan["version"] < version:
        plan = _STEPS[plan["version"]](plan)
    return plan


def _from_1(plan: dict[str, Any]) -> dict[str, Any]:
    """Version 2 split gamma off contrast, counts validations by time, and can stop early."""
    minutes = plan.get("budget_minutes")
    validations = plan.get("validations")
    new: dict[str, Any] = {"gamma": plan.get("contrast", True), "early_stop": False}
    if isinstance(minutes, int | float) and isinstance(validations, int) and validations > 0:
        # As many passes as before; within what the field may hold.
        new["validation_minutes"] = min(600.0, max(0.02, minutes / validations))
    return {**plan, **new, "version": 2}


_STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
