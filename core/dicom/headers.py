"""What one DICOM file is, from its header: a CT image, a label (RTSTRUCT, SEG), or not for us."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from core.dicom import quick
from core.dicom.elements import Elements, Parsed, items, number, text, whole
from core.dicom.foreign import foreign
from core.dicom.frames import Frame, frames_of, position_of
from core.dicom.pixels import native_bytes, needed_bytes, pixel_problem
from core.errors import FileRefusedError

Kind = Literal["ct", "rtstruct", "seg"]

CT_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2": "CT Image",
    "1.2.840.10008.5.1.4.1.1.2.1": "Enhanced CT Image",
    "1.2.840.10008.5.1.4.1.1.2.2": "Legacy Converted Enhanced CT Image",
}
_RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
_SEG = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_DICOMDIR = "1.2.840.10008.1.3.10"

#: Words in ImageType that mark a picture made from CT rather than a CT image.
_NOT_AXIAL = {
    "LOCALIZER": "it is a localizer (scout) image",
    "SCREEN SAVE": "it is a saved screen, not a CT image",
    "DOSE_INFO": "it is a dose report",
    "DOSE REPORT": "it is a dose report",
}

#: Conversion types (SC Equipment module, PS3.3 C.8.6.1) of pictures rather than images: from a
#: workstation, film, a document, drawn, synthetic. Old scanners wrote DV and DI over their own
#: axial images.
_CONVERTED = ("WSD", "DF", "SD", "SI", "DRW", "SYN")

_KEYWORDS = (
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"),
    *("FrameOfReferenceUID", "Modality", "ImageType", "PatientID", "PatientName", "PatientSex"),
    *("PatientAge", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"),
    *("SeriesDescription", "StudyDescription", "ProtocolName", "Manufacturer"),
    *("ManufacturerModelName", "ConvolutionKernel", "KVP", "GantryDetectorTilt"),
    *("AcquisitionNumber", "InstanceNumber", "TemporalPositionIdentifier", "SliceLocation"),
    *("EchoNumbers", "ConversionType"),
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "BitsStored"),
    *("HighBit", "PixelRepresentation", "PhotometricInterpretation"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
    *("SpacingBetweenSlices", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *("ReferencedFrameOfReferenceSequence", "ReferencedSeriesSequence", "StructureSetLabel"),
    *("ContentLabel", "DirectoryRecordSequence"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The header of one file that can be imported.

    series_uid: empty where anonymising removed it. frames: one for each slice in the file (none
    for labels). referenced: SeriesInstanceUIDs a label refers to. tilt: gantry tilt in degrees by
    the tag, or None. study_date: YYYY-MM-DD or empty.
    """

    path: Path
    kind: Kind
    sop_uid: str = ""
    series_uid: str = ""
    study_uid: str = ""
    frame_uid: str = ""
    modality: str = ""
    image_type: str = ""
    patient_id: str = ""
    description: str = ""
    study_date: str = ""
    sex: str = ""
    age: str = ""
    scanner: str = ""
    kernel: str = ""
    kvp: str = ""
    tilt: float | None = None
    acquisition: str = ""
    temporal: str = ""
    echo: str = ""
    instance: int = 0
    location: float | None = None
    rows: int = 0
    columns: int = 0
    frames: tuple[Frame, ...] = ()
    referenced: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; see :meth:`from_json`."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        frames = [frame.as_json() for frame in self.frames]
        return {**plain, "path": str(self.path), "frames": frames}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Header:
        """Inverse of :meth:`as_json`."""
        frames = tuple(Frame.from_json(f) for f in value["frames"])
        made: dict[str, Any] = {
            **value,
            "path": Path(value["path"]),
            "frames": frames,
            "referenced": tuple(value["referenced"]),
        }
        return cls(**made)


@dataclass(frozen=True, slots=True)
class _Known:
    """A header read before. need: bytes of its pixels."""

    header: Header
    need: int


#: By all that the slices of a series share, raw as it is in the files: the slices of a series
#: differ in :data:`core.dicom.quick.OF_SLICE` only, and reading those is a third of the work.
#: A scan reads series after series, so the last ones are enough.
_known: dict[Any, _Known] = {}
_MOST_KNOWN = 512


def read_header(path: Path) -> Header:
    """The header of a CT image, RTSTRUCT or SEG.

    Raises FileRefusedError with the reason for every other file: not DICOM, another modality, a
    localizer, no pixels, damaged, or a header that claims more than the file holds.
    """
    return read_header_quickly(path) or read_header_thoroughly(path)


def read_header_quickly(path: Path) -> Header | None:
    """:func:`read_header` without pydicom; None for a file that is not written as usual."""
    try:
        parsed = quick.parse(path)
        if parsed is None:
            return None
        shared = (
            parsed.syntax,
            parsed.dataset.shared(),
            parsed.meta.get("MediaStorageSOPClassUID"),
        )
        known = _known.get(shared)
        if known is not None and native_bytes(parsed) >= known.need:
            return _sibling(path, parsed, known.header)
        header = _header(path, parsed)
        if parsed.native and len(header.frames) == 1:
            if len(_known) >= _MOST_KNOWN:
                _known.clear()
            _known[shared] = _Known(header, needed_bytes(parsed.dataset))
        return header
    except quick.Unsure:
        return None


def _sibling(path: Path, parsed: Parsed, known: Header) -> Header:
    """The header of a file that differs from a known one only in what slices differ in."""
    dataset = parsed.dataset
    frame = replace(known.frames[0], position=position_of(dataset))
    return replace(
        known,
        path=path,
        sop_uid=_sop_uid(parsed),
        instance=whole(dataset, "InstanceNumber") or 0,
        location=number(dataset, "SliceLocation"),
        frames=(frame,),
    )


def read_header_thoroughly(path: Path) -> Header:
    """:func:`read_header` by pydicom alone."""
    # Loaded late: most files do not need it, and a process that reads headers starts sooner.
    from core.dicom.parsing import parse, quiet  # noqa: PLC0415

    sniff(path)
    with quiet():  # values are converted when they are asked for, and that warns
        return _header(path, parse(path, _KEYWORDS))


def _header(path: Path, parsed: Parsed) -> Header:
    dataset = parsed.dataset
    # Careless anonymising blanks UIDs in the dataset and forgets those of the file meta header.
    sop_class = text(dataset, "SOPClassUID") or text(parsed.meta, "MediaStorageSOPClassUID")
    modality = text(dataset, "Modality").upper()
    if sop_class == _DICOMDIR or "DirectoryRecordSequence" in dataset:
        raise FileRefusedError(path, "it is a DICOMDIR, an index of other files")
    if sop_class == _RTSTRUCT or (not sop_class and modality == "RTSTRUCT"):
        return _label_header(path, parsed, "rtstruct")
    if sop_class in _SEG:
        return _label_header(path, parsed, "seg")
    if not sop_class and not modality:
        raise FileRefusedError(path, "it is not a DICOM image (no modality and no SOP class)")
    if sop_class not in CT_CLASSES and (sop_class or modality != "CT"):
        raise FileRefusedError(path, f"it is not CT but {_named(sop_class, modality)}")
    if modality not in ("CT", ""):
        raise FileRefusedError(path, f"its modality is {modality[:16]}, not CT")
    return _ct_header(path, parsed)


def _ct_header(path: Path, parsed: Parsed) -> Header:
    dataset = parsed.dataset
    image_type = text(dataset, "ImageType").upper()
    for word, reason in _NOT_AXIAL.items():
        if word in image_type:
            raise FileRefusedError(path, reason)
    if text(dataset, "ConversionType").upper() in _CONVERTED:
        raise FileRefusedError(path, "it is a secondary capture, not a CT image")
    problem = pixel_problem(path, parsed)
    if problem:
        raise FileRefusedError(path, problem)
    count = whole(dataset, "NumberOfFrames") or 1
    frames = frames_of(dataset, count)
    if len(frames) != count:
        raise FileRefusedError(
            path, f"it has {count} frames but does not say where {count - len(frames)} of them lie"
        )
    if any(frame.table for frame in frames):
        from core.dicom.modality import table_of  # noqa: PLC0415 - brings NumPy, for few files

        table_of(path, parsed)
    return Header(
        kind="ct",
        modality="CT",
        image_type=image_type,
        rows=whole(dataset, "Rows") or 0,
        columns=whole(dataset, "Columns") or 0,
        frames=frames,
        tilt=number(dataset, "GantryDetectorTilt"),
        acquisition=text(dataset, "AcquisitionNumber"),
        temporal=text(dataset, "TemporalPositionIdentifier"),
        echo=text(dataset, "EchoNumbers"),
        location=number(dataset, "SliceLocation"),
        scanner=_scanner(dataset),
        kernel=text(dataset, "ConvolutionKernel").split("\\")[0],
        kvp=f"{kvp:g}" if (kvp := number(dataset, "KVP")) else "",
        **_common(path, parsed),
    )


def _label_header(path: Path, parsed: Parsed, kind: Kind) -> Header:
    dataset = parsed.dataset
    referenced: list[str] = []
    frame_uid = text(dataset, "FrameOfReferenceUID")
    for frame in items(dataset, "ReferencedFrameOfReferenceSequence"):
        frame_uid = frame_uid or text(frame, "FrameOfReferenceUID")
        for study in items(frame, "RTReferencedStudySequence"):
            for series in items(study, "RTReferencedSeriesSequence"):
                referenced.append(text(series, "SeriesInstanceUID"))
    for series in items(dataset, "ReferencedSeriesSequence"):
        referenced.append(text(series, "SeriesInstanceUID"))
    values = _common(path, parsed)
    values["frame_uid"] = frame_uid
    values["description"] = values["description"] or (
        text(dataset, "StructureSetLabel") or text(dataset, "ContentLabel")
    )
    return Header(
        kind=kind,
        modality="RTSTRUCT" if kind == "rtstruct" else "SEG",
        referenced=tuple(uid for uid in dict.fromkeys(referenced) if uid),
        **values,
    )


def _common(path: Path, parsed: Parsed) -> dict[str, Any]:
    dataset = parsed.dataset
    description = next(
        (
            found
            for key in ("SeriesDescription", "ProtocolName", "StudyDescription")
            if (found := text(dataset, key))
        ),
        "",
    )
    sex = text(dataset, "PatientSex").upper()
    return {
        "path": path,
        "sop_uid": _sop_uid(parsed),
        "series_uid": text(dataset, "SeriesInstanceUID"),
        "study_uid": text(dataset, "StudyInstanceUID"),
        "frame_uid": text(dataset, "FrameOfReferenceUID"),
        "patient_id": text(dataset, "PatientID") or text(dataset, "PatientName"),
        "description": description,
        "study_date": _date(dataset),
        "sex": sex if sex in ("M", "F", "O") else "",
        "age": _age(text(dataset, "PatientAge")),
        "instance": whole(dataset, "InstanceNumber") or 0,
    }


def _sop_uid(parsed: Parsed) -> str:
    found = text(parsed.dataset, "SOPInstanceUID")
    return found or text(parsed.meta, "MediaStorageSOPInstanceUID")


def sniff(path: Path) -> None:
    """Refuse what cannot be DICOM by its first bytes, before a parser sees it.

    Raises FileRefusedError.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(352)
    except OSError as error:
        raise FileRefusedError(path, f"it could not be opened ({error.strerror})") from error
    if not head:
        raise FileRefusedError(path, "it is empty")
    if head[128:132] == b"DICM":
        return
    # Without the preamble a dataset starts with group 2 (file meta) or group 8, in either order of
    # bytes, and a small even or low element number: 08 00 05 00 or 00 08 00 05.
    little = head[:1] in (b"\2", b"\x08") and head[1:2] == b"\0" and head[3:4] == b"\0"
    big = head[:2] in (b"\0\2", b"\0\x08") and head[2:3] == b"\0"
    if len(head) < 8 or not (little or big):
        name, remedy = foreign(path, head)
        raise FileRefusedError(path, f"it is {name}", remedy)


def _named(sop_class: str, modality: str) -> str:
    """A readable name of what a file is, for the report."""
    from pydicom.uid import UID  # noqa: PLC0415 - as above

    name = UID(sop_class).name if sop_class else ""
    name = "" if name == sop_class else name.removesuffix(" Storage")
    if name and modality:
        return f"{name} ({modality[:16]})"
    return name or modality[:16] or "an unknown kind of object"


def _scanner(dataset: Elements) -> str:
    maker, model = text(dataset, "Manufacturer"), text(dataset, "ManufacturerModelName")
    return (
        model if maker and model.lower().startswith(maker.lower()) else f"{maker} {model}".strip()
    )


def _date(dataset: Elements) -> str:
    for key in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        found = text(dataset, key).replace(".", "")
        if len(found) == 8 and found.isdigit():
            return f"{found[:4]}-{found[4:6]}-{found[6:]}"
    return ""


def _age(value: str) -> str:
    """Years of a DICOM age like 061Y; other units are kept as they are ("18M")."""
    stripped = value.lstrip("0")
    return stripped[:-1] if stripped.endswith("Y") else stripped
