"""Changes of a label map as values that can undo themselves.

An edit holds the content of one box before and after, so that applying, reverting, storing and
repainting it cost that box and not the volume. Boxes are half-open, array order (z, y, x).
"""

from __future__ import annotations

import struct
import time as clock
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]
Box = tuple[Span, Span, Span]
Labels = NDArray[np.uint8]

EMPTY: Box = ((0, 0), (0, 0), (0, 0))

#: Box (six u32), value, time, bytes of the name. Little-endian on every platform.
_HEAD = struct.Struct("<6IBdH")


class BrokenEditError(ValueError):
    """Bytes that are no edit of a grid of the given shape."""


def slices(box: Box) -> tuple[slice, slice, slice]:
    """The index that cuts ``box`` out of an array."""
    (z0, z1), (y0, y1), (x0, x1) = box
    return (slice(z0, z1), slice(y0, y1), slice(x0, x1))


def box_shape(box: Box) -> tuple[int, int, int]:
    """Voxels (z, y, x) of a box."""
    (z0, z1), (y0, y1), (x0, x1) = box
    return (z1 - z0, y1 - y0, x1 - x0)


def is_empty(box: Box) -> bool:
    """Whether a box holds no voxel."""
    return min(box_shape(box)) <= 0


def intersection(a: Sequence[Span], b: Sequence[Span]) -> Box:
    """What two boxes have in common; :data:`EMPTY` when that is nothing."""
    spans = [(max(p[0], q[0]), min(p[1], q[1])) for p, q in zip(a, b, strict=True)]
    if any(low >= high for low, high in spans):
        return EMPTY
    return (spans[0], spans[1], spans[2])


def clip_box(box: Sequence[Span], shape: Sequence[int]) -> Box:
    """The part of ``box`` that lies in a grid of ``shape``; :data:`EMPTY` when none does."""
    return intersection(box, [(0, n) for n in shape])


def union(a: Box, b: Box) -> Box:
    """The smallest box that holds both; an empty one adds nothing."""
    if is_empty(a):
        return b
    if is_empty(b):
        return a
    spans = [(min(p[0], q[0]), max(p[1], q[1])) for p, q in zip(a, b, strict=True)]
    return (spans[0], spans[1], spans[2])


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """One undo step. before, after: uint8 of the box's shape. name: what the user did.

    value: the label class that was worked on (0 where it was all of them). time: seconds since
    the epoch. The arrays are made read-only: an edit never changes.
    """

    box: Box
    before: Labels
    after: Labels
    name: str
    value: int
    time: float = field(default_factory=clock.time)

    def __post_init__(self) -> None:
        shape = box_shape(self.box)
        if self.before.shape != shape or self.after.shape != shape or min(shape) < 1:
            raise ValueError(f"an edit of {self.box} needs two arrays of shape {shape}")
        if self.before.dtype != np.uint8 or self.after.dtype != np.uint8:
            raise ValueError("an edit holds uint8 labels")
        if not 0 <= self.value <= 255:
            raise ValueError(f"a label value must be 0 to 255, not {self.value}")
        self.before.flags.writeable = False
        self.after.flags.writeable = False

    def apply(self, labels: Labels) -> None:
        """Write the new content into the whole map ``labels`` [z, y, x], in place."""
        labels[slices(self.box)] = self.after

    def revert(self, labels: Labels) -> None:
        """Write the old content into the whole map ``labels`` [z, y, x], in place."""
        labels[slices(self.box)] = self.before

    def inverse(self) -> Edit:
        """The edit that takes this one back."""
        return Edit(self.box, self.after, self.before, self.name, self.value)

    @property
    def nbytes(self) -> int:
        """Memory of the two arrays."""
        return self.before.nbytes + self.after.nbytes


def make_edit(labels: Labels, box: Box, after: Labels, name: str, value: int = 0) -> Edit | None:
    """The edit that turns the content of ``box`` in ``labels`` into ``after``; None if it is that.

    labels: the whole map [z, y, x] before the change; it is not written. after: uint8 of the
    box's shape, copied. The edit's box is trimmed to what changes.
    """
    if is_empty(box):
        return None
    before = labels[slices(box)]
    if after.shape != before.shape:
        raise ValueError(f"{box} needs content of shape {before.shape}, not {after.shape}")
    changed = before != after
    trimmed: list[Span] = []
    inner: list[slice] = []
    for axis, (start, _) in enumerate(box):
        others = tuple(a for a in range(3) if a != axis)
        hit = np.flatnonzero(changed.any(axis=others))
        if hit.size == 0:
            return None
        first, last = int(hit[0]), int(hit[-1]) + 1
        trimmed.append((start + first, start + last))
        inner.append(slice(first, last))
    cut = (inner[0], inner[1], inner[2])
    return Edit(
        (trimmed[0], trimmed[1], trimmed[2]),
        np.array(before[cut], order="C"),
        np.array(after[cut], dtype=np.uint8, order="C"),
        name,
        value,
    )


def merge(labels: Labels, edits: Sequence[Edit], name: str, value: int = 0) -> Edit | None:
    """One undo step for several edits that were just applied to ``labels``, in that order.

    A brush paints while the mouse moves; only its release is a step. Costs the union of the
    boxes. None when nothing differs in the end. Reverting the edits in reverse order instead
    cancels the stroke.
    """
    box = EMPTY
    for edit in edits:
        box = union(box, edit.box)
    if is_empty(box):
        return None
    corner = tuple(span[0] for span in box)
    after = np.array(labels[slices(box)], order="C")
    before = after.copy()
    for edit in reversed(edits):
        spans = [(a - c, b - c) for (a, b), c in zip(edit.box, corner, strict=True)]
        before[slices((spans[0], spans[1], spans[2]))] = edit.before
    whole = make_edit(before, _at_origin(box), after, name, value)
    if whole is None:
        return None
    spans = [(a + c, b + c) for (a, b), c in zip(whole.box, corner, strict=True)]
    return Edit((spans[0], spans[1], spans[2]), whole.before, whole.after, name, value)


def _at_origin(box: Box) -> Box:
    depth, height, width = box_shape(box)
    return ((0, depth), (0, height), (0, width))


def encode(edit: Edit) -> bytes:
    """The edit as bytes, compressed: label maps shrink a hundredfold at zlib's fastest level."""
    name = edit.name.encode()[:65535]
    flat = [n for span in edit.box for n in span]
    head = _HEAD.pack(*flat, edit.value, edit.time, len(name))
    packer = zlib.compressobj(1)
    body = packer.compress(edit.before.tobytes())
    body += packer.compress(edit.after.tobytes()) + packer.flush()
    return head + name + body


def decode(data: bytes, shape: Sequence[int]) -> Edit:
    """Inverse of :func:`encode` for a grid of ``shape`` (z, y, x).

    Never allocates more than two boxes of that grid, whatever the bytes claim. Raises
    :class:`BrokenEditError` when they are no edit of that grid.
    """
    if len(data) < _HEAD.size:
        raise BrokenEditError("too short")
    z0, z1, y0, y1, x0, x1, value, time, length = _HEAD.unpack_from(data)
    box: Box = ((z0, z1), (y0, y1), (x0, x1))
    if any(not 0 <= a < b <= n for (a, b), n in zip(box, shape, strict=True)):
        raise BrokenEditError(f"box {box} is outside the grid {tuple(shape)}")
    size = int(np.prod(box_shape(box)))
    start = _HEAD.size + length
    unpacker = zlib.decompressobj()
    try:
        name = data[_HEAD.size : start].decode()
        # One byte more than is wanted, so that longer content shows without being unpacked.
        raw = unpacker.decompress(memoryview(data)[start:], 2 * size + 1)
    except (zlib.error, UnicodeDecodeError) as error:
        raise BrokenEditError(str(error)) from error
    if len(raw) != 2 * size or not unpacker.eof:
        raise BrokenEditError(f"the content is not {2 * size} bytes")
    both = np.frombuffer(raw, dtype=np.uint8).reshape(2, *box_shape(box))
    return Edit(box, both[0], both[1], name, value, time)
