"""Scanning: every file is a header or a sentence; nothing crashes, hangs or fills the memory."""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from core.dicom import parsing, scan, workers
from core.dicom.headers import Header
from core.dicom.read import read_series
from core.dicom.series import group
from core.errors import Cancelled, FileRefusedError
from tests.core.dicom.make import ct_slice, write_rtstruct, write_series


def reasons(result: scan.ScanResult) -> str:
    return " ".join(text for _, text in result.skipped)


def save(path: Path, made: Dataset) -> Path:
    made.save_as(path, enforce_file_format=True)
    return path


def test_names_do_not_matter_and_folders_are_searched(tmp_path: Path) -> None:
    write_series(tmp_path / "a" / "b" / "c", 3)
    (tmp_path / "a" / "notes.txt").write_text("hello")
    (tmp_path / "a" / "empty.dcm").touch()
    calls: list[tuple[int, int]] = []
    result = scan.scan([tmp_path], lambda done, total: calls.append((done, total)))
    assert len(result.headers) == 3
    assert {p.name for p, _ in result.skipped} == {"notes.txt", "empty.dcm"}
    assert all(path.name in text and text.endswith(".") for path, text in result.skipped)
    assert calls[-1] == (5, 5)
    header = result.headers[0]
    assert (header.patient_id, header.age, header.study_date) == ("P1", "61", "2024-04-02")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, "not CT but MR Image"),
        ({"Modality": "PT"}, "modality is PT"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({"ImageType": ["DERIVED", "SECONDARY", "DOSE_INFO"]}, "dose report"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "Secondary Capture"),
        ({"SamplesPerPixel": 3}, "colour"),
        ({"Rows": 60000, "Columns": 60000}, "claims 60000 × 60000"),
        ({"Rows": 100}, "cut short"),
        ({"Rows": 0}, "no image size"),
        ({"BitsAllocated": 12}, "unusual format"),
        ({"NumberOfFrames": 3, "Rows": 2, "Columns": 5}, "does not say where"),
    ],
)
def test_what_is_no_ct_slice_is_skipped_with_its_reason(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    made = ct_slice(0)
    for key, value in change.items():
        setattr(made, key, value)
    save(tmp_path / "x", made)
    result = scan.scan([tmp_path])
    assert not result.headers
    assert reason in reasons(result)


def test_labels_are_headers_with_the_series_they_name(tmp_path: Path) -> None:
    write_rtstruct(tmp_path / "rt", {"GTV": []})
    (header,) = scan.scan([tmp_path]).headers
    assert header.kind == "rtstruct"
    assert header.referenced == ("1.2.3.4",)
    assert header.frame_uid == "1.2.3.9"


def test_header_without_preamble_is_found_by_its_content(tmp_path: Path) -> None:
    made = ct_slice(0)
    path = save(tmp_path / "x", made)
    data = path.read_bytes()
    path.write_bytes(data[144 + struct.unpack("<I", data[140:144])[0] :])
    (header,) = scan.scan([tmp_path]).headers
    assert header.rows == 6


def test_truncated_slice_is_refused_with_the_bytes(tmp_path: Path) -> None:
    path = write_series(tmp_path, 1)[0]
    path.write_bytes(path.read_bytes()[:-30])
    result = scan.scan([tmp_path])
    assert not result.headers and "cut short (30 of 60 bytes)" in reasons(result)


def test_truncated_compressed_slice_is_refused(tmp_path: Path) -> None:
    made = ct_slice(0, rows=64, columns=64)
    made.compress(RLELossless)
    path = save(tmp_path / "x", made)
    assert len(scan.scan([tmp_path]).headers) == 1
    path.write_bytes(path.read_bytes()[:-400])
    assert "cut short" in reasons(scan.scan([tmp_path]))


def test_small_compressed_file_cannot_claim_a_large_image(tmp_path: Path) -> None:
    made = ct_slice(0, rows=64, columns=64)
    made.compress(RLELossless)
    made.Rows = made.Columns = 8192
    save(tmp_path / "x", made)
    assert "cannot hold" in reasons(scan.scan([tmp_path]))


def test_thousandfold_nesting_is_refused(tmp_path: Path) -> None:
    path = write_series(tmp_path, 1)[0]
    deep = struct.pack(
        "<HH2sHIHHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 2**32 - 1
    )
    data = path.read_bytes()
    at = data.index(struct.pack("<HH2s", 0x0010, 0x0010, b"PN"))
    path.write_bytes(data[:at] + deep * 3000 + data[at:])
    result = scan.scan([tmp_path])
    assert not result.headers and "nested too deeply" in reasons(result)


def test_deflated_file_is_read_but_not_without_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ct_slice(0)
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path = save(tmp_path / "deflated", made)
    assert len(scan.scan([path]).headers) == 1
    data = path.read_bytes()
    start = 144 + struct.unpack("<I", data[140:144])[0]
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    path.write_bytes(data[:start] + bomb.compress(b"\0" * 50_000_000) + bomb.flush())
    monkeypatch.setattr(parsing, "MAX_INFLATED", 1 << 20)
    assert "inflate" in reasons(scan.scan([path]))


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX links and pipes")
def test_loops_of_links_end_and_pipes_are_not_waited_for(tmp_path: Path) -> None:
    write_series(tmp_path / "a", 1)
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "gone").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "a" / "pipe")
    result = scan.scan([tmp_path])
    assert len(result.headers) == 1
    assert "no ordinary file" in reasons(result) and "could not be opened" in reasons(result)


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    paths = write_series(tmp_path, 2)
    assert len(scan.scan([tmp_path, tmp_path, paths[0]]).headers) == 2


def test_scan_stops_when_cancelled(tmp_path: Path) -> None:
    write_series(tmp_path, 3)
    seen: list[int] = []
    with pytest.raises(Cancelled):
        scan.scan([tmp_path], lambda done, _: seen.append(done), lambda: len(seen) >= 2)
    assert seen == [1, 2]


def test_children_give_the_same_answers_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path, 40)
    (tmp_path / "IM0005x").write_text("no DICOM here, not at all")
    files, _ = scan.find_files([tmp_path])
    here = list(scan.read_headers(files))
    monkeypatch.setattr(scan, "WORTH_CHILDREN", 1)
    assert list(scan.read_headers(files)) == here
    assert [path for path, _ in here] == files


def test_children_load_neither_pydicom_nor_numpy_until_a_file_needs_them() -> None:
    script = (
        "import sys, core.dicom.workers\n"
        "sys.exit(any(m in sys.modules for m in ('pydicom', 'numpy', 'SimpleITK', 'imagecodecs')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_children_end_when_cancelled(tmp_path: Path) -> None:
    files = write_series(tmp_path, 60)
    with pytest.raises(Cancelled):
        list(workers.read_many(files, lambda: True))


def test_header_survives_json(tmp_path: Path) -> None:
    path = write_series(tmp_path, 1)[0]
    header = workers.read_one(path)
    assert isinstance(header, Header)
    assert Header.from_json(header.as_json()) == header


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_bytes_never_crash(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "x"
    if not (tmp_path / "good").exists():
        save(tmp_path / "good", ct_slice(0))
    content = bytearray((tmp_path / "good").read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    outcome = workers.read_one(path)
    if isinstance(outcome, str):
        assert path.name in outcome
        return
    for series in group([outcome]):
        with contextlib.suppress(FileRefusedError):
            assert read_series(series.files, series.geometry).hu.shape == series.geometry.shape
