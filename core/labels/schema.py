"""The label classes of a project: value in the map, name, colour."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

#: The design's palette in order of use; pairwise ΔE76 ≥ 24, also for the colour-blind.
PALETTE = ("#F59E2B", "#2C9A84", "#F6EF9A", "#BB84D2", "#C4DAF9", "#EE5843")

#: What stands for "not sure" in arrays of output channels (0 background, then the classes):
#: neither learned nor scored.
IGNORE = 255

_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}\Z")


@dataclass(frozen=True, slots=True)
class LabelClass:
    """One class. value: 1-255, the voxel value in a label map. colour: ``#RRGGBB``.

    lesion: whether its connected parts are counted and measured as lesions, and whether it is
    what a model is trained to find. ignore: whether it means "not sure": its voxels are neither
    learned nor scored; such a class is no lesion.
    """

    value: int
    name: str
    colour: str
    lesion: bool = False
    ignore: bool = False

    def __post_init__(self) -> None:
        if self.lesion and self.ignore:
            raise ValueError("a label cannot be both a lesion and ignored")
        if not 1 <= self.value <= 255:
            raise ValueError(f"a label value must be 1 to 255, not {self.value}")
        if not isinstance(self.name, str) or not self.name.strip() or len(self.name) > 64:
            raise ValueError("a label needs a name of 1 to 64 characters")
        if not _COLOUR.match(self.colour):
            raise ValueError(f"a colour must look like #F59E2B, not {self.colour!r}")


@dataclass(frozen=True, slots=True)
class LabelSchema:
    """The classes of a project, in the order of the keys 1-9."""

    classes: tuple[LabelClass, ...]

    def __post_init__(self) -> None:
        values = [c.value for c in self.classes]
        if len(set(values)) != len(values):
            raise ValueError("two label classes have the same value")
        if sum(c.ignore for c in self.classes) > 1:
            raise ValueError("two label classes are ignored")

    @classmethod
    def default(cls) -> LabelSchema:
        """Tumour, organ, necrosis, vessel."""
        names = ("Tumour", "Organ", "Necrosis", "Vessel")
        return cls(
            tuple(
                LabelClass(i, name, PALETTE[i - 1], lesion=i == 1)
                for i, name in enumerate(names, start=1)
            )
        )

    @property
    def lesion_values(self) -> tuple[int, ...]:
        """Values of the classes that count as lesions."""
        return tuple(c.value for c in self.classes if c.lesion)

    @property
    def trained(self) -> tuple[LabelClass, ...]:
        """What a model is trained to find: the lesions; all classes when none is a lesion."""
        lesions = tuple(c for c in self.classes if c.lesion)
        return lesions or tuple(c for c in self.classes if not c.ignore)

    @property
    def ignore_value(self) -> int | None:
        """The value of the class that means "not sure", or None."""
        return next((c.value for c in self.classes if c.ignore), None)

    def with_ignored(self, value: int | None) -> LabelSchema:
        """The schema with ``value`` meaning "not sure", and no other; None: no class does."""
        return LabelSchema(
            tuple(
                replace(c, ignore=c.value == value, lesion=c.lesion and c.value != value)
                for c in self.classes
            )
        )

    def by_value(self, value: int) -> LabelClass:
        """The class of a voxel value. Raises KeyError when there is none."""
        for label in self.classes:
            if label.value == value:
                return label
        raise KeyError(value)

    def by_name(self, name: str) -> LabelClass | None:
        """The class of that name, whatever its case, or None."""
        wanted = name.strip().casefold()
        return next((c for c in self.classes if c.name.casefold() == wanted), None)

    def with_class(
        self, name: str, lesion: bool = False, colour: str | None = None
    ) -> tuple[LabelSchema, LabelClass]:
        """A schema with one more class, at the next free value, and that class.

        colour: ``#RRGGBB``; the palette's next one when None.

        Raises ValueError when all 255 values are taken.
        """
        taken = {c.value for c in self.classes}
        value = next((v for v in range(1, 256) if v not in taken), None)
        if value is None:
            raise ValueError("all 255 label values are taken")
        chosen = colour or PALETTE[(value - 1) % len(PALETTE)]
        added = LabelClass(value, name.strip(), chosen, lesion)
        return LabelSchema((*self.classes, added)), added

    def as_json(self) -> list[dict[str, Any]]:
        """One object a class."""
        return [asdict(c) for c in self.classes]

    @classmethod
    def from_json(cls, value: Sequence[dict[str, Any]]) -> LabelSchema:
        """Inverse of :meth:`as_json`. Raises TypeError or ValueError on anything else."""
        return cls(tuple(LabelClass(**item) for item in value))
