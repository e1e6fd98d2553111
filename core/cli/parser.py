"""The commands and their arguments. Stable: scripts depend on them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from core.cli import library, models, series, training
from core.cli.planning import DEFAULT_SEED

Run = Callable[[argparse.Namespace, Any], int]

_EPILOG = (
    "Exit codes: 0 done, 1 a bug (its trace is on standard error), "
    "2 something you can mend (said in one sentence), 130 cancelled."
)


class _Parser(argparse.ArgumentParser):
    """Complains in one sentence instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        sentence = message[:1].upper() + message[1:]
        self.exit(2, f"{sentence.rstrip('.')}. See {self.prog} --help.\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of ``lesionforge-cli``; each command sets ``run`` to its function."""
    parser = _Parser(
        prog="lesionforge-cli",
        description="Label tumours in CT series, train a segmentation model, export it.",
        epilog=_EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('lesionforge')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _library_commands(commands)
    _series_commands(commands)
    _training_commands(commands)
    _model_commands(commands)
    return parser


def _command(commands: Any, name: str, run: Run, about: str, project: bool = True) -> Any:
    """A command with what all have in common: the project, ``--json``, its function."""
    parser = commands.add_parser(
        name, help=about, description=about, epilog=_EPILOG, allow_abbrev=False
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON, and nothing else, on standard output"
    )
    if project:
        parser.add_argument("project", metavar="PROJECT", type=Path, help="the project's folder")
    parser.set_defaults(run=run)
    return parser


def _library_commands(commands: Any) -> None:
    init = _command(commands, "init", library.init, "Make an empty project.")
    init.add_argument("--name", help="the project's name (default: the folder's)")

    demo = _command(
        commands, "demo", library.demo, "Make a project of synthetic CT with tumours to try out."
    )
    demo.add_argument("--cases", type=_at_least(1), help="how many cases (default: the demo's own)")
    demo.add_argument("--seed", type=int, default=0, help="the same seed gives the same cases")

    add = _command(
        commands, "import", library.import_,
        "Add DICOM folders, image files and labels; a report tells what was skipped and why.",
    )  # fmt: skip
    add.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a file or folder")

    _command(commands, "list", library.list_, "List the series, runs and models of a project.")

    split = _command(
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
    show = _command(commands, "show", series.show, "Read a series and print its grid and HU.")
    show.add_argument("series_uid", metavar="SERIES_UID")
    show.add_argument("--voxel", type=_zyx, metavar="z,y,x", help="print the HU of this voxel, too")

    for name, run, what in (
        ("export-image", series.export_image, "image"),
        ("export-label", series.export_label, "label"),
    ):
        export = _command(
            commands, name, run, f"Write the {what} of a series, on the series' own grid."
        )
        export.add_argument("series_uid", metavar="SERIES_UID")
        export.add_argument(
            "file", metavar="FILE", type=Path, help="ending in .nii.gz, .nii, .nrrd or .mha"
        )


def _training_commands(commands: Any) -> None:
    plan = _command(commands, "plan", training.plan, "Print the training plan made for the data.")
    train = _command(
        commands, "train", training.train,
        "Train a model. Ctrl-C stops after a checkpoint; --resume goes on from it.",
    )  # fmt: skip
    for command in (plan, train):
        budget = command.add_mutually_exclusive_group()
        budget.add_argument("--minutes", type=_positive, metavar="M", help="train for M minutes")
        budget.add_argument("--epochs", type=_at_least(1), metavar="N", help="train for N epochs")
        command.add_argument(
            "--quality", choices=("quick", "balanced", "best"), default="balanced",
            help="how large a network the time is spent on (default: %(default)s)",
        )  # fmt: skip
        command.add_argument(
            "--dimensions", choices=("auto", "3d", "2.5d", "2d"), default="auto",
            help="what the network sees at once: blocks, slices with their neighbours, or slices "
            "(default: blocks, or slices with their neighbours where slices are thick)",
        )  # fmt: skip
        command.add_argument(
            "--measure", action="store_true",
            help="take real steps on this machine first where the plan was not measured yet",
        )  # fmt: skip
        command.add_argument(
            "--device", choices=("auto", "cpu", "cuda"), default="auto",
            help="where to train (default: the GPU where there is one)",
        )  # fmt: skip
        command.add_argument(
            "--seed", type=int, help=f"seed of weights and patches (default: {DEFAULT_SEED})"
        )
    plan.set_defaults(machine=None)
    train.add_argument("--name", help="the run's name (default: the plan's)")
    _spreading(train)
    train.add_argument(
        "--resume", metavar="RUN",
        help="go on with a stopped run, such as r01; --minutes or --epochs then give its new "
        "length, counted from its start",
    )  # fmt: skip

    extend = _command(
        commands, "extend", training.extend,
        "Give a run more time. One that is at work is told; one that has ended goes on. Where its "
        "learning rate had fallen low it rises again for a while.",
    )  # fmt: skip
    extend.add_argument("run_id", metavar="RUN", help="a run such as r01")
    extend.add_argument(
        "--minutes", type=_positive, metavar="N", required=True, help="how much longer"
    )


def _spreading(train: Any) -> None:
    train.add_argument(
        "--processes", type=_at_least(1), metavar="N",
        help="train in N processes a machine, one a GPU (default: as the plan says, 1)",
    )  # fmt: skip
    train.add_argument(
        "--nodes", type=_at_least(1), default=1, metavar="N",
        help="spread the run over N machines that all see the project's folder",
    )  # fmt: skip
    train.add_argument(
        "--node-rank", type=_at_least(0), default=0, metavar="I",
        help="which of them this one is (default: 0, which leads and writes)",
    )  # fmt: skip
    train.add_argument(
        "--rendezvous", metavar="HOST:PORT", help="where machine 0 can be reached by the others"
    )
    train.add_argument(
        "--machine", metavar="NAME",
        help="train on another machine over ssh, as entered under Machines in the window",
    )  # fmt: skip


def _model_commands(commands: Any) -> None:
    predict = _command(
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

    evaluate = _command(
        commands, "evaluate", models.evaluate, "Compare a run's model with the reference labels."
    )
    evaluate.add_argument("model", metavar="RUN", help="a run such as r01")
    evaluate.add_argument(
        "--split", choices=("train", "val", "test"),
        help="the series to compare on (default: test, or val where none are for testing)",
    )  # fmt: skip
    _device(evaluate)

    export = _command(commands, "export", models.export, "Write a run's model to a file.")
    export.add_argument("model", metavar="RUN", help="a run such as r01")
    export.add_argument("file", metavar="FILE", type=Path, help="the file to write")
    export.add_argument(
        "--format", choices=("safetensors", "onnx"), required=True, help="the file's format"
    )


def _device(command: Any) -> None:
    command.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto",
        help="where to compute (default: the GPU where there is one)",
    )  # fmt: skip


def _at_least(lowest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if value < lowest:
            raise argparse.ArgumentTypeError(f"must be {lowest} or more, not {value}")
        return value

    parse.__name__ = "whole number"  # argparse: "invalid whole number value: 'x'"
    return parse


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"must be more than 0, not {text}")
    return value


def _zyx(text: str) -> tuple[int, int, int]:
    try:
        z, y, x = (int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"must be three whole numbers z,y,x such as 12,256,256, not {text}"
        ) from error
    return (z, y, x)
