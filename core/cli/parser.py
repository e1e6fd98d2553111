"""The commands and their arguments. Stable: scripts depend on them."""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.cli import library, mend, models, series
from core.cli.arguments import EPILOG, Parser, at_least, command, positive, zyx
from core.cli.parser_export import export_commands
from core.cli.parser_training import machine_commands, run_commands, training_commands
from core.dicom.remedies import KINDS


def build_parser() -> argparse.ArgumentParser:
    """The parser of ``lesionforge-cli``; each command sets ``run`` to its function."""
    parser = Parser(
        prog="lesionforge-cli",
        description="Label tumours in CT series, train a segmentation model, export it.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('lesionforge')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _library_commands(commands)
    _series_commands(commands)
    export_commands(commands)
    training_commands(commands)
    run_commands(commands)
    _model_commands(commands)
    machine_commands(commands)
    return parser


def _library_commands(commands: Any) -> None:
    init = command(commands, "init", library.init, "Make an empty project.")
    init.add_argument("--name", help="the project's name (default: the folder's)")

    demo = command(
        commands, "demo", library.demo, "Make a project of synthetic CT with tumours to try out."
    )
    demo.add_argument("--cases", type=at_least(1), help="how many cases (default: the demo's own)")
    demo.add_argument("--seed", type=int, default=0, help="the same seed gives the same cases")

    add = command(
        commands, "import", library.import_,
        "Add DICOM folders, image files and labels; a report tells what was skipped and why.",
    )  # fmt: skip
    add.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a file or folder")
    add.add_argument(
        "--accept-masks", action="store_true",
        help="resample masks on other grids than their images; without it the report tells how far "
        "they overlap",
    )  # fmt: skip

    command(commands, "list", library.list_, "List the series, runs and models of a project.")

    split = command(
        commands, "split", library.split, "Split the labelled series by patient, for training."
    )
    split.add_argument(
        "--val", type=float, default=0.2, metavar="F",
        help="share of the patients to validate on (default: %(default)s)",
    )  # fmt: skip
    split.add_argument(
        "--test", type=float, default=0.0, metavar="F",
        help="share of the patients to keep for testing (default: %(default)s)",
    )  # fmt: skip
    split.add_argument("--seed", type=int, default=0, help="the same seed gives the same split")
    split.add_argument(
        "--new-test", action="store_true",
        help="choose the test patients anew, too (by default they stay, so that no model is "
        "tested on what an earlier one learnt from)",
    )  # fmt: skip


def _series_commands(commands: Any) -> None:
    show = command(commands, "show", series.show, "Read a series and print its grid and HU.")
    show.add_argument("series_uid", metavar="SERIES_UID")
    show.add_argument("--voxel", type=zyx, metavar="z,y,x", help="print the HU of this voxel, too")

    remedy = command(
        commands, "remedy", mend.remedy,
        "List what can safely be done about a doubtful series, choose it, or undo the last choice.",
    )  # fmt: skip
    remedy.add_argument("series_uid", metavar="SERIES_UID")
    what = remedy.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list the remedies (the default)")
    what.add_argument("--choose", choices=KINDS, metavar="KIND", help=f"one of {', '.join(KINDS)}")
    what.add_argument("--undo", action="store_true", help="take the last choice back")
    remedy.add_argument(
        "--spacing", type=positive, metavar="MM",
        help="slice distance for --choose resample (default: the usual one)",
    )  # fmt: skip


def _model_commands(commands: Any) -> None:
    predict = command(
        commands, "predict", models.predict,
        "Segment an image with a trained model; no project is needed.", project=False,
    )  # fmt: skip
    predict.add_argument(
        "model", metavar="MODEL", type=Path, help="a model folder, a .safetensors or .onnx file"
    )
    predict.add_argument("input", metavar="INPUT", type=Path, help="DICOM folder or image file")
    predict.add_argument(
        "output", metavar="OUTPUT", type=Path,
        help="label file to write, on the input's own grid (.nii.gz, .nrrd, …)",
    )  # fmt: skip
    _device(predict)

    evaluate = command(
        commands, "evaluate", models.evaluate, "Compare a run's model with the reference labels."
    )
    evaluate.add_argument("model", metavar="RUN", help="a run such as r01")
    evaluate.add_argument(
        "--split", choices=("train", "val", "test"),
        help="the series to compare on (default: test, or val where none are for testing)",
    )  # fmt: skip
    _device(evaluate)

    export = command(commands, "export", models.export, "Write a run's model to a file.")
    export.add_argument("model", metavar="RUN", help="a run such as r01")
    export.add_argument("file", metavar="FILE", type=Path, help="the file to write")
    export.add_argument(
        "--format", choices=("safetensors", "onnx"), required=True, help="the file's format"
    )


def _device(one: Any) -> None:
    one.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto",
        help="where to compute (default: the GPU where there is one)",
    )  # fmt: skip
