"""``remedy``: listed, chosen, undone from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli.entry import main
from core.project.importer import import_paths
from core.project.project import Project
from tests.core.dicom.truth import Grid, heights, stacked, write

GRID = Grid(rows=20, columns=20, spacing=(3.0, 3.0))


@pytest.fixture
def place(tmp_path: Path) -> tuple[str, str]:
    """A project and its one series, which misses a slice."""
    firsts = stacked(heights(*[3.0] * 9), GRID)
    write(tmp_path / "ct", firsts[:4] + firsts[5:], grid=GRID)
    with Project.create(tmp_path / "project") as project:
        (record,) = import_paths(project, [tmp_path / "ct"]).series
    return str(tmp_path / "project"), record.series_uid


def asked(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, object]:
    assert main(["remedy", "--json", *argv]) == 0
    return json.loads(capsys.readouterr().out)


def test_list_choose_undo(place: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    listed = asked(capsys, *place)
    assert [o["remedy"]["kind"] for o in listed["offers"]] == [
        "keep", "interpolate", "resample", "split", "refuse",
    ]  # fmt: skip
    assert [o["recommended"] for o in listed["offers"]] == [False, True, False, False, False]
    chosen = asked(capsys, *place, "--choose", "interpolate")
    assert chosen["series"][0]["shape"] == [10, 20, 20]
    assert chosen["series"][0]["remedy"]["kind"] == "interpolate"
    finer = asked(capsys, *place, "--choose", "resample", "--spacing", "1.5")
    assert finer["series"][0]["shape"] == [19, 20, 20]
    assert asked(capsys, *place, "--undo")["series"][0]["remedy"]["kind"] == "interpolate"
    parts = asked(capsys, *place, "--choose", "split")["series"]
    assert [p["shape"][0] for p in parts] == [4, 5]
    assert len(asked(capsys, place[0], parts[0]["series_uid"], "--undo")["series"]) == 1
    history = asked(capsys, *place, "--list")["choices"]
    assert [c["remedy"]["kind"] for c in history] == ["interpolate", "resample", "split"]
    assert [c["undone"] for c in history] == [False, True, True]


def test_in_words(place: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["remedy", *place]) == 0
    out = capsys.readouterr().out
    assert "Missing slices: 6 mm between slices 4 and 5 (1 missing)" in out
    assert "interpolate (recommended): Gives 10 slices every 3 mm, 1 of them interpolated" in out
    assert "keep (current)" in out


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--choose", "shear"), "The remedy shear is not safe for this series."),
        (("--choose", "interpolate", "--spacing", "2"), "--spacing goes with --choose resample"),
        (("--choose", "resample", "--spacing", "90"), "Choose from 0.75 to 12 mm."),
        (("--undo",), "nothing to undo"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    place: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    sentence: str,
) -> None:
    assert main(["remedy", *place, *more]) == 2
    assert sentence in capsys.readouterr().err
