"""Patients' names in sentences, found in a time that the text decides and not the library."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_BEGINS = re.compile(r"(?<!\w)")
_GOES_ON = re.compile(r"\w")


class Names:
    """Patient IDs to look for; those of one letter could be any word, and are left out.

    A library of ten thousand patients would make a regular expression that takes a second to
    compile, so each place where a word begins is looked up by the lengths that IDs have.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = frozenset(name for name in ids if len(name) > 1)
        self._lengths = sorted({len(name) for name in self._ids}, reverse=True)

    def replaced(self, text: str, by: Callable[[str], str]) -> str:
        """``text`` with each ID in it as ``by`` has it: whole words, the longest ID first.

        What was put in is not searched again.
        """
        parts: list[str] = []
        kept = 0
        for begin in _BEGINS.finditer(text):
            if begin.start() >= kept and (name := self._at(text, begin.start())):
                parts += [text[kept : begin.start()], by(name)]
                kept = begin.start() + len(name)
        return "".join((*parts, text[kept:]))

    def _at(self, text: str, begin: int) -> str:
        """The longest ID that is a whole word from ``begin`` on, "" where there is none."""
        for length in self._lengths:
            name = text[begin : begin + length]
            if name in self._ids and not _GOES_ON.match(text, begin + length):
                return name
        return ""
