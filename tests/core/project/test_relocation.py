"""Moved pixel data are noticed, and found again when the user says where they went."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import Cancelled, UserError
from core.project.project import Project
from core.project.records import SeriesRecord
from tests.core.project.conftest import MakeRecord


@pytest.fixture
def scans(project: Project, make_record: MakeRecord, tmp_path: Path) -> Path:
    """Two series below one folder, with their files."""
    for uid in ("1", "2"):
        record = project.library.upsert(make_record(uid))
        for path in record.files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"pixels")
    return tmp_path / "scans"


def uids(records: list[SeriesRecord]) -> list[str]:
    return [r.series_uid for r in records]


def test_a_missing_slice_marks_its_series_until_it_is_back(project: Project, scans: Path) -> None:
    assert project.check_files() == []
    slice_file = scans / "1" / "1.dcm"
    slice_file.rename(scans / "away.dcm")
    seen: list[tuple[int, int]] = []
    missing = project.check_files(progress=lambda done, total: seen.append((done, total)))
    assert uids(missing) == ["1"]
    assert seen == [(1, 2), (2, 2)]
    assert project.record("1").missing
    (scans / "away.dcm").rename(slice_file)
    assert project.check_files() == []
    assert not project.record("1").missing


def test_moved_series_are_found_below_the_new_folder(
    project: Project, scans: Path, tmp_path: Path
) -> None:
    new = tmp_path / "archive" / "2024"
    new.parent.mkdir()
    scans.rename(new)
    (new / "2" / "0.dcm").unlink()  # one series did not arrive whole: it keeps its old place
    assert uids(project.check_files()) == ["1", "2"]
    assert uids(project.relocate(scans, new)) == ["1"]
    assert project.record("1").files[0] == new / "1" / "0.dcm"
    assert uids(project.check_files()) == ["2"]


def test_a_wrong_folder_changes_nothing_and_says_so(
    project: Project, scans: Path, tmp_path: Path
) -> None:
    before = project.series()
    with pytest.raises(UserError, match="None of the 2 series"):
        project.relocate(scans, tmp_path / "empty")
    with pytest.raises(UserError, match="No series has files below"):
        project.relocate(tmp_path / "other", tmp_path)
    assert project.series() == before


def test_checking_can_be_cancelled(project: Project, scans: Path) -> None:
    assert scans.is_dir()
    with pytest.raises(Cancelled):
        project.check_files(cancelled=lambda: True)
