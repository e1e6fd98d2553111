"""The header of a safetensors file, checked before anything is allocated. No torch.

The format (huggingface/safetensors): eight bytes little-endian length, that much JSON, then the
tensors. The JSON maps names to dtype, shape and offsets, and ``__metadata__`` to texts.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import FileRefusedError

SUFFIX = ".safetensors"
PLAN_KEY = "lesionforge.plan"
CARD_KEY = "lesionforge.card"

#: A plan and a card take some 10 kB, the names of a few hundred tensors as much again.
MAX_HEADER_BYTES = 8 * 1024 * 1024
_ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1, "BOOL": 1}
_REMEDY = "Export the model again, or use another file."


@dataclass(frozen=True, slots=True)
class Header:
    """metadata: the texts. shapes: of each tensor by name."""

    metadata: dict[str, str]
    shapes: dict[str, tuple[int, ...]]

    @property
    def parameters(self) -> int:
        """Numbers in all tensors together."""
        return sum(math.prod(shape) for shape in self.shapes.values())


def read_header(path: Path) -> Header:
    """The header of ``path``. Raises FileRefusedError for anything but a whole, sound file."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if size < 10 or length > size - 8:
                raise FileRefusedError(path, "it is no safetensors file, or was cut off", _REMEDY)
            if length > MAX_HEADER_BYTES:
                raise FileRefusedError(path, "its header is far too large", _REMEDY)
            text = stream.read(length)
    except OSError as error:
        raise FileRefusedError(path, "it cannot be opened", str(error)) from error
    try:
        value = json.loads(text)
        if not isinstance(value, dict):
            raise TypeError("an object expected")
        metadata = value.pop("__metadata__", {})
        if not all(isinstance(v, str) for v in metadata.values()):
            raise TypeError("texts expected")
        shapes = _shapes(value, size - 8 - length)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FileRefusedError(path, "its header makes no sense", _REMEDY) from error
    return Header(metadata, shapes)


def _shapes(entries: dict[str, Any], data_bytes: int) -> dict[str, tuple[int, ...]]:
    """Shapes by name. Raises ValueError unless the tensors fill the data without gap or overlap."""
    shapes: dict[str, tuple[int, ...]] = {}
    spans: list[tuple[int, int]] = []
    for name, entry in entries.items():
        shape = tuple(entry["shape"])
        start, end = entry["data_offsets"]
        whole = (*shape, start, end)
        if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in whole):
            raise ValueError("counts expected")
        if math.prod(shape) * _ITEM_BYTES[entry["dtype"]] != end - start:
            raise ValueError("a tensor's size is not that of its shape")
        spans.append((start, end))
        shapes[name] = shape
    position = 0
    for start, end in sorted(spans):
        if start != position:
            raise ValueError("tensors overlap or leave a gap")
        position = end
    if position != data_bytes:
        raise ValueError("the file is longer or shorter than its tensors")
    return shapes
