"""DICOM files made to do harm: each ends in an import or in a sentence, in bounded memory."""

from __future__ import annotations

import io
import os
import struct
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from core.dicom.headers import read_header
from core.dicom.rtstruct import read_rtstruct
from core.dicom.scan import find_files, scan
from core.dicom.seg import read_seg
from core.dicom.series import group
from core.errors import FileRefusedError, UserError
from core.project.loose import read_loose
from tests.core.dicom.make import ct_slice, rectangle, write_rtstruct
from tests.core.hostile import measured

READ = "core.project.loose:read_loose"


def saved(path: Path, dataset: Dataset) -> Path:
    dataset.save_as(path, enforce_file_format=True)
    return path


def encoded() -> bytes:
    target = io.BytesIO()
    ct_slice(1).save_as(target, enforce_file_format=True)
    return target.getvalue()


def ends_well(path: Path) -> str:
    """The sentence of a refusal, which names the file; empty when it was used."""
    try:
        read_loose(path)
    except UserError as error:
        assert path.name in str(error)
        return str(error)
    return ""


def test_cut_anywhere(tmp_path: Path) -> None:
    data = encoded()
    path = tmp_path / "cut.dcm"
    # Every place in the file meta information, then every fourth, and all round the pixel data.
    at = {*range(0, 400), *range(400, len(data), 4), *range(len(data) - 70, len(data))}
    for length in sorted(at):
        path.write_bytes(data[:length])
        assert ends_well(path), f"{length} of {len(data)} bytes were taken for a whole file"


def test_any_bit_turned(tmp_path: Path) -> None:
    data = encoded()
    path = tmp_path / "bit.dcm"
    turned = np.random.default_rng(5).choice(len(data) * 8, 350, replace=False)
    for bit in turned.tolist():
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        ends_well(path)


@pytest.mark.parametrize(
    ("rows", "columns", "frames", "bits"),
    [(65535, 65535, 1, 16), (8192, 8192, 1, 16), (512, 512, 100000, 16), (0, 512, 1, 16),
     (6, 5, -3, 16), (6, 5, 2**31 - 1, 16), (6, 5, 1, 64), (6, 5, 1, 12)],
)  # fmt: skip
def test_absurd_sizes(tmp_path: Path, rows: int, columns: int, frames: int, bits: int) -> None:
    made = ct_slice(0)
    made.Rows, made.Columns, made.NumberOfFrames, made.BitsAllocated = rows, columns, frames, bits
    assert ends_well(saved(tmp_path / "absurd.dcm", made))


def nested(depth: int, undefined: bool) -> bytes:
    """An explicit VR dataset whose private sequences lie in each other so deep."""
    body = b""
    for _ in range(depth):
        if undefined:
            item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + body
            item += struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
            tail = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
            length = 0xFFFFFFFF
        else:
            item = struct.pack("<HHI", 0xFFFE, 0xE000, len(body)) + body
            tail, length = b"", len(item)
        body = struct.pack("<HH2sHI", 0x0009, 0x1010, b"SQ", 0, length) + item + tail
    return body


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("depth", [1000, 20000])
def test_sequences_nested_a_thousand_deep(tmp_path: Path, depth: int, undefined: bool) -> None:
    if depth == 20000 and not undefined:
        depth = 5000  # each level costs twenty bytes for each level within it
    data = encoded()
    # After the group 8 elements of the slice: patient's name begins group 10.
    at = data.index(struct.pack("<HH2s", 0x0010, 0x0010, b"PN"))
    path = tmp_path / "nested.dcm"
    path.write_bytes(data[:at] + nested(depth, undefined) + data[at:])
    said = ends_well(path)
    assert not said or "nested" in said or "damaged" in said


def test_values_of_another_kind_than_their_tag(tmp_path: Path) -> None:
    """Found by fuzzing: pydicom has exceptions of its own, and a sequence is no text."""
    path = tmp_path / "kind.dcm"
    data = encoded()
    path.write_bytes(
        data.replace(b"\2\0\2\0UI", b"\2\0\2\0UL").replace(b"\x08\0\x16\0UI", b"\x08\0\x16\0UL")
    )
    ends_well(path)
    at = data.index(b"\x08\0\x08\0CS")
    end = at + 8 + int.from_bytes(data[at + 6 : at + 8], "little")
    inner = b"RI\0\0RY" + struct.pack("<H", 2) + b"xx"
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
    sequence = b"\x08\0\x08\0SQ\0\0" + struct.pack("<I", len(item)) + item
    path.write_bytes(data[:at] + sequence + data[end:])
    ends_well(path)
    path.write_bytes(data.replace(b"IS\2\0001 ", b"IS\2\0009e"))
    ends_well(path)


def within(name: str, **values: object) -> Dataset:
    """A functional group: a sequence ``name`` of one item that holds ``values``."""
    inner, outer = Dataset(), Dataset()
    for key, value in values.items():
        setattr(inner, key, value)
    setattr(outer, name, Items([inner]))
    return outer


def crowded(path: Path, count: int, differ: bool) -> Path:
    """``count`` frames of one pixel, all at one place, or each of another pixel size."""
    made = ct_slice(0, rows=1, columns=1)
    made.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.2.1")
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.NumberOfFrames, made.PixelData = count, bytes(2 * count)
    shared = within("PlanePositionSequence", ImagePositionPatient=[0, 0, 0])
    shared.update(within("PlaneOrientationSequence", ImageOrientationPatient=[1, 0, 0, 0, 1, 0]))
    shared.update(within("PixelMeasuresSequence", PixelSpacing=[1, 1], SliceThickness=1))
    made.SharedFunctionalGroupsSequence = Items([shared])
    made.PerFrameFunctionalGroupsSequence = Items(
        within("PixelMeasuresSequence", PixelSpacing=[1 + i / 100, 1]) if differ else Dataset()
        for i in range(count)
    )
    return saved(path, made)


def test_a_thousand_frames_at_one_place_are_not_all_compared(tmp_path: Path) -> None:
    """10 KB of header once cost minutes: the file was opened twice for each of its frames."""
    header = read_header(crowded(tmp_path / "mf.dcm", 1000, differ=False))
    begun = time.process_time()
    (found,) = group([header])
    assert time.process_time() - begun < 20  # a hang guard: a hundred frames took 5 s once
    assert found.geometry.shape == (1, 1, 1)
    (check,) = (c for c in found.checks if c.code == "duplicate-positions")
    assert "499 of which could not be compared" in check.message


def test_every_frame_on_a_grid_of_its_own(tmp_path: Path) -> None:
    header = read_header(crowded(tmp_path / "mf.dcm", 700, differ=True))
    found = group([header])
    assert len(found) == 200
    (check,) = (c for c in found[0].checks if c.code == "too-many-grids")
    assert check.message.startswith("500 slices on further grids were left out")


def test_memory_and_time_of_lies(tmp_path: Path) -> None:
    """Files that claim gigabytes, or unpack to them: at most 200 MB over a usual reader."""
    good = saved(tmp_path / "good.dcm", ct_slice(0))
    paths = []
    for number, (rows, columns, frames) in enumerate([(65535, 65535, 1), (8192, 8192, 80)]):
        made = ct_slice(0)
        made.Rows, made.Columns, made.NumberOfFrames = rows, columns, frames
        paths.append(saved(tmp_path / f"claim{number}.dcm", made))
    data = encoded()
    at = data.index(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))
    # Ten gigabytes by the element's own length, which has 32 bits, and by an item's.
    paths.append(tmp_path / "length.dcm")
    paths[-1].write_bytes(data[: at + 8] + struct.pack("<I", 0xFFFFFFFE) + data[at + 12 :])
    name = data.index(struct.pack("<HH2s", 0x0010, 0x0010, b"PN"))
    paths.append(tmp_path / "name.dcm")
    element = struct.pack("<HH2sHI", 0x0009, 0x1010, b"OB", 0, 0xFFFFFF00)
    paths[-1].write_bytes(data[:name] + element + data[name:])
    bomb = ct_slice(0)
    bomb.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    bomb.add_new(0x00091010, "OB", bytes(150 << 20))
    paths.append(saved(tmp_path / "bomb.dcm", bomb))
    paths.append(tmp_path / "deep.dcm")
    paths[-1].write_bytes(data[:name] + nested(20000, undefined=True) + data[name:])
    own = [0, 0, 0, 0, 150, 0]  # MB that a file really unpacks to
    for path, mb, (said, over, seconds) in zip(
        paths, own, measured(READ, paths, good), strict=True
    ):
        # Bytes enough for the image are there, whatever the element claims; padding is unused.
        whole = ("bomb.dcm", "deep.dcm", "length.dcm")
        assert path.name in said or (said == "used" and path.name in whole), said
        assert over <= 200 + 2 * mb, f"{path.name}: {over} MB"
        assert seconds < 20, f"{path.name}: {seconds} s"  # a hang guard; speed is a benchmark's


def test_an_empty_file_and_what_is_no_dicom(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("IM0001", encoded())
    cases = {
        "empty.dcm": (b"", "it is empty"),
        "zip.dcm": (archive.getvalue(), "a ZIP archive, not DICOM. Unpack it"),
        "nifti.dcm": (b"\x5c\1\0\0" + bytes(340) + b"n+1\0", "a NIfTI file, not DICOM"),
        "picture": (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        "brain+orig.HEAD": (b"\ntype = string-attribute\n", "an AFNI header"),
        "text.txt": (b"Thank you for your data.", "neither DICOM nor a known image"),
        "short": (b"\x08\0", "neither DICOM"),
        "head.dcm": (bytes(128) + b"DICM", "not a DICOM image"),
    }
    for name, (content, cause) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(FileRefusedError, match=cause):
            read_header(path)


def test_dicomdir_that_leads_in_circles(tmp_path: Path) -> None:
    made = ct_slice(0)
    record = Dataset()
    record.OffsetOfTheNextDirectoryRecord = record.OffsetOfReferencedLowerLevelDirectoryEntity = 400
    record.RecordInUseFlag, record.DirectoryRecordType = 0xFFFF, "IMAGE"
    record.ReferencedFileID = ["..", "..", "DICOMDIR"]
    made.DirectoryRecordSequence = Items([record, record])
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.1.3.10")
    path = saved(tmp_path / "DICOMDIR", made)
    with pytest.raises(FileRefusedError, match="index of other files"):
        read_header(path)
    saved(tmp_path / "IM1", ct_slice(0))
    assert [h.path.name for h in scan([tmp_path]).headers] == ["IM1"]


def linked(link: Path, target: Path) -> None:
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("links need a privilege on this machine")


def test_links_in_circles_are_walked_once(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    saved(folder / "IM1", ct_slice(0))
    linked(folder / "up", tmp_path)
    linked(folder / "self", folder / "self")
    linked(folder / "dead", tmp_path / "nowhere")
    found = scan([tmp_path])
    assert [h.path.name for h in found.headers] == ["IM1"]
    assert {p.name for p, _ in found.skipped} == {"self", "dead"}
    assert all(p.name in said for p, said in found.skipped)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    _, skipped = find_files([tmp_path])
    assert "no ordinary file" in skipped[0][1]


NAMES = [
    "Schädel_ß",
    "患者一_腹部",
    "مريض",
    "Ωμέγα",
    "имя с пробелом",
    "a'b;c&d$(e)",
    "👩‍⚕️",
    "x" * 200,
]


@pytest.mark.parametrize("name", NAMES)
def test_names_in_any_script(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    saved(folder / f"{name}.dcm", ct_slice(0))
    (folder / name).write_bytes(b"rubbish, really")
    assert read_loose(folder).hu.shape == (1, 6, 5)
    ((path, said),) = scan([folder]).skipped
    assert path.name == name and name in said


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/\xff\xfe bad \x80.dcm"
    path = Path(os.fsdecode(raw))
    saved(path, ct_slice(0))
    Path(os.fsdecode(raw + b"2")).write_bytes(b"rubbish, really")
    found = scan([tmp_path])
    assert read_loose(found.headers[0].path).hu.shape == (1, 6, 5)
    ((_, said),) = found.skipped
    # What is shown and written to a report has to be text in every place it goes to.
    said.encode("utf-8")


def test_contours_that_lead_nowhere(tmp_path: Path) -> None:
    """Not numbers, absurd places, too many points, none: refused, or drawn where they lie."""
    good = rectangle(0, (1.0, 4.0), (1.0, 3.0))
    cases = {
        "far": good * 1e12,
        "nan": np.full((4, 3), np.nan),
        "line": good[:2],
        "many": np.tile(good, (700, 1)),
    }
    for name, points in cases.items():
        path = write_rtstruct(tmp_path / f"{name}.dcm", {"GTV": [points]})
        try:
            assert read_rtstruct(path).rois
        except FileRefusedError as error:
            assert path.name in str(error)


def test_a_segmentation_that_claims_too_much(tmp_path: Path) -> None:
    made = ct_slice(0)
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.66.4")
    made.Modality, made.SegmentationType = "SEG", "BINARY"
    made.BitsAllocated = made.BitsStored = 1
    made.HighBit = 0
    for frames, side in ((1, 60000), (2**31 - 1, 8000), (2, 6)):
        made.NumberOfFrames, made.Rows, made.Columns = frames, side, side
        path = saved(tmp_path / "seg.dcm", made)
        with pytest.raises(FileRefusedError, match=r"seg\.dcm"):
            read_seg(path)
