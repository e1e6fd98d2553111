"""Projects opened lately, most recent first, without those that are gone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from core.project.project import Project
from core.project.recent import LIMIT, forget, known_projects, recent_projects, remember


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config"
    monkeypatch.setenv("LESIONFORGE_CONFIG_DIR", str(folder))
    return folder


def test_last_opened_comes_first_once(tmp_path: Path) -> None:
    assert recent_projects() == []
    paths = [tmp_path / f"p{i}" for i in range(LIMIT + 2)]
    for path in paths:
        Project.create(path).close()
        remember(path)
    remember(paths[3])
    assert recent_projects()[:2] == [paths[3], paths[-1]]
    assert len(recent_projects()) == LIMIT
    shutil.rmtree(paths[3])
    assert recent_projects()[0] == paths[-1]


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "[1, null]"])
def test_damaged_list_is_no_trouble(config: Path, tmp_path: Path, text: str) -> None:
    config.mkdir()
    (config / "recent.json").write_text(text)
    assert recent_projects() == []
    Project.create(tmp_path / "p").close()
    remember(tmp_path / "p")
    assert recent_projects() == [tmp_path / "p"]


def test_unwritable_folder_is_no_trouble(config: Path, tmp_path: Path) -> None:
    config.write_text("a file where the folder should be")
    remember(tmp_path)
    assert recent_projects() == []


def test_names_are_kept_and_the_missing_shown_until_taken_off(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Project.create(tmp_path / name).close()
        remember(tmp_path / name, f"Project {name}")
    shutil.rmtree(tmp_path / "a")
    assert [(k.path.name, k.name, k.missing) for k in known_projects()] == [
        ("b", "Project b", False),
        ("a", "Project a", True),
    ]
    forget(tmp_path / "a")
    assert [k.path.name for k in known_projects()] == ["b"]
    assert (tmp_path / "b" / "project.json").is_file()


def test_a_list_of_an_earlier_version_is_read(config: Path, tmp_path: Path) -> None:
    Project.create(tmp_path / "p").close()
    config.mkdir()
    (config / "recent.json").write_text(json.dumps([str(tmp_path / "p"), {"path": 3}]))
    assert [(k.path, k.name) for k in known_projects()] == [(tmp_path / "p", "p")]
