import json
import subprocess

import numpy as np
import pytest

from core.project.environment import FILE, read_starts, record_start, source_revision


def test_each_start_is_a_line_with_what_can_change_a_figure(tmp_path) -> None:
    record_start(tmp_path, "NVIDIA A")
    record_start(tmp_path, "CPU B")
    first, second = read_starts(tmp_path)
    assert (first["device"], second["device"]) == ("NVIDIA A", "CPU B")
    assert first["packages"]["numpy"] == np.__version__
    assert first["packages"]["torch"]
    assert str(tmp_path) not in (tmp_path / FILE).read_text()


def test_a_torn_line_costs_only_itself(tmp_path) -> None:
    record_start(tmp_path, "A")
    with (tmp_path / FILE).open("a") as stream:
        stream.write(json.dumps({"device": "B"})[:-4])
    assert [start["device"] for start in read_starts(tmp_path)] == ["A"]


@pytest.fixture
def repository(tmp_path):
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(
            [*command, *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()

    (tmp_path / "a.py").write_text("1")
    git("init")
    git("add", "a.py")
    git("commit", "-m", "a")
    return tmp_path, git("rev-parse", "HEAD")


def test_revision_of_the_sources_and_whether_they_were_changed(repository) -> None:
    folder, head = repository
    assert source_revision(folder) == head
    (folder / "a.py").write_text("2")
    assert source_revision(folder) == head + "+"


def test_an_installed_package_has_no_revision(tmp_path) -> None:
    assert source_revision(tmp_path) == ""
