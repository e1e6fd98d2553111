"""What paths from a command line or a file manager are taken to mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import FileRefusedError
from core.project import given
from core.project.given import meaning
from core.project.project import Project


def test_a_project_is_opened_by_its_folder_or_its_file(tmp_path: Path) -> None:
    Project.create(tmp_path / "liver").close()
    for path in (tmp_path / "liver", tmp_path / "liver" / "project.json"):
        found = meaning([path])
        assert (found.kind, found.paths) == ("project", (tmp_path / "liver",))


def test_an_empty_or_new_folder_becomes_a_project(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert meaning([tmp_path / "empty"]).kind == "make"
    assert meaning([tmp_path / "new"]).kind == "make"


@pytest.mark.parametrize("name", ["gone.nii.gz", "no/such/folder"])
def test_what_is_not_there_is_refused_with_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileRefusedError, match="does not exist"):
        meaning([tmp_path / name])
    (tmp_path / "a").touch()
    with pytest.raises(FileRefusedError, match="does not exist"):
        meaning([tmp_path / "a", tmp_path / "new"])


def test_a_folder_and_several_paths_are_imported(tmp_path: Path) -> None:
    for name in ("ct/1", "ct/2", "mr/1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = meaning([tmp_path / "ct"])
    assert (found.kind, found.paths, found.name) == ("import", (tmp_path / "ct",), "ct")
    assert found.shown is None
    found = meaning([tmp_path / "ct" / "1", tmp_path / "mr"])
    assert found.paths == (tmp_path / "ct" / "1", tmp_path / "mr")


def test_a_slice_stands_for_its_series_and_an_image_file_for_itself(tmp_path: Path) -> None:
    folder = tmp_path / "ct"
    folder.mkdir()
    for name in ("a.dcm", "b.dcm", "notes.txt", "x.nii.gz", "y.nii.gz"):
        (folder / name).touch()
    found = meaning([folder / "b.dcm"])
    assert [path.name for path in found.paths] == ["a.dcm", "b.dcm"]
    assert (found.shown, found.name) == (folder / "b.dcm", "ct")
    assert meaning([folder / "y.nii.gz"]).paths == (folder / "y.nii.gz",)


def test_of_a_crowded_folder_only_the_file_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        (tmp_path / f"IM{number}").touch()
    (tmp_path / "1.2.840.7").touch()
    assert len(meaning([tmp_path / "1.2.840.7"]).paths) == 7
    monkeypatch.setattr(given, "_MOST_SIBLINGS", 3)
    assert meaning([tmp_path / "IM2"]).paths == (tmp_path / "IM2",)
