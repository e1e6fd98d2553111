"""The project's secret, from which pseudonyms, exported UIDs and shifted dates are made."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path

from core.dicom.deidentify.identity import Identity
from core.errors import FileRefusedError
from core.project.folder import KEY_FILE
from core.project.project import Project

_BYTES = 32

#: Another process may be between making the file and writing its one line.
_PATIENCE_SECONDS = 1.0


def identity_of(project: Project) -> Identity:
    """The identity of a project; its key is made when it is first asked for.

    The key lies in the project's folder, readable by its owner alone: whoever gets it can tell
    which pseudonym a known patient ID became. Raises FileRefusedError when it is damaged.
    """
    path = project.path / KEY_FILE
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return Identity(_read(path))
    key = secrets.token_bytes(_BYTES)
    with os.fdopen(handle, "wb") as file:
        file.write(key.hex().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return Identity(key)


def _read(path: Path) -> bytes:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        text = path.read_bytes().strip()
        try:
            key = bytes.fromhex(text.decode())
        except ValueError:
            key = b""
        if len(key) == _BYTES:
            return key
        if time.monotonic() > deadline:
            raise FileRefusedError(
                path,
                "it is damaged",
                "Restore it from a copy, or delete it to give all patients new pseudonyms.",
            )
        time.sleep(0.02)
