"""What all commands share: a parser that complains in one sentence, and kinds of arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

Run = Callable[[argparse.Namespace, Any], int]

EPILOG = (
    "Exit codes: 0 done, 1 a bug (its trace is on standard error), "
    "2 something you can mend (said in one sentence), 130 cancelled."
)


class Parser(argparse.ArgumentParser):
    """Complains in one sentence instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        sentence = message[:1].upper() + message[1:]
        self.exit(2, f"{sentence.rstrip('.')}. See {self.prog} --help.\n")


def command(commands: Any, name: str, run: Run, about: str, project: bool = True) -> Any:
    """A command with what all have in common: the project, ``--json``, its function."""
    parser = commands.add_parser(
        name, help=about, description=about, epilog=EPILOG, allow_abbrev=False
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON, and nothing else, on standard output"
    )
    if project:
        parser.add_argument("project", metavar="PROJECT", type=Path, help="the project's folder")
    parser.set_defaults(run=run)
    return parser


def at_least(lowest: int) -> Callable[[str], int]:
    """Whole numbers from ``lowest`` on."""

    def parse(text: str) -> int:
        value = int(text)
        if value < lowest:
            raise argparse.ArgumentTypeError(f"must be {lowest} or more, not {value}")
        return value

    parse.__name__ = "whole number"  # argparse: "invalid whole number value: 'x'"
    return parse


def positive(text: str) -> float:
    """A number above 0."""
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"must be more than 0, not {text}")
    return value


def zyx(text: str) -> tuple[int, int, int]:
    """Three whole numbers: slice, row, column."""
    try:
        z, y, x = (int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"must be three whole numbers z,y,x such as 12,256,256, not {text}"
        ) from error
    return (z, y, x)
