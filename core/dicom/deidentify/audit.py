"""What was done to which attribute in how many files, to be looked through before writing."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.dicom.deidentify.profile import Action

#: Characters of an example that are shown.
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One attribute. tag: ``(gggg,eeee)``, inside sequences with those before it. files: how many
    files had it. before, after: an example. ``before`` is patient data: it is shown to the user and
    goes into no log and no file.
    """

    tag: str
    name: str
    action: Action
    files: int
    before: str = field(repr=False)
    after: str

    @property
    def changed(self) -> bool:
        """Whether the value is not what it was."""
        return self.action not in (Action.KEEP, Action.NAME)


@dataclass(slots=True)
class Audit:
    """Collects rows over files; :meth:`rows` gives them, what was changed first."""

    files: int = 0
    burned_in: dict[str, int] = field(default_factory=dict[str, int])
    _rows: dict[tuple[str, Action], list[str | int]] = field(
        default_factory=dict[tuple[str, Action], list[str | int]], repr=False
    )
    _seen: set[tuple[str, Action]] = field(default_factory=set[tuple[str, Action]], repr=False)

    def begin(self) -> None:
        """The next file."""
        self.files += 1
        self._seen.clear()

    def note(self, tag: str, name: str, action: Action, before: str, after: str) -> None:
        """One attribute of the file begun last."""
        key = (tag, action)
        if key in self._seen:
            return
        self._seen.add(key)
        row = self._rows.setdefault(key, [name, 0, before[:_SHOWN], after[:_SHOWN]])
        row[1] = int(row[1]) + 1

    def flag(self, reason: str) -> None:
        """The file begun last may show identity in its pixels."""
        self.burned_in[reason] = self.burned_in.get(reason, 0) + 1

    def rows(self) -> list[AuditRow]:
        """All rows: changed ones first, each part in the order of the tags."""
        rows = [
            AuditRow(tag, str(name), action, int(count), str(before), str(after))
            for (tag, action), (name, count, before, after) in self._rows.items()
        ]
        return sorted(rows, key=lambda row: (not row.changed, row.tag))
