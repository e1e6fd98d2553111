"""What can be done about a doubtful volume: the choice as a value.

A series that misses a slice, changes its distances or was scanned with a tilted gantry has no
regular grid, and a volume must have one. Nothing is mended silently: the volume is shown as it was
scanned, with its checks, until somebody chooses one of the remedies that
:mod:`core.dicom.offers` calls safe for it. The choice is kept with the series, and every earlier
one with it; :mod:`core.dicom.outcomes` says what the volume becomes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

Kind = Literal["keep", "interpolate", "resample", "shear", "split", "refuse"]

KINDS: tuple[Kind, ...] = get_args(Kind)

#: Those that give a volume another grid.
REGRIDDING: tuple[Kind, ...] = ("interpolate", "resample", "shear")

#: Version of the meaning of a remedy: grows when the same choice would give other voxels.
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What was chosen for a volume.

    kind: ``keep`` it as it is; ``interpolate`` the missing slices; ``resample`` onto a regular
    grid (and straighten a tilt); ``shear``: undo the gantry's tilt by moving each slice in its
    plane; ``split`` into volumes of their own; ``refuse``: use it for nothing.
    spacing: mm between slices of ``resample``; 0 means the usual distance. cuts: for ``split`` the
    index (from 0) of the first slice of every part but the first.
    """

    kind: Kind = "keep"
    spacing: float = 0.0
    cuts: tuple[int, ...] = ()
    version: int = VERSION

    @property
    def identity(self) -> str:
        """A short text that differs when voxels or grid would; empty for ``keep``."""
        if self.kind == "keep":
            return ""
        text = json.dumps(self.as_json(), sort_keys=True)
        return f"{self.kind}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; see :meth:`from_json`."""
        return {
            "kind": self.kind,
            "spacing": self.spacing,
            "cuts": list(self.cuts),
            "version": self.version,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Remedy:
        """Inverse of :meth:`as_json`; unknown fields are skipped. Raises ValueError for a kind or
        version this program does not know.
        """
        known: dict[str, Any] = {f.name: value[f.name] for f in fields(cls) if f.name in value}
        known["cuts"] = tuple(int(cut) for cut in known.get("cuts", ()))
        made = cls(**known)
        if made.kind not in KINDS or made.version > VERSION:
            raise ValueError(f"remedy {made.kind!r} of version {made.version} is not known")
        return made


KEEP = Remedy()


@dataclass(frozen=True, slots=True)
class Choice:
    """A remedy somebody chose. at: ISO time with zone. undone: whether it was taken back since."""

    remedy: Remedy
    at: str
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """A remedy that is safe for a volume.

    title: a few words for a button. text: one or two sentences of what it does and what it costs.
    recommended: at most one offer of a volume is. current: whether it is what is chosen now.
    """

    remedy: Remedy
    title: str
    text: str
    recommended: bool = False
    current: bool = False
