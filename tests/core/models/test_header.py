"""Headers of safetensors files, sound and hostile: refused before anything is allocated."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.errors import FileRefusedError
from core.models.header import read_header


def _write(path: Path, header: object, data: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def _tensor(shape: list[object], start: int, end: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_reads_what_safetensors_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"w": torch.zeros(2, 3), "b": torch.zeros(4)}, path, metadata={"key": "text"})
    header = read_header(path)
    assert header.shapes == {"w": (2, 3), "b": (4,)}
    assert header.metadata == {"key": "text"}
    assert header.parameters == 10


@pytest.mark.parametrize(
    "header",
    [
        b"{", b"[]", b"3", b"\xff\xfe", b'{"__metadata__": []}', b'{"__metadata__": {"a": 1}}',
        b"[" * 5000, {"w": 3}, {"w": {}}, {"w": _tensor([1], 0, 8)}, {"w": _tensor([2], 0, 4)},
        {"w": _tensor([1], 0, 4, "F4")}, {"w": _tensor([-1], 0, 4)}, {"w": _tensor([True], 0, 4)},
        {"w": _tensor(["1"], 0, 4)}, {"w": _tensor([1.0], 0, 4)}, {"w": _tensor([0], 0, 0)},
        {"w": _tensor([1], 0, 4), "v": _tensor([1], 0, 4)},
        {"w": _tensor([2**40, 2**40], 0, 2**82)},
    ],
)  # fmt: skip
def test_senseless_headers_are_refused(tmp_path: Path, header: object) -> None:
    path = _write(tmp_path / "bad.safetensors", header, b"\0" * 4)
    with pytest.raises(FileRefusedError, match=r"bad\.safetensors"):
        read_header(path)


@pytest.mark.parametrize("length", [0, 5, 10**6, 2**63, 2**64 - 1])
def test_a_false_length_is_refused_without_allocating_it(tmp_path: Path, length: int) -> None:
    path = _write(tmp_path / "bad.safetensors", {"w": _tensor([1], 0, 4)}, b"\0" * 4, length)
    tracemalloc.start()
    try:
        with pytest.raises(FileRefusedError):
            read_header(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_huge_header_and_empty_and_absent_files_are_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "huge.safetensors", b" " * (9 * 2**20) + b"{}")
    with pytest.raises(FileRefusedError, match="far too large"):
        read_header(path)
    (tmp_path / "empty.safetensors").write_bytes(b"")
    for name in ("empty", "absent"):
        with pytest.raises(FileRefusedError, match=name):
            read_header(tmp_path / f"{name}.safetensors")
