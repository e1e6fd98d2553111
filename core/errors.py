"""The two kinds of error: what the user or the data caused, and what is our bug.

A :class:`UserError` carries one finished sentence that names the file or the thing, the cause and
the remedy. The window shows that sentence and the command line prints it with exit code 2. Any
other exception is a bug: it is logged with its trace (exit code 1) and never dressed up.
"""

from __future__ import annotations

import re
from pathlib import Path


def printable(text: str) -> str:
    """``text`` as it can be shown, printed and stored everywhere.

    File names on Linux are bytes; those that are no UTF-8 come as lone surrogates (PEP 383), which
    no terminal, database or UTF-8 file takes. They become U+FFFD. Paths themselves stay as they
    are.
    """
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


class UserError(Exception):
    """Something the user can mend. ``str(error)`` is the sentence to show."""

    def __init__(self, sentence: str) -> None:
        sentence = printable(sentence)
        super().__init__(sentence)
        self.sentence = sentence


class FileRefusedError(UserError):
    """A file (or folder) that cannot be used; names the file, why, and what to do."""

    def __init__(self, path: Path | str, reason: str, remedy: str = "") -> None:
        """``reason`` completes the sentence "<file> cannot be used: …" and ends without a stop."""
        name = Path(path).name or str(path)
        tail = f" {remedy}" if remedy else ""
        super().__init__(f"{name} cannot be used: {reason}.{tail}")
        self.path = Path(path)
        self.reason = reason


class Cancelled(Exception):  # noqa: N818 - not an error: the user asked for it
    """Raised inside a job at the next safe point after the user cancelled it (exit code 130)."""


class PeerLost(Exception):  # noqa: N818 - nothing is wrong with what is told
    """Another process of a run of several is gone; their launcher starts all of them again."""
