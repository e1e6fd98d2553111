"""Every attribute goes, stays or changes as the profile says; what nobody knows goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian

from core.dicom.decode import PixelFile
from core.dicom.deidentify.audit import Audit
from core.dicom.deidentify.cleaner import Cleaner
from core.dicom.deidentify.identifiers import Identifiers
from core.dicom.deidentify.identity import MOST_DAYS, Identity
from core.dicom.deidentify.objects import burned_in, clean_file, cleaned
from core.dicom.deidentify.profile import Action, Rules
from core.dicom.rescale import Losses
from core.errors import FileRefusedError
from tests.core.dicom.make import ct_slice

IDENTITY = Identity(b"0123456789abcdef")


def clean(image: Dataset, rules: Rules = Rules()) -> tuple[Dataset, dict[str, Action]]:  # noqa: B008
    audit = Audit()
    cleaner = Cleaner(IDENTITY, "P1", rules, Identifiers([image]), audit)
    made = cleaned(image, "1.2.840.10008.1.2.1", cleaner)
    return made, {row.tag: row.action for row in audit.rows()}


def test_identity_is_stable_and_needs_the_key() -> None:
    other = Identity(b"another key of this length")
    assert IDENTITY.pseudonym("P1") == Identity(b"0123456789abcdef").pseudonym("P1 ")
    assert IDENTITY.pseudonym("P1") not in (IDENTITY.pseudonym("P2"), other.pseudonym("P1"))
    assert len(IDENTITY.uid("1.2.3")) <= 64 and IDENTITY.uid("1.2.3").startswith("2.25.")
    days = [IDENTITY.days(f"P{n}") for n in range(200)]
    assert days == [IDENTITY.days(f"P{n}") for n in range(200)]
    assert min(days) >= 1 and MOST_DAYS / 2 < max(days) <= MOST_DAYS and len(set(days)) > 100
    assert "0123456789" not in repr(IDENTITY)
    with pytest.raises(ValueError, match="16 bytes"):
        Identity(b"short")


def test_person_goes_and_the_image_stays() -> None:
    image = ct_slice(0)
    image.PatientBirthDate, image.PatientSex = "19500102", "F"
    image.InstitutionName, image.StationName = "General Hospital", "CT7"
    made, done = clean(image)
    assert made.PatientID == made.PatientName == IDENTITY.pseudonym("P1")
    assert not made.PatientBirthDate and not made.PatientSex
    assert not made.StudyDate  # type 2: empty
    assert "PatientAge" not in made and "InstitutionName" not in made and "StationName" not in made
    assert "SeriesDescription" not in made and "PixelData" not in made
    assert made.ImagePositionPatient == image.ImagePositionPatient
    assert made.SOPInstanceUID == IDENTITY.uid(image.SOPInstanceUID)
    assert made.SOPClassUID == image.SOPClassUID
    assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
    assert done["(0010,0010)"] is Action.PSEUDONYM and done["(0028,0010)"] is Action.KEEP
    codes = [item.CodeValue for item in made.DeidentificationMethodCodeSequence]
    assert codes == ["113100"] and made.PatientIdentityRemoved == "YES"
    assert made.LongitudinalTemporalInformationModified == "REMOVED"


def test_what_no_list_knows_goes() -> None:
    image = ct_slice(0)
    image.private_block(0x0009, "MAKER", create=True).add_new(1, "LO", "Doe")
    image.add_new(0x00181003, "LO", "device 7")  # Device ID: in the profile's table
    image.add_new(0x00189999, "LO", "not in any dictionary")
    image.add_new(0x60003000, "OW", b"\1\2")
    made, done = clean(image)
    assert done["(0009,1001)"] is Action.PRIVATE
    assert done["(0018,9999)"] is Action.UNKNOWN and done["(6000,3000)"] is not Action.KEEP
    assert not [tag for tag in made if tag.tag.is_private or tag.tag.group == 0x6000]


def test_safe_attributes_with_unsafe_values_go() -> None:
    image = ct_slice(0)
    image.PatientName = "Mustermann^Erika"
    image.Manufacturer = "Scanner of erika M."
    image.BodyPartExamined = "ABDOMEN"
    image.ConvolutionKernel = "MUSTERMANN"
    image.add_new(0x00180060, "LT", "120 kV, seen by Dr. X")  # KVP is a number
    image.add_new(0x00280106, "LO", "text for a number")
    made, done = clean(image)
    assert done["(0008,0070)"] is done["(0018,1210)"] is Action.FOUND
    assert done["(0018,0060)"] is done["(0028,0106)"] is Action.MALFORMED
    assert made.BodyPartExamined == "ABDOMEN" and "KVP" not in made and "Manufacturer" not in made


def test_sequences_are_cleaned_inside() -> None:
    image = ct_slice(0)
    source, purpose = Dataset(), Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = image.SOPClassUID, "1.2.3.77"
    source.PatientName, source.Manufacturer = "Doe^Jane", "Doe"
    purpose.CodeValue, purpose.CodingSchemeDesignator = "X", "99HOSPITAL"
    purpose.CodeMeaning = "Bed 7, Ward 3"
    source.PurposeOfReferenceCodeSequence = Sequence([purpose])
    image.SourceImageSequence = Sequence([source])
    made, _ = clean(image)
    (item,) = made.SourceImageSequence
    assert item.ReferencedSOPInstanceUID == IDENTITY.uid("1.2.3.77")
    assert item.ReferencedSOPClassUID == image.SOPClassUID
    assert item.PatientName == IDENTITY.pseudonym("P1") and "Manufacturer" not in item
    assert item.PurposeOfReferenceCodeSequence[0].CodeMeaning == "REMOVED"


def test_dates_move_together_and_the_device_may_stay() -> None:
    image = ct_slice(0)
    image.StudyDate, image.AcquisitionDateTime = "20240402", "20240405101112.5+0100"
    image.StudyTime, image.PatientBirthDate = "101112", "19500102"
    image.SeriesDate, image.SeriesTime = "not a date", "at Jane's"
    image.StationName, image.DeviceSerialNumber = "CT7", "4711"
    made, done = clean(image, Rules(keep_device=True, shift_dates=True))
    days = pydicom.valuerep.DA("20240402") - pydicom.valuerep.DA(made.StudyDate)
    assert days.days == IDENTITY.days("P1") and made.StudyTime == "101112"
    moved = pydicom.valuerep.DA(made.AcquisitionDateTime[:8])
    assert (moved - pydicom.valuerep.DA(made.StudyDate)).days == 3
    assert made.AcquisitionDateTime.endswith("101112.5+0100")
    assert not made.PatientBirthDate and "SeriesDate" not in made
    assert done["(0008,0021)"] is done["(0008,0031)"] is Action.MALFORMED
    assert made.StationName == "CT7" and made.DeviceSerialNumber == "4711"
    codes = [item.CodeValue for item in made.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113107", "113109"]


def test_names_of_structures_stay_where_they_are_known(tmp_path: Path) -> None:
    item = Dataset()
    item.ROINumber, item.ROIName, item.ROIDescription = 1, "Tumour", "of Mrs Doe"
    other = Dataset()
    other.ROINumber, other.ROIName = 2, "Jane"
    label = ct_slice(0)
    label.StructureSetROISequence = Sequence([item, other])
    label.StructureSetLabel = "Doe plan"
    made, _ = clean(label, Rules(names=frozenset(["Tumour"])))
    first, second = made.StructureSetROISequence
    assert first.ROIName == "Tumour" and not second.ROIName and "ROIDescription" not in first
    assert made.StructureSetLabel == "REMOVED"
    # A class that somebody called after the patient is no name to keep.
    item.ROIName = "Tumour of Doe"
    made, _ = clean(label, Rules(names=frozenset(["Tumour of Doe"])))
    assert not made.StructureSetROISequence[0].ROIName


def test_pixels_that_may_show_the_patient_are_flagged() -> None:
    image = ct_slice(0)
    assert burned_in(image) == ""
    image.BurnedInAnnotation = "YES"
    assert "burned" in burned_in(image)
    image.BurnedInAnnotation, image.ImageType = "NO", ["DERIVED", "SECONDARY", "SCREEN SAVE"]
    assert "screen" in burned_in(image)


def _cleaned_on_disk(image: Dataset, folder: Path) -> Dataset:
    image.save_as(folder / "in.dcm", enforce_file_format=True)
    cleaner = Cleaner(IDENTITY, "P1", Rules(), Identifiers([image]), Audit())
    clean_file(folder / "in.dcm", folder / "out.dcm", cleaner)
    return pydicom.dcmread(folder / "out.dcm")


@pytest.mark.parametrize(
    ("keyword", "kind", "bits"),
    [("FloatPixelData", "<f4", 32), ("DoubleFloatPixelData", "<f8", 64)],
)
def test_floating_point_pixels_stay_floating_point(
    tmp_path: Path, keyword: str, kind: str, bits: int
) -> None:
    image = ct_slice(0)
    del image.PixelData
    image.BitsAllocated = bits
    setattr(image, keyword, np.linspace(-1000, 1000, 30).astype(kind).tobytes())
    made = _cleaned_on_disk(image, tmp_path)
    assert made[keyword].value == image[keyword].value and "PixelData" not in made


def test_bytes_in_big_endian_words_stay_in_words(tmp_path: Path) -> None:
    image = ct_slice(0)
    image.BitsAllocated, image.BitsStored, image.HighBit = 8, 8, 7
    image.PixelData = bytes(range(30))
    image["PixelData"].VR = "OW"
    image.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    image._read_little = None
    made = _cleaned_on_disk(image, tmp_path)
    assert made["PixelData"].VR == "OW"
    before, after = np.empty((2, 6, 5), np.int16)
    PixelFile(tmp_path / "in.dcm").read(0, before, Losses())
    PixelFile(tmp_path / "out.dcm").read(0, after, Losses())
    assert np.array_equal(before, after) and before[0, 0] == 1 - 1024


@pytest.mark.real_data
def test_files_keep_their_pixels_in_every_encoding(tmp_path: Path, shared_data: Path) -> None:
    encodings = set()
    for path in sorted((shared_data / "zoo" / "pydicom").glob("*_small*.dcm")):
        source = pydicom.dcmread(path)
        encodings.add(str(source.file_meta.TransferSyntaxUID))
        cleaner = Cleaner(IDENTITY, "P", Rules(), Identifiers([source]), Audit())
        clean_file(path, tmp_path / "out.dcm", cleaner)
        made = pydicom.dcmread(tmp_path / "out.dcm")
        # An odd length is filled up, and a padded stream may end sooner.
        assert made.PixelData.rstrip(b"\0") == source.PixelData.rstrip(b"\0")
        assert made.file_meta.TransferSyntaxUID == source.file_meta.TransferSyntaxUID
        assert (made.Rows, made.PatientID) == (source.Rows, IDENTITY.pseudonym("P"))
    assert len(encodings) >= 6
    cut = tmp_path / "cut.dcm"
    cut.write_bytes((shared_data / "zoo" / "pydicom" / "CT_small.dcm").read_bytes()[:-9000])
    with pytest.raises(FileRefusedError, match="cut short"):
        clean_file(cut, tmp_path / "no.dcm", cleaner)
