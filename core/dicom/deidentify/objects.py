"""Whole DICOM objects without identity: header cleaned, pixel data copied byte by byte."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import UID

from core.dicom.deidentify.cleaner import Cleaner
from core.dicom.deidentify.profile import Rules
from core.dicom.elements import Parsed, text
from core.dicom.parsing import parse, quiet
from core.dicom.writing.base import MAKER, file_meta, program_version
from core.errors import FileRefusedError

_ITEM, _END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)


@dataclass(frozen=True, slots=True)
class Pixels:
    """Pixel data as they are stored. tag: that of integers, or of floating point numbers.
    encapsulated: as fragments of a compressed stream.
    """

    tag: int
    data: bytes
    vr: str
    encapsulated: bool


@quiet()
def cleaned(dataset: Dataset, syntax: str, cleaner: Cleaner) -> Dataset:
    """``dataset`` without identity, with file meta information of its own for ``syntax``.

    Adds what was done by the codes of PS3.15: the basic profile and the options. Nothing is read
    from the old file meta information, which can name the sender.
    """
    audit = cleaner.audit
    audit.begin()
    reason = burned_in(dataset)
    if reason:
        audit.flag(reason)
    enhanced = (
        "SharedFunctionalGroupsSequence" in dataset or text(dataset, "Modality").upper() == "SEG"
    )
    made = cleaner.clean(dataset, enhanced)
    made.PatientID = made.PatientName = cleaner.identity.pseudonym(cleaner.patient)
    _say_so(made, cleaner.rules)
    made.file_meta = file_meta(
        text(made, "SOPClassUID") or text(dataset.file_meta, "MediaStorageSOPClassUID"),
        text(made, "SOPInstanceUID")
        or cleaner.identity.uid(text(dataset.file_meta, "MediaStorageSOPInstanceUID")),
        syntax,
    )
    return made


@quiet()
def clean_file(source: Path, target: Path | None, cleaner: Cleaner) -> None:
    """Write ``source`` without identity to ``target``, with the pixel data it has.

    target: None writes nothing and only fills the audit.

    Raises FileRefusedError when it cannot be read.
    """
    parsed = parse(source)
    made = cleaned(parsed.dataset, str(parsed.syntax), cleaner)
    if target is None:
        return
    pixels = read_pixels(source, parsed)
    if pixels is not None:
        element = DataElement(pixels.tag, pixels.vr, pixels.data)
        element.is_undefined_length = pixels.encapsulated
        made[pixels.tag] = element
    made.save_as(target, enforce_file_format=True)


def read_pixels(path: Path, parsed: Parsed) -> Pixels | None:
    """The pixel data of a file, byte by byte; None when it has none.

    Raises FileRefusedError when they are cut short.
    """
    where = parsed.pixels
    if where is None:
        return None
    if parsed.inflated is None:
        with path.open("rb") as handle:
            handle.seek(where.offset)
            data = handle.read() if where.length is None else handle.read(where.length)
    else:
        end = None if where.length is None else where.offset + where.length
        data = parsed.inflated[where.offset : end]
    if where.length is None:
        data = data[: _fragments_end(path, data)]
    elif len(data) < where.length:
        raise FileRefusedError(path, "its pixel data are cut short", "Copy it again.")
    # The VR says how the bytes lie: in a big-endian file, OW has each pair of them turned round.
    vr = where.vr if parsed.native else "OB"
    return Pixels(where.tag, data, vr, where.length is None)


def burned_in(dataset: Dataset) -> str:
    """Why the pixels may show who the patient is; empty when nothing says so."""
    if text(dataset, "BurnedInAnnotation").upper() == "YES":
        return "the header says that text is burned into the pixels"
    if text(dataset, "RecognizableVisualFeatures").upper() == "YES":
        return "the header says that the patient can be recognised"
    kind = text(dataset, "ImageType").upper().split("\\")
    if "SCREEN SAVE" in kind or text(dataset, "ConversionType").upper() in ("WSD", "SD", "SI"):
        return "it is a picture of a screen or a film"
    return ""


def _say_so(made: Dataset, rules: Rules) -> None:
    done: list[Any] = [codes.DCM.BasicApplicationConfidentialityProfile]
    if rules.names:
        done.append(codes.DCM.CleanDescriptorsOption)
    if rules.shift_dates:
        done.append(codes.DCM.RetainLongitudinalTemporalInformationModifiedDatesOption)
    if rules.keep_device:
        done.append(codes.DCM.RetainDeviceIdentityOption)
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = f"{MAKER} {program_version()}: DICOM PS3.15 annex E"[:64]
    sequence = Sequence()
    for code in done:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
        item.CodeMeaning = code.meaning
        sequence.append(item)
    made.DeidentificationMethodCodeSequence = sequence
    made.LongitudinalTemporalInformationModified = "MODIFIED" if rules.shift_dates else "REMOVED"
    if "SpecificCharacterSet" not in made:
        made.SpecificCharacterSet = "ISO_IR 192"
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        if keyword in made:
            setattr(made, keyword, UID(str(made[keyword].value)))


def _fragments_end(path: Path, data: bytes) -> int:
    """Where the fragments of encapsulated pixel data end, before their sequence delimiter."""
    at = 0
    while at + 8 <= len(data):
        group, element, length = struct.unpack_from("<HHI", data, at)
        if (group, element) == _END:
            return at
        if (group, element) != _ITEM or at + 8 + length > len(data):
            break
        at += 8 + length
    raise FileRefusedError(path, "its compressed pixel data are damaged", "Copy it again.")
