"""What happens to an attribute: the profile's table first, then the list of what is known safe.

DICOM PS3.15 annex E is a list of what has to go. Attributes that no list knows are removed here, so
what a scanner invents tomorrow does not slip through.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files

from pydicom.datadict import keyword_for_tag, tag_for_keyword


class Action(Enum):
    """What is done with an attribute; the value is the word in the audit table."""

    KEEP = "kept"
    NAME = "kept, a name of this project"
    UID = "UID replaced"
    PSEUDONYM = "pseudonym"
    SHIFT = "date shifted"
    EMPTY = "emptied"
    DUMMY = "replaced"
    SAID = "written anew"
    REMOVE = "removed"
    PRIVATE = "removed, private"
    UNKNOWN = "removed, not known to be safe"
    MALFORMED = "removed, not what its attribute should hold"
    FOUND = "removed, held an identifier"


@dataclass(frozen=True, slots=True)
class Rules:
    """The options of a de-identification.

    keep_device: serial numbers and names of the scanner stay (Retain Device Identity Option).
    shift_dates: dates of the examination are moved by a number of days of the patient's own, times
    stay (Retain Longitudinal Temporal Information With Modified Dates Option); otherwise both go.
    names: texts that are known to name no one, such as the classes of the project; elsewhere
    structures lose their names.
    """

    keep_device: bool = False
    shift_dates: bool = False
    names: frozenset[str] = frozenset()


#: K in the column "Retain Device Identity Option" of table E.1-1, as far as CT have them.
_DEVICE = frozenset(
    ("DeviceSerialNumber", "StationName", "DeviceUID", "GantryID", "GeneratorID", "DetectorID",
     "DeviceID", "PlateID", "CassetteID")
)  # fmt: skip

#: Dates of the examination and of its objects; others (of birth, of death) are never kept.
_DATES = frozenset(
    ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "InstanceCreationDate",
     "AcquisitionDateTime", "StructureSetDate", "FrameAcquisitionDateTime",
     "FrameReferenceDateTime")
)  # fmt: skip
_TIMES = frozenset(
    ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime", "InstanceCreationTime",
     "StructureSetTime")
)  # fmt: skip

#: Free texts that stay where they are one of ``Rules.names`` (Clean Descriptors Option).
NAMES = frozenset(
    ("ROIName", "ROIObservationLabel", "SegmentLabel", "TrackingID", "SegmentAlgorithmName",
     "AlgorithmName", "StructureSetLabel", "ContentLabel", "ContentDescription",
     "SeriesDescription", "ROIGenerationDescription")
)  # fmt: skip

#: What was done to the object: old claims would not hold for the new one.
_SAID = frozenset(
    ("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence",
     "LongitudinalTemporalInformationModified")
)  # fmt: skip

_SPECIAL = {
    "PatientID": Action.PSEUDONYM,
    "PatientName": Action.PSEUDONYM,
    **dict.fromkeys(_SAID, Action.SAID),
    **dict.fromkeys(NAMES, Action.NAME),
}

#: Of the names, what an object is not valid without (type 1).
_NEEDED_NAMES = frozenset(
    ("SegmentLabel", "TrackingID", "SegmentAlgorithmName", "AlgorithmName", "ContentLabel")
)

#: Empty is valid and absent is not (type 2), in CT, SEG or RTSTRUCT.
_TYPE_2 = frozenset(
    ("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID",
     "PatientBirthDate", "PatientSex", "OperatorsName", "StructureSetDate", "StructureSetTime",
     "ROIName", "ROIInterpreter", "ContentCreatorName", "ContentDescription",
     "PositionReferenceIndicator", "SourceImageSequence")
)  # fmt: skip


def action(tag: int, rules: Rules, enhanced: bool) -> Action:
    """What happens to the attribute ``tag`` (0xggggeeee).

    enhanced: in a multi-frame object with functional groups or a SEG, where dates and device may
    not be absent. Sequences that are kept are cleaned item by item.
    """
    if (tag >> 16) & 1:
        return Action.PRIVATE
    keyword = keyword_for_tag(tag)
    special = _special(keyword, rules)
    if special is not None:
        return special
    listed = _table().get(tag)
    if listed is not None:
        return _by_type(keyword, listed, enhanced)
    if tag in _kept():
        return Action.KEEP
    return Action.EMPTY if keyword in _TYPE_2 else Action.UNKNOWN


def _special(keyword: str, rules: Rules) -> Action | None:
    """What the options, and what the standard leaves to us, say of an attribute."""
    if rules.keep_device and keyword in _DEVICE:
        return Action.UID if keyword == "DeviceUID" else Action.KEEP
    if rules.shift_dates and keyword in _DATES | _TIMES:
        return Action.SHIFT if keyword in _DATES else Action.KEEP
    return _SPECIAL.get(keyword)


def without_name(keyword: str) -> Action:
    """What happens to one of :data:`NAMES` whose text is not known to be harmless."""
    if keyword in _NEEDED_NAMES or keyword == "StructureSetLabel":
        return Action.DUMMY
    return Action.EMPTY if keyword in _TYPE_2 else Action.REMOVE


def _by_type(keyword: str, listed: str, enhanced: bool) -> Action:
    """One action out of those the table leaves open, the least that keeps an object valid."""
    codes = listed.split("/")
    if "U" in codes or "U*" in codes:
        # U*: references to images are kept, with their UIDs replaced.
        return Action.UID if "U" in codes else Action.KEEP
    if "D" in codes and (enhanced or codes == ["D"]):
        return Action.DUMMY
    if "Z" in codes and ("X" not in codes or keyword in _TYPE_2):
        return Action.EMPTY
    return Action.REMOVE


@cache
def _table() -> dict[int, str]:
    """Actions of PS3.15 table E.1-1 by tag."""
    lines = _resource("actions.tsv").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {int(tag, 16): listed for tag, listed, _ in rows}


@cache
def _kept() -> frozenset[int]:
    """Tags of the attributes known to be safe."""
    keywords = [k for k in _resource("kept.txt").splitlines() if k and not k.startswith("#")]
    tags = {keyword: tag_for_keyword(keyword) for keyword in keywords}
    unknown = [keyword for keyword, tag in tags.items() if tag is None]
    if unknown:
        raise ValueError(f"not in the dictionary: {unknown}")
    return frozenset(tag for tag in tags.values() if tag is not None)


def _resource(name: str) -> str:
    return files("core.dicom.deidentify").joinpath(name).read_text(encoding="utf-8")
