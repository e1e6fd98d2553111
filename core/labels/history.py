"""Undo and redo: the edits of a session, bounded by bytes."""

from __future__ import annotations

from dataclasses import dataclass

from core.labels.edits import Edit, Labels, decode, encode

#: Memory for one series' steps. Large edits are kept compressed, so this holds far more than the
#: 50 steps the design asks for, even of edits that touch a whole 512 x 512 x 300 map.
LIMIT_BYTES = 256 * 1024 * 1024

#: Edits above this are kept compressed; below it, packing costs more than it saves.
_PACK_ABOVE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history list. undone: it can be redone. nbytes: memory it takes."""

    name: str
    value: int
    time: float
    undone: bool
    nbytes: int


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    value: int
    time: float
    content: Edit | bytes
    nbytes: int


class History:
    """The steps of one series, oldest first. Not thread-safe: it belongs to whoever paints."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._steps: list[_Step] = []
        self._done = 0

    def push(self, edit: Edit) -> None:
        """Remember an edit that has just been applied; what was undone before is forgotten.

        The oldest steps go when the memory limit is passed; the newest can always be undone.
        """
        del self._steps[self._done :]
        content: Edit | bytes = edit
        nbytes = edit.nbytes
        if nbytes > _PACK_ABOVE:
            content = encode(edit)
            nbytes = len(content)
        self._steps.append(_Step(edit.name, edit.value, edit.time, content, nbytes))
        while len(self._steps) > 1 and self.nbytes > self._limit:
            del self._steps[0]
        self._done = len(self._steps)

    def undo(self, labels: Labels) -> Edit | None:
        """Take back the newest step in ``labels``; None when there is none.

        Returns the edit as it was applied (its ``after`` is now in the map), ready to be
        committed to the journal and to say which box to repaint.
        """
        if self._done == 0:
            return None
        self._done -= 1
        edit = self._edit(self._done, labels).inverse()
        edit.apply(labels)
        return edit

    def redo(self, labels: Labels) -> Edit | None:
        """Apply the step that was undone last; None when there is none. Returns as ``undo``."""
        if self._done == len(self._steps):
            return None
        edit = self._edit(self._done, labels)
        edit.apply(labels)
        self._done += 1
        return edit

    def clear(self) -> None:
        """Forget all steps."""
        self._steps.clear()
        self._done = 0

    @property
    def entries(self) -> list[Entry]:
        """All steps, oldest first; those that were undone are at the end."""
        return [
            Entry(step.name, step.value, step.time, index >= self._done, step.nbytes)
            for index, step in enumerate(self._steps)
        ]

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._done > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to apply again."""
        return self._done < len(self._steps)

    @property
    def nbytes(self) -> int:
        """Memory of all steps."""
        return sum(step.nbytes for step in self._steps)

    def _edit(self, index: int, labels: Labels) -> Edit:
        content = self._steps[index].content
        return decode(content, labels.shape) if isinstance(content, bytes) else content
