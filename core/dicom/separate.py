"""The slices of one DICOM series taken apart into volumes, each with the reason why.

What differs in frame of reference, matrix, pixel size or orientation cannot be one volume. Images
that a scanner or a workstation filed into the same series beside the axial stack (reformats,
projections, other acquisitions, echoes, phases) are told apart by their tags, and only where they
would spoil the stack: where they lie at its places or between them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.dicom.repeats import Left, PixelComparison, first_of_each, places
from core.dicom.scanned import Scanned
from core.dicom.slices import Slice, axes_of, ordered, positions_of, stack_geometry
from core.dicom.tolerances import COSINE, PIXEL_MM
from core.volume import Check

Reason = tuple[str, str]

#: Tags that tell images at the same places apart, the most telling first, with their names.
_TAGS: tuple[tuple[str, Callable[[Slice], str]], ...] = (
    ("acquisition number", lambda s: s.frame.acquisition or s.header.acquisition),
    ("temporal position", lambda s: s.frame.temporal or s.header.temporal),
    ("echo number", lambda s: s.header.echo),
    ("reconstruction kernel", lambda s: s.header.kernel),
    ("tube voltage", lambda s: s.header.kvp),
    ("image type", lambda s: s.frame.kind or s.header.image_type),
)


#: Reformats round an axis give a volume for each of up to 180 degrees. Every slice is compared with
#: every grid, so there has to be an end.
_MOST_GRIDS = 200


@dataclass(frozen=True, slots=True)
class Part:
    """Slices of one volume in order, those left out at its places, and why it is one of several:
    for each reason the code of its check and a clause.
    """

    slices: list[Slice]
    left: list[Left]
    reasons: tuple[Reason, ...]

    def checks(self, count: int) -> list[Check]:
        """The checks that say so, for a series that gave ``count`` volumes."""
        return [
            Check(code, f"Its DICOM series holds {count} volumes: {clause}.")
            for code, clause in self.reasons
        ]


def separate(slices: Sequence[Slice]) -> list[Part]:
    """The volumes of a series, the largest first; ties keep the order of the files."""
    groups, strays = _alike(slices)
    parts: list[Part] = []
    for index, group in enumerate(groups):
        reasons = _differences(group[0], [g[0] for i, g in enumerate(groups) if i != index])
        parts += _stacks(ordered(group), tuple(reasons))
    parts.sort(key=lambda part: -len(part.slices))
    if strays:
        parts[0].left.extend(Left(s, parts[0].slices[0], None, stray=True) for s in strays)
    return parts


def _alike(slices: Sequence[Slice]) -> tuple[list[list[Slice]], list[Slice]]:
    """Slices that share frame of reference, matrix, pixel size, orientation and being placed; and
    those of grids beyond the first :data:`_MOST_GRIDS`.
    """
    groups: list[list[Slice]] = []
    strays: list[Slice] = []
    known: dict[tuple[object, ...], list[Slice]] = {}
    for item in slices:
        header, frame = item.header, item.frame
        key = (
            *(header.frame_uid, header.rows, header.columns),
            *(frame.spacing, frame.orientation, frame.position is None),
        )
        if key not in known:
            if len(groups) == _MOST_GRIDS:
                known[key] = strays
            else:
                found = next((g for g in groups if not _differences(g[0], [item])), None)
                if found is None:
                    groups.append(found := [])
                known[key] = found
        known[key].append(item)
    return groups, strays


def _differences(one: Slice, others: Sequence[Slice]) -> list[Reason]:
    """In what ``one`` differs from any of ``others``."""
    found: list[Reason] = []
    header, frame = one.header, one.frame
    if any(o.header.frame_uid != header.frame_uid for o in others):
        found.append(("mixed-frame", "they have different frames of reference"))
    size = (header.rows, header.columns)
    if any((o.header.rows, o.header.columns) != size for o in others):
        text = f"they differ in matrix ({header.columns} × {header.rows} in this one)"
        found.append(("mixed-matrix", text))
    if any(not _close(frame.spacing, o.frame.spacing, PIXEL_MM) for o in others):
        here = "not given" if frame.spacing is None else "{:.4g} × {:.4g} mm".format(*frame.spacing)
        found.append(("mixed-pixel-size", f"they differ in pixel size ({here} in this one)"))
    turned = [o for o in others if not _close(frame.orientation, o.frame.orientation, COSINE)]
    if turned:
        degrees = max(_angle(one, other) for other in turned)
        text = f"they differ in orientation (this one by {degrees:.1f}° from another)"
        found.append(("mixed-orientation", text))
    if any((o.frame.position is None) != (frame.position is None) for o in others):
        which = "no" if frame.position is None else "a"
        text = f"some slices give no position (this one's give {which} position)"
        found.append(("mixed-position", text))
    return found


def _close(a: Sequence[float] | None, b: Sequence[float] | None, tolerance: float) -> bool:
    if a is None or b is None:
        return a is b
    return all(abs(x - y) <= tolerance for x, y in zip(a, b, strict=True))


def _angle(a: Slice, b: Slice) -> float:
    """Degrees by which one slice's axes are turned against another's."""
    turn = axes_of(a.frame).T @ axes_of(b.frame)
    return math.degrees(math.acos(float(np.clip((np.trace(turn) - 1) / 2, -1, 1))))


def _stacks(slices: list[Slice], reasons: tuple[Reason, ...]) -> list[Part]:
    """The volumes of ordered slices that share a grid."""
    by_kind = _by(slices, _kind)
    if len(by_kind) > 1 and not _regular(slices):
        return [
            part
            for kind, members in by_kind.items()
            for part in _stacks(members, (*reasons, ("mixed-kind", _kinds(kind))))
        ]
    if len(places(slices)) == len(slices):
        return [Part(slices, [], reasons)]
    told = _told_apart(slices)
    if told is not None:
        return [Part(part, [], (*reasons, ("interleaved", clause))) for part, clause in told]
    kept, left = first_of_each(slices)
    return [Part(kept, left, reasons)]


def _regular(slices: Sequence[Slice]) -> bool:
    """Whether slices have one to a place, evenly spaced: whatever their kinds, one stack."""
    if len(places(slices)) < len(slices):
        return False
    if len(slices) < 3:
        return True
    shape = (len(slices), slices[0].header.rows, slices[0].header.columns)
    positions = positions_of(slices)
    grid, _ = stack_geometry([s.frame for s in slices], shape, positions)
    return not Scanned.of(grid, positions).uneven


def _kind(item: Slice) -> str:
    """ORIGINAL or DERIVED, PRIMARY or SECONDARY, as the image type says (DICOM PS3.3
    C.7.6.1.1.2: values 1 and 2); what it does not say is an original, primary image.
    """
    values = [*(item.frame.kind or item.header.image_type).split("\\"), "", ""]
    first = "DERIVED" if values[0] == "DERIVED" else "ORIGINAL"
    second = "SECONDARY" if values[1] == "SECONDARY" else "PRIMARY"
    return f"{first}\\{second}"


def _kinds(kind: str) -> str:
    if kind == "ORIGINAL\\PRIMARY":
        return "derived or secondary images were taken out of this one"
    return f"this one holds images of another kind ({kind.lower()}) than the axial stack"


def _by(slices: Sequence[Slice], tag: Callable[[Slice], str]) -> dict[str, list[Slice]]:
    found: dict[str, list[Slice]] = {}
    for item in slices:
        found.setdefault(tag(item), []).append(item)
    return found


def _told_apart(slices: list[Slice]) -> list[tuple[list[Slice], str]] | None:
    """Several stacks at the same places, taken apart by the first tag that explains them, else by
    all tags together, else by image number where each place holds equally many different images.

    A tag explains the repeats when it leaves no place with two slices, and does not differ from
    slice to slice anyway (some scanners number each turn of the tube).
    """
    most = 2 * max(map(len, places(slices)))
    for name, tag in _TAGS:
        parts = _by(slices, tag)
        if 1 < len(parts) <= most and _single(parts):
            return [(p, f"images of {len(parts)} {name}s lie at the same places (this one: "
                        f"{value or 'none'})") for value, p in parts.items()]  # fmt: skip
    parts = _by(slices, lambda s: "\0".join(tag(s) for _, tag in _TAGS))
    if 1 < len(parts) <= most and _single(parts):
        text = f"{len(parts)} acquisitions lie at the same places"
        return [(part, text) for part in parts.values()]
    return _by_number(slices)


def _single(parts: dict[str, list[Slice]]) -> bool:
    """Whether each part has one slice at each of its places."""
    return all(len(places(part)) == len(part) for part in parts.values())


def _by_number(slices: list[Slice]) -> list[tuple[list[Slice], str]] | None:
    stacks = places(slices)
    count = len(stacks[0])
    # Of two places one could be a chance; identical pixels are copies, and one of them is enough.
    if len(stacks) < 3 or any(len(place) != count for place in stacks):
        return None
    pixels = PixelComparison()
    if all(pixels.same(place[0], other) is not False for place in stacks for other in place[1:]):
        return None
    text = f"{count} different images lie at each place, told apart by their image numbers only"
    return [([place[n] for place in stacks], text) for n in range(count)]
