"""From an empty project to a split library, by command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.geometry import Geometry
from core.images import read_image, read_mask, write_image, write_mask
from core.project.project import Project
from core.volume import Volume
from tests.core.cli.conftest import Cli

GRID = Geometry((6, 16, 20), (2.5, 0.7, 0.8), (1.0, -2.0, 3.5))


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Four patients as image files, three with a mask, and a file that is no image."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for n in range(4):
        hu = np.random.default_rng(n).integers(-100, 100, GRID.shape, dtype=np.int16)
        write_image(folder / f"case_{n}_image.nii.gz", Volume(hu, GRID))
        if n < 3:
            labels = np.zeros(GRID.shape, np.uint8)
            labels[1:3, 4:8, 4 : 6 + n] = 1
            write_mask(folder / f"case_{n}_mask.nii.gz", labels, GRID, None)
    (folder / "notes.txt").write_text("not an image")
    return folder


@pytest.fixture
def project(cli: Cli, scans: Path, tmp_path: Path) -> Path:
    path = tmp_path / "project"
    assert cli("init", path, "--name", "Four", "--json").json == {
        "project": str(path),
        "name": "Four",
    }
    cli("import", path, scans, "--json")
    return path


def test_import_says_what_it_took_and_what_it_skipped(
    cli: Cli, scans: Path, tmp_path: Path
) -> None:
    cli("init", tmp_path / "project")
    report = cli("import", tmp_path / "project", scans, "--json").json
    assert set(report) == {"series", "skipped"}
    series = sorted(report["series"], key=lambda s: s["patient_id"])
    assert [s["patient_id"] for s in series] == [f"case_{n}" for n in range(4)]
    assert set(series[0]) == {
        "series_uid", "patient_id", "modality", "description", "shape", "spacing", "checks",
        "labels", "remedy",
    }  # fmt: skip
    assert series[0]["shape"] == [6, 16, 20]
    assert series[0]["spacing"] == pytest.approx([2.5, 0.7, 0.8])
    assert [len(s["labels"]) for s in series] == [1, 1, 1, 0]
    (skipped,) = report["skipped"]
    assert Path(skipped["path"]).name == "notes.txt"
    assert skipped["reason"]


def test_import_for_people_names_the_reason(cli: Cli, scans: Path, tmp_path: Path) -> None:
    cli("init", tmp_path / "project")
    done = cli("import", tmp_path / "project", scans)
    assert done.out.startswith("4 series imported, 3 of them with labels.\n")
    assert f"Skipped {scans / 'notes.txt'} cannot be used: " in done.out
    for n in range(3):
        (scans / f"more_{n}.txt").write_text("not an image")
    out = cli("import", tmp_path / "project", scans).out
    assert f"Skipped 4 files in {scans}, each cannot be used: " in out


def test_importing_what_is_not_there_names_it(cli: Cli, project: Path, tmp_path: Path) -> None:
    done = cli("import", project, tmp_path / "nothing")
    assert (done.code, done.out) == (2, "")
    assert done.err == "nothing cannot be used: it does not exist. Check the path.\n"


def test_list_adds_what_the_user_made(cli: Cli, project: Path) -> None:
    listing = cli("list", project, "--json").json
    assert set(listing) == {"series", "runs", "models"}
    assert listing["runs"] == listing["models"] == []
    by_patient = {s["patient_id"]: s for s in listing["series"]}
    assert by_patient["case_1"]["label_status"] == "draft"
    assert by_patient["case_1"]["label_voxels"] == 2 * 4 * 3
    assert by_patient["case_1"]["split"] == "none"
    assert by_patient["case_3"]["label_status"] == "none"
    assert not any(s["missing"] for s in listing["series"])
    text = cli("list", project).out
    assert "case_3" in text
    assert "6 × 16 × 20" in text


def test_list_notices_files_that_moved(cli: Cli, project: Path, scans: Path) -> None:
    (scans / "case_2_image.nii.gz").rename(scans / "elsewhere.nii.gz")
    listing = cli("list", project, "--json").json
    assert [s["patient_id"] for s in listing["series"] if s["missing"]] == ["case_2"]
    assert "files missing" in cli("list", project).out


def test_split_counts_and_stores(cli: Cli, project: Path) -> None:
    counts = cli("split", project, "--val", "0.34", "--seed", "3", "--json").json
    assert counts == {
        "train": {"series": 2, "patients": 2},
        "val": {"series": 1, "patients": 1},
        "test": {"series": 0, "patients": 0},
    }
    stored = [s["split"] for s in cli("list", project, "--json").json["series"]]
    assert sorted(stored) == ["none", "train", "train", "val"]
    assert "train: 2 series of 2 patients" in cli("split", project, "--val", "0.34").out
    assert "leaves nothing to train on" in cli("split", project, "--val", "2").err


def test_show_reads_the_whole_volume(cli: Cli, project: Path, scans: Path) -> None:
    with Project.open(project) as opened:
        uid = next(r.series_uid for r in opened.series() if r.patient_id == "case_0")
    hu = read_image(scans / "case_0_image.nii.gz").hu
    shown = cli("show", project, uid, "--json", "--voxel", "5,15,19").json
    assert shown["series_uid"] == uid
    assert shown["shape"] == [6, 16, 20]
    assert shown["origin"] == pytest.approx([1.0, -2.0, 3.5])
    assert shown["direction"] == pytest.approx([1, 0, 0, 0, 1, 0, 0, 0, 1])
    assert shown["hu"] == {"min": hu.min(), "max": hu.max(), "mean": pytest.approx(hu.mean())}
    assert shown["voxel_hu"] == hu[5, 15, 19]
    assert cli("show", project, uid, "--json").json["voxel_hu"] is None
    assert "lies outside" in cli("show", project, uid, "--voxel", "6,0,0").err
    assert f"{hu[5, 15, 19]} HU" in cli("show", project, uid, "--voxel", "5,15,19").out


def test_image_and_label_out(cli: Cli, project: Path, scans: Path, tmp_path: Path) -> None:
    with Project.open(project) as opened:
        uid = next(r.series_uid for r in opened.series() if r.patient_id == "case_2")
    image, label = tmp_path / "image.nii.gz", tmp_path / "label.nrrd"
    written = cli("export-image", project, uid, image, "--json").json
    assert written == {"path": str(image), "bytes": image.stat().st_size}
    assert "Wrote" in cli("export-label", project, uid, label).out
    np.testing.assert_array_equal(
        read_image(image).hu, read_image(scans / "case_2_image.nii.gz").hu
    )
    labels, grid, _ = read_mask(label)
    np.testing.assert_array_equal(labels > 0, read_mask(scans / "case_2_mask.nii.gz")[0] > 0)
    assert grid.same_grid(GRID)
    assert cli("export-image", project, uid, tmp_path / "image.png").code == 2
