"""The commands about runs and machines, and their arguments. Stable: scripts depend on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.cli import machines, runs, training
from core.cli.arguments import at_least, command, positive
from core.cli.planning import DEFAULT_SEED


def training_commands(commands: Any) -> None:
    """``plan``, ``train`` and ``extend``."""
    plan = command(commands, "plan", training.plan, "Print the training plan made for the data.")
    train = command(
        commands, "train", training.train,
        "Train a model. Ctrl-C stops after a checkpoint; --resume goes on from it.",
    )  # fmt: skip
    for one in (plan, train):
        budget = one.add_mutually_exclusive_group()
        budget.add_argument(
            "--minutes", type=positive, metavar="M",
            help="train for M minutes (default: as long as the quality says)",
        )  # fmt: skip
        budget.add_argument("--epochs", type=at_least(1), metavar="N", help="train for N epochs")
        one.add_argument(
            "--quality", choices=("quick", "balanced", "best"), default="balanced",
            help="quick: 10 minutes (20 without a GPU), and predictions without mirroring; "
            "balanced: an hour; best: eight hours (ten) (default: %(default)s)",
        )  # fmt: skip
        one.add_argument(
            "--dimensions", choices=("auto", "3d", "2.5d", "2d"), default="auto",
            help="what the network sees at once: blocks, slices with their neighbours, or slices "
            "(default: blocks, or slices with their neighbours where slices are thick)",
        )  # fmt: skip
        one.add_argument(
            "--augmentation", choices=("lesionforge", "nnunet"), default="lesionforge",
            help="how blocks are varied: milder and more of them, or as nnU-Net does by default "
            "(default: %(default)s)",
        )  # fmt: skip
        one.add_argument(
            "--measure", action="store_true",
            help="take real steps on this machine first where the plan was not measured yet",
        )  # fmt: skip
        one.add_argument(
            "--device", choices=("auto", "cpu", "cuda"), default="auto",
            help="where to train (default: the GPU where there is one)",
        )  # fmt: skip
        one.add_argument(
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

    extend = command(
        commands, "extend", training.extend,
        "Change how long a run lasts. One at work is told; one that has ended goes on. Where its "
        "learning rate had fallen low it rises again for a while.",
    )  # fmt: skip
    _run(extend)
    length = extend.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=positive, metavar="M", help="how much longer")
    length.add_argument(
        "--in-all", type=positive, metavar="M",
        help="minutes it is to train in all, counted from its start; may be fewer than planned",
    )  # fmt: skip


def run_commands(commands: Any) -> None:
    """What is done with runs that there are."""
    for name, run, what in (
        ("pause", runs.pause, "Tell a run at work, whoever started it, to save and wait."),
        ("resume", runs.resume, "Tell a run that waits to go on."),
        ("stop", runs.stop, "Tell a run at work to save, keep its best model and end."),
    ):
        _run(command(commands, name, run, what))

    notes = command(
        commands, "notes", runs.notes, "Print the notes on a run, replace them, or add to them."
    )
    _run(notes)
    change = notes.add_mutually_exclusive_group()
    change.add_argument("--set", metavar="TEXT", help="replace them; what was there is printed")
    change.add_argument("--add", metavar="TEXT", help="add a line")

    compare = command(
        commands, "compare", runs.compare,
        "Print runs side by side: how they went, and the settings in which they differ.",
    )  # fmt: skip
    compare.add_argument(
        "runs", metavar="RUN", nargs="*", help="runs such as r01 r02 (default: all of them)"
    )
    compare.add_argument("--all", action="store_true", help="also the settings they share")

    export = command(
        commands, "export-run", runs.export_run,
        "Write the curves, plan and device use of a run for TensorBoard.",
    )  # fmt: skip
    _run(export)
    export.add_argument(
        "folder", metavar="FOLDER", type=Path, help="folder for it; it gets a folder of its own"
    )
    export.add_argument(
        "--pictures", action="store_true",
        help="also slices of the validation cases, which are the patients' own images",
    )  # fmt: skip


def machine_commands(commands: Any) -> None:
    """``machines`` and what is done with them."""
    about = "List the machines to train on over ssh; add, test or remove one."
    every = command(commands, "machines", machines.list_, about, project=False)
    actions = every.add_subparsers(title="actions", metavar="[ACTION]")
    command(actions, "list", machines.list_, "List them.", project=False)
    add = command(
        actions, "add", machines.add,
        "Enter a Linux machine that ssh reaches with your key, or change the one of that name.",
        project=False,
    )  # fmt: skip
    add.add_argument("name", metavar="NAME", help="what you call it, such as gpu-box")
    add.add_argument(
        "address", metavar="ADDRESS", help="user@host, host, or an alias of your ssh_config"
    )
    add.add_argument(
        "--port", type=at_least(1), default=0, metavar="N", help="port (default: as ssh chooses)"
    )
    add.add_argument(
        "--python", default="python3", metavar="PATH",
        help="the Python there that has LesionForge installed (default: %(default)s)",
    )  # fmt: skip
    add.add_argument(
        "--folder", default="~/.lesionforge", metavar="PATH",
        help="where its files go there (default: %(default)s)",
    )  # fmt: skip
    add.add_argument(
        "--config", type=Path, metavar="FILE", help="an ssh_config to use instead of your own"
    )
    for name, run, what in (
        ("test", machines.check, "Connect to a machine and say what it has."),
        ("remove", machines.remove, "Forget a machine; what lies there stays."),
    ):
        one = command(actions, name, run, what, project=False)
        one.add_argument("name", metavar="NAME", help="what you call it")


def _run(one: Any) -> None:
    one.add_argument("run_id", metavar="RUN", help="a run such as r01")


def _spreading(train: Any) -> None:
    train.add_argument(
        "--processes", type=at_least(1), metavar="N",
        help="train in N processes a machine, one a GPU (default: as the plan says, 1)",
    )  # fmt: skip
    train.add_argument(
        "--nodes", type=at_least(1), default=1, metavar="N",
        help="spread the run over N machines that all see the project's folder",
    )  # fmt: skip
    train.add_argument(
        "--node-rank", type=at_least(0), default=0, metavar="I",
        help="which of them this one is (default: 0, which leads and writes)",
    )  # fmt: skip
    train.add_argument(
        "--rendezvous", metavar="HOST:PORT", help="where machine 0 can be reached by the others"
    )
    train.add_argument(
        "--machine", metavar="NAME",
        help="train on another machine over ssh, one that the command machines lists",
    )  # fmt: skip
