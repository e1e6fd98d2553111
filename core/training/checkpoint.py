"""The run on disk: written beside, flushed, renamed; a kill at any instant leaves a whole one.

``checkpoint/step_NNNNNNNN.pt`` are torch files holding only tensors and plain values, read with
``weights_only=True``, so that opening one never runs code. Behind each stands its length and
CRC-32: torch itself reads a file whose blocks a power cut left as zeros without a word, and a
network of zeros would go on training. The last two stay.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, cast

import torch

from core.labels.durable import replace

FORMAT = 2
KEEP = 2
FOLDER = "checkpoint"
BEST = "best.pt"

#: Mark, length and CRC-32 of what stands before.
_TAIL = struct.Struct("<8sQI")
_MARK = b"LFCKPT2\n"


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
        if state is not None:
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


class _Checked(io.RawIOBase):
    """Counts and sums what goes through it, and remembers what the disk said when it refused."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self.length, self.sum = 0, 0
        self.refused: OSError | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        try:
            self._stream.write(data)
        except OSError as error:
            self.refused = error
            raise
        self.length += len(data)
        self.sum = zlib.crc32(data, self.sum)
        return len(data)


def _write(path: Path, state: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(".*.tmp"):
        left.unlink(missing_ok=True)  # of a write that was killed
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as stream:
            _save(state, stream)
        replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _save(state: dict[str, Any], stream: IO[bytes]) -> None:
    checked = _Checked(stream)
    try:
        torch.save(state, cast("IO[bytes]", checked))
    except RuntimeError:
        # torch buries the disk's refusal under a complaint of its zip writer.
        if checked.refused is not None:
            raise checked.refused from None
        raise
    stream.write(_TAIL.pack(_MARK, checked.length, checked.sum))


def _read(path: Path) -> dict[str, Any] | None:
    """The content of a checkpoint; None when absent or damaged: then the one before serves."""
    try:
        data = path.read_bytes()
        mark, length, crc = _TAIL.unpack(data[-_TAIL.size :])
        body = memoryview(data)[:length]
        whole = mark == _MARK and len(data) == length + _TAIL.size and zlib.crc32(body) == crc
        if not whole:
            return None
        state = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, struct.error):
        return None
    except (zipfile.BadZipFile, pickle.UnpicklingError):
        return None
    return state if state.get("format") == FORMAT else None
