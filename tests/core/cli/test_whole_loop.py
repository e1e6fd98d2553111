"""From image files to an exported model and a predicted mask, all by command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.geometry import Geometry
from core.images import read_mask, write_image, write_mask
from core.volume import Volume
from tests.core.cli.conftest import Cli

#: Oblique and anisotropic: the mask must come back on this very grid.
GRID = Geometry((20, 40, 48), (4.0, 2.0, 2.0), (5.0, -3.0, 1.0), (0, -1, 0, 1, 0, 0, 0, 0, 1))


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Three patients: a bright ball in a dark block."""
    folder = tmp_path / "scans"
    folder.mkdir()
    z, y, x = np.mgrid[:20, :40, :48]
    for n in range(3):
        ball = ((z - 10) * 2) ** 2 + (y - 18 - n) ** 2 + (x - 24 + n) ** 2 < 8**2
        noise = np.random.default_rng(n).normal(0, 10, GRID.shape)
        hu = np.where(ball, 120, -60) + noise
        write_image(folder / f"c{n}_image.nii.gz", Volume(hu.astype(np.int16), GRID))
        write_mask(folder / f"c{n}_mask.nii.gz", ball.astype(np.uint8), GRID, None)
    return folder


def test_the_whole_loop(cli: Cli, scans: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    cli("init", project)
    cli("import", project, scans)
    plan = cli("plan", project, "--minutes", "0.1", "--device", "cpu", "--json")
    assert "20 % validate" in plan.err
    assert plan.json["budget_minutes"] == 0.1

    trained = cli(
        "train", project, "--minutes", "0.1", "--device", "cpu", "--name", "Balls", "--json"
    )
    assert trained.code == 0, trained.err
    events = [json.loads(line) for line in trained.out.splitlines()]
    assert {"state", "step", "validation", "checkpoint", "result"} <= {e["kind"] for e in events}
    assert (events[-1]["kind"], events[-1]["state"]) == ("state", "done")
    run = events[0]["data"]["run_id"]
    listing = cli("list", project, "--json").json
    assert [(r["id"], r["name"], r["state"]) for r in listing["runs"]] == [(run, "Balls", "done")]
    assert [m["run_id"] for m in listing["models"]] == [run]

    report = cli("evaluate", project, run, "--split", "val", "--json").json
    (case,) = report["cases"]
    assert {
        "dice", "hd95_mm", "reference_ml", "predicted_ml", "lesions", "lesions_found",
    } <= set(case)  # fmt: skip
    assert report["means"]["dice"] == case["dice"]
    assert (
        "No labelled series is in the test split"
        in cli("evaluate", project, run, "--split", "test").err
    )

    masks: list[np.ndarray] = []
    for kind in ("safetensors", "onnx"):
        file = tmp_path / f"model.{kind}"
        written = cli("export", project, run, "--format", kind, file, "--json").json
        assert written["path"] == str(file)
        assert written["passed"]
        mask = tmp_path / f"{kind}.nii.gz"
        predicted = cli("predict", file, scans / "c0_image.nii.gz", mask, "--json").json
        assert predicted["shape"] == list(GRID.shape)
        labels, grid, _ = read_mask(mask)
        assert grid.same_grid(GRID)
        assert predicted["voxels"] == np.count_nonzero(labels)
        masks.append(labels)
    np.testing.assert_array_equal(masks[0], masks[1])

    finished = cli("train", project, "--resume", run)
    assert finished.code == 2
    assert "is finished" in finished.err


def test_what_cannot_be_predicted_on_is_told(cli: Cli, tmp_path: Path) -> None:
    assert "does not exist" in cli("predict", "m.onnx", tmp_path / "no", tmp_path / "a.nrrd").err
    empty = tmp_path / "empty"
    empty.mkdir()
    done = cli("predict", "m.onnx", empty, tmp_path / "a.nrrd")
    assert (done.code, done.out) == (2, "")
    assert "it holds no CT series" in done.err
    assert "names no format" in cli("predict", "m.onnx", empty, tmp_path / "a.txt").err
