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

from core.dicom.elements import Elements, items, numbers, text
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


def table_of(path: Path, dataset: Elements, signed: bool) -> ModalityTable:
    """The table of a file. signed: whether its stored values are.

    Raises FileRefusedError when its output is not HU, or it is damaged.
    """
    found = items(dataset, "ModalityLUTSequence")
    if len(found) != 1:
        raise FileRefusedError(path, "the table its values pass through is damaged")
    kind = text(found[0], "ModalityLUTType").upper()
    if kind != "HU":
        named = kind[:16] or "an unknown unit"
        raise FileRefusedError(path, f"its values pass through a table to {named}, not to HU")
    described = [int(v) for v in numbers(found[0], "LUTDescriptor")]
    entries = _entries(found[0].get("LUTData"), described[2] if len(described) == 3 else 0)
    if len(described) != 3 or (described[0] or _WORD) != len(entries):
        raise FileRefusedError(path, "the table its values pass through is damaged")
    first = described[1] % _WORD
    return ModalityTable(first - _WORD if signed and first >= _WORD // 2 else first, entries)


def _entries(data: Any, bits: int) -> NDArray[np.int32]:
    """The entries as they are: bytes where the VR is OW, else numbers."""
    if isinstance(data, bytes):
        values = np.frombuffer(data, "<u2" if bits > 8 else "u1")
    else:
        values = np.asarray([] if data is None else data, dtype=np.int64).ravel() % _WORD
    return values.astype(np.int32)
