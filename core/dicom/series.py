"""Slices to series: group, order along the normal, and say what is doubtful about the geometry.

A DICOM series is whatever a scanner filed under one UID. A volume needs more: one frame of
reference, orientation, matrix and pixel size, and one slice at each place. What fails that is split
off as a volume of its own; what is doubtful within a volume becomes a check, never a silent guess.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.dicom.checks import geometry_checks, tag_checks, value_checks
from core.dicom.headers import Header
from core.dicom.repeats import left_out, repeat_check, without_copies
from core.dicom.scanned import Scanned
from core.dicom.separate import Part, separate
from core.dicom.slices import Slice, positions_of, stack_geometry
from core.geometry import Geometry
from core.volume import Check


@dataclass(frozen=True, slots=True)
class FoundSeries:
    """One volume. scanned: how its slices lie, with what is doubtful. slices: in order along the
    normal. dropped: files that were left out of it, each with a sentence.
    """

    uid: str
    scanned: Scanned
    slices: tuple[Slice, ...]
    dropped: tuple[tuple[Path, str], ...] = ()

    @property
    def geometry(self) -> Geometry:
        """The grid by the usual slice distance."""
        return self.scanned.geometry

    @property
    def offsets(self) -> tuple[float, ...]:
        """mm of each slice along the normal from the first one; uneven where the grid is not."""
        return self.scanned.offsets

    @property
    def checks(self) -> tuple[Check, ...]:
        """What is doubtful about it."""
        return self.scanned.checks

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
    kept, dropped = without_copies(headers)
    parts = separate([Slice(h, frame, i) for h in kept for i, frame in enumerate(h.frames)])
    volumes: list[FoundSeries] = []
    for number, part in enumerate(parts, start=1):
        used = {s.header.path for s in part.slices}
        lost = [*(dropped if number == 1 else []), *left_out(part.left, used)]
        name = uid if len(parts) == 1 else f"{uid}.{number}"
        volumes.append(_volume(name, part, part.checks(len(parts)), lost))
    return volumes


def _volume(
    uid: str, part: Part, reasons: list[Check], dropped: list[tuple[Path, str]]
) -> FoundSeries:
    first = part.slices[0]
    frames = [s.frame for s in part.slices]
    positions = positions_of(part.slices)
    shape = (len(frames), first.header.rows, first.header.columns)
    geometry, _ = stack_geometry(frames, shape, positions)
    scanned = Scanned.of(geometry, positions, _frames(part.slices))
    checks = (
        *tag_checks(first.frame),
        *geometry_checks(scanned, first.header.tilt),
        *value_checks(frames),
        *repeat_check(part.left),
        *reasons,
    )
    return FoundSeries(uid, replace(scanned, checks=checks), tuple(part.slices), tuple(dropped))


def _frames(slices: Sequence[Slice]) -> tuple[tuple[int, int], ...]:
    """For each slice its file, counted as in ``FoundSeries.files``, and its frame; empty for a
    frame a file.
    """
    numbers = {path: i for i, path in enumerate(dict.fromkeys(s.header.path for s in slices))}
    if all(len(s.header.frames) == 1 for s in slices):
        return ()
    return tuple((numbers[s.header.path], s.index) for s in slices)
