"""Whole-case Dice between a run's own model, its safetensors file and its ONNX file.

python -m tests.benchmarks.exported_agreement PROJECT RUN IMAGE
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from core.evaluation.metrics import dice
from core.images import read_mask
from tests.benchmarks.peers.ours import cli


def agreement(project: Path, run: str, image: Path, folder: Path) -> dict[str, float]:
    """Dice of each exported file's mask of ``image`` against the model's own; files in folder."""
    models = {"own": project / "models" / run}
    for name in ("safetensors", "onnx"):
        models[name] = folder / f"model.{name}"
        cli("export", str(project), run, "--format", name, str(models[name]), "--json")
    masks = {}
    for name, model in models.items():
        output = folder / f"{name}.nii.gz"
        cli("predict", str(model), str(image), str(output))
        masks[name] = read_mask(output)[0] > 0
    return {name: dice(masks["own"], masks[name]) for name in ("safetensors", "onnx")}


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("run")
    parser.add_argument("image", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = agreement(given.project, given.run, given.image, Path(folder))
    for name, value in found.items():
        print(f"{name}: {value:.5f}")


if __name__ == "__main__":
    main()
