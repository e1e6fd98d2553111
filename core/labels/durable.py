"""Files that are whole after a kill: written beside, flushed to disk, then renamed into place."""

from __future__ import annotations

import os
import time
from pathlib import Path

#: On Windows a file cannot be replaced while another process (a virus scanner, a training child)
#: has it open for reading; such reads last milliseconds.
_REPLACE_SECONDS = 3.0


def sync_file(path: Path) -> None:
    """Flush a file that was written by someone else to the disk."""
    with path.open("r+b") as handle:
        os.fsync(handle.fileno())


def replace(temporary: Path, path: Path) -> None:
    """Flush ``temporary`` and rename it to ``path``; a kill leaves the old file or the new one."""
    sync_file(temporary)
    deadline = time.monotonic() + _REPLACE_SECONDS
    while True:
        try:
            temporary.replace(path)
            break
        except PermissionError:
            if os.name != "nt" or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename or a new file in ``folder`` survive a power cut; a no-op on Windows."""
    if os.name == "nt":
        return  # Folders cannot be opened there; NTFS journals its own directory changes.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, data: bytes) -> None:
    """Replace the content of ``path`` by ``data``, whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(data)
    replace(temporary, path)
