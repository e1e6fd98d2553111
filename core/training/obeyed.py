"""What a run does otherwise than its plan says, because the machine made it: ``obeyed.json``.

``plan.json`` stays what the user decided. A resumed run begins with what was found out here, so it
goes on where it was, and its model's card tells of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.data.plan import Plan
from core.errors import FileRefusedError
from core.labels.durable import write_bytes

FILE = "obeyed.json"
FORMAT = 1
#: The fields of a plan that may be given up for memory.
FIELDS = ("accumulation", "patch", "recompute")


@dataclass(frozen=True, slots=True)
class Obeyed:
    """changes: fields of the plan by their obeyed value. reasons: sentences, oldest first.

    compiled: whether the steps run compiled; None: not decided yet.
    """

    changes: dict[str, Any] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    compiled: bool | None = None

    @classmethod
    def load(cls, run_dir: Path) -> Obeyed:
        """What was kept in ``run_dir``; nothing where there is no file. Raises FileRefusedError."""
        path = run_dir / FILE
        if not path.is_file():
            return cls()
        try:
            value = json.loads(path.read_bytes())
            if value["format"] != FORMAT:
                raise ValueError(value["format"])
            changes = {key: value["changes"][key] for key in FIELDS if key in value["changes"]}
            if "patch" in changes:
                changes["patch"] = tuple(changes["patch"])
            return cls(changes, tuple(value["reasons"]), value["compiled"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FileRefusedError(
                path, "it cannot be read", "Delete it: the run then tries its plan again."
            ) from error

    def apply(self, plan: Plan) -> Plan:
        """``plan`` with the changes. Raises UserError when they no longer make a plan."""
        return replace(plan, **self.changes) if self.changes else plan

    def changed(self, plan: Plan, reason: str) -> Obeyed:
        """With the memory fields of ``plan`` and one reason more."""
        changes = {key: getattr(plan, key) for key in FIELDS}
        # What was compiled was so for other sizes.
        return Obeyed(changes, (*self.reasons, reason), compiled=False)

    def save(self, run_dir: Path) -> None:
        """Write it, whole or not at all. Raises OSError."""
        value = {
            "format": FORMAT,
            "changes": self.changes,
            "reasons": self.reasons,
            "compiled": self.compiled,
        }
        write_bytes(run_dir / FILE, json.dumps(value, indent=1, ensure_ascii=False).encode())
