"""How the slices of a series were found to lie, before anybody chose a remedy for it.

A :class:`~core.geometry.Geometry` has one slice distance and slices that lie straight above one
another. A series with a missing slice, varying distances or a tilted gantry has not; this value
keeps where each of its slices truly lies, so that a remedy can be chosen, changed and undone
without asking the files again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.dicom.tolerances import POSITION_MM, lattice_mm
from core.geometry import Geometry
from core.volume import Check


@dataclass(frozen=True, slots=True)
class Scanned:
    """A stack of parallel slices as scanned.

    geometry: the grid by the usual slice distance, as the volume is shown when it is kept as it
    is. offsets: mm of each slice along the normal from the first, ascending. shifts: mm (down,
    right) of each slice's first pixel from that of the first slice, in the plane. frames: for
    multi-frame files (index of the file, index of the frame) of each slice; empty for a file a
    slice. checks: what was doubtful when it was found.
    """

    geometry: Geometry
    offsets: tuple[float, ...]
    shifts: tuple[tuple[float, float], ...]
    frames: tuple[tuple[int, int], ...] = ()
    checks: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        count = self.geometry.shape[0]
        if len(self.offsets) != count or len(self.shifts) != count:
            raise ValueError(f"{count} slices need as many offsets and shifts")
        if self.frames and len(self.frames) != count:
            raise ValueError(f"{count} slices need as many frames")
        if np.any(np.diff(self.offsets) <= 0):
            raise ValueError("offsets must ascend")

    @classmethod
    def even(cls, geometry: Geometry, checks: tuple[Check, ...] = ()) -> Scanned:
        """A stack without gaps or tilt."""
        step = geometry.spacing[0]
        count = geometry.shape[0]
        return cls(
            geometry, tuple(i * step for i in range(count)), ((0.0, 0.0),) * count, (), checks
        )

    @property
    def gaps(self) -> NDArray[np.float64]:
        """mm from each slice to the next, one fewer than slices."""
        return np.diff(self.offsets)

    @property
    def uneven(self) -> bool:
        """Whether a slice lies off the regular lattice of the usual distance."""
        step = self.geometry.spacing[0]
        lattice = np.arange(len(self.offsets)) * step
        return bool(np.abs(np.asarray(self.offsets) - lattice).max() > lattice_mm(step))

    @property
    def sheared(self) -> bool:
        """Whether slices lie aside of the first by more than positions may be off."""
        return bool(np.abs(np.asarray(self.shifts)).max() > POSITION_MM)

    @property
    def plain(self) -> bool:
        """Whether the grid alone says it all."""
        return not (self.frames or self.uneven or self.sheared)

    @classmethod
    def of(
        cls,
        geometry: Geometry,
        positions: NDArray[np.float64],
        frames: tuple[tuple[int, int], ...] = (),
    ) -> Scanned:
        """The stack whose slices have their first pixels at ``positions``: LPS mm [n, 3]."""
        moved = (positions - positions[0]) @ geometry.axes
        return cls(
            geometry,
            tuple(moved[:, 2].tolist()),
            tuple((float(down), float(right)) for right, down, _ in moved),
            frames,
        )

    def positions(self) -> NDArray[np.float64]:
        """LPS mm [n, 3] of the centre of each slice's first pixel."""
        axes = self.geometry.axes
        down, right = np.asarray(self.shifts).T
        steps = np.outer(self.offsets, axes[:, 2])
        return (
            np.asarray(self.geometry.origin)
            + steps
            + np.outer(down, axes[:, 1])
            + np.outer(right, axes[:, 0])
        )

    def part(self, start: int, stop: int) -> Scanned:
        """The slices ``start`` to before ``stop`` as a stack of their own, without checks."""
        offsets = np.asarray(self.offsets[start:stop]) - self.offsets[start]
        shifts = np.asarray(self.shifts[start:stop]) - self.shifts[start]
        x, y, z = self.positions()[start].tolist()
        old = self.geometry
        spacing = (usual_distance(offsets, old.spacing[0]), *old.spacing[1:])
        grid = replace(old, shape=(stop - start, *old.shape[1:]), spacing=spacing, origin=(x, y, z))
        return Scanned(
            grid,
            tuple(offsets.tolist()),
            tuple((float(d), float(r)) for d, r in shifts),
            self.frames[start:stop],
        )

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; see :meth:`from_json`."""
        return {
            "geometry": self.geometry.as_json(),
            "offsets": list(self.offsets),
            "shifts": [list(pair) for pair in self.shifts],
            "frames": [list(pair) for pair in self.frames],
            "checks": [[check.code, check.message] for check in self.checks],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Scanned:
        """Inverse of :meth:`as_json`. Raises KeyError or ValueError on anything else."""
        return cls(
            Geometry.from_json(value["geometry"]),
            tuple(float(o) for o in value["offsets"]),
            tuple((float(down), float(right)) for down, right in value["shifts"]),
            tuple((int(file), int(frame)) for file, frame in value["frames"]),
            tuple(Check(code, message) for code, message in value["checks"]),
        )


def usual_distance(offsets: NDArray[np.float64], nominal: float) -> float:
    """Slice distance in mm of ``offsets`` (ascending): their mean where they lie on a regular
    lattice, else the lower median of the distances; ``nominal`` for a slice without a neighbour.

    The lower median, because with few slices one large gap is half of all gaps.
    """
    if len(offsets) == 1:
        return nominal
    mean = float(offsets[-1] - offsets[0]) / (len(offsets) - 1)
    lattice = offsets[0] + np.arange(len(offsets)) * mean
    if np.abs(offsets - lattice).max() <= lattice_mm(mean):
        return round(mean, 6)
    gaps = np.sort(np.diff(offsets))
    return round(float(gaps[(len(gaps) - 1) // 2]), 6)
