"""What a label says in codes: the tumour as SNOMED CT has it, and how the outline was made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from core.errors import UserError

#: How an outline came about; DICOM wants it stated (Segment Algorithm Type, ROI Generation
#: Algorithm).
Made = Literal["manual", "semi-automatic", "automatic"]
MADE: tuple[Made, ...] = ("manual", "semi-automatic", "automatic")

#: Categories of CID 7150.
_ALTERED = Code("49755003", "SCT", "Morphologically Abnormal Structure")
_ANATOMICAL = Code("123037004", "SCT", "Anatomical Structure")
_TISSUE = Code("85756007", "SCT", "Tissue")


@dataclass(frozen=True, slots=True)
class Meaning:
    """The Segmented Property of a class: its category and its type."""

    category: Code
    type: Code


#: What a class of lesions can mean (CID 7151 and 7159); the first is the default.
TUMOURS = (
    Code("108369006", "SCT", "Neoplasm"),
    Code("86049000", "SCT", "Neoplasm, Primary"),
    Code("14799000", "SCT", "Neoplasm, Secondary"),
    Code("52988006", "SCT", "Lesion"),
)

#: Names of classes that DICOM's dictionary spells otherwise.
_KNOWN = {
    "necrosis": Meaning(_ALTERED, Code("6574001", "SCT", "Necrosis")),
    "organ": Meaning(_ANATOMICAL, Code("91772007", "SCT", "Organ")),
    "vessel": Meaning(_ANATOMICAL, Code("59820001", "SCT", "Blood Vessel")),
}


def meaning_of(name: str, lesion: bool) -> Meaning:
    """The codes of a class: lesions are neoplasms, organs are found by their English name.

    A class that is neither is coded as tissue; its name says the rest.
    """
    if lesion:
        return Meaning(_ALTERED, TUMOURS[0])
    known = _KNOWN.get(name.strip().casefold())
    if known is not None:
        return known
    keyword = "".join(word[:1].upper() + word[1:].lower() for word in re.findall("[A-Za-z]+", name))
    found = getattr(codes.SCT, keyword, None) if keyword in dir(codes.SCT) else None
    if isinstance(found, Code):
        return Meaning(_ANATOMICAL, Code(found.value, found.scheme_designator, found.meaning))
    return Meaning(_TISSUE, _TISSUE)


def parse_code(text: str) -> Code:
    """A code as ``value^scheme^meaning``, such as ``108369006^SCT^Neoplasm``.

    Raises UserError for anything else.
    """
    parts = [part.strip() for part in text.split("^")]
    limits = (16, 16, 64)  # SH, SH and LO of PS3.5 6.2
    fits = len(parts) == 3 and all(0 < len(p) <= n for p, n in zip(parts, limits, strict=True))
    if not fits or any("\\" in p or not p.isprintable() for p in parts):
        raise UserError(
            f"{text} is no code. Write value^scheme^meaning, such as 108369006^SCT^Neoplasm."
        )
    return Code(parts[0], parts[1], parts[2])


def lesion_meaning(code: Code) -> Meaning:
    """A code the user chose, as the type of something that is altered."""
    return Meaning(_ALTERED, code)
