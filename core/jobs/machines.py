"""Other machines to train on, as the user entered them: kept in the user's configuration folder."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.labels.durable import write_bytes
from core.project.recent import config_dir

#: What ssh takes for a destination, and nothing it could take for an option.
_HOST = re.compile(r"([A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9_][A-Za-z0-9._:-]*")
_NAME = re.compile(r"[^\s/\\:]{1,40}")
_PATH = re.compile(r"[^\0\n\r]{1,400}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A Linux machine reached by the system's ``ssh`` with a key.

    name: what the user calls it. host: ``[user@]host``, or an alias of the user's ssh_config.
    port: 0 for ssh's own choice. python: the command or path there that has LesionForge installed.
    folder: where its files go there. config: an ssh_config file instead of the user's own, or
    empty. Raises UserError when a value cannot be used.
    """

    name: str
    host: str
    port: int = 0
    python: str = "python3"
    folder: str = "~/.lesionforge"
    config: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UserError("A machine needs a name of up to 40 characters without spaces.")
        if not _HOST.fullmatch(self.host):
            raise UserError(
                f"{self.host or 'An empty text'} is no address for ssh. Enter host, user@host or "
                "an alias of your ssh_config."
            )
        if not 0 <= self.port < 65536:
            raise UserError(f"A port is a number up to 65535, not {self.port}.")
        for what, value in (("Python", self.python), ("folder", self.folder)):
            if not _PATH.fullmatch(value) or value.startswith("-"):
                raise UserError(f"The {what} of {self.name} is no path that can be used.")

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; inverse of :meth:`from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> Machine:
        """A machine from its JSON. Raises UserError."""
        if not isinstance(value, dict):
            raise UserError("The entry of a machine is damaged. Enter it again.")
        kinds = {f.name: int if f.name == "port" else str for f in fields(cls)}
        known = {k: v for k, v in value.items() if k in kinds}
        if any(not isinstance(v, kinds[k]) for k, v in known.items()):
            raise UserError("The entry of a machine is damaged. Enter it again.")
        try:
            return cls(**known)
        except TypeError as error:
            raise UserError("The entry of a machine is incomplete. Enter it again.") from error


def machines() -> list[Machine]:
    """The saved machines by name; entries that cannot be used are passed over."""
    try:
        values: Any = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []  # None yet, or damaged: the next change writes it anew.
    found: dict[str, Machine] = {}
    for value in values if isinstance(values, list) else []:
        try:
            machine = Machine.from_json(value)
        except UserError:
            continue
        found[machine.name] = machine
    return [found[name] for name in sorted(found)]


def machine_named(name: str) -> Machine:
    """The saved machine of that name. Raises UserError when there is none."""
    known = {machine.name: machine for machine in machines()}
    if name not in known:
        names = ", ".join(known) or "none yet"
        raise UserError(f"There is no machine called {name}. Those in the settings are: {names}.")
    return known[name]


def save_machines(values: Sequence[Machine]) -> None:
    """Replace the saved machines. Raises OSError when the folder cannot be written."""
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([machine.as_json() for machine in values], indent=1, ensure_ascii=False)
    write_bytes(file, text.encode())


def _file() -> Path:
    return config_dir() / "machines.json"
