"""HU to the last bit in every transfer syntax, depth and sign, by us and by pydicom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels import apply_modality_lut
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from core.dicom.codestream import frame_places
from core.dicom.decode import PixelFile
from core.dicom.rescale import Losses, Stored, hu_in_place, to_hu, used_bits
from core.dicom.scan import scan
from core.dicom.series import group
from core.errors import FileRefusedError
from tests.core.dicom.encode import (
    HTJ2K,
    JPEG,
    JPEG_12,
    JPEG_2000,
    JPEG_LOSSLESS,
    JPEG_LS,
    LOSSLESS,
    RLE,
    compress,
    set_pixels,
)
from tests.core.dicom.make import ct_slice

SHAPE = (24, 20)


def values(used: int, signed: bool, seed: int = 0) -> np.ndarray:
    """Stored numbers that use the whole range, smooth enough for every coder."""
    low = -(1 << (used - 1)) if signed else 0
    kind = np.dtype(f"{'i' if signed else 'u'}{1 if used <= 8 else 2}")
    found = np.linspace(low, low + (1 << used) - 1, SHAPE[0] * SHAPE[1]).reshape(SHAPE)
    return np.roll(found.astype(np.int64), seed * 7).astype(kind)


def hu_of(path: Path, index: int = 0) -> tuple[np.ndarray, Losses]:
    source, losses = PixelFile(path), Losses()
    out = np.full(source.shape, -1, np.int16)
    source.read(index, out, losses)
    return out, losses


def save(path: Path, made: FileDataset, syntax: str = "") -> Path:
    if syntax:
        made.file_meta.TransferSyntaxUID = UID(syntax)
    made.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("used", [8, 10, 12, 13, 15, 16])
@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_coders_give_every_bit_back(
    tmp_path: Path, syntax: str, used: int, signed: bool
) -> None:
    made, stored = ct_slice(0), values(used, signed)
    made.RescaleSlope, made.RescaleIntercept = 1, -1024 if used < 16 else 0
    compress(made, stored, used, syntax)
    found, losses = hu_of(save(tmp_path / "x", made))
    exact = stored.astype(np.int64) + int(made.RescaleIntercept)
    assert np.array_equal(found, np.clip(exact, -32768, 32767))
    assert losses.clipped == np.count_nonzero((exact < -32768) | (exact > 32767))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("used", [8, 12, 16])
@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_plain_numbers_in_both_byte_orders(
    tmp_path: Path, syntax: str, used: int, signed: bool
) -> None:
    made, stored = ct_slice(0), values(used, signed)
    set_pixels(made, stored, used)
    made["PixelData"].VR = "OW"
    if syntax == ExplicitVRBigEndian:
        made.PixelData = np.frombuffer(made.PixelData, "<u2").astype(">u2").tobytes()
        made._read_little = None
    made.RescaleSlope, made.RescaleIntercept = 2 if used < 16 else 1, 0
    path = save(tmp_path / "x", made, syntax)
    exact = stored.astype(np.int64) * int(made.RescaleSlope)
    assert np.array_equal(hu_of(path)[0], np.clip(exact, -32768, 32767))
    assert np.array_equal(pydicom.dcmread(path).pixel_array, stored)


@pytest.mark.parametrize(("syntax", "used", "off"), [(JPEG, 8, 1), (JPEG_12, 12, 4)])
def test_lossy_jpeg_is_as_near_as_its_quality(
    tmp_path: Path, syntax: str, used: int, off: int
) -> None:
    made, stored = ct_slice(0), values(used, False)
    made.RescaleSlope, made.RescaleIntercept = 1, 0
    compress(made, stored, used, syntax)
    found, _ = hu_of(save(tmp_path / "x", made))
    assert np.abs(found - stored.astype(np.int64)).max() <= off


@pytest.mark.parametrize("used", [12, 16])
def test_the_header_decides_the_sign_of_a_codestream_that_contradicts_it(
    tmp_path: Path, used: int
) -> None:
    """Signed numbers as unsigned JPEG 2000 of 12 bits; J2K_pixelrep_mismatch is such a file."""
    made, stored = ct_slice(0), values(12, True)
    made.RescaleSlope, made.RescaleIntercept = 1, 0
    compress(made, stored.view(np.uint16) & 0x0FFF, 12, JPEG_2000)
    made.PixelRepresentation, made.BitsStored, made.HighBit = 1, used, used - 1
    path = save(tmp_path / "x", made)
    assert np.array_equal(hu_of(path)[0], stored)
    assert np.array_equal(pydicom.dcmread(path).pixel_array, stored)


@pytest.mark.parametrize(("fragments", "table"), [(1, True), (3, True), (3, False), (1, False)])
@pytest.mark.parametrize("syntax", [JPEG_LS, HTJ2K])
def test_frames_are_found_whatever_their_fragments(
    tmp_path: Path, syntax: str, fragments: int, table: bool
) -> None:
    made = ct_slice(0)
    stored = np.stack([values(12, False, seed) for seed in range(3)])
    compress(made, stored, 12, syntax, fragments=fragments, table=table)
    path = save(tmp_path / "x", made)
    with path.open("rb") as handle:
        places = PixelFile(path).open().parsed.pixels
        assert places is not None
        places = frame_places(handle, places.offset, 3)
        assert [len(p) for p in places] == [fragments] * 3


def test_a_slope_with_fractions_and_one_that_overflows(tmp_path: Path) -> None:
    made, stored = ct_slice(0), values(12, False)
    set_pixels(made, stored, 12)
    made.RescaleSlope, made.RescaleIntercept = "0.5", "-1000.25"
    found, losses = hu_of(save(tmp_path / "half", made))
    exact = stored * 0.5 - 1000.25
    assert np.array_equal(found, np.rint(exact)) and losses.rounded
    made.RescaleSlope, made.RescaleIntercept = -20, 0
    found, losses = hu_of(save(tmp_path / "steep", made))
    exact = stored.astype(np.int64) * -20
    assert np.array_equal(found, np.maximum(exact, -32768))
    assert losses.clipped == np.count_nonzero(exact < -32768) > 0


def test_in_place_is_what_wide_numbers_give() -> None:
    """Modulo 2^16 beside 64 bits, for every sign, depth, overlay and rescale."""
    rng = np.random.default_rng(3)
    for _ in range(400):
        used = int(rng.integers(2, 17))
        high = int(rng.integers(used - 1, 16))
        stored = Stored(16, used, high, bool(rng.integers(2)))
        raw = rng.integers(0, 65536, (4, 5)).astype(np.uint16)
        slope = float(rng.choice([1, 1, -1, 2, 0.5, 7, -300]))
        intercept = float(rng.choice([0, -1024, 31000, -8192.5, 70000]))
        out = raw.copy().view(np.int16)
        here, there = Losses(), Losses()
        hu_in_place(out, stored, slope, intercept, here)
        assert np.array_equal(out, to_hu(used_bits(raw, stored), slope, intercept, there))
        assert here == there


def test_float_pixels_are_rounded_and_what_is_no_number_is_refused(tmp_path: Path) -> None:
    made = ct_slice(0)
    exact = np.linspace(-1000.3, 900.7, 30).reshape(6, 5)
    for name, kind, bits in (("FloatPixelData", "<f4", 32), ("DoubleFloatPixelData", "<f8", 64)):
        made = ct_slice(0)
        del made.PixelData, made.BitsStored, made.HighBit, made.PixelRepresentation
        made.BitsAllocated, made.RescaleIntercept = bits, 0
        setattr(made, name, exact.astype(kind).tobytes())
        found, losses = hu_of(save(tmp_path / name, made))
        assert np.array_equal(found, np.rint(exact)) and losses.rounded
        setattr(made, name, np.where(exact > 800, np.nan, exact).astype(kind).tobytes())
        with pytest.raises(FileRefusedError, match="not finite"):
            hu_of(save(tmp_path / name, made))


def with_table(kind: str, first: int, signed: bool) -> FileDataset:
    made, table = ct_slice(0), Dataset()
    set_pixels(
        made, (np.arange(30).reshape(6, 5) - 10 * signed).astype("i2" if signed else "u2"), 12
    )
    table.add_new("LUTDescriptor", "SS" if signed else "US", [16, first, 16])
    table.ModalityLUTType = kind
    table.add_new("LUTData", "US", [i * i for i in range(16)])
    made.ModalityLUTSequence = Items([table])
    del made.RescaleSlope, made.RescaleIntercept
    return made


@pytest.mark.parametrize(("first", "signed"), [(5, False), (-6, True)])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_modality_table_to_hu(tmp_path: Path, syntax: str, first: int, signed: bool) -> None:
    path = save(tmp_path / "x", with_table("HU", first, signed), syntax)
    plain = pydicom.dcmread(path)
    expected = [min(max(int(v) - first, 0), 15) ** 2 for v in plain.pixel_array.ravel()]
    assert hu_of(path)[0].ravel().tolist() == expected
    assert np.array_equal(apply_modality_lut(plain.pixel_array, plain).ravel(), expected)


def test_a_modality_table_of_words_in_both_byte_orders(tmp_path: Path) -> None:
    for syntax, order in ((ExplicitVRLittleEndian, "<u2"), (ExplicitVRBigEndian, ">u2")):
        made = with_table("HU", 0, False)
        words = np.arange(16) * 300
        made.ModalityLUTSequence[0].add_new("LUTData", "OW", words.astype(order).tobytes())
        made.PixelData = np.frombuffer(made.PixelData, "<u2").astype(order).tobytes()
        if syntax == ExplicitVRBigEndian:
            made._read_little = None
        path = save(tmp_path / "x", made, syntax)
        assert hu_of(path)[0].ravel().tolist() == [300 * min(v, 15) for v in range(30)]


def test_a_series_with_a_table_is_not_said_to_be_without_rescale(tmp_path: Path) -> None:
    save(tmp_path / "x", with_table("HU", 0, False))
    (series,) = group(scan([tmp_path]).headers)
    assert "no-rescale" not in [check.code for check in series.scanned.checks]


def test_a_table_to_something_else_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileRefusedError, match="table to OD, not to HU"):
        hu_of(save(tmp_path / "x", with_table("OD", 0, False)))


@pytest.mark.parametrize(("padding", "hu"), [(63536, -3024), (0, None), (2000, None)])
def test_padding_is_kept_and_said(tmp_path: Path, padding: int, hu: int | None) -> None:
    made = ct_slice(0)
    stored = np.arange(30, dtype=np.int16).reshape(6, 5) + 24
    stored[0] = np.array(padding, np.uint16).astype(np.int16)
    set_pixels(made, stored, 16)
    made.add_new("PixelPaddingValue", "US", padding)
    found, losses = hu_of(save(tmp_path / "x", made))
    assert losses.padded == hu
    assert np.array_equal(found, stored - 1024)
    assert [c.code for c in losses.checks()] == ["padding"] * (hu is not None)


def test_the_rest_of_a_damaged_frame_is_no_image(tmp_path: Path) -> None:
    made = ct_slice(0)
    for syntax in (RLE, JPEG_LS, JPEG_LOSSLESS, JPEG_2000):
        compress(made, values(12, False), 12, syntax)
        data = made.PixelData
        made.PixelData = data[: len(data) // 2] + b"\0" * (len(data) - len(data) // 2)
        with pytest.raises(FileRefusedError, match="x cannot be used"):
            hu_of(save(tmp_path / "x", made))
