"""Projects opened lately, most recent first, without those that are gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.project.project import Project
from core.project.recent import LIMIT, recent_projects, remember


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
