"""Tumour Dice on real CT after a given time on this machine, beside two trivial predictors.

    python -m tests.benchmarks.quality_for_time DATA PROJECT --minutes 20

DATA holds ``NAME_image.nii.gz`` and ``NAME_mask.nii.gz``. Everything goes through the command
line, as a user's would: init, import, split by patient (18 train, 6 validation, seed 176), train,
evaluate, export to ONNX and safetensors, predict with both files. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

SEED = 176


def cli(*arguments: str) -> str:
    """Standard output of one ``lesionforge-cli`` call; its errors go to the terminal."""
    command = [sys.executable, "-m", "core.cli", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """2 |a ∩ b| / (|a| + |b|) of two boolean arrays."""
    total = a.sum() + b.sum()
    return float(2 * (a & b).sum() / total) if total else 1.0


def largest_soft_tissue(image: sitk.Image) -> np.ndarray:
    """The largest component of 0 to 80 HU after an opening of 2 voxels."""
    soft = sitk.BinaryMorphologicalOpening(sitk.BinaryThreshold(image, 0, 80), (2, 2, 1))
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(soft), sortByObjectSize=True)
    return sitk.GetArrayFromImage(parts) == 1


def ellipsoid_in_the_crop(image: sitk.Image, margin_mm: float = 50.0) -> np.ndarray:
    """The ellipsoid 5 cm inside the image: uses that these files were cropped round the tumour."""
    shape = np.array(image.GetSize()[::-1])
    spacing = np.array(image.GetSpacing()[::-1])
    radius = np.maximum(shape * spacing / 2 - margin_mm, spacing)
    grid = np.indices(tuple(shape)).transpose(1, 2, 3, 0)
    offset = (grid - (shape - 1) / 2) * spacing / radius
    return (offset**2).sum(-1) <= 1


def trivial(data: Path, patients: list[str]) -> dict[str, float]:
    """Mean Dice of both trivial predictors over the validation patients."""
    scores: dict[str, list[float]] = {"largest soft-tissue component": [], "centred ellipsoid": []}
    for patient in patients:
        image = sitk.ReadImage(str(data / f"{patient}_image.nii.gz"))
        mask = sitk.GetArrayFromImage(sitk.ReadImage(str(data / f"{patient}_mask.nii.gz"))) > 0
        scores["largest soft-tissue component"].append(dice(largest_soft_tissue(image), mask))
        scores["centred ellipsoid"].append(dice(ellipsoid_in_the_crop(image), mask))
    return {name: float(np.mean(values)) for name, values in scores.items()}


def exported_agreement(project: Path, run: str, data: Path, patient: str) -> dict[str, Any]:
    """Whole-case Dice between the project's own model, its safetensors and its ONNX file."""
    image = data / f"{patient}_image.nii.gz"
    models = {
        "pytorch": project / "models" / run,
        "safetensors": project / f"{run}.safetensors",
        "onnx": project / f"{run}.onnx",
    }
    masks = {}
    for name, model in models.items():
        if name != "pytorch":
            cli("export", str(project), run, "--format", name, str(model), "--json")
        output = project / f"{patient}_{name}.nii.gz"
        cli("predict", str(model), str(image), str(output))
        masks[name] = sitk.GetArrayFromImage(sitk.ReadImage(str(output))) > 0
    return {
        f"pytorch against {name}": dice(masks["pytorch"], masks[name])
        for name in ("safetensors", "onnx")
    }


def main() -> None:
    """Run the whole chain and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("project", type=Path)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    project = given.project
    cli("init", str(project))
    cli("import", str(project), str(given.data))
    cli("split", str(project), "--val", "0.25", "--test", "0", "--seed", str(SEED))
    listed = json.loads(cli("list", str(project), "--json"))["series"]
    patients = sorted(s["patient_id"] for s in listed if s["split"] == "val")
    start = time.monotonic()
    cli(
        "train", str(project), "--minutes", str(given.minutes), "--device", given.device,
        "--seed", str(given.seed), "--json",
    )  # fmt: skip
    seconds = time.monotonic() - start
    run = json.loads(cli("list", str(project), "--json"))["runs"][-1]["id"]
    result = json.loads(cli("evaluate", str(project), run, "--split", "val", "--json"))
    print(
        json.dumps(
            {
                "wall_seconds": seconds,
                "validation_patients": patients,
                "evaluate": result,
                "trivial": trivial(given.data, patients),
                "exports": exported_agreement(project, run, given.data, patients[0]),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
