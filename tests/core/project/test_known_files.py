"""Files that did not change are not read again, and nobody's name is kept for it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from core.dicom import scan
from core.errors import Cancelled
from core.geometry import Geometry
from core.images import write_image
from core.project import importer, known_files
from core.project.importer import import_paths
from core.project.known_files import KnownFiles
from core.project.project import Project
from core.volume import Volume
from tests.core.dicom.make import rectangle, write_rtstruct, write_series


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the files whose headers are read."""
    names: list[str] = []
    real = scan.read_one

    def one(path: Path) -> object:
        names.append(path.name)
        return real(path)

    monkeypatch.setattr(scan, "read_one", one)
    yield names


@pytest.fixture
def known(tmp_path: Path) -> Iterator[KnownFiles]:
    made = KnownFiles(tmp_path / "cache")
    yield made
    made.close()


def test_a_second_import_reads_nothing_and_says_the_same(
    project: Project, tmp_path: Path, read: list[str]
) -> None:
    folder = tmp_path / "n"
    write_series(folder / "a", 4)
    write_rtstruct(folder / "rt", {"liver": [rectangle(1, (1, 3), (1, 3))]})
    (folder / "notes.txt").write_text("no DICOM")
    first = import_paths(project, [folder])
    assert len(read) == 6
    read.clear()
    again = import_paths(project, [folder])
    assert read == []
    assert [s.series_uid for s in again.series] == [s.series_uid for s in first.series]
    assert [s for s in again.skipped if "notes" in s.reason] == [
        s for s in first.skipped if "notes" in s.reason
    ]
    assert again.series[0].files == first.series[0].files


def test_what_is_new_or_changed_is_read(project: Project, tmp_path: Path, read: list[str]) -> None:
    paths = write_series(tmp_path / "n", 4)
    import_paths(project, [tmp_path / "n"])
    read.clear()
    status = paths[1].stat()
    os.utime(paths[1], ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    (tmp_path / "n" / "late").write_bytes(paths[2].read_bytes())
    import_paths(project, [tmp_path / "n"])
    assert sorted(read) == sorted([paths[1].name, "late"])


def test_a_cancelled_or_killed_scan_goes_on_where_it_was(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_files, "_WRITE_S", 0.0)
    files = write_series(tmp_path / "n", 9)
    killed = KnownFiles(tmp_path / "cache")
    started = killed.headers(files)
    before = list(islice(started, 5))
    killed._connection.close()  # nothing else is written, as by a kill
    killed._connection = None
    again = KnownFiles(tmp_path / "cache")
    read.clear()
    after = list(again.headers(files))
    assert len(read) == 4 and after[:5] == before
    assert after == list(scan.read_headers(files))
    with pytest.raises(Cancelled):
        list(again.headers(files, lambda: True))
    again.close()


def test_a_damaged_index_and_one_of_another_version_are_made_anew(
    tmp_path: Path, read: list[str]
) -> None:
    files = write_series(tmp_path / "n", 3)
    cache = tmp_path / "cache"
    for spoil in ("bytes", "version"):
        known = KnownFiles(cache)
        list(known.headers(files))
        known.close()
        if spoil == "bytes":
            (cache / "files.sqlite").write_bytes(b"not a database, by any means" * 50)
        else:
            with sqlite3.connect(cache / "files.sqlite") as connection:
                connection.execute("PRAGMA user_version = 99")
            connection.close()
        read.clear()
        known = KnownFiles(cache)
        assert len(list(known.headers(files))) == 3 and len(read) == 3
        known.close()


def test_an_unwritable_cache_means_that_files_are_read(tmp_path: Path, read: list[str]) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    known = KnownFiles(tmp_path / "cache")
    files = write_series(tmp_path / "n", 3)
    assert len(list(known.headers(files))) == len(list(known.headers(files))) == 3
    assert len(read) == 6
    known.close()


def test_only_the_last_files_are_kept(
    known: KnownFiles, tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_files, "MOST_FILES", 3)
    files = write_series(tmp_path / "n", 5)
    list(known.headers(files))
    read.clear()
    list(known.headers(files))
    assert read == [p.name for p in files[:2]]


def test_names_of_files_are_not_kept_and_patients_go_with_the_trash(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "Doe Jane"
    write_series(folder, 3)
    (folder / "Doe Jane letter.txt").write_text("no DICOM")
    (record,) = import_paths(project, [folder]).series

    def kept() -> bytes:
        return b"".join(p.read_bytes() for p in project.cache_dir.glob("files.sqlite*"))

    assert b"Doe" not in kept() and b"P1" in kept()
    project.remove([record.series_uid])
    project.empty_trash()
    assert kept() == b""


def test_an_unchanged_image_is_not_read_again(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = Geometry((4, 6, 5), (2.0, 0.7, 0.8), (5.0, -3.0, 40.0))
    values = np.random.default_rng(0).integers(-1000, 800, grid.shape).astype(np.int16)
    path = tmp_path / "n" / "case.nii.gz"
    path.parent.mkdir()
    write_image(path, Volume(values, grid))
    (first,) = import_paths(project, [tmp_path / "n"]).series
    judged: list[Path] = []
    real = importer.judge
    monkeypatch.setattr(importer, "judge", lambda p: (judged.append(p), real(p))[1])
    (again,) = import_paths(project, [tmp_path / "n"]).series
    assert again == first and judged == []
    project.remove([first.series_uid])
    assert import_paths(project, [tmp_path / "n"]).series == (first,) and judged == [path]
