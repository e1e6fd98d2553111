"""Where each slice of a file lies and how its numbers become HU, whichever way the file says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.dicom.elements import Elements, items, number, numbers, text

Position = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One slice. position: LPS mm of the centre of its first pixel. orientation: row, column
    cosines (six numbers). spacing: mm between rows, between columns. thickness, between: mm by
    the tags SliceThickness and SpacingBetweenSlices. None where the file does not say.
    acquisition, temporal, kind: of a frame of a multi-frame object its acquisition number, temporal
    position and frame type; empty for files of one slice, whose headers say it. table: whether its
    values pass through the modality table of its file, because it has no rescale.
    """

    position: Position | None = None
    orientation: tuple[float, ...] | None = None
    spacing: tuple[float, float] | None = None
    thickness: float | None = None
    between: float | None = None
    slope: float | None = None
    intercept: float | None = None
    acquisition: str = ""
    temporal: str = ""
    kind: str = ""
    table: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; see :meth:`from_json`. ``asdict`` would take ten times as long."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Frame:
        """Inverse of :meth:`as_json` after a trip through JSON."""
        made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
        return cls(**made)


def frames_of(dataset: Elements, count: int) -> tuple[Frame, ...]:
    """The ``count`` frames of a CT image; fewer when the file does not describe them all."""
    per_frame = items(dataset, "PerFrameFunctionalGroupsSequence")
    shared = items(dataset, "SharedFunctionalGroupsSequence")
    if per_frame or shared:
        groups: list[Elements] = per_frame[:count] or [{}] * (1 if count == 1 else 0)
        base: Elements = shared[0] if shared else {}
        return tuple(_functional(group, base, dataset) for group in groups)
    if count == 1:
        return (_plain(dataset),)
    return ()


def _plain(dataset: Elements) -> Frame:
    return _frame(
        position=numbers(dataset, "ImagePositionPatient"),
        orientation=numbers(dataset, "ImageOrientationPatient"),
        spacing=numbers(dataset, "PixelSpacing"),
        thickness=number(dataset, "SliceThickness"),
        between=number(dataset, "SpacingBetweenSlices"),
        slope=number(dataset, "RescaleSlope"),
        intercept=number(dataset, "RescaleIntercept"),
        table="ModalityLUTSequence" in dataset,
    )


def _functional(group: Elements, shared: Elements, dataset: Elements) -> Frame:
    """A frame of an enhanced object: its own functional groups first, then the shared ones."""

    def macro(keyword: str) -> Elements:
        found = items(group, keyword) or items(shared, keyword)
        return found[0] if found else dataset

    measures = macro("PixelMeasuresSequence")
    values = macro("PixelValueTransformationSequence")
    content = macro("FrameContentSequence")
    made = _frame(
        position=numbers(macro("PlanePositionSequence"), "ImagePositionPatient"),
        orientation=numbers(macro("PlaneOrientationSequence"), "ImageOrientationPatient"),
        spacing=numbers(measures, "PixelSpacing"),
        thickness=number(measures, "SliceThickness"),
        between=number(measures, "SpacingBetweenSlices"),
        slope=number(values, "RescaleSlope"),
        intercept=number(values, "RescaleIntercept"),
        table="ModalityLUTSequence" in dataset,
    )
    return replace(
        made,
        acquisition=text(content, "FrameAcquisitionNumber"),
        temporal=text(content, "TemporalPositionIndex"),
        kind=text(macro("CTImageFrameTypeSequence"), "FrameType").upper(),
    )


def _frame(
    *,
    position: Sequence[float],
    orientation: Sequence[float],
    spacing: Sequence[float],
    thickness: float | None,
    between: float | None,
    slope: float | None,
    intercept: float | None,
    table: bool,
) -> Frame:
    """Only values that make sense: three numbers of a position, six cosines, positive sizes."""
    whole_spacing = len(spacing) == 2 and all(0 < s < 1e3 for s in spacing)
    scaled = slope is not None and 0 < abs(slope) < 1e6 and abs(intercept or 0.0) < 1e9
    return Frame(
        position=_position(position),
        orientation=tuple(orientation) if _orthonormal(orientation) else None,
        spacing=(spacing[0], spacing[1]) if whole_spacing else None,
        thickness=thickness if thickness and thickness > 0 else None,
        between=abs(between) if between else None,
        slope=slope if scaled else None,
        intercept=(intercept or 0.0) if scaled else None,
        table=table and not scaled,
    )


def position_of(dataset: Elements) -> Position | None:
    """The position of a file with one frame, as in its :class:`Frame`."""
    return _position(numbers(dataset, "ImagePositionPatient"))


def _position(values: Sequence[float]) -> Position | None:
    if len(values) != 3 or max(map(abs, values)) >= 1e6:
        return None
    return (values[0], values[1], values[2])


def _orthonormal(cosines: Sequence[float]) -> bool:
    if len(cosines) != 6:
        return False
    row, column = cosines[:3], cosines[3:]
    # A thousandth: files carry as few as four decimals.
    return (
        abs(sum(r * r for r in row) - 1) < 2e-3
        and abs(sum(c * c for c in column) - 1) < 2e-3
        and abs(sum(r * c for r, c in zip(row, column, strict=True))) < 1e-3
    )
