"""Talking to another machine through the system's ``ssh``: keys only, host checked, no prompts.

What runs there is ``core.jobs.remote_host``, one command a connection: a request as one line of
JSON on its input, an answer as one line on its output; raw bytes may follow either. Answers come
from a machine that may be broken or hostile: their size is limited before they are read.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import IO, Any, Self

from core.errors import UserError
from core.jobs.machines import Machine

#: First line of everything the other side says; what a login script prints before it is skipped.
MARKER = b"LESIONFORGE 1\n"
#: What a login script may print, and one answer may hold.
_MAX_CHATTER, MAX_LINE = 64 * 1024, 8 * 1024 * 1024
#: Of what ssh or Python write on standard error.
_MAX_ERROR = 16 * 1024

OPTIONS: tuple[str, ...] = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "PasswordAuthentication=no",
    "KbdInteractiveAuthentication=no",
    "PreferredAuthentications=publickey",
    "ConnectTimeout=15",
    # A connection that went silent is given up after 20 seconds.
    "ServerAliveInterval=5",
    "ServerAliveCountMax=4",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "LogLevel=ERROR",
)


class LinkError(UserError):
    """The machine cannot be reached now; it may be in a while."""


class AnswerError(UserError):
    """The machine answered, but not as it should: a sentence of its own, or nonsense."""


def argv(machine: Machine, command: str, *words: str) -> list[str]:
    """The ssh command that runs ``command`` of remote_host there. Raises UserError without ssh."""
    program = shutil.which("ssh")
    if program is None:
        raise UserError(
            "This computer has no ssh program. Install the OpenSSH client (on Windows: Settings, "
            "Optional features), then test the connection again."
        )
    found = [program, "-T"]
    if machine.config:
        found += ["-F", machine.config]
    for option in OPTIONS:
        found += ["-o", option]
    if machine.port:
        found += ["-p", str(machine.port)]
    there = ["exec", _quoted(machine.python), "-P", "-m", "core.jobs.remote_host", command]
    there += [_quoted(machine.folder), *map(shlex.quote, words)]
    return [*found, "--", machine.host, " ".join(there)]


def _quoted(path: str) -> str:
    """For the shell there, which shall still find the home folder."""
    if path == "~" or path.startswith("~/"):
        rest = path[2:]
        return '"$HOME"' + (f"/{shlex.quote(rest)}" if rest else "")
    return shlex.quote(path)


class Connection:
    """One command at work on the other machine. Raises LinkError, AnswerError or UserError.

    timeout: seconds after which it is given up altogether, None for one that may take its time.
    """

    def __init__(
        self, machine: Machine, command: str, *words: str, timeout: float | None = None
    ) -> None:
        self.machine = machine
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        flags = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
        with ExitStack() as undo:
            undo.callback(self._errors.close)
            self._process = subprocess.Popen(
                argv(machine, command, *words),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                creationflags=flags,
                # Ctrl-C in a terminal is for the run, not for its line to the other machine.
                start_new_session=sys.platform != "win32",
            )
            undo.pop_all()
        self._begun = False
        self._timer = threading.Timer(timeout, self._process.kill) if timeout else None
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Process number of the ssh program."""
        return self._process.pid

    def send(self, data: bytes) -> None:
        """Write to the command's input."""
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 - made so above
        try:
            stdin.write(data)
            stdin.flush()
        except (OSError, ValueError) as error:
            raise self._broken() from error

    def request(self, value: Any) -> None:
        """Write one line of JSON."""
        self.send(json.dumps(value).encode() + b"\n")

    def end_input(self) -> None:
        """Close the command's input."""
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
        except OSError as error:
            raise self._broken() from error

    def begin(self) -> None:
        """Wait for the first line of ours, past what a login script there may print."""
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - made so above
        skipped = 0
        while not self._begun:
            line = stdout.readline(_MAX_CHATTER)
            skipped += len(line)
            if skipped > _MAX_CHATTER:
                self._process.kill()
            if not line or skipped > _MAX_CHATTER:
                raise self._broken()
            self._begun = line.endswith(MARKER)

    def line(self, limit: int = MAX_LINE) -> bytes:
        """The next line with its end; empty at the end of the command in good order."""
        self.begin()
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - made so above
        line = stdout.readline(limit + 1)
        if len(line) > limit:
            raise AnswerError(f"{self.machine.name} sent an answer that is far too long.")
        if line and not line.endswith(b"\n"):
            raise self._broken()
        if not line and self._process.wait() != 0:
            raise self._broken()
        return line

    def answer(self) -> dict[str, Any]:
        """The next line as JSON; its ``error``, where it has one, as an AnswerError."""
        line = self.line()
        if not line:
            raise self._broken()
        try:
            value: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self.nonsense() from error
        if not isinstance(value, dict):
            raise self.nonsense()
        if isinstance(sentence := value.get("error"), str):
            raise AnswerError(f"{self.machine.name}: {sentence[:1000]}")
        return value

    def bytes(self, count: int) -> bytes:
        """Up to ``count`` raw bytes; empty only when none come any more."""
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - made so above
        return stdout.read(count)

    def close(self) -> None:
        """End the connection; the command there sees its input end."""
        if self._timer is not None:
            self._timer.cancel()
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                continue  # What was still to be written finds nobody any more.
        self._errors.close()

    @staticmethod
    def lost(machine: Machine) -> LinkError:
        """What to raise for a connection that ended too early."""
        return LinkError(f"The connection to {machine.name} ended.")

    def nonsense(self) -> AnswerError:
        """What to raise for an answer that makes no sense."""
        return AnswerError(
            f"{self.machine.name} gave an answer that makes no sense. Check that it runs the same "
            "version of LesionForge."
        )

    def _broken(self) -> UserError:
        """Why it ended, as the error to raise."""
        try:
            code = self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._errors.seek(0)
        return explain(self.machine, code, self._errors.read(_MAX_ERROR).decode("utf-8", "replace"))


def explain(machine: Machine, code: int, words: str) -> UserError:
    """A connection's end as a sentence. words: what ssh or Python there wrote on standard error."""
    name, host = machine.name, machine.host
    lost: Sequence[tuple[str, str]] = (
        ("Could not resolve", f"The address {host} of {name} is not known to this network."),
        ("Connection refused", f"{name} does not take ssh connections ({host})."),
        ("timed out", f"{name} does not answer ({host})."),
        ("No route to host", f"{name} cannot be reached from this network ({host})."),
        ("Network is unreachable", f"{name} cannot be reached from this network ({host})."),
    )
    lasting: Sequence[tuple[str, str]] = (
        (
            "REMOTE HOST IDENTIFICATION HAS CHANGED",
            f"{name} shows another host key than it did before. Ask who runs it why; nothing was "
            "sent.",
        ),
        (
            "Host key verification failed",
            f"The host key of {name} is not known here. Connect once by hand (ssh {host}), compare "
            "the fingerprint with that of the machine, then test again.",
        ),
        (
            "Permission denied",
            f"{name} refused your key. Put your public key there (ssh-copy-id {host}) and load it "
            "into the agent if it has a passphrase; passwords are never used.",
        ),
        (
            "No module named",
            f"LesionForge is not installed for {machine.python} on {name}. Install it there, or "
            "name the Python that has it.",
        ),
        (
            "nknown option: -P",
            f"{machine.python} on {name} is older than Python 3.11. Name a newer one.",
        ),
    )
    for sign, sentence in lasting:
        if sign in words:
            return UserError(sentence)
    if code in (126, 127):  # The shell's codes for a program it cannot run or find.
        return UserError(f"There is no {machine.python} on {name}. Name the Python to use there.")
    for sign, sentence in lost:
        if sign in words:
            return LinkError(sentence)
    return Connection.lost(machine)


def ask(machine: Machine, command: str, request: Any, timeout: float = 60.0) -> dict[str, Any]:
    """One request, one answer."""
    with Connection(machine, command, timeout=timeout) as connection:
        connection.request(request)
        return connection.answer()
