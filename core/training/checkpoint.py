"""The run on disk: written beside, flushed, renamed; a kill at any instant leaves a whole one.

``checkpoint/step_NNNNNNNN.pt`` are torch files holding only tensors and plain values, read with
``weights_only=True``, so that opening one never runs code. The last two stay.
"""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from core.labels.durable import replace

FORMAT = 1
KEEP = 2
FOLDER = "checkpoint"
BEST = "best.pt"


def save(run_dir: Path, step: int, state: dict[str, Any]) -> str:
    """Write the state after ``step`` steps; older checkpoints beyond :data:`KEEP` are deleted.

    Returns the path relative to ``run_dir``. Raises OSError when the disk refuses; the earlier
    checkpoints are untouched then.
    """
    path = run_dir / FOLDER / f"step_{step:08d}.pt"
    _write(path, {"format": FORMAT, "step": step, **state})
    for old in _all(run_dir)[KEEP:]:
        old.unlink(missing_ok=True)
    return path.relative_to(run_dir).as_posix()


def load(run_dir: Path) -> dict[str, Any] | None:
    """The newest state that can be read, on the CPU; None when there is none."""
    for path in _all(run_dir):
        state = _read(path)
        if state is not None and state.get("format") == FORMAT:
            return state
    return None


def save_best(run_dir: Path, state: dict[str, Any]) -> None:
    """Write the weights of the best validation so far. Raises OSError."""
    _write(run_dir / FOLDER / BEST, {"format": FORMAT, **state})


def load_best(run_dir: Path) -> dict[str, Any] | None:
    """What :meth:`save_best` wrote last, or None."""
    return _read(run_dir / FOLDER / BEST)


def _all(run_dir: Path) -> list[Path]:
    """Checkpoints, newest first."""
    return sorted((run_dir / FOLDER).glob("step_*.pt"), reverse=True)


def _write(path: Path, state: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        torch.save(state, temporary)
        replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any] | None:
    """The content of a checkpoint; None when absent or damaged: then the one before serves."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, zipfile.BadZipFile, pickle.UnpicklingError):
        return None
