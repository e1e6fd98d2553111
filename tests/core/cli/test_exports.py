"""Labels and de-identified series from the command line: what is missing is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom

from core.geometry import Geometry
from core.images import write_image, write_mask
from core.project.importer import import_paths
from core.project.project import Project
from core.volume import Volume
from tests.core.cli.conftest import Cli
from tests.core.dicom.make import write_series


def made_project(folder: Path) -> tuple[Path, str]:
    write_series(folder / "ct", 4)
    with Project.create(folder / "p") as project:
        (record,) = import_paths(project, [folder / "ct"]).series
        labels = np.zeros(record.geometry.shape, np.uint8)
        labels[1, 1:4, 1:4] = 1
        project.label_store(record.series_uid).save(labels)
    return folder / "p", record.series_uid


def test_dicom_label_states_how_it_was_made(cli: Cli, tmp_path: Path) -> None:
    project, uid = made_project(tmp_path)
    file = tmp_path / "seg.dcm"
    asked = cli("export-label", project, uid, file)
    assert asked.code == 2 and "--format" in asked.err
    asked = cli("export-label", project, uid, file, "--format", "seg")
    assert asked.code == 2 and "--made" in asked.err
    code = "Tumour=86049000^SCT^Primary"
    done = cli(
        "export-label", project, uid, file, "--format", "seg", "--made", "automatic",
        "--algorithm", "Model r01", "--meaning", code, "--json",
    ).json  # fmt: skip
    assert Path(done["path"]) == file and "images" not in done
    (segment,) = pydicom.dcmread(file).SegmentSequence
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    assert segment.SegmentAlgorithmName == "Model r01"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "86049000"
    wrong = cli("export-label", project, uid, file, "--format", "seg", "--made", "manual",
                "--meaning", "86049000")  # fmt: skip
    assert wrong.code == 2 and "CLASS=" in wrong.err


def test_deidentify_shows_before_it_writes(cli: Cli, tmp_path: Path) -> None:
    project, _ = made_project(tmp_path)
    out = tmp_path / "out"
    shown = cli("deidentify", project, out)
    assert shown.code == 0 and "Doe^Jane" in shown.out and "Nothing was written" in shown.out
    assert not out.exists()
    document = cli("deidentify", project, out, "--json")
    assert "Doe" not in document.out and document.json["files"] == 4
    assert cli("deidentify", project, out, "--labels", "seg").code == 2  # how made?
    args = ("--labels", "seg", "rtstruct", "--made", "manual", "--shift-dates", "--write")
    assert "Wrote 6 files" in cli("deidentify", project, out, *args).out
    assert len(list(out.rglob("*.dcm"))) == 6
    assert "Doe" not in (out / "audit.tsv").read_text(encoding="utf-8")
    assert "not empty" in cli("deidentify", project, out, *args).err


def test_masks_on_other_grids_are_told_and_taken_when_accepted(cli: Cli, tmp_path: Path) -> None:
    grid = Geometry((4, 6, 5), (2.0, 0.7, 0.8), (5.0, -3.0, 40.0))
    fine = Geometry((8, 6, 5), (1.0, 0.7, 0.8), (5.0, -3.0, 39.5))
    hu = np.arange(120, dtype=np.int16).reshape(4, 6, 5) - 60
    (tmp_path / "n").mkdir()
    write_image(tmp_path / "n" / "x_image.nii.gz", Volume(hu, grid))
    mask = np.zeros(fine.shape, np.uint8)
    mask[2:6, 1:3, 1:3] = 1
    write_mask(tmp_path / "n" / "x_mask.nii.gz", mask, fine, None)
    cli("init", tmp_path / "p")
    told = cli("import", tmp_path / "p", tmp_path / "n").out
    assert "It covers 100 % of the image" in told and "0 of them with labels" in told
    taken = cli("import", tmp_path / "p", tmp_path / "n", "--accept-masks", "--json").json
    assert taken["skipped"] == [] and taken["series"][0]["labels"] == ["Tumour"]
