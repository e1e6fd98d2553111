"""Several images of a series at one place: copies, and images that differ."""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.dicom.decode import PixelFile
from core.dicom.headers import Header
from core.dicom.patience import patiently
from core.dicom.rescale import Losses
from core.dicom.slices import Slice, axes_of
from core.dicom.tolerances import SAME_PLACE_MM
from core.errors import FileRefusedError
from core.volume import Check

#: Slices of a volume at the places of others that are compared with those, and files of one
#: instance UID that are: enough for every honest series, and an end for others. A file of 2 KB can
#: put a hundred frames at one place.
_COMPARED = 500
_ORIGINALS = 8


@dataclass(frozen=True, slots=True)
class Left:
    """A slice that was left out because another lies at its place. same: whether their pixels are
    identical; None where one could not be decoded. stray: it lies on a grid of its own instead, of
    which its series has too many.
    """

    slice: Slice
    kept: Slice
    same: bool | None
    stray: bool = False


def places(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Ordered slices by place along the normal, those nearer than the tolerance together."""
    normal = axes_of(slices[0].frame)[:, 2]
    found: list[list[Slice]] = []
    last = 0.0
    for item in slices:
        if item.frame.position is None:
            found.append([item])
            continue
        here = float(np.asarray(item.frame.position) @ normal)
        if found and here - last <= SAME_PLACE_MM:
            found[-1].append(item)
        else:
            found.append([item])
            last = here
    return found


def first_of_each(slices: Sequence[Slice]) -> tuple[list[Slice], list[Left]]:
    """The first slice of each place, and those left out, compared with it."""
    kept: list[Slice] = []
    left: list[Left] = []
    pixels = PixelComparison()
    for first, *others in places(slices):
        kept.append(first)
        left += [Left(other, first, pixels.same(first, other)) for other in others]
    return kept, left


class PixelComparison:
    """Compares slices; a file with many frames is opened once and not for each of them."""

    def __init__(self) -> None:
        self._open: dict[Path, PixelFile] = {}
        self._left = _COMPARED

    def same(self, a: Slice, b: Slice) -> bool | None:
        """Whether two slices show the same HU; None where one cannot be decoded, and after too
        many comparisons.
        """
        self._left -= 1
        if self._left < 0:
            return None
        if a.header.path != b.header.path and _same_bytes(a.header.path, b.header.path):
            return a.index == b.index
        try:
            return bool(np.array_equal(self._hu(a), self._hu(b)))
        except FileRefusedError:
            return None

    def _hu(self, item: Slice) -> NDArray[np.int16]:
        path = item.header.path
        file = self._open.get(path) or PixelFile(path)
        if len(item.header.frames) > 1:
            self._open = {path: file}
        shape = patiently(lambda: file.shape, path)
        out = np.empty(shape, dtype=np.int16)
        patiently(lambda: file.read(item.index, out, Losses()), path)
        return out


def without_copies(headers: Sequence[Header]) -> tuple[list[Header], list[tuple[Path, str]]]:
    """Each SOP instance once, and a sentence for each file left out.

    Files that share an instance UID but differ in place or pixels are no copies: some programs
    give all slices one UID.
    """
    kept: dict[str, list[Header]] = {}
    dropped: list[tuple[Path, str]] = []
    for header in headers:
        known = kept.setdefault(header.sop_uid or str(header.path), [])
        original = next((other for other in known[:_ORIGINALS] if _copy(other, header)), None)
        if original is None:
            known.append(header)
        else:
            other = original.path
            place = f" in {other.parent.name}" if other.name == header.path.name else ""
            reason = f"it is a copy of {other.name}{place}"
            dropped.append((header.path, FileRefusedError(header.path, reason).sentence))
    return [header for same in kept.values() for header in same], dropped


def _copy(a: Header, b: Header) -> bool:
    if [f.position for f in a.frames] != [f.position for f in b.frames]:
        return False
    if _same_bytes(a.path, b.path):
        return True
    pairs = zip(a.frames, b.frames, strict=True)
    pixels = PixelComparison()
    return all(
        pixels.same(Slice(a, x, i), Slice(b, y, i)) is not False for i, (x, y) in enumerate(pairs)
    )


def _same_bytes(a: Path, b: Path) -> bool:
    try:
        return filecmp.cmp(a, b, shallow=False)
    except OSError:
        return False  # What cannot be read is said where it is decoded.


def repeat_check(left: Sequence[Left]) -> list[Check]:
    """What was left out of a volume, in words."""
    strays = sum(item.stray for item in left)
    if strays:
        text = f"{strays} slices on further grids were left out: its series has too many grids."
        others = [item for item in left if not item.stray]
        return [Check("too-many-grids", text), *repeat_check(others)]
    if not left:
        return []
    count = len({id(item.kept) for item in left})
    holds = "1 place holds" if count == 1 else f"{count} places hold"
    differ = sum(item.same is False for item in left)
    unknown = sum(item.same is None for item in left)
    if differ:
        which = "with different pixels" if differ == len(left) else f"{differ} with other pixels"
    elif unknown:
        which = f"{unknown} of which could not be compared"
    else:
        which = "with identical pixels"
    text = f"{holds} several images, {which}; the first of each was kept."
    return [Check("duplicate-positions", text)]


def left_out(left: Sequence[Left], used: set[Path]) -> list[tuple[Path, str]]:
    """A sentence for each file all of whose slices were left out. used: files of the volume."""
    words = {True: "with the same pixels", False: "with other pixels", None: "not compared"}
    found: dict[Path, str] = {}
    for item in left:
        path = item.slice.header.path
        if path not in used and path not in found:
            reason = f"another image of its series lies at the same place ({words[item.same]})"
            if item.stray:
                reason = "its series holds too many different grids to be one examination"
            found[path] = FileRefusedError(path, reason).sentence
    return list(found.items())
