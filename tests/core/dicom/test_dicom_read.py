"""Pixels to HU in every encoding; wrong files are found out before memory is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from core.dicom.codestream import Claim, claim_of
from core.dicom.read import read_series
from core.dicom.scan import scan
from core.dicom.series import group
from core.errors import Cancelled, FileRefusedError
from core.volume import Volume
from tests.core.dicom.make import Change, ct_slice, slice_values, write_series


def read(folder: Path) -> Volume:
    (series,) = group(scan([folder]).headers)
    return read_series(series.files, series.geometry)


def test_every_voxel_is_where_its_slice_was(tmp_path: Path) -> None:
    write_series(tmp_path, 5)
    volume = read(tmp_path)
    assert np.array_equal(volume.hu, np.stack([slice_values(i) for i in range(5)]))
    assert volume.hu.dtype == np.int16 and volume.hu.flags.c_contiguous
    assert volume.checks == ()


@pytest.mark.parametrize("syntax", [RLELossless, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_transfer_syntaxes_give_the_same_values(tmp_path: Path, syntax: UID) -> None:
    for index in range(2):
        made = ct_slice(index)
        if syntax == RLELossless:
            made.compress(syntax)
        elif syntax == ExplicitVRBigEndian:
            made.PixelData = np.frombuffer(made.PixelData, "<u2").astype(">u2").tobytes()
            made._read_little = None
            made.file_meta.TransferSyntaxUID = syntax
        else:
            made.file_meta.TransferSyntaxUID = syntax
        made.save_as(tmp_path / f"{index}", enforce_file_format=True)
    assert np.array_equal(read(tmp_path).hu, np.stack([slice_values(0), slice_values(1)]))


def test_each_slice_has_its_own_rescale(tmp_path: Path) -> None:
    def scale(made: Dataset, index: int) -> None:
        made.RescaleSlope, made.RescaleIntercept = index + 1, -1024 * (index + 1)

    write_series(tmp_path, 3, scale)
    hu = read(tmp_path).hu
    assert np.array_equal(hu, np.stack([slice_values(i) * (i + 1) for i in range(3)]))


def test_negative_slope_and_missing_rescale(tmp_path: Path) -> None:
    def negative(made: Dataset, _: int) -> None:
        made.RescaleSlope, made.RescaleIntercept = -1, 1024

    def none(made: Dataset, _: int) -> None:
        del made.RescaleSlope, made.RescaleIntercept

    write_series(tmp_path / "a", 1, negative)
    write_series(tmp_path / "b", 1, none)
    assert np.array_equal(read(tmp_path / "a").hu[0], -slice_values(0))
    assert np.array_equal(read(tmp_path / "b").hu[0], slice_values(0) + 1024)


def test_fractions_are_rounded_and_extremes_cut_with_checks(tmp_path: Path) -> None:
    def fraction(made: Dataset, _: int) -> None:
        made.RescaleSlope, made.RescaleIntercept = 0.25, 0

    def extreme(made: Dataset, _: int) -> None:
        made.RescaleSlope, made.RescaleIntercept = 100, 32000

    write_series(tmp_path / "a", 1, fraction)
    write_series(tmp_path / "b", 1, extreme)
    assert [c.code for c in read(tmp_path / "a").checks] == ["rounded"]
    cut = read(tmp_path / "b")
    assert [c.code for c in cut.checks] == ["clipped"]
    assert cut.hu.max() == 32767


def twelve_bits(signed: bool, overlay: bool) -> Change:
    """Values -5 … in 12 of 16 bits; overlay: rubbish in the upper four."""

    def change(made: Dataset, _: int) -> None:
        made.BitsStored, made.HighBit, made.PixelRepresentation = 12, 11, int(signed)
        made.RescaleIntercept = 0
        values = (np.arange(30) - 5 * signed).astype("<i2").view("<u2") & 0x0FFF
        if overlay:
            values |= 0xA000
        made.PixelData = values.tobytes()

    return change


@pytest.mark.parametrize("overlay", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_only_stored_bits_count_and_carry_the_sign(
    tmp_path: Path, signed: bool, overlay: bool
) -> None:
    write_series(tmp_path, 1, twelve_bits(signed, overlay))
    assert read(tmp_path).hu.ravel().tolist() == [i - 5 * signed for i in range(30)]


def enhanced(positions: list[float]) -> Dataset:
    """A multi-frame CT whose geometry and rescale are in functional groups only."""
    made = ct_slice(0)
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.2.1")
    for keyword in ("PixelSpacing", "SliceThickness", "ImageOrientationPatient"):
        delattr(made, keyword)
    for keyword in ("ImagePositionPatient", "RescaleSlope", "RescaleIntercept"):
        delattr(made, keyword)
    shared, plane, measures = Dataset(), Dataset(), Dataset()
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing, measures.SliceThickness = [0.7, 0.8], 1.0
    shared.PlaneOrientationSequence = Items([plane])
    shared.PixelMeasuresSequence = Items([measures])
    frames = []
    for index, z in enumerate(positions):
        frame, position, values = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [0.0, 0.0, z]
        values.RescaleSlope, values.RescaleIntercept = 1, -1024 + index
        frame.PlanePositionSequence = Items([position])
        frame.PixelValueTransformationSequence = Items([values])
        frames.append(frame)
    made.NumberOfFrames = len(positions)
    made.SharedFunctionalGroupsSequence = Items([shared])
    made.PerFrameFunctionalGroupsSequence = Items(frames)
    stored = [slice_values(i).astype(np.int32) + 1024 for i in range(len(positions))]
    made.PixelData = np.stack(stored).astype("<u2").tobytes()
    return made


@pytest.mark.parametrize("compressed", [False, True])
def test_frames_of_a_multi_frame_file_go_where_they_belong(
    tmp_path: Path, compressed: bool
) -> None:
    made = enhanced([6.0, 0.0, 3.0])
    if compressed:
        made.compress(RLELossless)
    made.save_as(tmp_path / "x", enforce_file_format=True)
    volume = read(tmp_path)
    assert volume.geometry.shape == (3, 6, 5) and volume.geometry.spacing == (3.0, 0.7, 0.8)
    assert np.array_equal(
        volume.hu, np.stack([slice_values(1) + 1, slice_values(2) + 2, slice_values(0)])
    )


def test_middle_slice_comes_first_and_progress_is_counted(tmp_path: Path) -> None:
    write_series(tmp_path, 7)
    (series,) = group(scan([tmp_path]).headers)
    first: list[tuple[int, np.ndarray]] = []
    steps: list[tuple[int, int]] = []
    read_series(
        series.files,
        series.geometry,
        lambda done, total: steps.append((done, total)),
        first_slice=lambda index, plane: first.append((index, plane)),
    )
    assert len(first) == 1 and first[0][0] == 3
    assert np.array_equal(first[0][1], slice_values(3))
    assert steps[0] == (1, 7) and steps[-1] == (7, 7)


def test_reading_stops_when_cancelled(tmp_path: Path) -> None:
    write_series(tmp_path, 7)
    (series,) = group(scan([tmp_path]).headers)
    with pytest.raises(Cancelled):
        read_series(series.files, series.geometry, cancelled=lambda: True)


def test_missing_and_exchanged_files_are_named(tmp_path: Path) -> None:
    paths = write_series(tmp_path, 4)
    (series,) = group(scan([tmp_path]).headers)
    other = ct_slice(0, rows=3)
    other.save_as(paths[1], enforce_file_format=True)
    with pytest.raises(FileRefusedError, match=rf"{paths[1].name} .*5 × 3 pixels"):
        read_series(series.files, series.geometry)
    paths[1].unlink()
    with pytest.raises(FileRefusedError, match=rf"{paths[1].name} .*no longer"):
        read_series(series.files, series.geometry)


def test_codestream_claims_are_read_without_decoding() -> None:
    jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc3\x00\x0b\x10\x01\x02\x03\x04\x01"
    assert claim_of(jpeg) == Claim(0x102, 0x304, 16)
    assert claim_of(jpeg.replace(b"\xff\xc3", b"\xff\xf7")) == Claim(0x102, 0x304, 16)
    j2k = b"\xff\x4f\xff\x51" + bytes(4) + b"".join(n.to_bytes(4, "big") for n in (9, 8, 2, 1))
    j2k += bytes(18) + b"\x8c"
    assert claim_of(j2k) == Claim(7, 7, 13, True)
    assert claim_of(b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\0jp2c" + j2k) == Claim(7, 7, 13, True)
    assert claim_of(b"nothing") is None and claim_of(j2k[:40]) is None


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless])
def test_rubbish_in_place_of_a_codestream_is_refused(tmp_path: Path, syntax: UID) -> None:
    made = ct_slice(0)
    made.compress(RLELossless)
    made.file_meta.TransferSyntaxUID = syntax
    made.save_as(tmp_path / "x", enforce_file_format=True)
    with pytest.raises(FileRefusedError, match=r"are damaged|could not be decoded"):
        read(tmp_path)
