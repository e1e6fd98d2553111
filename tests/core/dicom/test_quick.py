"""The fast header parser says what pydicom says, or says nothing."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from core.dicom.headers import Header, read_header_quickly, read_header_thoroughly
from core.errors import FileRefusedError
from tests.core.dicom.make import ct_slice, write_rtstruct

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


def outcome(read: Callable[[Path], Header | None], path: Path) -> Header | str | None:
    try:
        return read(path)
    except FileRefusedError as error:
        return error.sentence


def both(path: Path) -> tuple[Header | str | None, Header | str | None]:
    return outcome(read_header_quickly, path), outcome(read_header_thoroughly, path)


def save(path: Path, made: FileDataset, syntax: str = ExplicitVRLittleEndian) -> Path:
    made.file_meta.TransferSyntaxUID = syntax
    made.save_as(path, enforce_file_format=True)
    return path


def same(path: Path) -> Header | str:
    quick, thorough = both(path)
    assert quick is not None and quick == thorough
    return quick


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_usual_slice_and_its_siblings(tmp_path: Path, syntax: str) -> None:
    for index in range(3):
        made = ct_slice(index)
        made.SliceLocation, made.GantryDetectorTilt, made.KVP = index * 3, "-0.5", " 120 "
        made.TemporalPositionIdentifier, made.ConvolutionKernel = "02", ["B30f", "x"]
        made.Manufacturer, made.ManufacturerModelName = "ACME", "ACME Scan "
        header = same(save(tmp_path / f"{index}", made, syntax))
        assert isinstance(header, Header) and header.instance == index + 1
        assert header.frames[0].position == (-10.0, 20.0, 100.0 + 3 * index)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_private_and_nested_elements_are_stepped_over(tmp_path: Path, syntax: str) -> None:
    made = ct_slice(0)
    inner, outer = Dataset(), Dataset()
    inner.Rows, inner.SOPInstanceUID, inner.PixelData = 9, "9.9", b"12"
    inner["PixelData"].VR = "OW"
    outer.ReferencedImageSequence = Items([inner, Dataset()])
    for undefined in (False, True):
        made.SourceImageSequence = Items([outer, outer])
        made.AnatomicRegionSequence = Items([])
        for sequence in (made["SourceImageSequence"], outer["ReferencedImageSequence"]):
            sequence.is_undefined_length = undefined
        for item in (inner, outer):
            item.is_undefined_length_sequence_item = undefined
        block = made.private_block(0x0029, "LONG", create=True)
        block.add_new(1, "OB", b"x" * 30_000)
        header = same(save(tmp_path / str(undefined), made, syntax))
        assert isinstance(header, Header) and header.rows == 6 and header.sop_uid != "9.9"


def empty(made: FileDataset) -> None:
    made.PatientID = made.PixelSpacing = made.InstanceNumber = made.StudyDate = None


CHANGES: dict[str, Callable[[FileDataset], None]] = {
    "mr": lambda m: setattr(m, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.4"),
    "modality": lambda m: setattr(m, "Modality", "PT"),
    "localizer": lambda m: setattr(m, "ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"]),
    "cut": lambda m: setattr(m, "Rows", 60),
    "colour": lambda m: setattr(m, "SamplesPerPixel", 3),
    "empty": empty,
    "no pixels": lambda m: m.__delattr__("PixelData"),
    "name": lambda m: (setattr(m, "PatientName", "Doe^Jane=Do^Ja"), empty(m)),
    "latin": lambda m: (setattr(m, "SpecificCharacterSet", "ISO_IR 100"),
                        setattr(m, "SeriesDescription", "Schädel")),
    "odd number": lambda m: setattr(m, "SliceThickness", "5.0"),
    "many": lambda m: setattr(m, "SeriesDescription", "a\\b"),
    "frames": lambda m: setattr(m, "NumberOfFrames", 2),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_whatever_it_answers_pydicom_answers_too(tmp_path: Path, syntax: str, name: str) -> None:
    made = ct_slice(0)
    CHANGES[name](made)
    quick, thorough = both(save(tmp_path / "x", made, syntax))
    assert quick in (None, thorough)


def test_a_file_after_a_known_one_is_judged_by_itself(tmp_path: Path) -> None:
    whole = save(tmp_path / "whole", ct_slice(0))
    assert isinstance(same(whole), Header)
    short = tmp_path / "short"
    short.write_bytes(whole.read_bytes()[:-7])
    assert "cut short" in str(same(short))


def test_what_is_unusual_is_left_to_pydicom(tmp_path: Path) -> None:
    made = ct_slice(0)
    made.PixelData = made.PixelData[::-1]
    paths = [save(tmp_path / "deflated", made, DeflatedExplicitVRLittleEndian)]
    paths.append(write_rtstruct(tmp_path / "rt", {}))
    usual = save(tmp_path / "usual", ct_slice(0)).read_bytes()
    (tmp_path / "bare").write_bytes(usual[132:])
    big = usual.replace(
        ExplicitVRLittleEndian.encode() + b"\0", ExplicitVRBigEndian.encode() + b"\0"
    )
    (tmp_path / "big").write_bytes(big)
    unknown = usual.replace(b"PN\x08\x00", b"ZZ\x08\x00")
    assert unknown != usual
    (tmp_path / "vr").write_bytes(unknown)
    for path in (*paths, tmp_path / "bare", tmp_path / "vr", tmp_path / "nowhere"):
        assert read_header_quickly(path) is None, path.name


def test_sequences_without_an_end_and_a_thousand_deep_end(tmp_path: Path) -> None:
    usual = save(tmp_path / "usual", ct_slice(0)).read_bytes()
    at = usual.index(struct.pack("<HH2s", 0x0008, 0x0060, b"CS"))
    start = struct.pack(
        "<HH2sHIHHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    (tmp_path / "deep").write_bytes(usual[:at] + start * 1000 + usual[at:])
    (tmp_path / "endless").write_bytes(usual[:at] + start)
    assert read_header_quickly(tmp_path / "deep") is None
    assert read_header_quickly(tmp_path / "endless") is None


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_bytes_are_judged_as_pydicom_does(tmp_path: Path, data: st.DataObject) -> None:
    path, syntax = tmp_path / "x", data.draw(st.sampled_from(SYNTAXES))
    good = tmp_path / syntax
    if not good.exists():
        save(good, ct_slice(0), syntax)
    content = bytearray(good.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    quick, thorough = both(path)
    assert quick in (None, thorough)
