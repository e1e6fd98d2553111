"""On every real file the fast header parser says what pydicom says, or leaves it to pydicom."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.dicom.headers import Header, read_header_quickly, read_header_thoroughly
from core.errors import FileRefusedError

pytestmark = pytest.mark.real_data


def outcome(read, path: Path) -> Header | str | None:
    try:
        return read(path)
    except FileRefusedError as error:
        return error.sentence


def test_every_file_of_the_zoo_and_of_the_series(shared_data: Path) -> None:
    series = [p for p in sorted((shared_data / "sts" / "dicom").rglob("*")) if p.is_file()]
    files = [p for p in sorted((shared_data / "zoo").rglob("*")) if p.is_file()]
    files += [*series[::8], *(shared_data / "totalseg" / "example_ct_dicom").iterdir()]
    answered = 0
    for path in files:
        quick = outcome(read_header_quickly, path)
        if quick is not None:
            assert quick == outcome(read_header_thoroughly, path), path
            answered += isinstance(quick, Header)
    assert answered > 100
