"""What a run was made with: versions, machine, source revision; one JSON line a start.

A run that is stopped and taken up again elsewhere has a line for each start. With the plan (which
holds the seed) and the manifest (which holds the hashes of files and labels) it can be repeated.
Nothing of a patient or of the user's folders is written.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from core.labels.durable import sync_file

FILE = "environment.jsonl"
#: The packages whose version can change a figure.
PACKAGES = ("lesionforge", "torch", "monai", "numpy", "scipy", "SimpleITK", "pydicom")
#: Seconds git may take on a slow share before the revision is left open.
_GIT_SECONDS = 10.0


def record_start(run_dir: Path, device: str) -> Mapping[str, Any]:
    """Append a line about this process to the run's folder; returns what it says.

    device: name of the device the run computes on.
    """
    about = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "device": device,
        "platform": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "revision": source_revision(Path(__file__).parents[2]),
    }
    path = run_dir / FILE
    with path.open("a", encoding="utf-8", newline="\n") as stream:
        stream.write(json.dumps(about, ensure_ascii=False) + "\n")
    sync_file(path)
    return about


def read_starts(run_dir: Path) -> list[dict[str, Any]]:
    """Every start of a run, oldest first; torn lines are passed over."""
    path = run_dir / FILE
    if not path.is_file():
        return []
    starts: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue  # A kill can tear the last line.
        if isinstance(found, dict):
            starts.append(found)
    return starts


def source_revision(folder: Path) -> str:
    """The git revision of the sources in ``folder``, with ``+`` when they were changed since.

    Empty for an installed package, and where git is not there to ask.
    """
    git = shutil.which("git")
    if git is None or not (folder / ".git").exists():
        return ""
    revision = _git(git, folder, "rev-parse", "HEAD")
    changed = _git(git, folder, "status", "--porcelain", "--untracked-files=no")
    return revision + ("+" if revision and changed else "")


def _git(git: str, folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [git, "-C", str(folder), *arguments],
            capture_output=True, text=True, timeout=_GIT_SECONDS, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
