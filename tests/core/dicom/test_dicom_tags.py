"""Every element of a file as text, whatever the file is."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from core.dicom import tags
from core.dicom.tags import TagListing, TagRow, as_text, matching, read_tags
from core.errors import Cancelled, FileRefusedError
from tests.core.dicom.make import ct_slice, write_rtstruct

ZOO = Path(__file__).resolve().parents[4] / "shared" / "data" / "zoo"


def save(path: Path, made: Dataset) -> Path:
    made.save_as(path, enforce_file_format=True)
    return path


def by_keyword(listing: TagListing) -> dict[str, TagRow]:
    return {row.keyword: row for row in listing.rows if row.keyword}


def test_elements_stand_in_order_with_names_and_values(tmp_path: Path) -> None:
    made = ct_slice(0)
    made.SpecificCharacterSet, made.PatientName = "ISO_IR 192", "Müller^Jürgen"
    listing = read_tags(save(tmp_path / "x", made))
    rows = by_keyword(listing)
    assert rows["PatientName"] == TagRow(
        0, "(0010,0010)", "PatientName", "Patient's Name", "PN", "Müller^Jürgen"
    )
    assert rows["PixelSpacing"].value == "0.7\\0.8"
    assert rows["SOPClassUID"].value.endswith("(CT Image Storage)")
    assert rows["PixelData"].value == "60 bytes"
    assert rows["FileMetaInformationVersion"].value == "2 bytes"
    numbers = [row.tag for row in listing.rows]
    assert numbers == sorted(numbers)
    assert listing.syntax == "Explicit VR Little Endian"
    assert not listing.truncated


def test_items_of_sequences_are_indented_below_them(tmp_path: Path) -> None:
    listing = read_tags(write_rtstruct(tmp_path / "rt", {"GTV": []}))
    at = next(i for i, r in enumerate(listing.rows) if r.keyword == "StructureSetROISequence")
    assert listing.rows[at].value == "1 item"
    assert [(r.depth, r.name) for r in listing.rows[at : at + 3]] == [
        (0, "Structure Set ROI Sequence"),
        (1, "Item 1"),
        (2, "ROI Number"),
    ]


def test_long_and_binary_values_are_cut_before_they_are_converted(tmp_path: Path) -> None:
    made = ct_slice(0)
    made.WindowCenter = [str(i) for i in range(5000)]
    made.ImageComments = "a" * 3000 + "\r\nsecond line"
    made.add_new((0x0029, 0x0010), "LO", "MAKER")
    made.add_new((0x0029, 0x1001), "UN", b"\x00\x01" * 400)
    made.add_new((0x0029, 0x1002), "UN", b"short text")
    listing = read_tags(save(tmp_path / "x", made))
    rows = {row.tag: row for row in listing.rows}
    centre = rows["(0028,1050)"].value
    assert centre.startswith("0\\1\\2\\") and centre.endswith("bytes")
    assert max(len(row.value) for row in listing.rows) <= tags.MAX_LETTERS
    assert rows["(0020,4000)"].value.endswith("… 3014 bytes")
    assert rows["(0029,0010)"].name == "Private creator"
    assert rows["(0029,1001)"].value == "800 bytes"
    assert rows["(0029,1002)"].value == "short text"


def test_nesting_and_rows_have_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = ct_slice(0)
    inner = Dataset()
    inner.CodeValue = "deepest"
    for _ in range(40):
        outer = Dataset()
        outer.ConceptNameCodeSequence = Sequence([inner])
        inner = outer
    made.ConceptNameCodeSequence = Sequence([inner])
    path = save(tmp_path / "x", made)
    listing = read_tags(path)
    assert max(row.depth for row in listing.rows) <= tags.MAX_DEPTH
    assert any("nested too deeply" in row.value for row in listing.rows)
    assert "deepest" not in as_text(listing.rows)
    monkeypatch.setattr(tags, "MAX_ROWS", 7)
    listing = read_tags(path)
    assert listing.truncated and len(listing.rows) == 7


def test_a_thousandfold_nesting_ends_in_a_sentence(tmp_path: Path) -> None:
    path = save(tmp_path / "x", ct_slice(0))
    deep = struct.pack(
        "<HH2sHIHHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 2**32 - 1
    )
    data = path.read_bytes()
    at = data.index(struct.pack("<HH2s", 0x0010, 0x0010, b"PN"))
    path.write_bytes(data[:at] + deep * 3000 + data[at:])
    with pytest.raises(FileRefusedError, match="nested too deeply"):
        read_tags(path)


def test_a_damaged_value_is_a_row_like_any_other(tmp_path: Path) -> None:
    path = save(tmp_path / "x", ct_slice(0))
    data = path.read_bytes()
    head = struct.pack("<HH2sH", 0x0028, 0x0010, b"US", 2)
    at = data.index(head)
    # Three bytes are no whole number of 16 bits.
    path.write_bytes(data[:at] + head[:6] + b"\3\0" + b"abc" + data[at + len(head) + 2 :])
    rows = by_keyword(read_tags(path))
    assert rows["Rows"].value == "damaged, 3 bytes"
    assert rows["Columns"].value == "5"


def test_search_finds_number_keyword_name_and_value_with_what_they_lie_in(tmp_path: Path) -> None:
    listing = read_tags(write_rtstruct(tmp_path / "rt", {"GTV": [], "Liver": []}))

    def found(text: str) -> list[str]:
        return [listing.rows[i].keyword or listing.rows[i].name for i in matching(listing, text)]

    assert found("00100020") == found("(0010,0020)") == found("patient id") == ["PatientID"]
    assert found("liver") == ["StructureSetROISequence", "Item 2", "ROIName"]
    assert found("roiname gtv") == ["StructureSetROISequence", "Item 1", "ROIName"]
    assert found("nothing like this") == []
    assert len(found(" ")) == len(listing.rows)


def test_rows_are_copied_with_tabs(tmp_path: Path) -> None:
    listing = read_tags(save(tmp_path / "x", ct_slice(0)))
    lines = as_text(listing.rows).splitlines()
    assert "(0008,1030)" not in lines
    assert "(0020,0013)\tIS\tInstanceNumber\t1" in lines


def test_what_is_no_dicom_is_refused_and_reading_can_be_stopped(tmp_path: Path) -> None:
    text = tmp_path / "note.txt"
    text.write_text("no header here, only words")
    with pytest.raises(FileRefusedError, match="neither DICOM"):
        read_tags(text)
    with pytest.raises(Cancelled):
        read_tags(save(tmp_path / "x", ct_slice(0)), lambda: True)


@pytest.mark.real_data
@pytest.mark.skipif(not ZOO.is_dir(), reason="the real data lie beside the checkout")
def test_every_odd_file_is_listed_or_refused_with_a_sentence() -> None:
    listed = 0
    for path in sorted(p for p in (ZOO / "pydicom").rglob("*") if p.is_file()):
        try:
            listing = read_tags(path)
        except FileRefusedError as error:
            assert path.name in error.sentence
            continue
        listed += 1
        assert all(len(row.value) <= tags.MAX_LETTERS for row in listing.rows), path
        assert all(row.depth <= tags.MAX_DEPTH for row in listing.rows), path
    assert listed > 100
