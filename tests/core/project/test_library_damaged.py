"""A library that was damaged, or made by somebody, is refused by name and quotes nobody."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from core.errors import FileRefusedError
from core.project.importer import import_paths
from core.project.project import Project
from tests.core.dicom.make import write_series

#: Columns that hold JSON of a known form, or text.
_COLUMNS = ("geometry", "files", "checks", "labels", "choices", "scanned", "unannotated")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    write_series(tmp_path / "in", 3)
    with Project.create(tmp_path / "project") as project:
        import_paths(project, [tmp_path / "in"])
    return tmp_path / "project" / "library.sqlite"


def opened(library: Path, data: bytes) -> None:
    for path in library.parent.glob("library.sqlite-*"):
        path.unlink()
    library.write_bytes(data)
    with Project.open(library.parent) as project:
        project.series()


def test_bytes_changed_anywhere(library: Path) -> None:
    data = library.read_bytes()
    random = np.random.default_rng(3)
    refused = 0
    for at in [100, 1000, 4096, *random.integers(0, len(data), 60).tolist()]:
        changed = bytearray(data)
        changed[at : at + 8] = random.bytes(8)
        try:
            opened(library, bytes(changed))
        except FileRefusedError as error:
            refused += 1
            assert "library.sqlite" in str(error) and "Doe" not in str(error)
    assert refused


@pytest.mark.parametrize("length", [100, 5000])
def test_cut(library: Path, length: int) -> None:
    with pytest.raises(FileRefusedError, match=r"library\.sqlite"):
        opened(library, library.read_bytes()[:length])


@pytest.mark.parametrize("value", ["{", "5", "[[1]]", '{"a": 1}', b"\xff\xfe"])
@pytest.mark.parametrize("column", _COLUMNS)
def test_a_column_may_hold_anything(library: Path, column: str, value: str | bytes) -> None:
    connection = sqlite3.connect(library)
    connection.execute(f"UPDATE series SET {column} = ?", (value,))  # noqa: S608 - our own names
    connection.commit()
    connection.close()
    try:
        opened(library, library.read_bytes())
    except FileRefusedError as error:
        assert "library.sqlite" in str(error) and "damaged" in str(error)
