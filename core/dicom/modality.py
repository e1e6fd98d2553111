"""The modality table of a file: stored values to HU where no straight line says it.

PS3.3 C.11.1.1: a table maps stored values from ``first`` on to its entries; values below take the
first entry, values above the last. Its entries are unsigned numbers of 8 or 16 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.dicom.elements import Parsed, items, numbers, text, whole
from core.errors import FileRefusedError

_WORD = 0x10000


@dataclass(frozen=True, slots=True)
class ModalityTable:
    """entries: HU, int32 [n], of stored values ``first``, ``first`` + 1 ..."""

    first: int
    entries: NDArray[np.int32]

    def apply(self, stored: NDArray[Any]) -> NDArray[np.int32]:
        """HU of stored whole numbers, same shape."""
        places = np.clip(stored.astype(np.int64) - self.first, 0, len(self.entries) - 1)
        return self.entries[places]


def table_of(path: Path, parsed: Parsed) -> ModalityTable:
    """The table of a file.

    Raises FileRefusedError when its output is not HU, or it is damaged.
    """
    found = items(parsed.dataset, "ModalityLUTSequence")
    if len(found) != 1:
        raise FileRefusedError(path, "the table its values pass through is damaged")
    kind = text(found[0], "ModalityLUTType").upper()
    if kind != "HU":
        named = kind[:16] or "an unknown unit"
        raise FileRefusedError(path, f"its values pass through a table to {named}, not to HU")
    described = [int(v) for v in numbers(found[0], "LUTDescriptor")]
    words = len(described) == 3 and described[2] > 8
    order = "<" if parsed.little_endian else ">"
    entries = _entries(found[0].get("LUTData"), f"{order}u2" if words else "u1")
    if len(described) != 3 or (described[0] or _WORD) != len(entries):
        raise FileRefusedError(path, "the table its values pass through is damaged")
    signed = whole(parsed.dataset, "PixelRepresentation") == 1
    first = described[1] % _WORD
    return ModalityTable(first - _WORD if signed and first >= _WORD // 2 else first, entries)


def _entries(data: Any, kind: str) -> NDArray[np.int32]:
    """The entries as they are: bytes of the type ``kind`` where the VR is OW, else numbers."""
    if isinstance(data, bytes):
        values: NDArray[Any] = np.frombuffer(data, kind)
    else:
        values = np.asarray([] if data is None else data, dtype=np.int64).ravel() % _WORD
    return values.astype(np.int32)
