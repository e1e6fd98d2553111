"""A real sshd on loopback, run by the user of the test, that takes one key and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from core.jobs.machines import Machine

_SERVER = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
"""

_CLIENT = """
Host gpu-box
    HostName 127.0.0.1
    Port {port}
    IdentityFile {folder}/{key}
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/{known}
    GlobalKnownHostsFile /dev/null
"""


@dataclass(frozen=True)
class Server:
    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    def machine(self, **changes: object) -> Machine:
        """The machine as its user would enter it. key, known: files of the client's config."""
        key, known = str(changes.pop("key", "key")), str(changes.pop("known", "known_hosts"))
        config = self.folder / f"config_{key}_{known}"
        config.write_text(_CLIENT.format(port=self.port, folder=self.folder, key=key, known=known))
        values: dict[str, object] = {
            "name": "gpu-box", "host": "gpu-box", "python": sys.executable,
            "folder": str(self.folder / "there"), "config": str(config),
        }  # fmt: skip
        return Machine(**{**values, **changes})  # type: ignore[arg-type]

    def connections(self) -> list[psutil.Process]:
        """The server's processes that each serve one connection."""
        return psutil.Process(self.process.pid).children(recursive=False)

    def cut(self) -> int:
        """End every connection, as a network that drops them would; how many there were."""
        found = self.connections()
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        return len(found)


def end_keepers(there: Path) -> None:
    """End what still runs on a machine whose folder is ``there``."""
    for stamp in there.glob("projects/*/keeper.json"):
        with contextlib.suppress(psutil.Error, OSError, ValueError):
            keeper = psutil.Process(json.loads(stamp.read_bytes())["pid"])
            for process in [*keeper.children(recursive=True), keeper]:
                process.kill()


def _keygen(path: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text()


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    program = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if program is None or shutil.which("ssh") is None or sys.platform == "win32":
        pytest.skip("no OpenSSH server on this machine (apt install openssh-server)")
    folder = tmp_path_factory.mktemp("sshd")
    host_key = _keygen(folder / "host_key")
    (folder / "authorized_keys").write_text(_keygen(folder / "key"))
    _keygen(folder / "stranger")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
    (folder / "nobody").write_text("")
    (folder / "config").write_text(_SERVER.format(port=port, folder=folder))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where root's sshd locks itself away
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-D", "-e", "-f", str(folder / "config")],
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    _wait_for(port, process, folder / "log")
    yield Server(folder, port, process)
    for child in psutil.Process(process.pid).children(recursive=True):
        child.kill()
    process.kill()
    process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    pytest.skip(f"sshd does not start here: {log.read_text()[-300:]}")
