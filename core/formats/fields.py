"""A header that is text, one named field a line: NRRD's and MetaImage's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from core.errors import FileRefusedError


@dataclass(frozen=True, slots=True)
class Fields:
    """fields: values as written, by name in lower case. end: first byte after the header.

    What a field holds instead of numbers raises FileRefusedError with its name.
    """

    kind: ClassVar[str]
    path: Path
    fields: dict[str, str]
    end: int

    def text(self, *names: str) -> str:
        """The first of these fields that is there; empty when none is."""
        return next((self.fields[n] for n in names if n in self.fields), "")

    def numbers(self, *names: str) -> list[float]:
        """The numbers of the first of these fields that is there."""
        try:
            return [float(word) for word in self.text(*names).split()]
        except ValueError as error:
            raise self.damaged(names[0]) from error

    def whole(self, name: str, usual: int = 0) -> int:
        """A whole number; ``usual`` where the field is absent or empty."""
        text = self.text(name) or str(usual)
        if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
            raise self.damaged(name)
        return int(text)

    def damaged(self, name: str) -> FileRefusedError:
        """To raise: the file is refused for what a field holds."""
        return FileRefusedError(self.path, f"its {self.kind} header is damaged (field “{name}”)")
