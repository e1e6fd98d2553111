"""Slices to series: group, order along the normal, and say what is doubtful about the geometry.

A DICOM series is whatever a scanner filed under one UID. A volume needs more: one frame of
reference, orientation, matrix and pixel size, and one slice at each place. What fails that is split
off as a volume of its own; what is doubtful within a volume becomes a check, never a silent guess.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.dicom.checks import DEFAULT_ORIENTATION, geometry_checks, value_checks
from core.dicom.frames import Frame
from core.dicom.headers import Header
from core.errors import FileRefusedError
from core.geometry import Geometry
from core.volume import Check

#: Two slices closer than this (mm) are at the same place: positions carry two decimals at least.
SAME_PLACE_MM = 0.01

_COSINE_TOLERANCE = 1e-3
_SPACING_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice: its file's header and which of the file's frames it is."""

    header: Header
    frame: Frame
    index: int


@dataclass(frozen=True, slots=True)
class FoundSeries:
    """One volume. slices: in order along the normal. offsets: mm of each slice along the normal
    from the first one (the grid's own spacing is uniform, a series with gaps is not). dropped:
    files that were left out of it, each with a sentence.
    """

    uid: str
    geometry: Geometry
    slices: tuple[Slice, ...]
    offsets: tuple[float, ...]
    checks: tuple[Check, ...]
    dropped: tuple[tuple[Path, str], ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files in slice order, a multi-frame file once."""
        return tuple(dict.fromkeys(s.header.path for s in self.slices))

    @property
    def header(self) -> Header:
        """The first slice's header, for what all slices share."""
        return self.slices[0].header


def group(headers: Sequence[Header]) -> list[FoundSeries]:
    """The volumes of CT ``headers`` (others are ignored), in order of first appearance.

    A series that holds several volumes gives each the suffix ``.1``, ``.2`` … on its UID, the
    largest first.
    """
    by_series: dict[tuple[str, ...], list[Header]] = {}
    for header in headers:
        if header.kind == "ct":
            by_series.setdefault(_series_key(header), []).append(header)
    return [
        found
        for members in by_series.values()
        for found in _volumes(members[0].series_uid or _made_uid(members), members)
    ]


def _series_key(header: Header) -> tuple[str, ...]:
    """What the files of one series share; without a UID, their folder and all that describes it."""
    if header.series_uid:
        return (header.series_uid,)
    described = (header.frame_uid, header.description, header.kernel, header.study_date)
    return ("", str(header.path.parent), header.patient_id, *described)


def _made_uid(headers: Sequence[Header]) -> str:
    """A UID of the form 2.25.N for a series without one, the same wherever its files lie."""
    digest = hashlib.sha256(headers[0].frame_uid.encode())
    for instance in sorted(h.sop_uid or repr([f.position for f in h.frames]) for h in headers):
        digest.update(instance.encode())
    return f"2.25.{int.from_bytes(digest.digest()[:16], 'big')}"


def _volumes(uid: str, headers: list[Header]) -> list[FoundSeries]:
    kept, dropped = _without_copies(headers)
    slices = [Slice(h, frame, i) for h in kept for i, frame in enumerate(h.frames)]
    parts: list[tuple[list[Slice], list[tuple[Path, str]]]] = []
    for alike in _alike(slices):
        ordered = _ordered(alike)
        split = _split_repeats(ordered) if _has_repeats(ordered) else [ordered]
        parts.extend(_without_repeats(part) for part in split)
    parts.sort(key=lambda part: -len(part[0]))  # stable: ties keep the order of the files
    volumes: list[FoundSeries] = []
    for number, (part, repeats) in enumerate(parts, start=1):
        lost = [*(dropped if number == 1 else []), *repeats]
        name = uid if len(parts) == 1 else f"{uid}.{number}"
        volumes.append(_volume(name, part, lost, bool(repeats)))
    return volumes


def _volume(
    uid: str, slices: list[Slice], dropped: list[tuple[Path, str]], repeats: bool
) -> FoundSeries:
    first = slices[0]
    frames = [s.frame for s in slices]
    positions = _positions(slices)
    shape = (len(slices), first.header.rows, first.header.columns)
    geometry, offsets = stack_geometry(frames, shape, positions)
    checks = [
        *geometry_checks(frames, positions, geometry, first.header.tilt),
        *value_checks(frames),
    ]
    if repeats:
        text = "Some places hold several images; the first of each was kept."
        checks.append(Check("duplicate-positions", text))
    return FoundSeries(uid, geometry, tuple(slices), offsets, tuple(checks), tuple(dropped))


def _without_copies(headers: list[Header]) -> tuple[list[Header], list[tuple[Path, str]]]:
    """Each SOP instance once."""
    kept: dict[str, Header] = {}
    dropped: list[tuple[Path, str]] = []
    for header in headers:
        key = header.sop_uid or str(header.path)
        if key in kept:
            reason = f"it is a copy of {kept[key].path.name}"
            dropped.append((header.path, FileRefusedError(header.path, reason).sentence))
        else:
            kept[key] = header
    return list(kept.values()), dropped


def _alike(slices: list[Slice]) -> list[list[Slice]]:
    """Slices that share frame of reference, matrix, pixel size, orientation and being placed."""
    groups: list[list[Slice]] = []
    for item in slices:
        for members in groups:
            if _same_grid(members[0], item):
                members.append(item)
                break
        else:
            groups.append([item])
    return groups


def _same_grid(a: Slice, b: Slice) -> bool:
    if (a.header.frame_uid, a.header.rows, a.header.columns) != (
        b.header.frame_uid,
        b.header.rows,
        b.header.columns,
    ):
        return False
    if (a.frame.position is None) != (b.frame.position is None):
        return False
    return _close(a.frame.spacing, b.frame.spacing, _SPACING_TOLERANCE) and _close(
        a.frame.orientation, b.frame.orientation, _COSINE_TOLERANCE
    )


def _close(a: Sequence[float] | None, b: Sequence[float] | None, tolerance: float) -> bool:
    if a is None or b is None:
        return a is b
    return all(abs(x - y) <= tolerance for x, y in zip(a, b, strict=True))


def _axes(frame: Frame) -> NDArray[np.float64]:
    """3 x 3, columns x, y, z of the grid; decimals of the file made exactly orthonormal."""
    cosines = np.asarray(frame.orientation or DEFAULT_ORIENTATION, dtype=np.float64)
    row = cosines[:3] / np.linalg.norm(cosines[:3])
    column = cosines[3:] - row * (cosines[3:] @ row)
    column /= np.linalg.norm(column)
    axes = np.stack([row, column, np.cross(row, column)], axis=1)
    return np.where(np.abs(axes) < 1e-12, 0.0, axes)


def _ordered(slices: list[Slice]) -> list[Slice]:
    if slices[0].frame.position is not None:
        normal = _axes(slices[0].frame)[:, 2]
        return sorted(
            slices,
            key=lambda s: (
                float(np.asarray(s.frame.position) @ normal),
                s.header.instance,
                s.index,
            ),
        )
    locations = {s.header.location for s in slices}
    if None not in locations and len(locations) == len(slices):
        return sorted(slices, key=lambda s: s.header.location or 0.0)
    return sorted(slices, key=lambda s: (s.header.instance, s.index))


def _positions(slices: list[Slice]) -> NDArray[np.float64]:
    """LPS mm [n, 3]; slices without a position are stacked from the origin along the normal."""
    if slices[0].frame.position is not None:
        return np.asarray([s.frame.position for s in slices], dtype=np.float64)
    locations = [s.header.location for s in slices]
    if len(set(locations)) == len(slices) and None not in locations:
        steps = np.asarray(locations, dtype=np.float64)
        steps -= steps[0]
    else:
        steps = np.arange(len(slices)) * _nominal(slices[0].frame)
    return steps[:, None] * _axes(slices[0].frame)[:, 2]


def stack_geometry(
    frames: Sequence[Frame],
    shape: tuple[int, int, int],
    positions: NDArray[np.float64] | None = None,
) -> tuple[Geometry, tuple[float, ...]]:
    """The grid of ordered, parallel ``frames`` and the mm of each along the normal from the first.

    shape: (frames, rows, columns). positions: LPS mm [n, 3]; by default those of the frames, which
    must then have one.
    """
    first = frames[0]
    if positions is None:
        positions = np.asarray([f.position for f in frames], dtype=np.float64)
    axes = _axes(first)
    offsets = (positions - positions[0]) @ axes[:, 2]
    spacing = first.spacing or (1.0, 1.0)
    x, y, z = positions[0].tolist()
    direction = tuple(axes.ravel().tolist())
    between = _between(first, offsets)
    geometry = Geometry(shape, (between, spacing[0], spacing[1]), (x, y, z), direction)
    return geometry, tuple(offsets.tolist())


def _nominal(frame: Frame) -> float:
    """Slice distance by the tags, for a slice without a neighbour."""
    return frame.between or frame.thickness or 1.0


def _between(first: Frame, offsets: NDArray[np.float64]) -> float:
    """Slice distance in mm from the positions: their mean where uniform, else the lower median.

    The lower median, because with few slices one large gap is half of all gaps.
    """
    if len(offsets) == 1:
        return _nominal(first)
    gaps = np.sort(np.diff(offsets))
    median = float(gaps[(len(gaps) - 1) // 2])
    if np.all(np.abs(gaps - median) <= 0.02 + 0.01 * median):
        median = float(offsets[-1] / (len(offsets) - 1))
    return round(median, 6)


def _has_repeats(slices: list[Slice]) -> bool:
    return len(_without_repeats(slices)[0]) < len(slices)


def _without_repeats(slices: list[Slice]) -> tuple[list[Slice], list[tuple[Path, str]]]:
    """The first slice of each place, and the files all of whose slices were left out."""
    kept: list[Slice] = []
    last = 0.0
    normal = _axes(slices[0].frame)[:, 2]
    for item in slices:
        if item.frame.position is None:
            return slices, []
        here = float(np.asarray(item.frame.position) @ normal)
        if not kept or here - last > SAME_PLACE_MM:
            kept.append(item)
            last = here
    used = {s.header.path for s in kept}
    lost = dict.fromkeys(s.header.path for s in slices if s.header.path not in used)
    reason = "another image of its series lies at the same place"
    return kept, [(path, FileRefusedError(path, reason).sentence) for path in lost]


def _split_repeats(slices: list[Slice]) -> list[list[Slice]]:
    """Several acquisitions filed under one UID, taken apart by the first tag that explains them.

    A tag explains the repeats when it leaves no place with two slices; else they stay together.
    """
    tags: tuple[Callable[[Slice], str], ...] = (
        lambda s: s.header.acquisition,
        lambda s: s.header.temporal,
        lambda s: s.header.kernel,
        lambda s: s.header.image_type,
    )
    for tag in tags:
        parts: dict[str, list[Slice]] = {}
        for item in slices:
            parts.setdefault(tag(item), []).append(item)
        if len(parts) > 1 and not any(_has_repeats(part) for part in parts.values()):
            return list(parts.values())
    return [slices]
